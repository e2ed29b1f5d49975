"""Fog: an augmentation of one's own. A veil of smooth grey patches hides a picture here more, there less."""

from collections.abc import Mapping

import numpy as np
import torch
from torch.nn.functional import interpolate

from afield import Augmentation

PATCHES = 4  # the veil is this many patches wide and high
THICKEST = 0.7  # share of a picture's light that the thickest fog takes


def draw_fog(uniform: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """From 1 + PATCHES^2 random numbers a sample: how thick its fog is, and where."""
    veil = uniform[:, 1:].reshape(-1, 1, PATCHES, PATCHES)
    return {"veil": THICKEST * uniform[:, :1, None, None] * veil}


def apply_fog(images: torch.Tensor, drawn: Mapping[str, np.ndarray]) -> torch.Tensor:
    """Images uint8 [n, channels, size, size], each behind its own veil."""
    veil = torch.from_numpy(drawn["veil"].astype(np.float32)).to(images.device)
    veil = interpolate(veil, images.shape[2:], mode="bilinear", align_corners=False)
    return (images * (1 - veil) + 220 * veil).round().to(torch.uint8)


fog = Augmentation(draw=draw_fog, apply=apply_fog, numbers=1 + PATCHES**2)
