"""A task with its data: found, checked, split, hashed. What passes here, training can trust."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from afield.base.errors import InputError
from afield.base.files import write_text
from afield.base.hashing import digest, sha256_file
from afield.scoring.labels import label_array
from afield.tasks.boxes import is_written, pictures
from afield.tasks.labels import HAS, HAS_NOT, UNKNOWN
from afield.tasks.places import data_folder
from afield.tasks.task import LEFT_OUT, SPLITS, Protocol, Split, Task

Unreadable = Callable[[Path, Sequence[str]], Mapping[str, str]]
"""the folder and images below it -> those that cannot be read, each with the reason"""
MOST_DROPPED = 0.05
"""share of a task's images that may be left out because they cannot be read"""
SHOWN = 20
"""broken rows or files that one message names; the rest are counted"""


@dataclass(frozen=True, eq=False)
class TaskData:
    """A task whose data were found and hold what the task promises."""

    task: Task
    root: Path
    table: pd.DataFrame
    """one row a sample, sorted by id: id, image, label, group, cluster, unit, split, and the task's own columns"""
    hashes: dict[str, str]
    """sha256 of each image by its path below root"""
    fingerprint: str
    """hash of ids, labels, units, clusters, splits, boxes, images' bytes and classes: all that results depend on"""
    dropped: Mapping[str, str] = field(default_factory=dict)
    """images that cannot be read, each with the reason, whose samples were left out before anything was split"""
    selection: Literal["validation", "test"] = "validation"
    """the split that chooses recipe and epoch: test only where a protocol has no validation split"""

    def samples(self, split: Split) -> pd.DataFrame:
        """The rows of a split; where there is no validation split, those of the one that selects in its place."""
        return self.table[self.table["split"] == (self.selection if split == "validation" else split)]

    def counts(self) -> dict[Split, dict[str, int]]:
        """Samples by split, then by class (`count_samples`)."""
        return count_samples(self.task, self.table)

    def images(self, split: Split) -> list[str]:
        """The images of a split, each once, in the order of the samples."""
        return list(dict.fromkeys(self.samples(split)["image"]))

    def pictures(self, split: Split) -> list[tuple[str, str]]:
        """What a split shows: image and box (`boxes.WHOLE`: all of it), each pair once, in the order of the samples."""
        return list(dict.fromkeys(pictures(self.samples(split))))

    def absent(self) -> dict[Split, tuple[str, ...]]:
        """The classes that validation or test lack; empty where each split has all."""
        return lacking_classes(self.counts())


def count_samples(task: Task, table: pd.DataFrame) -> dict[Split, dict[str, int]]:
    """Samples of a table with splits, by split, then by class; 0 where a split lacks a class, no entry for a split that
    the protocol does not have. A sample that has several classes counts for each.
    """
    return {
        split: dict(zip(task.classes, _having(task, table.loc[table["split"] == split, "label"]), strict=True))
        for split in SPLITS
        if (table["split"] == split).any()
    }


def _having(task: Task, labels: pd.Series) -> list[int]:
    """How many samples have each class."""
    array, classes = label_array(labels), len(task.classes)
    counts = np.bincount(array, minlength=classes) if array.ndim == 1 else (array == HAS).sum(axis=0)
    return [int(count) for count in counts]


def lacking_classes(counts: Mapping[Split, Mapping[str, int]]) -> dict[Split, tuple[str, ...]]:
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
    _check_paths(task, root, sorted(set(table["image"])))
    dropped = unreadable(root, sorted(set(table["image"]))) if unreadable else {}
    _check_dropped(task, dropped, table["image"].nunique())
    table = _divided(task, protocol, table, list(dropped))
    images = sorted(set(table["image"]))
    hashes = _hash_images(task, root, images, cache)
    _check_expected(task, table, hashes)
    names = ["id", "label", "unit", "cluster", "split", *(["box"] if "box" in table else [])]
    columns: list[object] = [table[name].tolist() for name in names]
    fingerprint = digest([list(task.classes), *columns, [hashes[image] for image in table["image"]]])
    return TaskData(task, root, table, hashes, fingerprint, dropped, _selection(table))


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
    return root, _with_units(_checked_samples(task, task.samples(root)))


