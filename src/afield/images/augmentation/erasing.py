"""Random Erasing, Zhong et al. 2020 (arXiv 1708.04896): a rectangle of an image gives way to random values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from afield.base.streams import stream, stream_seed
from afield.images.augmentation.uniform import uniforms
from afield.images.sending import send

AREA = (0.02, 0.4)
"""share of the image that is erased"""
ASPECT = (0.3, 1 / 0.3)
"""height over width"""
TRIES = 10


@dataclass(frozen=True)
class Erased:
    """What is erased of n images."""

    box: npt.NDArray[np.int64]
    """[n, 4] top, left, height, width in pixels; nothing where height and width are 0"""
    noise: npt.NDArray[np.uint8]
    """[channels, size, size] the values that come instead: any box shows its part of them"""


def draw_erased(
    probability: float, seed: int, epoch: int, step: int, samples: npt.NDArray[np.int64], channels: int, size: int
) -> Erased | None:
    """What is erased of samples [n] in a step; None where nothing is to be.

    Whether, and where, depends on seed, epoch and sample; the values, each any of 256 as likely, on seed, epoch and
    step. Area and aspect are drawn evenly, as the authors draw them, until the rectangle lies inside the image; after
    ten tries nothing is erased.
    """
    if probability == 0:
        return None
    uniform = uniforms(stream_seed(seed, "erasing"), epoch, samples, 3 + 2 * TRIES)
    area = size**2 * (AREA[0] + (AREA[1] - AREA[0]) * uniform[:, 3 : 3 + TRIES])
    aspect = ASPECT[0] + (ASPECT[1] - ASPECT[0]) * uniform[:, 3 + TRIES :]
    heights, widths = np.rint(np.sqrt(area * aspect)), np.rint(np.sqrt(area / aspect))
    fits = (heights < size) & (widths < size)
    first, rows = fits.argmax(axis=1), np.arange(len(samples))
    erased = (uniform[:, 0] < probability) & fits.any(axis=1)
    height, width = heights[rows, first] * erased, widths[rows, first] * erased
    top = np.floor(uniform[:, 1] * (size - height + 1))
    left = np.floor(uniform[:, 2] * (size - width + 1))
    noise = stream(seed, "erasing", epoch, step).integers(0, 256, (channels, size, size), dtype=np.uint8)
    return Erased(np.stack([top, left, height, width], axis=1).astype(np.int64), noise)


def erase(images: torch.Tensor, erased: Erased) -> torch.Tensor:
    """Images uint8 [n, channels, size, size] with their rectangles erased."""
    top, left, height, width = send(torch.from_numpy(erased.box), images.device).T[:, :, None]
    place = torch.arange(images.shape[3], device=images.device)
    rows = (place >= top) & (place < top + height)
    columns = (place >= left) & (place < left + width)
    inside = (rows[:, :, None] & columns[:, None, :])[:, None]
    return torch.where(inside, send(torch.from_numpy(erased.noise), images.device), images)
