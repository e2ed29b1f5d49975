"""TIFF files channel by channel, as stored: any number of channels, any depth. Pillow reads neither.

The directory is read by Pillow, the compressed bytes are unpacked by Pillow's own decoder (libtiff): a strip or tile of
any layout is, byte by byte, also a grey image of eight bits whose rows are longer. Facts: TIFF 6.0 (Adobe, 1992), its
supplements and Pillow's TiffTags.
"""

from __future__ import annotations

import io
import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from afield.base.reading import Range
from afield.base.tiff_tags import FOREIGN, MAGIC, read_tags
from afield.images.stored import BYTE_LIMIT, PIXEL_LIMIT, Stored, UnreadableImage, upright

_NEW_SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 254, 256, 257, 258, 259, 262, 266
_STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES, _PLANAR = 273, 274, 277, 278, 279, 284
_MIN_VALUE, _MAX_VALUE, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS = 280, 281, 317, 322, 323, 324
_TILE_BYTES, _SUB_DIRECTORIES, _INK_SET, _EXTRA, _FORMAT, _SMALLEST, _LARGEST, _XMP = (
    325, 330, 332, 338, 339, 340, 341, 700,
)  # fmt: skip
_COMPRESSIONS = {1: "none", 5: "LZW", 8: "deflate", 32773: "PackBits", 32946: "deflate", 50000: "Zstandard"}
"""those that give back the very bytes"""
_KINDS = {1: "u", 2: "i", 3: "f"}
"""numpy's letters for the sample formats: unsigned, signed, floating point"""
_LONG = 4
"""the type of a tag of 32 bits"""
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _SEPARATED = 0, 1, 2, 5


