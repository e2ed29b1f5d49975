"""A task with its data: found, checked, split, hashed. What passes here, training can trust."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from afield.base.errors import InputError
from afield.base.hashing import digest
from afield.tasks.boxes import WHOLE, Cropping, pictures
from afield.tasks.checks import (
    check_expected,
    check_paths,
    check_selection,
    check_splits,
    check_together,
    checked_samples,
    with_units,
)
from afield.tasks.hashes import hash_images
from afield.tasks.labels import count_each
from afield.tasks.places import data_folder
from afield.tasks.task import LEFT_OUT, Protocol, Task, in_order
from afield.tasks.training_split import TrainingSplit

Unreadable = Callable[[Path, Sequence[str]], Mapping[str, str]]
"""the folder and images below it -> those that cannot be read, each with the reason"""
MOST_DROPPED = 0.05
"""share of a task's images that may be left out because they cannot be read"""


@dataclass(frozen=True, eq=False)
class TaskData:
    """A task whose data were found and hold what the task promises."""

    task: Task
    root: Path
    table: pd.DataFrame
    """one row a sample, sorted by id: id, image, label, group, cluster, unit, split, and the task's own columns
    (weight, box, ...)"""
    hashes: dict[str, str]
    """sha256 of each image by its path below root"""
    fingerprint: str
    """hash of ids, labels, units, clusters, splits, boxes, weights, images' bytes and classes: all that results depend
    on"""
    dropped: Mapping[str, str] = field(default_factory=dict)
    """images that cannot be read, each with the reason, whose samples were left out before anything was split"""
    selection: Literal["validation", "test"] = "validation"
    """the split that chooses recipe and epoch: test only where a protocol has no validation split"""
    elsewhere: Mapping[str, Path] = field(default_factory=dict)
    """where the images of further data sets lie, which are not below root"""
    training: TrainingSplit | None = None
    """what an intervention made of the training split; None: it is the task's own"""

    def place(self, image: str) -> str:
        """Where an image lies: its path below root, or an absolute one."""
        return str(self.elsewhere.get(image, image))

    @property
    def identity(self) -> str:
        """What a record of the task is about: the data, and all that is asked of them. Studies that lead with other
        metrics, or look at other subgroups, have records of their own.
        """
        task = self.task
        return digest([self.fingerprint, task.target, task.metric, list(task.metrics), list(task.subgroups)])

    @property
    def columns(self) -> list[str]:
        """Those of the table that a record of the task keeps."""
        named = ["id", "image", "label", "split", "group", "cluster", "unit"]
        named += [name for name in ("box", "weight") if name in self.table]
        return list(dict.fromkeys([*named, *self.task.subgroups]))

    @property
    def cropping(self) -> Cropping | None:
        """How its boxes were made; None where every picture is shown whole."""
        boxed = "box" in self.table and bool((self.table["box"] != WHOLE).any())
        return self.task.cropping if boxed else None

    def samples(self, split: str) -> pd.DataFrame:
        """The rows of a split; where there is no validation split, those of the one that selects in its place."""
        return self.table[self.table["split"] == (self.selection if split == "validation" else split)]

    def counts(self) -> dict[str, dict[str, int]]:
        """Samples by split, then by class (`count_samples`)."""
        return count_samples(self.task, self.table)

    def images(self, split: str) -> list[str]:
        """The images of a split, each once, in the order of the samples."""
        return list(dict.fromkeys(self.samples(split)["image"]))

    def pictures(self, split: str) -> list[tuple[str, str]]:
        """What a split shows: image and box (`boxes.WHOLE`: all of it), each pair once, in the order of the samples."""
        return list(dict.fromkeys(pictures(self.samples(split))))

    def absent(self) -> dict[str, tuple[str, ...]]:
        """The classes that the splits other than training lack; empty where each has all."""
        return lacking_classes(self.counts())


