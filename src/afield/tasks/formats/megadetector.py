"""MegaDetector's results (https://lila.science/megadetector-output-format): where the animals are in camera-trap
pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

import pandas as pd
from pydantic import BaseModel, Field, FiniteFloat

from afield.base.errors import InputError
from afield.tasks.boxes import Box, cut_box
from afield.tasks.formats.typed_json import MaybeName, Name, read_json

CONFIDENCE = 0.2
"""what MegaDetector's own file format calls its version 5's typical detection threshold"""
_MEND = "See https://lila.science/megadetector-output-format for the format, or run MegaDetector again"
_SHOWN = 3


class _Detection(BaseModel):
    category: Name
    conf: Annotated[FiniteFloat, Field(ge=0, le=1)]
    bbox: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]


class _Result(BaseModel):
    file: Name
    detections: list[_Detection] | None = None
    failure: MaybeName = None

    @property
    def failed(self) -> bool:
        """Whether the detector could not look at the picture, which is not the same as seeing nothing in it."""
        return self.failure is not None or self.detections is None


class _Results(BaseModel):
    images: list[_Result]
    detection_categories: dict[str, str]


@dataclass(frozen=True, eq=False)
class Boxed:
    """Samples with the boxes that a detector found, and how many it found none for."""

    table: pd.DataFrame
    """the samples with the columns `box` (`boxes.Box`, or None) and `box_confidence` (NaN where there is none)"""
    without: Mapping[str, int]
    """images without a box, counted by reason"""


def with_detections(
    samples: pd.DataFrame,
    results: Path,
    pictures: Path | None = None,
    confidence: float = CONFIDENCE,
    category: str = "animal",
) -> Boxed:
    """Samples (column `image`) with the best box that MegaDetector found in each picture.

    Of the detections of that category with at least that confidence the most confident is taken, of equal ones the
    first. File names in `results` are taken relative to the folder of the pictures; where it wrote absolute paths, give
    that folder as `pictures`.

    Raises InputError that names file and entry (from 0) for what is no such file, for a category that it does not
    know, and for pictures that it lists twice or not at all.
    """
    content = read_json(results, _Results, "a file of MegaDetector's results", _MEND)
    wanted = {number for number, name in content.detection_categories.items() if name == category}
    if not wanted:
        raise InputError(
            f"{results}: detection_categories: none is {category}; they are "
            f"{', '.join(content.detection_categories.values()) or 'empty'}"
        )
    files = pd.Series([_relative(result.file, pictures) for result in content.images], dtype=object)
    twice = files[files.duplicated()]
    if len(twice):
        raise InputError(f"{results}: images[{twice.index[0]}].file: is {twice.iloc[0]} for the second time. {_MEND}")
    found = dict(zip(files, content.images, strict=True))
    unseen = [image for image in dict.fromkeys(samples["image"]) if image not in found]
    if unseen:
        raise InputError(
            f"{results}: images: lacks {len(unseen)} of the pictures ({', '.join(unseen[:_SHOWN])}"
            f"{', ...' if len(unseen) > _SHOWN else ''}); run MegaDetector on all of them, in the folder that the "
            "names are relative to"
        )
    best = {image: _best(found[image], wanted, confidence) for image in dict.fromkeys(samples["image"])}
    failed = sum(1 for image in best if found[image].failed)
    empty = sum(1 for chosen in best.values() if chosen is None) - failed
    without = {"the detector failed": failed, f"no {category} of confidence {confidence:g} or more": empty}
    chosen = [best[image] for image in samples["image"]]
    table = samples.assign(
        box=pd.Series([pair and pair[0] for pair in chosen], index=samples.index, dtype=object),
        box_confidence=pd.Series([pair and pair[1] for pair in chosen], index=samples.index, dtype="float64"),
    )
    return Boxed(table, {reason: count for reason, count in without.items() if count})


def _best(result: _Result, wanted: set[str], confidence: float) -> tuple[Box, float] | None:
    """The most confident detection of the wanted categories, and how confident; None where there is none."""
    boxes = [
        (box, detection.conf)
        for detection in (() if result.failed else result.detections or ())
        if detection.category in wanted and detection.conf >= confidence and (box := cut_box(detection.bbox))
    ]
    return max(boxes, key=lambda pair: pair[1], default=None)


def _relative(file: str, pictures: Path | None) -> str:
    """A file's name as the samples have it: below the folder of the pictures, with / for backslashes."""
    name = PurePosixPath(file.replace("\\", "/"))
    folder = pictures.resolve().as_posix() if pictures else None
    return (name.relative_to(folder) if folder and name.is_relative_to(folder) else name).as_posix()
