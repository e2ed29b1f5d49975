"""Where on the ground a GeoTIFF lies, from its tags alone (OGC GeoTIFF 1.1; https://docs.ogc.org/is/19-008r4)."""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from afield.base.errors import InputError
from afield.base.tiff_tags import MAGIC, read_tags

_WIDTH, _HEIGHT, _PIXEL_SCALE, _TIE_POINT, _KEYS = 256, 257, 33550, 33922, 34735
_SYSTEM, _UNIT = 3072, 3076
"""keys of the directory: code of the projected coordinate system, and of its unit of length"""
_METRE = 9001
_USER_DEFINED = 32767


def centre(path: Path) -> tuple[int, float, float]:
    """EPSG code of a file's projected coordinate system, and easting and northing of its middle in metres.

    Raises InputError where the file is no TIFF, or does not say so: no coordinates, degrees, feet, a rotated grid or a
    coordinate system without a code.
    """
    tags = _tags(path)
    keys = _geo_keys(path, tags)
    system = keys.get(_SYSTEM, 0)
    if not 0 < system < _USER_DEFINED or keys.get(_UNIT, _METRE) != _METRE:
        raise InputError(
            f"{path}: does not lie in a projected coordinate system in metres with an EPSG code, such as UTM"
        )
    column, row, _, easting, northing, _ = tags[_TIE_POINT][:6]
    across, down = tags[_PIXEL_SCALE][:2]
    return (
        system,
        easting + (tags[_WIDTH] / 2 - column) * across,
        northing - (tags[_HEIGHT] / 2 - row) * down,
    )


def grid_cell(path: Path, side: float) -> str:
    """The square of a grid, `side` metres wide, in which the middle of a file lies: system, column and row.

    Each coordinate system has a grid of its own: where two meet, neighbours are in cells of two names.
    """
    system, easting, northing = centre(path)
    return f"{system}/{math.floor(easting / side)}/{math.floor(northing / side)}"


def _tags(path: Path) -> Mapping[int, Any]:
    try:
        # Warnings are about tags that are skipped: those that count are looked for.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tags, magic = read_tags(path)
    except OSError as error:
        if error.errno is not None:  # of the disk; Pillow's own have none
            raise InputError(
                f"{path}: cannot be read ({error.strerror}); check the file and its permissions"
            ) from error
        raise InputError(f"{path}: is damaged ({error}); restore the image or drop it") from error
    except (SyntaxError, ValueError, IndexError, struct.error) as error:
        raise InputError(f"{path}: is no sound TIFF ({error}); restore the image or drop it") from error
    lacking = [tag for tag in (_WIDTH, _HEIGHT) if tag not in tags]
    if magic not in MAGIC or lacking:
        raise InputError(f"{path}: is no sound TIFF; restore the image or drop it")
    return tags


def _geo_keys(path: Path, tags: Mapping[int, Any]) -> dict[int, int]:
    """The keys whose value is a code. Raises InputError where a file has no coordinates."""
    lengths = {tag: len(tags.get(tag, ())) for tag in (_KEYS, _TIE_POINT, _PIXEL_SCALE)}
    if lengths[_KEYS] < 4 or lengths[_TIE_POINT] < 6 or lengths[_PIXEL_SCALE] < 2:
        raise InputError(f"{path}: says not where it lies (no GeoTIFF); use the published files, not converted ones")
    # A head of four numbers, then four a key: its number, where its value is (0: here), how many, the value.
    entries = tags[_KEYS][4:]
    listed = zip(*(entries[place::4] for place in range(4)), strict=False)
    return {key: value for key, where, _, value in listed if where == 0}
