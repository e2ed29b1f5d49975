"""The learning rate of each update: a pure function of the recipe and the position."""

from __future__ import annotations

import math

from afield.training.recipe import Recipe

GAMMA = 0.1
"""what a milestone multiplies the learning rate by (PAPER.md 3)"""


def learning_rate(recipe: Recipe, epoch: int, step: int, steps: int) -> float:
    """The learning rate of an update, positions from 0, `steps` updates an epoch.

    With a warm-up of w epochs it rises by equal amounts, update by update, and reaches the peak lr_0 at the end of
    epoch w. Then it changes from epoch to epoch alone: `cosine` lr_0 * (1 + cos(pi * (epoch - w) / (epochs - w))) / 2
    (the study's with w = 0), `step` lr_0 * GAMMA ** (milestones passed), `constant` lr_0.
    """
    warm = recipe.warmup_epochs
    if epoch < warm:
        return recipe.learning_rate * (epoch * steps + step + 1) / (warm * steps)
    if recipe.schedule == "cosine":
        return recipe.learning_rate * (1 + math.cos(math.pi * (epoch - warm) / (recipe.epochs - warm))) / 2
    passed = sum(milestone <= epoch for milestone in recipe.milestones)
    return recipe.learning_rate * GAMMA**passed
