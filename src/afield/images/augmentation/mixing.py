"""Mixup and CutMix: two images of a batch become one, and their losses are weighed as their pixels are.

Mixup: Zhang et al. 2018 (arXiv 1710.09412). CutMix: Yun et al. 2019 (arXiv 1905.04899). As in both authors' code one
share, and one box, serves a batch, and partners are a random permutation of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from afield.base.streams import stream
from afield.images.sending import send


@dataclass(frozen=True)
class Mixing:
    """How strongly batches are mixed: the share of the first image is drawn from Beta(alpha, alpha); 0 is off. Where
    both are on, each batch gets one of them at even odds.
    """

    mixup: float = 0.0
    cutmix: float = 0.0


NO_MIXING = Mixing()


@dataclass(frozen=True)
class Mixture:
    """How n images are mixed."""

    partner: npt.NDArray[np.int64]
    """[n] the image that each of the first n is mixed with"""
    share: float
    """of each image itself, 0 to 1: of all its values, or of its area"""
    box: tuple[int, int, int, int] | None
    """top, bottom, left, right of what is cut from the partner; None: all values are mixed"""


def draw_mixture(mixing: Mixing, seed: int, epoch: int, step: int, count: int, size: int) -> Mixture | None:
    """How the `count` images [size, size] of a step are mixed; None where nothing is to be."""
    if not (mixing.mixup or mixing.cutmix):
        return None
    random = stream(seed, "mixing", epoch, step)
    cut = random.random() < 0.5 if mixing.mixup and mixing.cutmix else mixing.cutmix > 0
    alpha = mixing.cutmix if cut else mixing.mixup
    share = random.beta(alpha, alpha)
    centre = random.random(2) * size
    partner = random.permutation(count)
    if not cut:
        return Mixture(partner, share, None)
    half = math.sqrt(1 - share) * size / 2  # of the box's side, before the image's edges cut it
    top, left = np.rint(centre - half).clip(0, size).astype(int).tolist()
    bottom, right = np.rint(centre + half).clip(0, size).astype(int).tolist()
    kept = 1 - (bottom - top) * (right - left) / size**2
    return Mixture(partner, kept, (top, bottom, left, right))


def mix(images: torch.Tensor, mixture: Mixture) -> torch.Tensor:
    """The first n of images uint8 [m, channels, size, size] mixed with their n partners among all of them. Mixed values
    are rounded to whole ones, half a level of 255 away at most, so that a batch stays bytes on its way to the network.
    """
    others = images.index_select(0, send(torch.from_numpy(mixture.partner), images.device))
    own = images[: len(others)]
    if mixture.box is None:
        return (mixture.share * own.float() + (1 - mixture.share) * others).round().to(torch.uint8)
    top, bottom, left, right = mixture.box
    mixed = own.clone()
    mixed[:, :, top:bottom, left:right] = others[:, :, top:bottom, left:right]
    return mixed
