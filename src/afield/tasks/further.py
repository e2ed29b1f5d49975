"""Further labelled images for the training split: which data set they are of, and what its labels mean to the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError, nearest
from afield.base.reading import AS_DECLARED
from afield.tasks.boxes import WHOLE
from afield.tasks.builtin import TASKS, find_task
from afield.tasks.checks import check_names, checked_samples, listed
from afield.tasks.labels import HAS, HAS_NOT, UNKNOWN, Vector
from afield.tasks.own.task import source_at, written_labels
from afield.tasks.places import data_folder, user_path
from afield.tasks.source import TaskSource
from afield.tasks.task import Task
from afield.tasks.training_choice import FurtherChoice

_DEFAULTS: dict[str, str | float] = {"box": WHOLE, "weight": 1.0}
"""columns that a table need not have, and what stands for them"""
_MIND = "say so with classes = { THEIRS = 'OURS' }, or with an empty text to leave its images out"


@dataclass(frozen=True, eq=False)
class FurtherSamples:
    """The samples of a further data set, in the words of the task that they are added to."""

    root: Path
    table: pd.DataFrame
    """id, image (path below root), label (a position in the task's classes, or a vector of them), group; where the set
    has them box and weight"""


def further_samples(
    choice: FurtherChoice, target: Task, found: Task | TaskSource, data: Path | None, name: str = ""
) -> FurtherSamples:
    """All samples of a further data set, whatever splits it has itself, with the task's labels.

    A class means what `choice.classes` says, else the task's class of the same name. Of several labels a sample, a
    class of the task of which the set says nothing is unknown. Raises InputError that names the set and the mend: for
    classes that the task has not, for one label against several, for other files than the task's.
    """
    root, table, classes = _of_source(choice, target, found) if isinstance(found, TaskSource) else _of_task(found, data)
    several = bool(len(table)) and isinstance(table["label"].iloc[0], tuple)
    if several != (target.target == "labels"):
        has, wants = ("several labels", "one") if several else ("one label", "several")
        raise InputError(f"{choice.task}: has {has} a sample, {target.name} {wants}; their labels cannot be joined")
    _check_reading(choice, target, found)
    means = _meanings(choice, target, classes)
    if several:
        labels: Sequence[int | Vector | None] = [_vector(label, classes, means, target) for label in table["label"]]
    else:
        places = {meant: position for position, meant in enumerate(target.classes)}
        positions = [places.get(means[theirs]) for theirs in classes]
        labels = [positions[label] for label in table["label"]]
    kept = [label is not None for label in labels]
    if not any(kept):
        raise InputError(f"{choice.task}: has no sample of a class of {target.name}; take it away, or map its classes")
    if "group" not in table:  # so that no group of the task is called alike by accident
        table = table.assign(group=called(name or choice.task, "") + table["id"])
    columns = ["id", "image", "group", *(column for column in _DEFAULTS if column in table)]
    table = table[columns].assign(label=pd.Series(labels, index=table.index, dtype=object))
    return FurtherSamples(root, table[kept].reset_index(drop=True))


def find_further(name: str, sources: Mapping[str, TaskSource]) -> tuple[Task | TaskSource, str]:
    """What a name of further data stands for (a table `[tasks.NAME]`, a built-in task, a folder, a table), and what it
    is called in the task's table. Raises InputError for what is none of these, and for a part of another task.
    """
    if name in sources:
        if sources[name].task is not None:
            raise InputError(f"further: {name}: is a part of {sources[name].task}; name that task itself")
        return sources[name], name
    if name in TASKS:
        return TASKS[name], name
    found = source_at(name)
    return (find_task(name, sources), name) if found is None else (found, user_path(name).stem)


def called(name: str, of: str) -> str:
    """An id or an image of a further set as the task's table has it."""
    return f"{name}/{of}"


def rows_of(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The samples of a further set, groups among their columns, as rows of a training split."""
    ids = name + "/" + table["id"]
    own = table[[column for column in ("label", "group", *_DEFAULTS) if column in table]]
    return own.assign(id=ids, image=name + "/" + table["image"], cluster=table["group"], unit=ids, split="train")


def _filled(table: pd.DataFrame, name: str, value: str | float) -> pd.DataFrame:
    """The table with a further column of one value."""
    filled = table.copy()
    filled[name] = value
    return filled


def _is_text(column: pd.Series) -> bool:
    """Whether a column holds text, blanks (None) perhaps among it."""
    return pd.api.types.is_string_dtype(column) or pd.api.types.is_object_dtype(column)


def joined(task: Task, table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """A task's samples and those that are added; columns that nobody reads of training samples are left behind."""
    for name, default in _DEFAULTS.items():
        if name in table or name in rows:
            table, rows = (each if name in each else _filled(each, name, default) for each in (table, rows))
    rows = rows.astype({"label": table["label"].dtype})
    blank = {name: "" for name in task.subgroups if _is_text(table[name])}
    kept = [name for name in table if name in rows or name in task.subgroups]
    return pd.concat([table[kept], rows.assign(**blank)], ignore_index=True)[kept]


def _of_task(found: Task, data: Path | None) -> tuple[Path, pd.DataFrame, tuple[str, ...]]:
    root = found.find(data_folder(data)).resolve()
    return root, checked_samples(found, found.samples(root)), found.classes


def _of_source(choice: FurtherChoice, target: Task, source: TaskSource) -> tuple[Path, pd.DataFrame, tuple[str, ...]]:
    """One's own data, of which no more is asked than that samples are named and their labels the task's: all may be of
    one class.
    """
    spoken = tuple(name for name in target.classes if name not in choice.classes)
    root, table, classes = written_labels(source, choice.task, spoken)
    check_names(choice.task, table)  # a blank group would be in no held-out split, whoever it is
    twice = table["id"][table["id"].duplicated()]
    if len(twice):
        raise InputError(f"{choice.task}: {listed(twice.unique().tolist(), 'id')}: named more than once")
    return root, table, classes


def _check_reading(choice: FurtherChoice, target: Task, found: Task | TaskSource) -> None:
    """A further image is read as the task's own are."""
    if isinstance(found, TaskSource):
        fits = found.reading in (AS_DECLARED, target.reading)
    else:
        fits = found.reading.files == target.reading.files
    if not fits:
        raise InputError(
            f"{choice.task}: says how its files are read (range, channels, files), and that is not how those of "
            f"{target.name} are; further images are read as the task's own, so bring them into that form"
        )


def _meanings(choice: FurtherChoice, target: Task, classes: Sequence[str]) -> Mapping[str, str]:
    """What each class of the set is called in the task; empty: left out."""
    strange = [name for name in choice.classes if name not in classes]
    if strange:
        raise InputError(f"{choice.task}: classes: has no class {strange[0]}; {nearest(strange[0], classes)}")
    means = {name: choice.classes.get(name, name) for name in classes}
    unknown = [name for name, meant in means.items() if meant and meant not in target.classes]
    if unknown:
        meant = means[unknown[0]]
        raise InputError(
            f"{choice.task}: its class {unknown[0]} {'' if meant == unknown[0] else f'({meant}) '}is none of "
            f"{target.name} ({', '.join(target.classes)}); {_MIND}"
        )
    return means


def _vector(label: Vector, classes: Sequence[str], means: Mapping[str, str], target: Task) -> Vector | None:
    """A vector of the set as one of the task; None where nothing of it is known."""
    said: dict[str, set[int]] = {}
    for name, known in zip(classes, label, strict=True):
        said.setdefault(means[name], set()).add(known)
    vector = tuple(_joined(said.get(name, {UNKNOWN})) for name in target.classes)
    return None if set(vector) == {UNKNOWN} else vector


def _joined(said: set[int]) -> int:
    """What several classes that are one say together.

    >>> _joined({HAS, UNKNOWN}), _joined({HAS_NOT, UNKNOWN}), _joined({HAS_NOT})
    (1, -1, 0)
    """
    return HAS if HAS in said else UNKNOWN if UNKNOWN in said else HAS_NOT
