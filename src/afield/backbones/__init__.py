"""Backbones: the catalogue (one row a set of weights), where their bytes come from, how a network is built of them."""
