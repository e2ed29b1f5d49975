"""Augmentation is draw, then apply: parameters from a cheap pure function, then executed wherever the images lie."""
