"""DICOM files (extra `dicom`): the first frame, with the values and the window that its own tags tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from afield.base.errors import InputError
from afield.base.reading import Range
from afield.images.stored import DARKEST, PIXEL_LIMIT, Stored, UnreadableImage

if TYPE_CHECKING:
    from pydicom import Dataset

_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins so is DICOM; 132 bytes tell."""
    return head[128:132] == b"DICM"


def dicom_size(path: Path) -> tuple[int, int]:
    """Height and width of the frames, from the tags alone."""
    tags = _tags(path)
    return int(tags.Rows), int(tags.Columns)


def read_dicom(path: Path) -> Stored:
    """The first frame, upright as stored: grey after the rescaling that its tags ask for, or RGB.

    The range is the first window's (PS3.3 C.11.2.1.2: linear, linear exact); without a window that of the bits stored,
    where the numbers have no sign. MONOCHROME1 is marked as inverted. Raises UnreadableImage for look-up tables,
    palettes, other windows, more than eight bits a colour, compressions that no installed decoder knows, and sizes
    beyond PIXEL_LIMIT; InputError where pydicom is not installed.
    """
    tags = _tags(path)
    meaning = str(tags.PhotometricInterpretation)
    if meaning not in (*_GREY, *_COLOURS):
        raise UnreadableImage(f"{path}: is stored as {meaning}; convert it to grey or RGB")
    height, width = int(tags.Rows), int(tags.Columns)
    if height * width > PIXEL_LIMIT:
        raise UnreadableImage(
            f"{path}: has {height * width:,} pixels, more than {PIXEL_LIMIT:,}; make it smaller or drop it"
        )
    values = _pixels(path, tags)
    if meaning in _COLOURS:
        if values.dtype != np.uint8:
            raise UnreadableImage(f"{path}: holds colours of {tags.BitsStored} bits; convert it to 8 bits a channel")
        return Stored(values, "RGB", Range(0, 255))
    return _grey(path, tags, values, inverted=meaning == "MONOCHROME1")


def _grey(path: Path, tags: Dataset, stored: np.ndarray[Any, Any], *, inverted: bool) -> Stored:
    groups = list(_groups(tags))
    windowed = _first(groups, "WindowWidth") is not None
    for table, replaced in (("ModalityLUTSequence", False), ("VOILUTSequence", windowed)):  # a window is in its units
        if _first(groups, table) is not None and not replaced:
            raise UnreadableImage(
                f"{path}: needs its look-up table ({table}), which is not read; save it without one, with a window"
            )
    slope, intercept = float(_first(groups, "RescaleSlope") or 1), float(_first(groups, "RescaleIntercept") or 0)
    plain = slope == 1 and intercept == 0
    window = _window(path, groups)
    bits = int(tags.BitsStored)
    if plain and window is None and bits == 8 and stored.dtype == np.uint8:
        return Stored(stored, "L", Range(0, 255), inverted=inverted)
    # Numbers of eight bits are shown as they are, so a window needs wider ones.
    values = (stored.astype(np.uint16) if stored.dtype == np.uint8 else stored) if plain else stored * slope + intercept
    if window is not None:
        return Stored(values, "L", window, inverted=inverted, window=True)
    signed = int(tags.PixelRepresentation) == 1
    if signed or slope <= 0 or (bits == 16 and 0 < stored.max() < DARKEST):
        return Stored(values, "L", None, inverted=inverted)
    return Stored(values, "L", Range(intercept, (2**bits - 1) * slope + intercept), inverted=inverted)


def _window(path: Path, groups: list[Dataset]) -> Range | None:
    """The values that the first window makes black and white."""
    centre, width = (_first(groups, name) for name in ("WindowCenter", "WindowWidth"))
    if centre is None or width is None:
        return None
    centre, width = (float(value[0] if isinstance(value, Sequence) else value) for value in (centre, width))
    kind = str(_first(groups, "VOILUTFunction") or "LINEAR")
    if kind == "LINEAR":
        centre, width = centre - 0.5, width - 1
    elif kind != "LINEAR_EXACT":
        raise UnreadableImage(f"{path}: has a window of the kind {kind}, which is not read; save it with a linear one")
    if width < 0:
        raise UnreadableImage(f"{path}: has a window that is too narrow to be one; mend its WindowWidth")
    width = max(width, 1e-6)  # a window of no width parts the values in two
    return Range(centre - width / 2, centre + width / 2)


def _groups(tags: Dataset) -> Iterator[Dataset]:
    """Where rescaling and window may stand: in the file's own tags, or in those of its first frame or of all frames."""
    yield tags
    for outer in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        for frame in list(tags.get(outer) or [])[:1]:
            for inner in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
                yield from list(frame.get(inner) or [])[:1]


def _first(groups: list[Dataset], name: str) -> Any:  # noqa: ANN401 - what a tag holds
    return next((group[name].value for group in groups if name in group and group[name].value not in (None, "")), None)


def _tags(path: Path) -> Dataset:
    """All that stands before the pixels."""
    try:
        from pydicom import dcmread
        from pydicom.filereader import read_file_meta_info
    except ImportError:
        raise InputError(f"{path}: is DICOM, for which pydicom is needed: pip install 'afield[dicom]'") from None
    if read_file_meta_info(path).TransferSyntaxUID.is_deflated:  # it may unpack to any size
        raise UnreadableImage(f"{path}: is deflated as a whole; save it without")
    return dcmread(path, stop_before_pixels=True)


def _pixels(path: Path, tags: Dataset) -> np.ndarray[Any, Any]:
    """The first frame [height, width, channels] as stored; YCbCr becomes RGB."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import pixel_array

    syntax = tags.file_meta.TransferSyntaxUID
    if syntax.is_compressed:
        try:
            available = get_decoder(syntax).is_available
        except NotImplementedError:
            available = False
        if not available:
            raise UnreadableImage(
                f"{path}: is compressed as {syntax.name}, for which pydicom finds no decoder; install one "
                "(https://pydicom.github.io/pydicom/stable/guides/plugin_table.html), or save it uncompressed"
            )
    frame = pixel_array(path, index=0)
    return frame.reshape(*frame.shape[:2], -1)
