"""Further labelled images for the training split: which data set they are of, and what its labels mean to the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError, nearest
from afield.base.reading import AS_DECLARED
from afield.tasks.checks import checked_samples, listed
from afield.tasks.labels import HAS, HAS_NOT, UNKNOWN, Vector
from afield.tasks.own.task import written_labels
from afield.tasks.places import data_folder
from afield.tasks.source import TaskSource
from afield.tasks.task import Task
from afield.tasks.training_choice import FurtherChoice

_MIND = "say so with classes = { THEIRS = 'OURS' }, or with an empty text to leave its images out"


@dataclass(frozen=True, eq=False)
class FurtherSamples:
    """The samples of a further data set, in the words of the task that they are added to."""

    root: Path
    table: pd.DataFrame
    """id, image (path below root), label (a position in the task's classes, or a vector of them); where the set has
    them group, box, weight"""


def further_samples(choice: FurtherChoice, target: Task, found: Task | TaskSource, data: Path | None) -> FurtherSamples:
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
        places = {name: position for position, name in enumerate(target.classes)}
        meant = [places.get(means[name]) for name in classes]
        labels = [meant[label] for label in table["label"]]
    kept = [label is not None for label in labels]
    if not any(kept):
        raise InputError(f"{choice.task}: has no sample of a class of {target.name}; take it away, or map its classes")
    columns = ["id", "image", *(name for name in ("group", "box", "weight") if name in table)]
    table = table[columns].assign(label=pd.Series(labels, index=table.index, dtype=object))
    return FurtherSamples(root, table[kept].reset_index(drop=True))


def _of_task(found: Task, data: Path | None) -> tuple[Path, pd.DataFrame, tuple[str, ...]]:
    root = found.find(data_folder(data)).resolve()
    return root, checked_samples(found, found.samples(root)), found.classes


def _of_source(choice: FurtherChoice, target: Task, source: TaskSource) -> tuple[Path, pd.DataFrame, tuple[str, ...]]:
    """One's own data, of which no more is asked than that their labels are the task's: all may be of one class."""
    spoken = tuple(name for name in target.classes if name not in choice.classes)
    root, table, classes = written_labels(source, choice.task, spoken)
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
