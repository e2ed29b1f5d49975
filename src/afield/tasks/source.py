"""What a study says of a task: where one's own data lie, what their columns mean, how they are split, how much of the
training split is used. All as plain checked values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from afield.base.errors import InputError, nearest
from afield.base.reading import Range, Reading
from afield.tasks.formats.megadetector import CONFIDENCE
from afield.tasks.kinds import Flip, Target
from afield.tasks.places import user_path

Column = Annotated[str, Field(min_length=1)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Rare = Literal["error", "other", "drop", "unscored"]

LEAST = 5
"""images, or groups, from which on 60/20/20 per cent gives a class at least one in each split"""


class TaskSource(BaseModel):
    """Where a task comes from: one's own data in one of four forms, or another task of which a part is used."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    task: str | None = None
    """another task's name, to train on a part of it (`shots`, `share`), or with another split (`splits`)"""
    folder: str | None = None
    """a folder of class folders, with or without train / validation / test above them"""
    table: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """CSV or Parquet files, a row a sample; several are put one below the other (sites, hospitals)"""
    traps: str | None = None
    """a file of COCO Camera Traps JSON, with the columns `location` (the group, by default), `seq_id`, `time`, `box`"""
    huggingface: str | None = None
    """a folder that Hugging Face's `datasets` saved (`save_to_disk`)"""
    images: str | None = None
    """the folder that the tables' (or the traps') paths count from; by default each file's own"""
    leave_out: tuple[str, ...] = ("empty",)
    """of traps, categories that are no label, unless `classes` names them"""
    detections: str | None = None
    """a file of MegaDetector's results: pictures of traps are cut to the animal that it found most confidently"""
    confidence: Annotated[float, Field(ge=0, le=1)] = CONFIDENCE
    """below which a detection counts for nothing"""
    path: Column = "path"
    """column: the image; of a saved dataset by default its only column of images"""
    label: Column = "label"
    """column: the class; with `separator` all classes that the sample has"""
    labels: tuple[Column, ...] = ()
    """columns, one a class, instead of `label`: 1 has it, 0 has it not, blank: unknown"""
    separator: str = ""
    """what parts several classes in the column `label`; a blank cell: none of them"""
    id: Column | None = None
    """column: names the sample; by default its path"""
    split: Column | None = None
    """column: train, validation (or val) or test"""
    group: Column | None = None
    """column: what is split together (patient, location, sequence)"""
    cluster: Column | None = None
    """column: what is resampled together for intervals; by default the group"""
    unit: Column | None = None
    """column: what is scored as one (examination, sequence); by default the sample"""
    weight: Column | None = None
    """column: how much the sample counts in the training loss, above 0; metrics count all alike"""
    box: Column | None = None
    """column: the part of the picture that is shown (`boxes.read_boxes`); traps' `box` is that of the largest animal"""
    margin: Annotated[float, Field(ge=0, le=1)] = 0.0
    """by which share of its width and height a box grows at each side, as far as the picture goes"""
    time: Column | None = None
    """column: splits follow it, the earliest for training, the latest for test"""
    subgroups: tuple[Column, ...] = ()
    """columns for whose values results are told apart; `table` is that which says where a sample is from"""
    classes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """the classes in their order; by default those that occur, sorted"""
    ordinal: bool = False
    """whether the classes are grades in that order"""
    metric: str | None = None
    """the one that leads; by default one that fits (`own.proposed_metric`)"""
    fractions: tuple[Fraction, Fraction, Fraction] = (0.6, 0.2, 0.2)
    """of train, validation and test, where these are drawn"""
    folds: Annotated[int, Field(ge=3, le=100)] | None = None
    """number of equal parts instead of fractions: one is test, the next validation, the rest train"""
    fold: Annotated[int, Field(ge=0)] = 0
    """which part is test, from 0; "all" in a study file: each of them in turn, a task each, and their tests joined"""
    fold_of: str | None = None
    """the task whose fold this is, where a study file asked for all"""
    split_seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    rare: Rare = "error"
    """what becomes of classes of too few samples: nothing runs; they become one class `other`; their samples are left
    out; or all of them are for training and nothing is scored of them"""
    rare_below: Annotated[int, Field(ge=1)] | None = None
    """samples (groups, where there are any) below which a class is rare; by default LEAST, and where the data come with
    their splits 1
    """
    flips: tuple[Flip, ...] = ("horizontal",)
    """mirror images that leave the label as it is"""
    range: tuple[float, float] | None = None
    """stored values that become black and white, of files of more than eight bits that do not declare them"""
    channels: tuple[int, ...] | None = None
    """stored channels that the network gets, counted from 0; by default the file is a picture in colours"""
    files: tuple[str, ...] = ()
    """of tables: endings of the grey files that are one image together; `path` then names what they share"""
    licence: str = "the owner's"
    version: Annotated[int, Field(ge=1)] = 1
    """raised where the data change their meaning; in the key of every trial"""
    splits: str | None = None
    """a file that `afield tasks splits` wrote: the split is taken from it"""
    shots: Annotated[int, Field(ge=1)] | None = None
    """training samples of each class that are used; validation and test stay whole"""
    share: Fraction | None = None
    """the same as a share of each class"""

    @field_validator("table", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the file says
        if isinstance(value, str):
            return (value,)
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _holds_together(self) -> TaskSource:
        given = [name for name in _PLACES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"{', '.join(_PLACES)}: give one of them, and not {' and '.join(given) or 'none'}")
        fields = type(self).model_fields
        other = sorted(
            name for name in fields if getattr(self, name) != fields[name].default and name not in _KEYS[given[0]]
        )
        if other:
            raise ValueError(f"{other[0]}: cannot stand beside {given[0]}; {_WHY_NOT[given[0]]}")
        if self.shots is not None and self.share is not None:
            raise ValueError("shots, share: give one of them; both say how much of the training split is used")
        for name in ("labels", "subgroups", "classes"):
            values = getattr(self, name) or ()
            if len(set(values)) < len(values):
                raise ValueError(f"{name}: a name stands twice; name each once")
        if self.labels and self.separator:
            raise ValueError("labels, separator: give one of them; both say that a sample may have several classes")
        if self.labels and self.classes is not None and self.classes != self.labels:
            raise ValueError("labels, classes: the columns are the classes; leave classes out")
        if self.several and self.ordinal:
            raise ValueError("ordinal: grades in an order are one class a sample; take it away")
        if self.several and self.rare == "other":
            raise ValueError("rare: other: is for one class a sample; use drop, unscored or error")
        if abs(sum(self.fractions) - 1) > 1e-9:
            raise ValueError(f"fractions: must sum to 1, not {sum(self.fractions):g}")
        if self.fold_of is not None and self.folds is None:
            raise ValueError("fold_of: is for folds; give folds, or take it away")
        if self.folds is not None and self.fold >= self.folds:
            raise ValueError(f"fold: must be below folds, {self.folds}")
        if self.box is None and self.detections is None and (self.margin or self.confidence != CONFIDENCE):
            raise ValueError("margin, confidence: are about boxes; name the column `box`, or `detections`")
        ways = [name for name in ("split", "splits", "folds", "time") if getattr(self, name) is not None]
        if len(ways) > 1:
            raise ValueError(f"{ways[0]}, {ways[1]}: are two ways of splitting; give one of them")
        return self

    def below(self, folder: Path) -> TaskSource:
        """The same with all its paths, which count from a folder, made absolute."""

        def absolute(path: str) -> str:
            return str((folder / user_path(path)).resolve())

        single = ("folder", "traps", "huggingface", "images", "detections", "splits")
        places = {key: absolute(place) for key in single if (place := getattr(self, key)) is not None}
        table = {} if self.table is None else {"table": tuple(absolute(place) for place in self.table)}
        return self.model_copy(update={**places, **table})

    @property
    def reading(self) -> Reading:
        """How the files become channels. Raises InputError where the keys contradict each other."""
        stated = None if self.range is None else Range(*self.range)
        return Reading(stated, self.channels, self.files)

    @property
    def several(self) -> bool:
        """Whether a sample may have several of the classes."""
        return bool(self.labels or self.separator)

    @property
    def target(self) -> Target:
        """What is told of a sample."""
        return "labels" if self.several else "grade" if self.ordinal else "class"


def task_source(keys: Mapping[str, Any]) -> TaskSource:
    """Plain values, checked. Raises InputError for what they cannot be."""
    try:
        return TaskSource.model_validate_json(json.dumps(keys, default=str))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        known = f"; {nearest(place, TaskSource.model_fields)}" if first["type"] == "extra_forbidden" else ""
        raise InputError(f"own task: {place + ': ' if place else ''}{first['msg']}{known}") from None


_PLACES = ("task", "folder", "table", "traps", "huggingface")
_PART = {"shots", "share", "split_seed", "splits"}
_OF_FOLDERS = _PART | {
    "folder", "classes", "version", "ordinal", "metric", "fractions", "folds", "fold", "fold_of", "rare", "rare_below",
    "flips", "licence", "range", "channels",
}  # fmt: skip
_OF_TRAPS = {"traps", "leave_out", "detections", "confidence"}
_OF_TABLES = set(TaskSource.model_fields) - {*_PLACES, *_OF_TRAPS}
_KEYS = {
    "task": _PART | {"task"},
    "folder": _OF_FOLDERS,
    "table": _OF_TABLES | {"table"},
    "traps": _OF_TABLES - {"path", "label", "labels", "separator", "id", "split"} | _OF_TRAPS,
    "huggingface": _OF_TABLES - {"images"} | {"huggingface"},
}
"""that may stand beside each place"""
_WHY_NOT = {
    "task": "it has its own labels and splits",
    "folder": "a folder has no columns",
    "table": "it is no word of tables",
    "traps": "its columns are location, seq_id, time and box, and its labels the file's",
    "huggingface": "it is no word of saved datasets",
}