def _divided(
    task: Task, protocol: Protocol, table: pd.DataFrame, dropped: Sequence[str] = (), *, allow_torn: bool = False
) -> pd.DataFrame:
    """The samples that a protocol uses, without those of the dropped images, with their splits."""
    if protocol == "clean":
        table = table[~table["image"].isin(dropped)].reset_index(drop=True)
    table = table.assign(split=task.split(table, protocol))
    table = table[(table["split"] != LEFT_OUT) & ~table["image"].isin(dropped)].reset_index(drop=True)
    _check_splits(task, table, protocol)
    if not allow_torn:
        _check_together(task, table, protocol)
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


def _checked_samples(task: Task, samples: pd.DataFrame) -> pd.DataFrame:
    """The samples sorted by id (so that the order of a file or folder never matters), or InputError."""
    lacking = [name for name in ("id", "image", "label") if name not in samples]
    if lacking:
        raise InputError(f"{task.name}: its samples lack the column {lacking[0]}; they need id, image and label")
    if samples.empty:
        raise InputError(f"{task.name}: holds no samples")
    for name in ("id", "image", "group", "cluster", "unit"):
        if name in samples:
            sound = samples[name].map(lambda value: isinstance(value, str) and value != "").astype(bool)
            if not sound.all():
                rows = _listed(samples.index[~sound].tolist(), "row")
                raise InputError(f"{task.name}: column {name}: {rows}: must be text and not empty")
    for box in samples["box"].unique() if "box" in samples else ():
        if not is_written(box):
            raise InputError(
                f"{task.name}: column box: is {box!r}; must be left, top, width and height as shares of the picture, "
                "such as `boxes.written` gives them, or empty"
            )
    twice = samples["id"][samples["id"].duplicated()]
    if len(twice):
        raise InputError(
            f"{task.name}: {_listed(twice.unique().tolist(), 'id')}: named more than once; ids must be unique"
        )
    _check_labels(task, samples)
    if task.target != "labels":
        samples = samples.astype({"label": "int64"})
    return samples.sort_values("id", ignore_index=True)


def _check_labels(task: Task, samples: pd.DataFrame) -> None:
    """Every label is a position in the classes, or a vector of what is known of each."""
    if task.target == "labels":
        odd = [name for name, label in zip(samples["id"], samples["label"], strict=True) if not _is_vector(task, label)]
        if odd:
            raise InputError(
                f"{task.name}: {_listed(odd, 'sample')}: label must be a number for each of the {len(task.classes)} "
                f"classes, {HAS} (has it), {HAS_NOT} (has it not) or {UNKNOWN} (unknown), and not all unknown"
            )
        return
    if not pd.api.types.is_integer_dtype(samples["label"]):
        raise InputError(
            f"{task.name}: column label: is {samples['label'].dtype}; must be whole numbers, positions in the classes"
        )
    outside = samples["id"][~samples["label"].between(0, len(task.classes) - 1)]
    if len(outside):
        raise InputError(
            f"{task.name}: {_listed(outside.tolist(), 'sample')}: label is no position in the {len(task.classes)} "
            f"classes, 0 to {len(task.classes) - 1}"
        )


def _is_vector(task: Task, label: object) -> bool:
    return (
        isinstance(label, tuple)
        and len(label) == len(task.classes)
        and set(label) <= {HAS, HAS_NOT, UNKNOWN}
        and set(label) != {UNKNOWN}
    )


def _with_units(table: pd.DataFrame) -> pd.DataFrame:
    """The table with all three units: a sample is its own, and a cluster is a group, where the task says nothing."""
    for name, default in (("group", "id"), ("cluster", "group"), ("unit", "id")):
        if name not in table:
            table[name] = table[default]
    return table


def _check_splits(task: Task, table: pd.DataFrame, protocol: Protocol) -> None:
    unknown = table["id"][~table["split"].isin(SPLITS)]
    if len(unknown):
        raise InputError(
            f"{task.name}: {_listed(unknown.tolist(), 'sample')}: in none of the splits {', '.join(SPLITS)}"
        )
    for split in SPLITS if protocol == "clean" else ("train", "test"):
        if not (table["split"] == split).any():
            raise InputError(f"{task.name}: the {split} split is empty; the task needs more samples or other fractions")
    trained = _having(task, table.loc[table["split"] == "train", "label"])
    lacking = [name for name, count in zip(task.classes, trained, strict=True) if count == 0]
    if lacking:
        raise InputError(
            f"{task.name}: {_listed(lacking, 'class', 'classes')}: no sample in the train split to learn from; "
            "add samples or take the class away"
        )


