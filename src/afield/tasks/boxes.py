"""Where in a picture a sample is: boxes as shares of the upright picture, so that they fit copies of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from afield.base.errors import InputError

Box = tuple[float, float, float, float]
"""left, top, width and height as shares of the picture's width and height, 0 to 1"""
WHOLE = ""
"""in place of a box: the whole picture"""


@dataclass(frozen=True)
class Cropping:
    """How the boxes of a task's samples were made, so that those of other pictures can be made in the same way."""

    margin: float = 0.0
    """by which share of its width and height a box grew at each side"""
    confidence: float | None = None
    """of a detector's boxes: below which they counted for nothing"""


_SLACK = 0.01
"""how far a box may lie outside of the picture, since detectors and roundings go a little too far"""


def cut_box(box: Box) -> Box | None:
    """What of a box lies in the picture; None where nothing does.

    >>> cut_box((-0.25, 0.5, 0.5, 0.75))
    (0.0, 0.5, 0.25, 0.5)
    """
    left, top, width, height = box
    right, bottom = min(left + width, 1.0), min(top + height, 1.0)
    left, top = max(left, 0.0), max(top, 0.0)
    return (left, top, right - left, bottom - top) if right > left and bottom > top else None


def written(box: Box, margin: float = 0.0) -> str:
    """A box as the column `box` of samples has it, to a millionth; each side first moves out by `margin` times the
    box's width or height, and is cut at the picture's edge.

    >>> written((0.1, 0.4, 0.2, 0.5), margin=0.5)
    '0 0.15 0.4 0.85'
    """
    left, top, width, height = box
    grown = cut_box((left - margin * width, top - margin * height, width * (1 + 2 * margin), height * (1 + 2 * margin)))
    return " ".join(f"{round(share, 6):g}" for share in grown) if grown else WHOLE


def is_written(value: object) -> bool:
    """Whether that is a box as `written`, or WHOLE."""
    if value == WHOLE:
        return True
    try:
        shares = [float(share) for share in str(value).split()]
    except ValueError:
        return False
    return len(shares) == 4 and all(0 <= share <= 1 for share in shares) and min(shares[2:]) > 0


def pixels(text: str, height: int, width: int) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of a written box in a picture of that size: to the nearest pixel, one at least.

    >>> pixels("0 0.15 0.4 0.85", height=100, width=10)
    (15, 100, 0, 4)
    """
    if text == WHOLE:
        return 0, height, 0, width
    left, top, wide, high = map(float, text.split())
    first_column, first_row = min(round(left * width), width - 1), min(round(top * height), height - 1)
    last_column, last_row = round((left + wide) * width), round((top + high) * height)
    return first_row, max(last_row, first_row + 1), first_column, max(last_column, first_column + 1)


def read_boxes(place: str, cells: Sequence[str], margin: float) -> list[str]:
    """The cells of one's own column of boxes as `written`: four numbers, parted by blanks, commas or semicolons, in
    brackets or not; a blank cell is the whole picture.

    Raises InputError that names `place` and the row for what is no such box, and for those outside of the picture.
    """
    return [_read(f"{place}, row {row + 1}", cell, margin) for row, cell in enumerate(cells)]


def pictures(samples: pd.DataFrame) -> list[tuple[str, str]]:
    """What each sample shows: its image, and its box or WHOLE."""
    return list(zip(samples["image"], samples["box"] if "box" in samples else [WHOLE] * len(samples), strict=True))


def _read(place: str, cell: str, margin: float) -> str:
    parts = cell.strip().strip("[]()").replace(",", " ").replace(";", " ").split()
    if not parts:
        return WHOLE
    try:
        left, top, width, height = map(float, parts)
    except ValueError:
        left = top = width = height = float("nan")
    edges = (left, top, left + width, top + height)
    box = cut_box((left, top, width, height)) if all(-_SLACK <= edge <= 1 + _SLACK for edge in edges) else None
    if box is None:
        raise InputError(
            f"{place}: is {cell!r}; must be left, top, width and height as shares of the upright picture, 0 to 1, such "
            "as 0.25 0.1 0.5 0.3; blank: the whole picture"
        )
    return written(box, margin)
