"""The augmentations that come with the package, by the names that `augmentation` in a recipe knows.

Each begins with the random crop and the flips of `paper`; what lies outside a moved image is black (0). RandAugment
(Cubuk et al. 2020, arXiv 1909.13719), TrivialAugment Wide (Mueller and Hutter 2021, arXiv 2103.10158) and AugMix
(Hendrycks et al. 2020, arXiv 1912.02781, its images without its loss of consistency) have torchvision's operations,
magnitudes and interpolation. `colour_affine` is in the manner of APTOS 2019's winners (PAPER.md 2.2), `dihedral` one of
a square's 8 symmetries. docs/augmentation.md tells each in full.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from afield.images.augmentation import colours
from afield.images.augmentation.augmentation import Augmentation, Parameters
from afield.images.augmentation.geometry import Floats, affine, matrices, symmetries
from afield.images.augmentation.operations import IDENTITY, Scale, perform, pick
from afield.images.sending import send

LEVELS = 31
"""magnitudes of RandAugment and TrivialAugment"""
PICKS, LEVEL = 2, 9
"""RandAugment: operations an image, and the place of their magnitude among LEVELS (torchvision's defaults)"""
WIDTH, DEPTH, SEVERITY, SEVEREST = 3, 3, 3, 10
"""AugMix: chains, operations of the longest chain, magnitudes that are drawn from, and magnitudes in all"""
TURN, SHRUNK, SHEAR, SHIFT = 180.0, 0.889, 36.0, 0.1
"""colour_affine: degrees, least scale, degrees, share of the side"""
COLOUR, HUE = 0.2, 0.05
"""colour_affine: factors of brightness, contrast and saturation reach so far below and above 1; share of the circle"""
SIGMA, SHARPEST = (0.5, 1.5), 3.0
"""colour_affine: pixels of blur, and the strongest factor of sharpening"""
_RADIUS = 5
"""pixels beyond which the blur's bell is cut off: more than three times its widest sigma"""


def _randaugment_space(size: int) -> tuple[Scale, ...]:
    shift = 150 / 331 * size
    return (
        Scale("identity"),
        Scale("shear_x", 0, 0.3, signed=True),
        Scale("shear_y", 0, 0.3, signed=True),
        Scale("translate_x", 0, shift, signed=True),
        Scale("translate_y", 0, shift, signed=True),
        Scale("rotate", 0, 30, signed=True),
        *_colour_space(0.9),
        Scale("posterize", 8, 4, whole=True),
        Scale("solarize", 1, 0),
        Scale("autocontrast"),
        Scale("equalize"),
    )


def _trivialaugment_space() -> tuple[Scale, ...]:
    return (
        Scale("identity"),
        Scale("shear_x", 0, 0.99, signed=True),
        Scale("shear_y", 0, 0.99, signed=True),
        Scale("translate_x", 0, 32, signed=True),
        Scale("translate_y", 0, 32, signed=True),
        Scale("rotate", 0, 135, signed=True),
        *_colour_space(0.99),
        Scale("posterize", 8, 2, whole=True),
        Scale("solarize", 1, 0),
        Scale("autocontrast"),
        Scale("equalize"),
    )


def _augmix_space(size: int) -> tuple[Scale, ...]:
    return (
        Scale("shear_x", 0, 0.3, signed=True),
        Scale("shear_y", 0, 0.3, signed=True),
        Scale("translate_x", 0, size / 3, signed=True),
        Scale("translate_y", 0, size / 3, signed=True),
        Scale("rotate", 0, 30, signed=True),
        Scale("posterize", 4, 0, whole=True),
        Scale("solarize", 1, 0),
        Scale("autocontrast"),
        Scale("equalize"),
        *_colour_space(0.9),
    )


def _colour_space(strongest: float) -> tuple[Scale, ...]:
    names = ("brightness", "saturation", "contrast", "sharpness")
    return tuple(Scale(name, 0, strongest, signed=True) for name in names)


def _draw_randaugment(uniform: Floats, size: int) -> Parameters:
    kind, sign = uniform[:, :PICKS], uniform[:, PICKS:]
    operation, magnitude = pick(_randaugment_space(size), LEVELS, kind, np.full(kind.shape, LEVEL), sign)
    return {"operation": operation, "magnitude": magnitude}


def _draw_trivialaugment(uniform: Floats, size: int) -> Parameters:
    kind, level, sign = uniform[:, :1], (uniform[:, 1:2] * LEVELS).astype(np.int64), uniform[:, 2:]
    operation, magnitude = pick(_trivialaugment_space(), LEVELS, kind, level, sign)
    return {"operation": operation, "magnitude": magnitude}


def _in_turn(images: torch.Tensor, drawn: Parameters) -> torch.Tensor:
    """One operation after the other, nearest pixels."""
    for place in range(drawn["operation"].shape[1]):
        images = perform(images, drawn["operation"][:, place], drawn["magnitude"][:, place], "nearest")
    return images


def _draw_augmix(uniform: Floats, size: int) -> Parameters:
    shares = -np.log1p(-uniform[:, :WIDTH])  # Dirichlet(1, ..., 1) is exponentials by their sum
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    original = uniform[:, WIDTH, None]  # Beta(1, 1)
    depth = 1 + (uniform[:, WIDTH + 1 : 2 * WIDTH + 1] * DEPTH).astype(np.int64)
    kind, level, sign = np.moveaxis(uniform[:, 2 * WIDTH + 1 :].reshape(-1, 3, WIDTH, DEPTH), 1, 0)
    operation, magnitude = pick(_augmix_space(size), SEVEREST, kind, (level * SEVERITY).astype(np.int64), sign)
    there = np.arange(DEPTH) < depth[:, :, None]
    return {
        "operation": np.where(there, operation, IDENTITY),
        "magnitude": magnitude,
        "share": np.concatenate([original, (1 - original) * shares], axis=1),
    }


def _apply_augmix(images: torch.Tensor, drawn: Parameters) -> torch.Tensor:
    """The images and their chains of operations, bilinear, weighed and rounded to whole values."""
    shares = send(torch.from_numpy(drawn["share"].astype(np.float32)), images.device)[:, :, None, None, None]
    mixed = shares[:, 0] * images
    for chain in range(WIDTH):
        shown = images
        for link in range(DEPTH):
            operation, magnitude = drawn["operation"][:, chain, link], drawn["magnitude"][:, chain, link]
            shown = perform(shown, operation, magnitude, "bilinear")
        mixed += shares[:, 1 + chain] * shown
    return mixed.round().clamp(0, 255).to(torch.uint8)


def _draw_colour_affine(uniform: Floats, size: int) -> Parameters:
    both = 2 * uniform - 1
    moved = matrices(
        rotate=TURN * both[:, 0],
        shear=np.tan(np.deg2rad(SHEAR * both[:, 1])),
        scale=SHRUNK + (1 - SHRUNK) * uniform[:, 2],
        right=SHIFT * size * both[:, 3],
        down=SHIFT * size * both[:, 4],
    )
    weak, strong = SIGMA
    return {
        "matrix": moved,
        "colour": 1 + COLOUR * both[:, 5:8],
        "hue": HUE * both[:, 8],
        "focus": (uniform[:, 9] * 4).astype(np.int64),
        "sigma": weak + (strong - weak) * uniform[:, 10],
        "sharpness": 1 + (SHARPEST - 1) * uniform[:, 10],
    }


def _apply_colour_affine(images: torch.Tensor, drawn: Parameters) -> torch.Tensor:
    """Moved (bilinear), then brightness, contrast, saturation and hue, then blurred (focus 0) or sharpened (1)."""

    def sent(values: Floats) -> torch.Tensor:
        return send(torch.from_numpy(values.astype(np.float32)), images.device)[:, None, None, None]

    shown = affine(images, drawn["matrix"], "bilinear")
    for place, operation in enumerate((colours.brightness, colours.contrast, colours.saturation)):
        shown = operation(shown, sent(drawn["colour"][:, place]))
    shown = colours.hue(shown, sent(drawn["hue"]))
    for focus in (0, 1):
        chosen = np.flatnonzero(drawn["focus"] == focus)
        if len(chosen):
            rows = send(torch.from_numpy(chosen), images.device)
            some = shown.index_select(0, rows)
            if focus == 0:
                some = colours.blur(some, sent(drawn["sigma"][chosen]), _RADIUS)
            else:
                some = colours.sharpness(some, sent(drawn["sharpness"][chosen]))
            shown = shown.index_copy(0, rows, some)
    return shown


def _draw_dihedral(uniform: Floats, size: int) -> Parameters:
    return {"symmetry": (uniform[:, 0] * 8).astype(np.int64)}


def _apply_dihedral(images: torch.Tensor, drawn: Parameters) -> torch.Tensor:
    return symmetries(images, drawn["symmetry"])


def _as_they_are(images: torch.Tensor, drawn: Parameters) -> torch.Tensor:
    return images


BUILT_IN: Mapping[str, Augmentation] = {
    "paper": Augmentation(apply=_as_they_are),
    "randaugment": Augmentation(draw=_draw_randaugment, apply=_in_turn, numbers=2 * PICKS, channels=3),
    "trivialaugment": Augmentation(draw=_draw_trivialaugment, apply=_in_turn, numbers=3, channels=3),
    "augmix": Augmentation(
        draw=_draw_augmix, apply=_apply_augmix, numbers=2 * WIDTH + 1 + 3 * WIDTH * DEPTH, channels=3
    ),
    "colour_affine": Augmentation(draw=_draw_colour_affine, apply=_apply_colour_affine, numbers=11, channels=3),
    "dihedral": Augmentation(draw=_draw_dihedral, apply=_apply_dihedral, numbers=1),
}
"""all but `none`, the evaluation view, which has no crop either"""
