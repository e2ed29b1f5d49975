"""The operations of AutoAugment's successors by name, each image of a batch under its own one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from afield.images.augmentation import colours
from afield.images.augmentation.geometry import Floats, Sampling, affine, corner_shears, matrices
from afield.images.sending import send

_MOVES: dict[str, Callable[[Floats, int], Floats]] = {
    "shear_x": lambda magnitude, size: corner_shears(horizontal=magnitude, size=size),
    "shear_y": lambda magnitude, size: corner_shears(vertical=magnitude, size=size),
    "translate_x": lambda magnitude, size: matrices(right=magnitude),
    "translate_y": lambda magnitude, size: matrices(down=magnitude),
    "rotate": lambda magnitude, size: matrices(rotate=-magnitude),
}
"""magnitudes [k] and the images' side to matrices: tangents, pixels, degrees against the clock"""
_VALUES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "brightness": lambda images, magnitude: colours.brightness(images, 1 + magnitude),
    "saturation": lambda images, magnitude: colours.saturation(images, 1 + magnitude),
    "contrast": lambda images, magnitude: colours.contrast(images, 1 + magnitude),
    "sharpness": lambda images, magnitude: colours.sharpness(images, 1 + magnitude),
    "posterize": colours.posterize,
    "solarize": lambda images, magnitude: colours.solarize(images, 255 * magnitude),
    "autocontrast": colours.autocontrast,
    "equalize": colours.equalize,
}
OPERATIONS = ("identity", *_MOVES, *_VALUES)
"""their numbers are their places here"""
IDENTITY = 0
_FIRST_VALUE = 1 + len(_MOVES)


@dataclass(frozen=True)
class Scale:
    """The magnitudes of an operation, from the weakest to the strongest."""

    operation: str
    weakest: float = 0.0
    strongest: float = 0.0
    signed: bool = False
    """either sign is as likely"""
    whole: bool = False
    """rounded"""

    def levels(self, count: int) -> Floats:
        """So many magnitudes, evenly spaced."""
        levels = np.linspace(self.weakest, self.strongest, count)
        return np.rint(levels) if self.whole else levels


def pick(
    space: tuple[Scale, ...], levels: int, kind: Floats, level: npt.NDArray[np.int64], sign: Floats
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Operations and magnitudes [...] from a space: `kind` and `sign` [...] are random numbers from 0 to below 1,
    `level` [...] places among so many levels. Shifts are cut to whole pixels.
    """
    numbers = np.array([OPERATIONS.index(scale.operation) for scale in space])
    table = np.stack([scale.levels(levels) for scale in space])
    signed = np.array([scale.signed for scale in space])
    chosen = (kind * len(space)).astype(np.int64)
    magnitude = table[chosen, level]
    magnitude = np.where(signed[chosen] & (sign < 0.5), -magnitude, magnitude)
    operation = numbers[chosen]
    shifts = (operation == OPERATIONS.index("translate_x")) | (operation == OPERATIONS.index("translate_y"))
    return operation, np.where(shifts, np.trunc(magnitude + np.copysign(1e-9, magnitude)), magnitude)


def perform(
    images: torch.Tensor, operation: npt.NDArray[np.int64], magnitude: Floats, sampling: Sampling
) -> torch.Tensor:
    """Images uint8 [n, 3, size, size], each under its operation [n] (a number of OPERATIONS) of its magnitude [n]."""
    done = images.clone()
    size = images.shape[3]
    moved = (operation > IDENTITY) & (operation < _FIRST_VALUE)
    if moved.any():
        matrix = np.empty((len(images), 2, 3))
        for number in np.unique(operation[moved]).tolist():
            chosen = operation == number
            matrix[chosen] = _MOVES[OPERATIONS[number]](magnitude[chosen], size)
        rows = send(torch.from_numpy(np.flatnonzero(moved)), images.device)
        done.index_copy_(0, rows, affine(images.index_select(0, rows), matrix[moved], sampling))
    for number in np.unique(operation[operation >= _FIRST_VALUE]).tolist():
        chosen = np.flatnonzero(operation == number)
        rows = send(torch.from_numpy(chosen), images.device)
        strength = send(torch.from_numpy(magnitude[chosen].astype(np.float32)), images.device)[:, None, None, None]
        done.index_copy_(0, rows, _VALUES[OPERATIONS[number]](images.index_select(0, rows), strength))
    return done
