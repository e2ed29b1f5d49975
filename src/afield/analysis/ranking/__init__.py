"""Backbones and ways of training against each other, in pairs on the same test images."""
