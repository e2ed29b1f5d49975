"""Channels as a file stores them, and the eight bits that a network is shown of them."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from afield.base.errors import InputError
from afield.base.reading import Range

PIXEL_LIMIT = 178_956_970
"""pixels of the largest image that is read: half a gigabyte in memory, and where Pillow itself refuses a bomb"""
BYTE_LIMIT = 6 * PIXEL_LIMIT
"""bytes of the largest image as stored: 16-bit colour at PIXEL_LIMIT"""
DARKEST = 4096
"""16-bit images whose values all lie below this, a sixteenth of the range, are refused unless their range is known"""
_BLOCK = 256
"""rows that are scaled at once"""


class UnreadableImage(InputError):  # noqa: N818 - named after what it is about
    """The bytes of a file give no image that can be trusted: reading it again, or elsewhere, helps nothing."""


@dataclass(frozen=True, eq=False)
class Stored:
    """The channels of an image."""

    values: npt.NDArray[Any]
    """[height, width, channels] as stored, upright"""
    mode: str
    """Pillow's name of what the channels are (L, LA, RGB, RGBA, CMYK, ...); empty where nobody knows"""
    range: Range | None
    """what the file declares as black and white"""
    assumed: bool = False
    """whether that is merely what its bits can hold"""
    inverted: bool = False
    """whether the lowest value is white"""
    window: bool = False
    """whether values beyond the range are meant to be cut off"""


def upright(values: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Turn [height, width, ...] as an EXIF orientation (1 to 8) asks; any other number leaves it as it is."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values


def read_deep_png(path: Path, image: Image.Image) -> Stored:
    """The channels of a PNG of 16 bits, which Pillow has loaded, as stored.

    sBIT changes nothing: PNG has samples scaled to the full range, whatever depth they came from.
    """
    file = path.read_bytes()
    mode = {0: "L", 2: "RGB", 4: "LA", 6: "RGBA"}[file[25]]
    if mode == "L":
        values = np.asarray(image).astype(np.uint16)[..., np.newaxis]
    elif mode == "LA":
        values = _as_bytes_of_colour(file).view(">u2").astype(np.uint16)
    else:
        # Pillow keeps the upper byte of each sample; told that the bytes are swapped, it keeps the lower one.
        upper, lower = (_half(file, f"{mode};16{order}") for order in "BL")
        values = np.left_shift(upper, 8, dtype=np.uint16) | lower
    key = image.info.get("transparency")
    if mode in ("L", "RGB") and key is not None:
        alpha = np.where((values == key).all(axis=2, keepdims=True), 0, 65535).astype(np.uint16)
        values, mode = np.concatenate([values, alpha], axis=2), mode + "A"
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    return Stored(upright(values, orientation), mode, Range(0, 65535), assumed=True)


def _half(file: bytes, layout: str) -> npt.NDArray[np.uint8]:
    """One byte of each sample of a PNG of 16-bit colour."""
    with Image.open(io.BytesIO(file), formats=("PNG",)) as image:
        image.tile = [cast(Any, (*image.tile[0][:3], layout))]
        return np.asarray(image)


def _as_bytes_of_colour(file: bytes) -> npt.NDArray[np.uint8]:
    """A PNG of 16-bit grey and alpha as what it also is, byte by byte: RGBA of 8 bits, [height, width, 4]."""
    head = file[12:24] + bytes([8, 6]) + file[26:29]
    file = file[:12] + head + zlib.crc32(head).to_bytes(4, "big") + file[33:]
    with Image.open(io.BytesIO(file), formats=("PNG",)) as image:
        return np.array(image)


def to_eight_bits(path: Path, stored: Stored, stated: Range | None) -> npt.NDArray[np.uint8]:
    """Stored values as 0 (black) to 255 (white): 255 (value - low) / (high - low), rounded half up, cut off outside.

    The range is the one that the task states, else the one that the file declares; an alpha channel's is always the
    file's. Raises UnreadableImage where there is none, where values lie outside a declared one, where a range that
    is merely assumed would leave the image nearly black, and where values are no numbers.
    """
    values = stored.values
    if values.dtype == np.uint8:
        return 255 - values if stored.inverted else values
    if not np.isfinite(values).all():
        raise UnreadableImage(f"{path}: holds values that are no numbers or infinite; give them a value")
    colours = values[..., :-1] if stored.mode in ("LA", "La", "RGBA", "RGBa", "RGBX") else values
    used = stated or _trusted(path, stored, colours)
    scaled = np.empty(values.shape, np.uint8)
    count = colours.shape[2]
    scaled[..., :count] = _scaled(colours, used)
    if stored.inverted:
        scaled[..., :count] = 255 - scaled[..., :count]
    if count < values.shape[2]:
        scaled[..., count:] = _scaled(values[..., count:], stored.range or used)
    return scaled


def _trusted(path: Path, stored: Stored, colours: npt.NDArray[Any]) -> Range:
    """The range that the file declares, if its values bear it out."""
    if stored.range is None:
        raise UnreadableImage(
            f"{path}: holds {colours.dtype} values and does not say which are black and white; state their range"
        )
    low, high = colours.min(), colours.max()
    if not (stored.assumed or stored.window) and (low < stored.range.low or high > stored.range.high):
        raise UnreadableImage(
            f"{path}: declares a range of {stored.range} and holds values from {low:g} to {high:g}; state the range"
        )
    if stored.assumed and 0 < high < DARKEST:
        raise UnreadableImage(
            f"{path}: has 16 bits a channel and no value above {high}, so with a range of {stored.range} it would be "
            "nearly black; state the range, such as 0 to 4095"
        )
    return stored.range


def _scaled(values: npt.NDArray[Any], used: Range) -> npt.NDArray[np.uint8]:
    if values.dtype in (np.uint16, np.int16) and values.size > 65536:
        return _linear(np.arange(65536, dtype=np.uint16).view(values.dtype), used)[values.view(np.uint16)]
    scaled = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _BLOCK):
        scaled[start : start + _BLOCK] = _linear(values[start : start + _BLOCK], used)
    return scaled


def _linear(values: npt.NDArray[Any], used: Range) -> npt.NDArray[np.uint8]:
    exact = (values.astype(np.float64) - used.low) * 255 / (used.high - used.low)
    return np.floor(exact.clip(0, 255) + 0.5).astype(np.uint8)
