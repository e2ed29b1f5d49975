"""Augmentation is draw, then apply.

`draw` gives the parameters of every operation for samples in an epoch: a pure, cheap function of (stream key, epoch,
sample), the same on every machine. `apply` executes them on uint8 images wherever these lie: torch's antialiased
resize of bytes on a
CPU, two products with PIL's own filter weights on a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

SCALE = (0.65, 1.0)
"""share of the image's area that a crop keeps (PAPER.md 2.0)"""
RATIO = (3 / 4, 4 / 3)
"""width over height of a crop before it is resized to a square"""
TRIES = 10


@dataclass(frozen=True)
class Draws:
    """Parameters for n samples."""

    box: npt.NDArray[np.int64]
    """[n, 4] top, left, height, width of the crop, in pixels of the original image"""
    horizontal: npt.NDArray[np.bool_]
    """[n] whether left and right change places"""
    vertical: npt.NDArray[np.bool_]
    """[n] whether top and bottom change places"""


def draw(
    key: int, epoch: int, samples: npt.NDArray[np.int64], originals: npt.NDArray[np.int32], flips: Sequence[str]
) -> Draws:
    """Draw RandomResizedCrop boxes and flips (probability 1/2 each, of those that `flips` allows).

    `samples` [n] are positions in the training split, `originals` [n, 2] the heights and widths of their full images.
    The box follows torchvision's rule: ten tries of a random area and log-uniform ratio, then the largest central box
    of
    allowed ratio.
    """
    uniform = _uniforms(key, epoch, samples)
    height, width = originals[:, 0].astype(np.float64), originals[:, 1].astype(np.float64)
    area = (height * width)[:, None] * (SCALE[0] + (SCALE[1] - SCALE[0]) * uniform[:, :TRIES])
    low, high = math.log(RATIO[0]), math.log(RATIO[1])
    ratio = np.exp(low + (high - low) * uniform[:, TRIES : 2 * TRIES])
    widths, heights = np.rint(np.sqrt(area * ratio)), np.rint(np.sqrt(area / ratio))
    fits = (widths > 0) & (widths <= width[:, None]) & (heights > 0) & (heights <= height[:, None])
    first = fits.argmax(axis=1)
    rows = np.arange(len(samples))
    whole_ratio = np.clip(width / height, *RATIO)
    found = fits.any(axis=1)
    box_width = np.where(found, widths[rows, first], np.minimum(width, np.rint(height * whole_ratio)))
    box_height = np.where(found, heights[rows, first], np.minimum(height, np.rint(width / whole_ratio)))
    top = np.where(found, np.floor(uniform[:, -4] * (height - box_height + 1)), (height - box_height) // 2)
    left = np.where(found, np.floor(uniform[:, -3] * (width - box_width + 1)), (width - box_width) // 2)
    return Draws(
        box=np.stack([top, left, box_height, box_width], axis=1).astype(np.int64),
        horizontal=(uniform[:, -2] < 0.5) & ("horizontal" in flips),
        vertical=(uniform[:, -1] < 0.5) & ("vertical" in flips),
    )


def _uniforms(key: int, epoch: int, samples: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Random numbers of n samples, [n, 2 TRIES + 4]: the counter is set to (sample, epoch), so each row is pure.

    Setting the counter of one generator takes a fifth of the time of making one a sample, with the same numbers.
    """
    bits = np.random.Philox(key=key)
    generator, state = np.random.Generator(bits), bits.state
    uniform = np.empty((len(samples), 2 * TRIES + 4))
    for row, sample in enumerate(samples.tolist()):
        state["state"]["counter"][:] = (0, 0, sample, epoch)
        bits.state = state
        generator.random(out=uniform[row])
    return uniform


def scale_boxes(
    box: npt.NDArray[np.int64], originals: npt.NDArray[np.int32], sizes: npt.NDArray[np.int32]
) -> npt.NDArray[np.int64]:
    """Boxes in pixels of the prepared images (edges rounded, at least one pixel), from boxes in pixels of the
    originals, [n, 4].
    """
    factor = sizes.astype(np.float64) / originals
    start = np.minimum(np.rint(box[:, :2] * factor), sizes - 1)
    end = np.clip(np.rint((box[:, :2] + box[:, 2:]) * factor), start + 1, sizes)
    return np.concatenate([start, end - start], axis=1).astype(np.int64)


def apply(
    images: Sequence[torch.Tensor], box: npt.NDArray[np.int64], draws: Draws, size: int, interpolation: str
) -> torch.Tensor:
    """Crop, resize (antialiased) and flip: uint8 images [3, h, w] to one uint8 batch [n, 3, size, size] on their
    device.
    """
    resize = resize_crop if images[0].device.type == "cpu" else resize_crop_by_products
    batch = torch.empty((len(images), 3, size, size), dtype=torch.uint8, device=images[0].device)
    batch = batch.contiguous(memory_format=torch.channels_last)  # as images lie and as convolutions like them
    for index, (image, (top, left, height, width)) in enumerate(zip(images, box.tolist(), strict=True)):
        batch[index] = resize(image[:, top : top + height, left : left + width], size, interpolation)
    for flipped, dimension in ((draws.horizontal, 3), (draws.vertical, 2)):
        if flipped.any():
            rows = torch.from_numpy(np.flatnonzero(flipped)).to(batch.device)
            batch[rows] = batch[rows].flip(dimension)
    return batch


def resize_crop(crop: torch.Tensor, size: int, interpolation: str) -> torch.Tensor:
    """Resize one uint8 crop [3, h, w] to [3, size, size] with torch's kernel for bytes (fast on a CPU).

    torchvision's resize calls the same kernel; its own checks take as long as the kernel at 64 px.
    """
    return functional.interpolate(crop[None], (size, size), mode=interpolation, align_corners=False, antialias=True)[0]


def resize_crop_by_products(crop: torch.Tensor, size: int, interpolation: str) -> torch.Tensor:
    """The same by two products with PIL's filter weights, `rows @ (crop @ columns^T)` (fast on a GPU).

    As in PIL the widths come first and are rounded to bytes before the heights: bicubic overshoots are cut twice.
    """
    rows = filter_weights(crop.shape[1], size, interpolation).to(crop.device)
    columns = filter_weights(crop.shape[2], size, interpolation).to(crop.device)
    narrowed = (crop.to(rows.dtype) @ columns.T).round().clamp(0, 255)
    return (rows @ narrowed).round().clamp(0, 255).to(torch.uint8)


@lru_cache(maxsize=4096)
def filter_weights(source: int, target: int, interpolation: str) -> torch.Tensor:
    """PIL's antialiased filter from `source` to `target` pixels as a matrix [target, source]; each row sums to one.

    Bilinear is the triangle of radius 1, bicubic Keys' kernel with a = -0.5 and radius 2, both stretched by the
    reduction where the image shrinks.
    """
    scale = source / target
    stretch = max(scale, 1.0)
    centre = (np.arange(target) + 0.5) * scale
    distance = np.abs((np.arange(source)[None, :] + 0.5 - centre[:, None]) / stretch)
    if interpolation == "bilinear":
        weights = np.clip(1 - distance, 0, None)
    else:
        near = 1.5 * distance**3 - 2.5 * distance**2 + 1
        far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
        weights = np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
    return torch.from_numpy(weights / weights.sum(axis=1, keepdims=True)).to(torch.float32)