@dataclass(frozen=True, eq=False)
class Directory:
    """What a TIFF file says of its first page."""

    tags: ImageFileDirectory_v2
    byte_order: Literal["<", ">"]
    """numpy's sign"""
    opened_by_pillow: bool = True
    """it does not open BigTIFF of big-endian order"""

    def number(self, tag: int, default: int) -> int:
        """A tag of one value."""
        return int(self.numbers(tag, (default,))[0])

    def numbers(self, tag: int, default: tuple[float, ...] = ()) -> tuple[Any, ...]:
        """A tag of several values."""
        value = self.tags.get(tag, default)
        return value if isinstance(value, tuple) else (value,)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, upright."""
        height, width = self.number(_HEIGHT, 0), self.number(_WIDTH, 0)
        return (width, height) if self.orientation in (5, 6, 7, 8) else (height, width)

    @property
    def orientation(self) -> int:
        """1 to 8 as in EXIF; where the directory is silent, as the packet of XMP says, which is where Pillow looks."""
        packet = self.tags.get(_XMP, b"")
        told = re.search(rb'tiff:Orientation(?:="|>)([0-9])', packet) if isinstance(packet, bytes) else None
        return self.number(_ORIENTATION, int(told[1]) if told else 1)

    @property
    def channels(self) -> int:
        """Channels, also those that are no colour."""
        return self.number(_SAMPLES, 1)

    @property
    def bits(self) -> int:
        """Bits of the deepest channel."""
        return int(max(self.numbers(_BITS, (1,))))

    @property
    def four_inks(self) -> bool:
        """Whether separated colours are cyan, magenta, yellow and black, as far as the file says."""
        return self.number(_INK_SET, 1) == 1

    @property
    def is_ours(self) -> bool:
        """Whether Pillow cannot read it as a picture, and `read_tiff` must."""
        return self.bits > 8 or not self.opened_by_pillow

    @property
    def is_plain(self) -> bool:
        """Whether the bytes are the channels: nothing is a palette, a fraction of a byte or compressed with losses."""
        return (
            self.number(_PHOTOMETRIC, _BLACK_IS_ZERO) in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _SEPARATED)
            and self.number(_COMPRESSION, 1) in _COMPRESSIONS
            and self.bits >= 8
        )


def read_directory(path: Path) -> Directory:
    """Read what a TIFF file says of its first page.

    Raises UnreadableImage where that page is a reduced copy of a picture that follows.
    """
    tags, magic = read_tags(path)
    directory = Directory(tags, "<" if magic[:2] == b"II" else ">", opened_by_pillow=magic != FOREIGN)
    # Camera raws hold a thumbnail first and the picture in a subdirectory.
    if directory.number(_NEW_SUBFILE_TYPE, 0) & 1 and (tags.next or _SUB_DIRECTORIES in tags):
        raise UnreadableImage(
            f"{path}: its first page is a reduced copy of another one; save the picture that is meant alone"
        )
    return directory


def read_tiff(path: Path, directory: Directory) -> Stored:
    """The channels of a file's first page, upright.

    Raises UnreadableImage where they are stored in a way that is not read, where bytes are missing, and where they
    would take more than BYTE_LIMIT.
    """
    dtype = sample_type(path, directory)
    height, width, channels = directory.number(_HEIGHT, 0), directory.number(_WIDTH, 0), directory.channels
    if min(height, width, channels) < 1:
        raise UnreadableImage(f"{path}: says that it is {width} x {height} pixels of {channels} channels")
    if height * width > PIXEL_LIMIT:
        raise UnreadableImage(f"{path}: has {height * width:,} pixels, more than {PIXEL_LIMIT:,}; make it smaller")
    needed = height * width * channels * dtype.itemsize
    if needed > BYTE_LIMIT:
        raise UnreadableImage(f"{path}: unpacks to {needed:,} bytes, more than {BYTE_LIMIT:,}; make it smaller")
    values = _assemble(path, directory, (height, width, channels), dtype)
    declared, assumed = _declared_range(directory, dtype)
    return Stored(
        values=upright(values, directory.orientation),
        mode=_mode(directory),
        range=declared,
        assumed=assumed,
        inverted=directory.number(_PHOTOMETRIC, _BLACK_IS_ZERO) == _WHITE_IS_ZERO,
    )


def sample_type(path: Path, directory: Directory) -> np.dtype[Any]:
    """The type of the stored numbers. Raises UnreadableImage where they are stored in a way that is not read."""
    bits, formats = set(directory.numbers(_BITS, (1,))), set(directory.numbers(_FORMAT, (1,)))
    kind = _KINDS.get(next(iter(formats)), "") if len(formats) == 1 else ""
    if len(bits) != 1 or not kind or directory.bits not in ((8, 16, 32) if kind in "ui" else (32, 64)):
        raise UnreadableImage(
            f"{path}: has channels of {' / '.join(map(str, sorted(bits)))} bits in sample format "
            f"{' / '.join(map(str, sorted(formats)))}; save it with 8 or 16 bits a channel"
        )
    compression, predictor = directory.number(_COMPRESSION, 1), directory.number(_PREDICTOR, 1)
    if compression not in _COMPRESSIONS:
        raise UnreadableImage(
            f"{path}: is a TIFF of {directory.channels} channels of {directory.bits} bits in compression {compression};"
            f" save it with one of {', '.join(dict.fromkeys(_COMPRESSIONS.values()))}"
        )
    if predictor not in (1, 2) or directory.number(_FILL_ORDER, 1) != 1:
        raise UnreadableImage(
            f"{path}: is stored with predictor {predictor} and fill order {directory.number(_FILL_ORDER, 1)}; "
            "save it with predictor 1 or 2 and fill order 1"
        )
    return np.dtype(f"{kind}{directory.bits // 8}")


def _mode(directory: Directory) -> str:
    """Pillow's name of what the channels are; empty where the file does not say which are red, green and blue."""
    photometric, extra = directory.number(_PHOTOMETRIC, _BLACK_IS_ZERO), directory.numbers(_EXTRA)
    if photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO):
        return {(1, ()): "L", (2, (1,)): "La", (2, (2,)): "LA"}.get((directory.channels, extra), "")
    if photometric == _RGB:
        named = {(3, ()): "RGB", (4, ()): "RGBA", (4, (0,)): "RGBX", (4, (1,)): "RGBa", (4, (2,)): "RGBA"}
        return named.get((directory.channels, extra), "")
    return "CMYK" if photometric == _SEPARATED and directory.channels == 4 and directory.four_inks else ""


def _declared_range(directory: Directory, dtype: np.dtype[Any]) -> tuple[Range | None, bool]:
    """The range that a file declares, and whether it is merely that of its bits."""
    smallest, largest = directory.numbers(_SMALLEST), directory.numbers(_LARGEST)
    if largest and (smallest or dtype.kind == "u"):
        low, high = float(min(smallest or (0,))), float(max(largest))
        if math.isfinite(low) and math.isfinite(high) and low < high:
            return Range(low, high), False
    if dtype.kind != "u" or dtype.itemsize > 2:
        return None, False
    full = int(np.iinfo(dtype).max)
    # MaxSampleValue is "the maximum component value used", so mostly this one picture's; 4095 however says 12 bits.
    highest = int(max(directory.numbers(_MAX_VALUE, (full,))))
    if 255 <= highest < full and highest & (highest + 1) == 0 and min(directory.numbers(_MIN_VALUE, (0,))) == 0:
        return Range(0, highest), False
    return Range(0, full), True


