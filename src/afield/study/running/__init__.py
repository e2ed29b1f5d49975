"""A study under way: what is missing next, who works on it, what its searches chose, where it stands."""
