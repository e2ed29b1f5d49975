"""Tasks: each owns where its images lie, its classes, its splits and its metric. One module a data set."""
