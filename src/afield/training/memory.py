"""How many samples a device takes at once, found by trying the largest step a training will make."""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from afield.base.errors import AfieldError
from afield.images.batch import Batch
from afield.training.device import may_lack_memory
from afield.training.learner import Learner
from afield.training.loop import EVALUATION_BATCH, evaluating
from afield.training.losses import LOSSES, Loss
from afield.training.numerics import Numerics
from afield.training.preprocessing import Preprocessing
from afield.training.recipe import Recipe


def hold_to(share: float) -> None:
    """Let torch have that share of the GPU's memory at most, less what is taken already: it counts neither what CUDA
    takes for the process itself, outside of its allocator, nor what others have.
    """
    free, whole = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(max(0.0, share - (whole - free) / whole))


def largest_micro_batch(attempt: Callable[[int], None], batch_size: int) -> int:
    """The most of `batch_size` samples that fit at once: all (0), or the first half of a half that does.

    `attempt` makes the largest step with so many at once. Only the device's want of memory counts as a no; anything
    else that it raises is raised, as is what may be that want where a single sample is not spared it. Raises
    AfieldError where a single sample does not fit.
    """
    at_once = batch_size
    while True:
        try:
            attempt(at_once)
        except RuntimeError as error:
            certain = isinstance(error, torch.OutOfMemoryError)
            if not certain and (at_once == 1 or not may_lack_memory(error)):
                raise
            if at_once == 1:
                raise AfieldError(
                    "a single image does not fit into the device's memory; train at a smaller recipe.image_size, or on "
                    "a larger device"
                ) from error
        else:
            return 0 if at_once == batch_size else at_once
        # outside of `except`, whose error holds what the step had allocated
        gc.collect()  # a network may refer to itself
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        at_once = (at_once + 1) // 2


def noise_batch(labels: torch.Tensor, channels: int, size: int) -> Batch:
    """A batch of labels [n] or [n, classes] and images of noise, [n, channels, size, size], where the labels lie."""
    noise = np.random.default_rng(0).integers(0, 256, (len(labels), channels, size, size), np.uint8)
    return Batch(0, 0, torch.from_numpy(noise).to(labels.device), labels)


def try_step(
    make: Callable[[], nn.Module],
    recipe: Recipe,
    numerics: Numerics,
    channels: int,
    labels: torch.Tensor,
    loss: Loss = LOSSES["cross-entropy"],
) -> None:
    """Two updates of a new network on `labels` [n] or [n, classes] and images of noise, of which the second has the
    optimiser's memory too, and a batch of its evaluation. Raises AfieldError where only that does not fit, for no
    micro-batch makes it smaller.
    """
    preprocessing = Preprocessing((0.5,) * channels, (0.25,) * channels)
    learner = Learner(make().train(), recipe, numerics, preprocessing, seed=0, loss=loss)
    batch = noise_batch(labels, channels, recipe.size)
    for step in range(2):
        learner.update(batch, recipe.learning_rate, step)
    shown = noise_batch(torch.zeros(EVALUATION_BATCH, device=labels.device), channels, recipe.size)
    with evaluating(learner.kept, numerics):
        learner.kept(preprocessing(shown.images, numerics))
    if numerics.device == "cuda":
        torch.cuda.synchronize()
