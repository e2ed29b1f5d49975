"""The contract's own tests of an augmentation: part of what `afield extension check my_lab.py` runs."""

from __future__ import annotations

import hashlib
import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

from afield.base.errors import InputError
from afield.base.extensions import Extension, keep_copy
from afield.base.streams import stream, stream_seed
from afield.images.augmentation.augmentation import Augmentation, Parameters
from afield.images.augmentation.own import apply_parameters, draw_parameters, find_augmentation, kept_augmentation
from afield.images.augmentation.uniform import uniforms

_SAMPLES = 12
_SIZES = (32, 65)
"""pixels: the least that a recipe may say, and an odd number"""
_SOME = np.array([7, 2, 10])
"""samples in another order, without their neighbours"""


def draws_alike(name: str, extension: Extension) -> str:
    """Its parameters are rows, the same twice, each from its own random numbers alone."""
    augmentation = find_augmentation(name, {extension.name: extension})
    if not (isinstance(augmentation.numbers, int) and augmentation.numbers >= 0):
        raise InputError(f"numbers = {augmentation.numbers!r}: must be a whole number, 0 or more")
    for size in _SIZES:
        uniform = _uniform(augmentation)
        drawn, again = (draw_parameters(name, augmentation, uniform.copy(), size) for _ in range(2))
        alone = draw_parameters(name, augmentation, uniform[_SOME], size)
        if not (_equal(drawn, again) and _equal(alone, _of(drawn, _SOME))):
            raise InputError(
                "draw: a sample's parameters differ from call to call, or with the samples beside it; compute each row "
                "from its own row of random numbers alone"
            )
    return ", ".join(drawn) + f" from {augmentation.numbers} random numbers" if drawn else "nothing is drawn"


def applies_alike(name: str, extension: Extension) -> str:
    """Its images are images, the same twice, each from its own pixels and parameters alone."""
    augmentation = find_augmentation(name, {extension.name: extension})
    taken = (1, 3, 5) if augmentation.channels is None else (augmentation.channels,)
    for channels in taken:
        for size in _SIZES:
            drawn, images = draw_parameters(name, augmentation, _uniform(augmentation), size), _images(channels, size)
            before = images.clone()
            shown = apply_parameters(name, augmentation, images, drawn)
            if not torch.equal(images, before):
                raise InputError("apply: changes the images that it was given; work on a copy (images.clone())")
            again = apply_parameters(name, augmentation, images, drawn)
            alone = apply_parameters(name, augmentation, images[_SOME], _of(drawn, _SOME))
            if not (torch.equal(shown, again) and torch.equal(alone, shown[_SOME])):
                raise InputError(
                    "apply: an image differs from call to call, or with the images beside it; compute each from its "
                    "own pixels and parameters alone, and draw all that is random in `draw`"
                )
    return f"images of {', '.join(map(str, taken))} channels, {' and '.join(map(str, _SIZES))} px"


def travels(name: str, extension: Extension) -> str:
    """A fresh process that has only a copy of the file shows the same."""
    with tempfile.TemporaryDirectory() as folder:
        place = keep_copy(extension, Path(folder))
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            there = pool.submit(_bits_of_copy, name, place, extension.sha256).result()
    if there != _bits(name, find_augmentation(name, {extension.name: extension})):
        raise InputError("another process shows other images: let nothing depend on what ran before, or on the folder")
    return "equal bits from its copy in a fresh process, as loader processes load it"


def _bits_of_copy(name: str, place: str, sha256: str) -> str:
    return _bits(name, kept_augmentation(name, place, sha256))


def _bits(name: str, augmentation: Augmentation) -> str:
    drawn = draw_parameters(name, augmentation, _uniform(augmentation), _SIZES[0])
    shown = apply_parameters(name, augmentation, _images(augmentation.channels or 3, _SIZES[0]), drawn)
    return hashlib.sha256(shown.contiguous().numpy().tobytes()).hexdigest()


def _uniform(augmentation: Augmentation) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return uniforms(stream_seed(0, "augmentation check"), 0, np.arange(_SAMPLES), augmentation.numbers)


def _images(channels: int, size: int) -> torch.Tensor:
    values = stream(0, "augmentation check", size).integers(0, 256, (_SAMPLES, channels, size, size), dtype=np.uint8)
    return torch.from_numpy(values)


def _of(drawn: Parameters, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Parameters:
    return {key: values[rows] for key, values in drawn.items()}


def _equal(one: Parameters, other: Parameters) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(values, other[key]) for key, values in one.items())
