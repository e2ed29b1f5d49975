"""What an augmentation is: a plain typed object. A built-in one and a user's own are the same thing. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Parameters = Mapping[str, npt.NDArray[Any]]
"""what was drawn for n samples: arrays whose first axis is n, by name"""


def draw_nothing(uniform: npt.NDArray[np.float64], size: int) -> Parameters:
    """No parameters: the `draw` of an augmentation that leaves nothing to chance."""
    return {}


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is done to training images after random crop and flips, which it shares with `paper`."""

    apply: Callable[[torch.Tensor, Parameters], torch.Tensor]
    """images uint8 [n, channels, size, size], on a CPU or a GPU, and their parameters, to images of the same shape and
    type on the same device. Each depends on its own pixels and parameters alone; what was given stays as it was"""
    draw: Callable[[npt.NDArray[np.float64], int], Parameters] = draw_nothing
    """random numbers [n, numbers] from 0 to below 1, and the images' side in pixels, to the parameters of n samples.
    Row by row: a sample's depend on its own numbers alone"""
    numbers: int = 0
    """random numbers that a sample needs in an epoch"""
    channels: int | None = None
    """how many channels images must have, 3 where colours are meant; None: it takes any"""
