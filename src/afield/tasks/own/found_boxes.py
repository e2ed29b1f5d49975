"""The boxes of pictures that a network is asked about: from a detector's results, or from a table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError, nearest
from afield.tasks.boxes import WHOLE, Cropping, read_boxes, written
from afield.tasks.checks import listed
from afield.tasks.formats.megadetector import CONFIDENCE, with_detections
from afield.tasks.own.table import is_table, read_texts

_COLUMNS = ("path", "box")


def boxed(images: Sequence[Path], file: Path, cropping: Cropping) -> list[tuple[Path, str]]:
    """What is shown of images: each with each of its boxes in `file`, made as those of training were (`boxes.written`).

    `file` is a table with the columns `path` and `box` (`boxes.read_boxes`), a row a box, or MegaDetector's results,
    of which the most confident animal counts; both name images from their own folder. An image with a blank box, or in
    which the detector found nothing, is shown whole, as in training.

    Raises InputError that names the images of which the file knows nothing, and as `read_boxes` and `with_detections`
    do.
    """
    if is_table(file.name):
        known = _of_table(file, cropping)
    else:
        names = list(dict.fromkeys(_name(image, file) for image in images))
        confidence = CONFIDENCE if cropping.confidence is None else cropping.confidence
        found = with_detections(pd.DataFrame({"image": names}), file, file.parent, confidence).table
        cells = [WHOLE if box is None else written(box) for box in found["box"]]
        boxes = read_boxes(str(file), cells, cropping.margin)
        known = {name: [box] for name, box in zip(names, boxes, strict=True)}
    unknown = [str(image) for image in images if _name(image, file) not in known]
    if unknown:
        raise InputError(
            f"{file}: has no box of {listed(unknown, 'image')}; name each image; a blank box shows it whole"
        )
    return [(image, box) for image in images for box in known[_name(image, file)]]


def _of_table(file: Path, cropping: Cropping) -> dict[str, list[str]]:
    """The boxes of each image that a table names, in the order of its rows."""
    table = read_texts(file)
    for column in _COLUMNS:
        if column not in table:
            raise InputError(f"{file}: has no column {column}; {nearest(column, map(str, table.columns))}")
    boxes = read_boxes(f"{file}: column box", table["box"].tolist(), cropping.margin)
    known: dict[str, list[str]] = {}
    for path, box in zip(table["path"], boxes, strict=True):
        known.setdefault(_name(file.parent / path, file), []).append(box)
    return known


def _name(image: Path, file: Path) -> str:
    """An image's path from the folder of the file, with /."""
    return Path(os.path.relpath(image.resolve(), file.resolve().parent)).as_posix()
