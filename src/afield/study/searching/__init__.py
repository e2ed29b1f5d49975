"""How a recipe is searched: which cells, how far, what comes next."""