def _check_together(task: Task, table: pd.DataFrame, protocol: Protocol) -> None:
    for name in ("group", "unit", "image") if protocol == "clean" else ("image",):  # the study tore some groups
        sides = table.groupby(name)["split"].nunique()
        torn = sides.index[sides > 1].tolist()
        if torn:
            raise InputError(
                f"{task.name}: {_listed(torn, name)}: in more than one split; what belongs together must stay together"
            )
    clusters = table.groupby("unit")["cluster"].nunique()
    if clusters.max() > 1:  # resamples would tear it
        torn = clusters.index[clusters > 1].tolist()
        raise InputError(
            f"{task.name}: {_listed(torn, 'unit')}: in more than one cluster; a unit is resampled as a whole"
        )


def _check_paths(task: Task, root: Path, images: Sequence[str]) -> None:
    """Every file of an image is there, and its path, links followed, stays below root."""
    files = [file for image in images for file in task.reading.files_of(image)]
    # Strings, not Path objects, which take three times as long; a task may have 100,000 images.
    inside = os.path.join(root, "")  # noqa: PTH118
    outside = [file for file in files if not os.path.realpath(os.path.join(root, file)).startswith(inside)]  # noqa: PTH118
    if outside:
        raise InputError(f"{task.name}: {_listed(outside, 'image')}: path leaves {root}; copy the file into it")
    absent = [file for file in files if not (root / file).is_file()]
    if absent:
        raise InputError(
            f"{task.name}: {_listed(absent, 'image')}: no such file in {root}; restore it or drop its sample"
        )


def _hash_images(task: Task, root: Path, images: Sequence[str], cache: Path) -> dict[str, str]:
    """sha256 by image. A file whose path, size, times and inode are those of an earlier run is not read again."""
    store = cache / "hashes" / f"{digest([task.name, str(root)])}.json"
    known = _known_hashes(store)
    # Taken before the files are read: one that changes meanwhile has another stamp the next time.
    stamps = {image: "|".join(_stamp(root, file) for file in task.reading.files_of(image)) for image in images}
    unread = [image for image in images if stamps[image] not in known]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        fresh = dict(zip(unread, threads.map(lambda image: _hash(task, root, image), unread), strict=True))
    hashes = {image: fresh.get(image) or known[stamps[image]] for image in images}
    if fresh:
        write_text(store, json.dumps({stamps[image]: value for image, value in hashes.items()}))
    return hashes


def _check_expected(task: Task, table: pd.DataFrame, hashes: Mapping[str, str]) -> None:
    """The images are those that the writer of a split had."""
    pairs = zip(table["id"], table["image"], strict=True)
    other = [name for name, image in pairs if task.expected.get(name, hashes[image]) != hashes[image]]
    if other:
        raise InputError(
            f"{task.name}: {_listed(other, 'sample')}: not the image that the split was written of (sha256); get the "
            "same version of the data, or leave the column sha256 out of the file"
        )


def _known_hashes(store: Path) -> dict[str, str]:
    """Hashes by stamp from an earlier run; none where there is no sound file, for all can be computed again."""
    try:
        known = json.loads(store.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _stamp(root: Path, file: str) -> str:
    stat = (root / file).stat()
    return f"{stat.st_size}/{stat.st_mtime_ns}/{stat.st_ctime_ns}/{stat.st_ino}/{file}"


def _hash(task: Task, root: Path, image: str) -> str:
    """sha256 of an image's file; where it is several, the hash of theirs in order."""
    hashes: list[object] = [_hash_file(task, root / file) for file in task.reading.files_of(image)]
    return str(hashes[0]) if len(hashes) == 1 else digest(hashes, 64)


def _hash_file(task: Task, path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise InputError(
            f"{task.name}: {path}: cannot be read ({error.strerror}); check the file and its permissions"
        ) from error


def _listed(names: Sequence[object], noun: str, plural: str = "") -> str:
    """`image a.png`, or `3 images (a.png, b.png, c.png)`; at most SHOWN are named."""
    if len(names) == 1:
        return f"{noun} {names[0]}"
    shown = ", ".join(str(name) for name in names[:SHOWN])
    return f"{len(names)} {plural or noun + 's'} ({shown}{', ...' if len(names) > SHOWN else ''})"
