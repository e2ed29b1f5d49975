"""Augmentations by name: built-in ones, and one's own in an extension; both are held to one contract."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch

from afield.base.errors import InputError
from afield.base.extensions import Extension, find_object, is_own, load_kept
from afield.images.augmentation.augmentation import Augmentation, Parameters
from afield.images.augmentation.geometry import Floats
from afield.images.augmentation.sets import BUILT_IN

NONE = "none"
"""the evaluation view: neither crop nor flips nor anything else"""


def find_augmentation(name: str, extensions: Mapping[str, Extension]) -> Augmentation:
    """The augmentation of that name, other than NONE. Raises InputError where an extension has none of that name."""
    return find_object(name, extensions, Augmentation) if is_own(name) else BUILT_IN[name]


@lru_cache(maxsize=8)
def kept_augmentation(name: str, place: str, sha256: str) -> Augmentation:
    """The same in any process: one's own from the copy of its extension (`keep_copy`) at `place`, which is empty for a
    built-in one.
    """
    if not is_own(name):
        return BUILT_IN[name]
    extension = load_kept(place, sha256)
    return find_object(name, {extension.name: extension}, Augmentation)


def check_augmentation(name: str, extensions: Mapping[str, Extension], channels: int) -> None:
    """Refuse an augmentation that extensions do not have, or that images of so many channels cannot have."""
    if name == NONE:
        return
    needed = find_augmentation(name, extensions).channels
    if needed is not None and needed != channels:
        any_will_do = ", ".join(["none", *(key for key, one in BUILT_IN.items() if one.channels is None)])
        raise InputError(
            f"augmentation = {name}: has operations on colours and needs images of {needed} channels, these have "
            f"{channels}; take one that any image can have ({any_will_do}), or write one of your own"
        )


def draw_parameters(name: str, augmentation: Augmentation, uniform: Floats, size: int) -> Parameters:
    """Its parameters for n rows of random numbers. Raises InputError, by name, where they are not n rows each."""
    drawn = augmentation.draw(uniform, size)
    for key, values in drawn.items():
        if not isinstance(values, np.ndarray) or values.shape[:1] != (len(uniform),):
            shape = list(values.shape) if isinstance(values, np.ndarray) else type(values).__name__
            raise InputError(
                f"{name}: draw: {key}: must be a NumPy array with a row for each of {len(uniform)} samples, not {shape}"
            )
    return drawn


def apply_parameters(
    name: str, augmentation: Augmentation, images: torch.Tensor, parameters: Parameters
) -> torch.Tensor:
    """Its images. Raises InputError, by name, where they are not what it was given: shape, type and device."""
    shown: object = augmentation.apply(images, parameters)
    if not isinstance(shown, torch.Tensor):
        raise InputError(f"{name}: apply: must give a tensor, not {type(shown).__name__}")
    if (shown.shape, shown.dtype, shown.device) != (images.shape, images.dtype, images.device):
        raise InputError(
            f"{name}: apply: must give images {list(images.shape)} of {images.dtype} on {images.device}, as it was "
            f"given, not {list(shown.shape)} of {shown.dtype} on {shown.device}"
        )
    return shown
