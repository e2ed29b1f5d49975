"""What a protocol puts in place of a recipe's and the weights' own values: the view that a network gets of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from afield.backbones.backbone import IMAGENET_MEAN, IMAGENET_STD, Backbone, Interpolation
from afield.base.errors import InputError
from afield.images.rule import Rule, evaluation_rule, full_rule, train_rule
from afield.tasks.kinds import Flip
from afield.tasks.task import Protocol, Task
from afield.training.recipe import USUAL_SIZE, Recipe

TRAINING_VIEWS = "views"
"""what is prepared for a search beside each split: the training split as evaluation views, for its features"""


def split_of(part: str) -> str:
    """The split whose samples a part shows: itself, but for the training split's views."""
    return "train" if part == TRAINING_VIEWS else part


@dataclass(frozen=True)
class View:
    """How images reach a network."""

    image_size: int
    flips: tuple[Flip, ...]
    channels: Literal["RGB", "BGR"]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """one value a channel each"""
    interpolation: Interpolation
    full_crops: bool
    """training crops are cut from the full images, not from smaller copies"""

    def rules(self, augmentation: str, extra_splits: Sequence[str] = ()) -> dict[str, Rule]:
        """How the images of each split are prepared; those of further test splits as those of test."""
        evaluation = evaluation_rule(self.image_size, self.interpolation)
        train = full_rule() if self.full_crops else train_rule(self.image_size)
        if augmentation == "none":
            train = evaluation
        return {"train": train, **dict.fromkeys(("validation", "test", *extra_splits), evaluation)}


def view_of(protocol: Protocol, task: Task, backbone: Backbone, recipe: Recipe) -> View:
    """The view of a task's images that a backbone gets.

    `clean`: mean, std and interpolation come from the weights, flips from the task; a size that the recipe leaves
    `auto` is USUAL_SIZE. `paper`: ImageNet's mean and std and bilinear for every backbone, and the task's published
    size, flips and order of channels (PAPER.md 1.3, 2.0, 3.1), training crops from the full images. A size and an
    order of channels that the recipe names hold under both; for other channels than three mean and std follow `spread`.
    Raises InputError where `paper` meets a task that the study did not have, and for BGR where there are no colours.
    """
    count = task.reading.count
    if recipe.channels == "BGR" and count < 3:
        raise InputError(
            f"{task.name}: its images have {count} channel{'s' if count > 1 else ''}, which recipe.channels cannot "
            'turn to BGR; leave it at "auto"'
        )
    named = None if recipe.channels == "auto" else recipe.channels
    if protocol == "clean":
        size = USUAL_SIZE if recipe.image_size == "auto" else recipe.image_size
        mean, std = spread(backbone.mean, count), spread(backbone.std, count)
        return View(size, task.flips, named or "RGB", mean, std, backbone.interpolation, full_crops=False)
    published = task.published
    if published is None:
        raise InputError(f"{task.name}: is no task of the study, so it has no protocol paper; use clean")
    size = _published_size(published.image_size, backbone) if recipe.image_size == "auto" else recipe.image_size
    mean, std = spread(IMAGENET_MEAN, count), spread(IMAGENET_STD, count)
    return View(size, published.flips, named or published.channels, mean, std, "bilinear", full_crops=True)


def spread(values: tuple[float, float, float], count: int) -> tuple[float, ...]:
    """A mean or std of red, green and blue for other channels: the first three keep theirs, further ones get the mean
    of the three, and so do one or two channels.

    >>> spread((0.5, 0.25, 0.0), 4)
    (0.5, 0.25, 0.0, 0.25)
    """
    between = sum(values) / 3
    return (*values, *(count - 3) * (between,)) if count >= 3 else count * (between,)


def _published_size(size: int, backbone: Backbone) -> int:
    """The task's size; networks that are tied to a grid of positions (DeiT, Swin, Mixer, CLIP's towers) stay at that of
    their weights.
    """
    tied = backbone.size_step == 0 or (backbone.size_step > 1 and not backbone.convolutional)
    return backbone.input_size if tied else size