def count_samples(task: Task, table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Samples of a table with splits, by split, then by class; 0 where a split lacks a class, no entry for a split that
    the protocol does not have. A sample that has several classes counts for each.
    """
    return {
        split: dict(
            zip(task.classes, count_each(table.loc[table["split"] == split, "label"], len(task.classes)), strict=True)
        )
        for split in in_order(table["split"])
    }


def lacking_classes(counts: Mapping[str, Mapping[str, int]]) -> dict[str, tuple[str, ...]]:
    """The classes that each split lacks; no entry for those that have all."""
    lacking = {split: tuple(name for name, count in numbers.items() if count == 0) for split, numbers in counts.items()}
    return {split: names for split, names in lacking.items() if names}


def load_task(
    task: Task, protocol: Protocol, cache: Path, data: Path | None = None, unreadable: Unreadable | None = None
) -> TaskData:
    """Find a task's data, check and split them, and hash its images (known hashes are kept below `cache`).

    `data` is the folder that holds the tasks' folders (by default `places.data_folder`). Where `unreadable` is given,
    the samples of images that it names are left out: before anything is split or, under `paper`, after it, since the
    study's draws count on every row. Without it the first reader of an image that cannot be read refuses it.

    Raises InputError that names the task, the rows or files, and the mend.
    """
    root, table = _samples(task, protocol, data)
    check_paths(task, root, sorted(set(table["image"])))
    dropped = unreadable(root, sorted(set(table["image"]))) if unreadable else {}
    _check_dropped(task, dropped, table["image"].nunique())
    table = _divided(task, protocol, table, list(dropped))
    images = sorted(set(table["image"]))
    hashes = hash_images(task, root, images, cache)
    check_expected(task, table, hashes)
    return TaskData(task, root, table, hashes, _fingerprint(task, table, hashes), dropped, _selection(table))


def with_training(
    data: TaskData, table: pd.DataFrame, hashes: Mapping[str, str], elsewhere: Mapping[str, Path], made: TrainingSplit
) -> TaskData:
    """The task with another training split: `table` has all its samples, those of validation and test as they were,
    `hashes` the sha256 of images that the task has not (`elsewhere`).

    Raises InputError where a class is left without a training sample.
    """
    task = data.task
    check_splits(task, table, "clean" if data.selection == "validation" else "paper")
    known = {**data.hashes, **hashes}
    table = table.sort_values("id", ignore_index=True)
    fingerprint = _fingerprint(task, table, known)
    return replace(data, table=table, hashes=known, fingerprint=fingerprint, elsewhere=elsewhere, training=made)


def _fingerprint(task: Task, table: pd.DataFrame, hashes: Mapping[str, str]) -> str:
    names = ["id", "label", "unit", "cluster", "split", *(name for name in ("box", "weight") if name in table)]
    columns: list[object] = [table[name].tolist() for name in names]
    return digest([list(task.classes), *columns, [hashes[image] for image in table["image"]]])


def split_samples(
    task: Task, protocol: Protocol, data: Path | None = None, *, allow_torn: bool = False
) -> pd.DataFrame:
    """A task's samples with their splits (`TaskData.table`); no image is opened.

    Raises InputError as `load_task` does, but for what is wrong with the images themselves; `allow_torn` lets groups,
    units and images pass that lie in more than one split, for a check that reports them.
    """
    return _divided(task, protocol, _samples(task, protocol, data)[1], allow_torn=allow_torn)


def _samples(task: Task, protocol: Protocol, data: Path | None) -> tuple[Path, pd.DataFrame]:
    """The folder of a task's data, and its samples."""
    if protocol == "paper" and task.published is None:
        raise InputError(f"{task.name}: is no task of the study, so it has no protocol paper; use clean")
    root = task.find(data_folder(data)).resolve()
    return root, with_units(checked_samples(task, task.samples(root)))


def _divided(
    task: Task, protocol: Protocol, table: pd.DataFrame, dropped: Sequence[str] = (), *, allow_torn: bool = False
) -> pd.DataFrame:
    """The samples that a protocol uses, without those of the dropped images, with their splits."""
    if protocol == "clean":
        table = table[~table["image"].isin(dropped)].reset_index(drop=True)
    table = table.assign(split=task.split(table, protocol))
    table = table[(table["split"] != LEFT_OUT) & ~table["image"].isin(dropped)].reset_index(drop=True)
    check_splits(task, table, protocol)
    check_selection(task, table, _selection(table))
    if not allow_torn:
        check_together(task, table, protocol)
    return table


def _check_dropped(task: Task, dropped: Mapping[str, str], images: int) -> None:
    """A few broken files are an accident; many are a mistake that nobody should train on."""
    if len(dropped) > MOST_DROPPED * images:
        named = "; ".join(f"{image}: {reason}" for image, reason in list(dropped.items())[:3])
        raise InputError(
            f"{task.name}: {len(dropped)} of {images} images cannot be read, more than the {MOST_DROPPED:.0%} that may "
            f"be left out ({named}, ...); restore them"
        )


def _selection(table: pd.DataFrame) -> Literal["validation", "test"]:
    return "validation" if (table["split"] == "validation").any() else "test"