def _assemble(path: Path, directory: Directory, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Put strips or tiles together."""
    height, width, channels = shape
    tiled = _TILE_OFFSETS in directory.tags
    across = directory.number(_TILE_WIDTH, 0) if tiled else width
    down = directory.number(_TILE_HEIGHT, 0) if tiled else min(directory.number(_ROWS_PER_STRIP, height), height)
    offsets = directory.numbers(_TILE_OFFSETS if tiled else _STRIP_OFFSETS)
    lengths = directory.numbers(_TILE_BYTES if tiled else _STRIP_BYTES)
    planes = channels if directory.number(_PLANAR, 1) == 2 else 1
    if min(across, down) < 1:
        raise UnreadableImage(f"{path}: says that its parts are {across} x {down} pixels; restore the image or drop it")
    rows_of_parts, columns_of_parts = -(-height // down), -(-width // across)
    parts = planes * rows_of_parts * columns_of_parts
    if not len(offsets) == len(lengths) == parts:
        named = min(len(offsets), len(lengths))
        raise UnreadableImage(f"{path}: is cut: it names {named} of {parts} parts; restore the image or drop it")
    # Tiles may reach far beyond the picture.
    if parts * down * across * (channels // planes) * dtype.itemsize > 2 * BYTE_LIMIT:
        raise UnreadableImage(f"{path}: its parts of {across} x {down} pixels are too large; save it with smaller ones")
    values = np.empty(shape, dtype)
    file_bytes = path.stat().st_size
    with path.open("rb") as stream:
        for index, (offset, length) in enumerate(zip(offsets, lengths, strict=True)):
            plane, place = divmod(index, rows_of_parts * columns_of_parts)
            top, left = (
                side * step for side, step in zip(divmod(place, columns_of_parts), (down, across), strict=True)
            )
            if length == 0 or offset + length > file_bytes:
                raise UnreadableImage(f"{path}: is cut: it lacks some of its pixels; restore the image or drop it")
            rows = down if tiled else min(down, height - top)
            stream.seek(offset)
            part = _unpack(directory, stream.read(length), rows, across * (channels // planes), dtype)
            part = part.reshape(rows, across, channels // planes)
            if directory.number(_PREDICTOR, 1) == 2:
                part = _undo_differences(part)
            chosen = slice(plane, plane + 1) if planes > 1 else slice(None)
            values[top : top + rows, left : left + across, chosen] = part[: height - top, : width - left]
    return values


def _unpack(directory: Directory, packed: bytes, rows: int, samples: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """The numbers of one strip or tile, [rows, samples]."""
    compression, row_bytes = directory.number(_COMPRESSION, 1), samples * dtype.itemsize
    if compression == 1:
        if len(packed) < rows * row_bytes:
            raise ValueError(f"{len(packed)} of {rows * row_bytes} bytes of a part")
        unpacked = np.frombuffer(packed, np.uint8, rows * row_bytes)
    else:
        tags = {
            _WIDTH: row_bytes,
            _HEIGHT: rows,
            _BITS: 8,
            _COMPRESSION: compression,
            _PHOTOMETRIC: _BLACK_IS_ZERO,
            _STRIP_OFFSETS: 8,
            _SAMPLES: 1,
            _ROWS_PER_STRIP: rows,
            _STRIP_BYTES: len(packed),
        }
        entries = b"".join(struct.pack("<HHII", tag, _LONG, 1, value) for tag, value in tags.items())
        place = 8 + len(packed) + len(packed) % 2
        whole = struct.pack("<4sI", MAGIC[0], place) + packed.ljust(place - 8, b"\0")
        whole += struct.pack("<H", len(tags)) + entries + bytes(4)
        with Image.open(io.BytesIO(whole), formats=("TIFF",)) as image:
            unpacked = np.array(image)
    ordered: npt.NDArray[Any] = unpacked.reshape(rows, row_bytes).view(dtype.newbyteorder(directory.byte_order))
    return ordered.astype(dtype)


def _undo_differences(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Predictor 2: each number is stored as its difference from the one to the left, modulo its bits."""
    whole = part.view(f"u{part.dtype.itemsize}")
    return np.cumsum(whole, axis=1, dtype=whole.dtype).view(part.dtype)
