"""Somebody's table as rows of afield: names of columns, scales, directions, the ImageNet accuracies that it lacks."""
