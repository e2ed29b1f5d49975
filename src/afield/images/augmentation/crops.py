"""Random crops and flips, which every augmentation but `none` begins with.

`draw` gives boxes and flips for samples in an epoch, the same on every machine. `apply` executes them on bytes wherever
these lie: torch's antialiased resize of bytes on a CPU, two products with PIL's own filter weights on a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from afield.images.augmentation.uniform import uniforms
from afield.images.sending import send

SCALE = (0.65, 1.0)
"""share of the image's area that a crop keeps (PAPER.md 2.0)"""
RATIO = (3 / 4, 4 / 3)
"""width over height of a crop before it is resized to a square"""
TRIES = 10
HALF = 0.5001
"""added before bytes are cut off: PIL rounds halves up, and a float32 sum may end just below one"""
TOGETHER = 2**23
"""pixels of crops that the products take at once: some 40 bytes each in memory"""


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
    of allowed ratio.
    """
    uniform = uniforms(key, epoch, samples, 2 * TRIES + 4)
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


@dataclass(frozen=True)
class Crops:
    """Where n crops lie in flat bytes (row after row, each pixel's channels together), and how each is turned."""

    first: npt.NDArray[np.int64]
    """[n] byte at which a crop begins"""
    pitch: npt.NDArray[np.int64]
    """[n] bytes from one row of the crop to the next: channels x the width of the image that it is cut from"""
    height: npt.NDArray[np.int64]
    """[n] pixels"""
    width: npt.NDArray[np.int64]
    """[n] pixels"""
    horizontal: npt.NDArray[np.bool_]
    """[n] whether left and right change places"""
    vertical: npt.NDArray[np.bool_]
    """[n] whether top and bottom change places"""
    channels: int
    """bytes of a pixel"""


def locate(start: npt.NDArray[np.int64], sizes: npt.NDArray[np.int32], draws: Draws, channels: int = 3) -> Crops:
    """The crops of images that begin at byte `start` [n] and are `sizes` [n, 2] pixels high and wide, of so many
    channels; the boxes of `draws` are in pixels of these images.
    """
    top, left, height, width = draws.box.T
    pitch = channels * sizes[:, 1].astype(np.int64)
    first = start + top * pitch + channels * left
    return Crops(first, pitch, height, width, draws.horizontal, draws.vertical, channels)


def apply(pixels: torch.Tensor, crops: Crops, size: int, interpolation: str) -> torch.Tensor:
    """Cut, resize (antialiased) and flip: flat bytes to one uint8 batch [n, channels, size, size], channels last in
    memory, on the device of `pixels`.
    """
    how = apply_by_bytes if pixels.device.type == "cpu" else apply_by_products
    return how(pixels, crops, size, interpolation)


def apply_by_bytes(pixels: torch.Tensor, crops: Crops, size: int, interpolation: str) -> torch.Tensor:
    """`apply` with torch's kernel for bytes, crop by crop (fast on a CPU).

    Each crop is a view with the strides of a channels-last batch of one: then the kernel writes channels last too and
    nothing is laid out anew (of more than four channels another kernel, several times slower, gives the same bytes).
    torchvision's resize calls the same kernel; its own checks take as long as the kernel at
    64 px.
    """
    columns = (crops.first, crops.pitch, crops.height, crops.width, crops.horizontal, crops.vertical)
    parts, count = [], crops.channels
    for first, pitch, height, width, horizontal, vertical in zip(*(c.tolist() for c in columns), strict=True):
        crop = pixels.as_strided((1, count, height, width), (height * pitch, 1, pitch, count), first)
        part = functional.interpolate(crop, (size, size), mode=interpolation, align_corners=False, antialias=True)
        if horizontal:
            part = part.flip(3)
        if vertical:
            part = part.flip(2)
        parts.append(part)
    return torch.cat(parts)


def apply_by_products(pixels: torch.Tensor, crops: Crops, size: int, interpolation: str) -> torch.Tensor:
    """`apply` by two products with PIL's filter weights, `rows @ (crop @ columns^T)`, many crops at once (fast on a
    GPU; nothing waits for the device).

    As in torch's kernel, and PIL's until version 12, the widths come first and are rounded to bytes before the heights:
    bicubic overshoots are cut twice. A flip is a filter read backwards.
    """
    columns = (
        crops.first // crops.channels,
        crops.pitch // crops.channels,
        crops.height,
        crops.width,
        crops.horizontal,
        crops.vertical,
    )
    parameters = send(torch.from_numpy(np.stack(columns).astype(np.int64)), pixels.device)[:, :, None]
    together = max(1, TOGETHER // int(crops.height.max() * crops.width.max()))
    parts = []
    for start in range(0, len(crops.first), together):
        chunk = slice(start, start + together)
        first, pitch, height, width, horizontal, vertical = parameters[:, chunk]
        y = torch.arange(int(crops.height[chunk].max()), device=pixels.device)
        x = torch.arange(int(crops.width[chunk].max()), device=pixels.device)
        # beyond its own edge a smaller crop repeats its last pixel, which meets a weight of zero
        place = (first + torch.minimum(y, height - 1) * pitch)[:, :, None] + torch.minimum(x, width - 1)[:, None, :]
        planes = pixels.view(-1, crops.channels)[place].permute(0, 3, 1, 2).float()
        rows = filter_weights(height, len(y), size, interpolation, vertical.bool())[:, None]
        across = filter_weights(width, len(x), size, interpolation, horizontal.bool())[:, None]
        narrowed = (planes @ across.mT + HALF).floor().clamp(0, 255)
        resized = (rows @ narrowed + HALF).floor().clamp(0, 255)
        parts.append(resized.to(torch.uint8, memory_format=torch.channels_last))
    return torch.cat(parts)


def filter_weights(
    source: torch.Tensor, longest: int, target: int, interpolation: str, backwards: torch.Tensor
) -> torch.Tensor:
    """PIL's antialiased filters from `source` [n, 1] to `target` pixels as matrices [n, target, longest]: each row sums
    to one and is zero from the n-th source on; `backwards` [n, 1] filters give their targets in reverse.

    Bilinear is the triangle of radius 1, bicubic Keys' kernel with a = -0.5 and radius 2, both stretched by the
    reduction where the image shrinks.
    """
    scale = source.float() / target
    rank = torch.arange(target, device=source.device)
    centre = (torch.where(backwards, target - 1 - rank, rank) + 0.5) * scale
    pixel = torch.arange(longest, device=source.device)
    distance = ((pixel + 0.5 - centre[:, :, None]) / scale.clamp(min=1)[:, :, None]).abs()
    if interpolation == "bilinear":
        weights = (1 - distance).clamp(min=0)
    else:
        near = (1.5 * distance - 2.5) * distance**2 + 1
        far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
        weights = torch.where(distance < 1, near, far * (distance < 2))
    weights = weights * (pixel < source)[:, None, :]
    return weights / weights.sum(dim=2, keepdim=True)
