"""Several tasks side by side: one verdict over them, what else they share, and what explains that they differ."""
