"""What several networks give together: soups, ensembles, folds."""
