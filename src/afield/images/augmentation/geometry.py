"""Operations that move pixels. Places are pixels from an image's centre, x to the right and y down.

What lies outside an image is black (0), as in torchvision where no fill is named.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from afield.images.sending import send

Floats = npt.NDArray[np.float64]
Sampling = Literal["nearest", "bilinear"]


def matrices(
    rotate: Floats | float = 0.0,
    shear: Floats | float = 0.0,
    scale: Floats | float = 1.0,
    right: Floats | float = 0.0,
    down: Floats | float = 0.0,
) -> Floats:
    """Where the pixels of a moved image come from, [n, 2, 3]: place there = matrix @ (x, y, 1).

    The content is sheared (x by -`shear` times y), turned clockwise by `rotate` degrees and enlarged by `scale`, each
    about the centre, then shifted by pixels: torchvision's `affine` with a shear of x alone.
    """
    angle = np.deg2rad(rotate)
    cosine, sine = np.cos(angle), np.sin(angle)
    # the inverse of scale * rotation @ [[1, -shear], [0, 1]], by hand: equal on every machine
    rows = np.broadcast_arrays(
        (cosine - shear * sine) / scale, (sine + shear * cosine) / scale, -sine / scale, cosine / scale, right, down
    )
    a, b, c, d, x, y = (np.atleast_1d(row) for row in rows)
    return np.stack([np.stack([a, b, -a * x - b * y], axis=1), np.stack([c, d, -c * x - d * y], axis=1)], axis=1)


def corner_shears(horizontal: Floats | float = 0.0, vertical: Floats | float = 0.0, size: int = 0) -> Floats:
    """Matrices [n, 2, 3] of shears that leave the upper left corner of [size, size] where it is, as AutoAugment and
    its successors shear: a pixel's x comes from x + horizontal * y, its y from y + vertical * x.
    """
    along, across = (np.atleast_1d(values) for values in np.broadcast_arrays(horizontal, vertical))
    one, half = np.ones(len(along)), size / 2
    first = np.stack([one, along, along * half], axis=1)
    return np.stack([first, np.stack([across, one, across * half], axis=1)], axis=1)


def affine(images: torch.Tensor, matrix: Floats, sampling: Sampling) -> torch.Tensor:
    """Images uint8 [n, channels, height, width] moved by `matrix` [n, 2, 3] of `matrices` or `corner_shears`."""
    height, width = images.shape[2:]
    place = send(torch.from_numpy(matrix.astype(np.float32)), images.device)[:, :, :, None, None]
    x = torch.arange(width, device=images.device) + (1 - width) / 2
    y = torch.arange(height, device=images.device)[:, None] + (1 - height) / 2
    source = place[:, :, 0] * x + place[:, :, 1] * y + place[:, :, 2]
    grid = torch.stack([source[:, 0] * (2 / width), source[:, 1] * (2 / height)], dim=3)
    moved = functional.grid_sample(images.float(), grid, mode=sampling, padding_mode="zeros", align_corners=False)
    return moved.round().to(torch.uint8)


def symmetries(images: torch.Tensor, symmetry: npt.NDArray[np.int64]) -> torch.Tensor:
    """Square images [n, channels, size, size], each under one of a square's 8 symmetries [n]: bit 0 mirrors left to
    right, bit 1 top to bottom, bit 2 then exchanges rows and columns.
    """
    kind = send(torch.from_numpy(symmetry), images.device)[:, None, None, None]
    turned = torch.where((kind & 1).bool(), images.flip(3), images)
    turned = torch.where((kind & 2).bool(), turned.flip(2), turned)
    return torch.where((kind & 4).bool(), turned.transpose(2, 3), turned)
