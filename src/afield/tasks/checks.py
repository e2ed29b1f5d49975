"""What must hold of a task's samples, splits and files; whatever does not is named."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.tasks.boxes import is_written
from afield.tasks.labels import HAS, HAS_NOT, UNKNOWN, count_each
from afield.tasks.task import SPLITS, Protocol, Task

SHOWN = 20
"""broken rows or files that one message names; the rest are counted"""


def checked_samples(task: Task, samples: pd.DataFrame) -> pd.DataFrame:
    """The samples sorted by id (so that the order of a file or folder never matters), or InputError."""
    lacking = [name for name in ("id", "image", "label") if name not in samples]
    if lacking:
        raise InputError(f"{task.name}: its samples lack the column {lacking[0]}; they need id, image and label")
    if samples.empty:
        raise InputError(f"{task.name}: holds no samples")
    check_names(task.name, samples)
    for box in samples["box"].unique() if "box" in samples else ():
        if not is_written(box):
            raise InputError(
                f"{task.name}: column box: is {box!r}; must be left, top, width and height as shares of the picture, "
                "such as `boxes.written` gives them, or empty"
            )
    _check_weights(task, samples)
    twice = samples["id"][samples["id"].duplicated()]
    if len(twice):
        raise InputError(
            f"{task.name}: {listed(twice.unique().tolist(), 'id')}: named more than once; take the further rows away, "
            "or name a column of unique ids by `id`"
        )
    _check_labels(task, samples)
    if task.target != "labels":
        samples = samples.astype({"label": "int64"})
    if "weight" in samples:
        samples = samples.astype({"weight": "float64"})
    return samples.sort_values("id", ignore_index=True)


def check_names(task: str, samples: pd.DataFrame) -> None:
    """What names samples and what belongs together is text and not empty; or InputError. Columns may be absent."""
    for name in ("id", "image", "group", "cluster", "unit"):
        if name in samples:
            sound = samples[name].map(lambda value: isinstance(value, str) and value != "").astype(bool)
            if not sound.all():
                rows = listed(samples.index[~sound].tolist(), "row")
                raise InputError(f"{task}: column {name}: {rows}: must be text and not empty")


def _check_weights(task: Task, samples: pd.DataFrame) -> None:
    """Weights, where there are any, are finite numbers above 0."""
    if "weight" not in samples:
        return
    numbers = pd.to_numeric(samples["weight"], errors="coerce")
    odd = samples["id"][~numbers.between(0, math.inf, inclusive="neither")]
    if len(odd):
        raise InputError(
            f"{task.name}: column weight: {listed(odd.tolist(), 'sample')}: must be a finite number above 0; leave out "
            "what shall not count"
        )


def _check_labels(task: Task, samples: pd.DataFrame) -> None:
    """Every label is a position in the classes, or a vector of what is known of each."""
    if task.target == "labels":
        odd = [name for name, label in zip(samples["id"], samples["label"], strict=True) if not _is_vector(task, label)]
        if odd:
            raise InputError(
                f"{task.name}: {listed(odd, 'sample')}: label must be a number for each of the {len(task.classes)} "
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
            f"{task.name}: {listed(outside.tolist(), 'sample')}: label is no position in the {len(task.classes)} "
            f"classes, 0 to {len(task.classes) - 1}"
        )


def _is_vector(task: Task, label: object) -> bool:
    return (
        isinstance(label, tuple)
        and len(label) == len(task.classes)
        and set(label) <= {HAS, HAS_NOT, UNKNOWN}
        and set(label) != {UNKNOWN}
    )


def with_units(table: pd.DataFrame) -> pd.DataFrame:
    """The table with all three units: a sample is its own, and a cluster is a group, where the task says nothing."""
    for name, default in (("group", "id"), ("cluster", "group"), ("unit", "id")):
        if name not in table:
            table[name] = table[default]
    return table


def check_splits(task: Task, table: pd.DataFrame, protocol: Protocol) -> None:
    """Every sample is in a split, no split is empty, and each class can be learnt; or InputError."""
    known = (*SPLITS, *task.extra_splits)
    unknown = table["id"][~table["split"].isin(known)]
    if len(unknown):
        raise InputError(f"{task.name}: {listed(unknown.tolist(), 'sample')}: in none of the splits {', '.join(known)}")
    for split in known if protocol == "clean" else ("train", "test", *task.extra_splits):
        if not (table["split"] == split).any():
            raise InputError(f"{task.name}: the {split} split is empty; the task needs more samples or other fractions")
    trained = count_each(table.loc[table["split"] == "train", "label"], len(task.classes))
    lacking = [name for name, count in zip(task.classes, trained, strict=True) if count == 0]
    if lacking:
        raise InputError(
            f"{task.name}: {listed(lacking, 'class', 'classes')}: no sample in the train split to learn from; "
            "add samples or take the class away"
        )


def check_selection(task: Task, table: pd.DataFrame, selection: str) -> None:
    """The labels of the split that selects define a leading metric that ranks samples; or InputError."""
    if task.metric not in ("auroc", "average_precision") or task.target == "labels":
        return
    counts = count_each(table.loc[table["split"] == selection, "label"], len(task.classes))
    if sum(count > 0 for count in counts) < 2:
        only = task.classes[max(range(len(counts)), key=counts.__getitem__)]
        raise InputError(
            f"{task.name}: all {selection} samples are of {only}, so that {task.metric} is not defined there; add "
            "others, divide the samples in another way, or lead with another metric"
        )


def check_together(task: Task, table: pd.DataFrame, protocol: Protocol) -> None:
    """What belongs together is in one split, and what is scored together in one cluster; or InputError."""
    for name in ("group", "unit", "image") if protocol == "clean" else ("image",):  # the study tore some groups
        sides = table.groupby(name)["split"].nunique()
        torn = sides.index[sides > 1].tolist()
        if torn:
            raise InputError(
                f"{task.name}: {listed(torn, name)}: in more than one split; what belongs together must stay together"
            )
    clusters = table.groupby("unit")["cluster"].nunique()
    if clusters.max() > 1:  # resamples would tear it
        torn = clusters.index[clusters > 1].tolist()
        raise InputError(
            f"{task.name}: {listed(torn, 'unit')}: in more than one cluster; a unit is resampled as a whole"
        )


def check_paths(task: Task, root: Path, images: Sequence[str]) -> None:
    """Every file of an image is there, and its path, links followed, stays below root."""
    files = [file for image in images for file in task.reading.files_of(image)]
    # Strings, not Path objects, which take three times as long; a task may have 100,000 images.
    inside = os.path.join(root, "")  # noqa: PTH118
    outside = [file for file in files if not os.path.realpath(os.path.join(root, file)).startswith(inside)]  # noqa: PTH118
    if outside:
        raise InputError(f"{task.name}: {listed(outside, 'image')}: path leaves {root}; copy the file into it")
    absent = [file for file in files if not os.path.isfile(os.path.join(root, file))]  # noqa: PTH113, PTH118
    if absent:
        some = f"{listed(absent, 'image')}: no such file in {root}; restore it or drop its sample"
        raise InputError(f"{task.name}: {_all_absent(task, root, absent) if len(absent) == len(files) > 1 else some}")


def _all_absent(task: Task, root: Path, absent: Sequence[str]) -> str:
    """Where paths were taken to count from, of which not one holds, and what to do."""
    of_table = f"name their folder by the key images, such as --set tasks.{task.name}.images=DIR"
    mend = f"put them there, or {of_table}" if task.proposal else "put them there"  # one's own data propose a metric
    return (
        f"all {len(absent)} images are missing: no such file in {root}, from where their paths count; the first was "
        f"looked for at {root / absent[0]}; {mend}"
    )


def check_expected(task: Task, table: pd.DataFrame, hashes: Mapping[str, str]) -> None:
    """The images are those that the writer of a split had."""
    pairs = zip(table["id"], table["image"], strict=True)
    other = [name for name, image in pairs if task.expected.get(name, hashes[image]) != hashes[image]]
    if other:
        raise InputError(
            f"{task.name}: {listed(other, 'sample')}: not the image that the split was written of (sha256); get the "
            "same version of the data, or leave the column sha256 out of the file"
        )


def listed(names: Sequence[object], noun: str, plural: str = "") -> str:
    """`image a.png`, or `3 images (a.png, b.png, c.png)`; at most SHOWN are named."""
    if len(names) == 1:
        return f"{noun} {names[0]}"
    shown = ", ".join(str(name) for name in names[:SHOWN])
    return f"{len(names)} {plural or noun + 's'} ({shown}{', ...' if len(names) > SHOWN else ''})"
