"""Tasks of one's own data."""
