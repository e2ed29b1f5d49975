"""The rule by which an image is prepared: how far it shrinks, what of it is cut. Needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from afield.base.errors import InputError
from afield.base.reading import AS_DECLARED, Reading
from afield.images.decode import PIXEL_LIMIT, decode
from afield.tasks.boxes import WHOLE
from afield.tasks.boxes import pixels as pixels_of

PREPARATION_VERSION = 1
"""raised whenever a rule gives other bytes"""


@dataclass(frozen=True)
class Rule:
    """How a full image becomes a prepared one; `size` is the side of the square that the network sees, in pixels.

    `train`: the short side shrinks to ceil(1.44 size), aspect kept, never enlarged. No crop of the study's
    RandomResizedCrop (area 0.65 to 1, ratio 3/4 to 4/3) is then narrower than `size`: sqrt((4/3) / 0.65) = 1.432.
    `full`: as it is, for crops that are cut from the full image; `size` is 0, one copy serves all.
    `evaluation`: the short side becomes `size`, then the central square is cut (torchvision's Resize and CenterCrop).
    """

    kind: Literal["train", "full", "evaluation"]
    size: int
    interpolation: Literal["bilinear", "bicubic"]
    version: int = PREPARATION_VERSION


def train_rule(size: int) -> Rule:
    """The rule for training images; one for all backbones."""
    return Rule("train", size, "bicubic")


def full_rule() -> Rule:
    """The rule for training images whose crops are cut from the full image; one for all sizes and backbones."""
    return Rule("full", 0, "bicubic")


def evaluation_rule(size: int, interpolation: Literal["bilinear", "bicubic"]) -> Rule:
    """The rule for evaluation views; `interpolation` is that of the weights."""
    return Rule("evaluation", size, interpolation)


def prepare_pixels(full: npt.NDArray[np.uint8], rule: Rule) -> npt.NDArray[np.uint8]:
    """One full image [h, w, channels] as the rule prepares it, with Pillow's antialiased resize."""
    if full.shape[2] == 3:
        return np.asarray(_prepared(Image.fromarray(full), rule))
    # Pillow has no pictures of any number of channels; it resizes three at once as one by one.
    planes = np.moveaxis(full, 2, 0)
    return np.stack([np.asarray(_prepared(Image.fromarray(plane), rule)) for plane in planes], axis=2)


def _prepared(image: Image.Image, rule: Rule) -> Image.Image:
    width, height = image.size
    new_width, new_height = resized(width, height, rule)
    if (new_width, new_height) != (width, height):
        image = image.resize((new_width, new_height), Image.Resampling[rule.interpolation.upper()])
    if rule.kind == "evaluation":
        # Python's rounding (half to even), as torchvision's center_crop has it.
        left, top = round((new_width - rule.size) / 2), round((new_height - rule.size) / 2)
        image = image.crop((left, top, left + rule.size, top + rule.size))
    return image


def prepare_file(
    path: Path, rule: Rule, reading: Reading = AS_DECLARED, box: str = WHOLE
) -> tuple[npt.NDArray[np.uint8], tuple[int, int]]:
    """An image, or what of it lies in a box, as the rule prepares it, and the height and width of it in full, upright.

    Raises InputError where it cannot be read, and where it is so narrow that the whole of it, resized, would have more
    than PIXEL_LIMIT pixels.
    """
    full = decode(path, reading)
    top, bottom, left, right = pixels_of(box, *full.shape[:2])
    full = full[top:bottom, left:right]
    height, width = full.shape[:2]
    pixels = math.prod(resized(width, height, rule))
    if pixels > PIXEL_LIMIT:
        raise InputError(
            f"{path}: {width} pixels wide and {height} high is too narrow: with its short side at {rule.size} it would "
            f"have {pixels:,} pixels, more than {PIXEL_LIMIT:,}; cut it or drop it"
        )
    return prepare_pixels(full, rule), (height, width)


def resized(width: int, height: int, rule: Rule) -> tuple[int, int]:
    """Width and height after the resize, the long side cut to a whole number as torchvision's Resize does."""
    if rule.kind == "full":
        return width, height
    short = rule.size if rule.kind == "evaluation" else min(width, height, -(-36 * rule.size // 25))
    if width <= height:
        return short, int(short * height / width)
    return int(short * width / height), short
