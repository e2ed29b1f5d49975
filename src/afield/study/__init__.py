"""A study: its file, its plan, its search, its runs and its folder."""
