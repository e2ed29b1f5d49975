"""A task of one's own data, wherever they lie, with classes, metric and splits proposed where nothing is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.base.extensions import is_own
from afield.base.text import count, first_few
from afield.scoring.metrics import METRICS, direction, metric_title
from afield.scoring.panel import fitting
from afield.tasks.boxes import Cropping
from afield.tasks.kinds import Target
from afield.tasks.own import huggingface as own_huggingface
from afield.tasks.own import traps as own_traps
from afield.tasks.own.folder import read_folder
from afield.tasks.own.labels import Labelled, label_samples, read_labels
from afield.tasks.own.split import split
from afield.tasks.own.table import common_folder, is_table, read_tables, unread_words
from afield.tasks.places import user_path
from afield.tasks.source import TaskSource
from afield.tasks.task import SPLITS, Card, Task, in_order

SKEW = 3
"""a largest class of more than this many times the smallest makes macro F1 the leading metric"""
_RARE = {"other": "became the class other", "drop": "were left out", "unscored": "are trained on, but not scored"}
_SHOWN = 8


def folder_task(path: Path | str) -> Task:
    """The task of a folder tree, with nothing said about it (`own_task`)."""
    return own_task(TaskSource(folder=str(path)))


def source_at(place: str) -> TaskSource | None:
    """What lies at a path: a saved dataset, a folder tree, a table, camera traps' annotations. None where it is nothing
    of that kind.
    """
    path = user_path(place)
    if path.is_dir():
        return TaskSource(huggingface=place) if own_huggingface.is_saved(path) else TaskSource(folder=place)
    if not path.is_file():
        return None
    if is_table(place):
        return TaskSource(table=(place,))
    return TaskSource(traps=place) if place.lower().endswith(own_traps.SUFFIX) else None


def own_task(source: TaskSource, name: str = "") -> Task:
    """The task of a folder tree `[split/]class/**/image`, of tables, of camera traps' annotations or a saved dataset.

    The task's name is by default that of the folder or file. Where the source names no metric, one is proposed from
    the labels, and the card says why. Paths in the source are absolute, or count from where the command runs.

    Raises InputError for data that are not what the source says (`read_folder`, `read_tables`, `read_own_traps`,
    `own_huggingface.as_table`, `label_samples`) and for a metric that does not fit.
    """
    name = name or _name(source)
    if source.huggingface is not None:
        source = own_huggingface.as_table(source)
    root = _root(source)
    table, other, unread = _rows(source, root)
    found = _labelled(source, name, table)
    counts = found.counts()
    proposed, reason = proposed_metric(source.target, counts)
    if source.metric is not None:
        proposed, reason = _chosen(name, source.metric, source.target, len(found.classes)), "it was chosen"
    what = count(len(found.table), "sample", say=lambda number: f"{number:,}")
    rare = _rare_words(found.rare, source)
    weighed = "" if source.weight is None else f", weighed in training by the column {source.weight}"
    given = in_order(found.table["split"]) if "split" in found.table else ()
    told = (
        f"{metric_title(proposed)} leads, because {reason}",
        unread and unread_words(unread),
        _mirrored_words(source),
    )
    unscored = tuple(found.classes.index(label) for label in found.rare) if source.rare == "unscored" else ()
    return Task(
        name=name,
        version=source.version,
        classes=found.classes,
        metric=proposed,
        find=partial(_find, root),
        samples=partial(_samples, table=found.table),  # read once: classes and metric are those of these very rows
        split=partial(split, source=source, unscored=unscored),
        extra_splits=tuple(split for split in given if split not in SPLITS),
        split_seed=source.split_seed,
        target=source.target,
        panel=("accuracy_by_unit",) if source.unit is not None and source.target != "labels" else (),
        subgroups=source.subgroups,
        flips=source.flips,
        reading=source.reading,
        cropping=Cropping(source.margin, None if source.detections is None else source.confidence),
        card=Card(
            title=name,
            source=(
                f"own data: {what} of {len(found.classes)} classes, of {_between(counts.values())} each"
                f"{weighed}{rare}{other}"
            ),
            application="own data",
            licence=source.licence,
        ),
        proposal="; ".join(filter(None, told)),
        unread=unread,
    )


def _mirrored_words(source: TaskSource) -> str:
    """That images are mirrored, where nobody has said whether they may be."""
    return (
        ""
        if "flips" in source.model_fields_set
        else "training mirrors images left to right, unless flips = [] forbids it"
    )


def _between(counts: Iterable[int]) -> str:
    """The least and the most, once where they are one.

    >>> _between([70, 1200]), _between([70, 70])
    ('70 to 1,200', '70')
    """
    known = sorted(counts)
    return f"{known[0]:,}" if known[0] == known[-1] else f"{known[0]:,} to {known[-1]:,}"


def written_labels(source: TaskSource, name: str, spoken: Sequence[str]) -> tuple[Path, pd.DataFrame, tuple[str, ...]]:
    """The folder of one's own data, the samples, and the classes that their labels are positions in (or vectors of),
    with no demand on how many there are of each: data that join those of another task.

    The classes are those that occur or are named. Where a cell may name several of them, it also says of each class
    that is `spoken` of, the task's, that the sample has it not. Raises InputError as `own_task` does for what the
    files hold.
    """
    if source.huggingface is not None:
        source = own_huggingface.as_table(source)
    root = _root(source)
    table, *_ = _rows(source, root, least=1)
    if table.empty:
        raise InputError(f"{name}: holds no samples; name a table with rows, or a folder with images")
    found = read_labels(name, table, source, spoken)
    return root, found.table, found.classes


def proposed_metric(target: Target, counts: Mapping[str, int]) -> tuple[str, str]:
    """The metric that suits the labels, and why; `counts` are samples by class.

    >>> proposed_metric("class", {"sound": 90, "broken": 10})
    ('auroc', 'there are two classes')
    >>> proposed_metric("grade", {"none": 5, "mild": 5, "severe": 5})
    ('qwk', 'the classes are grades in an order')
    """
    if target == "labels":
        return "macro_f1_global", "a sample may have several classes"
    if target == "grade":
        return "qwk", "the classes are grades in an order"
    if len(counts) == 2:
        return "auroc", "there are two classes"
    if max(counts.values()) > SKEW * min(counts.values()):
        return "macro_f1", f"the largest class has more than {SKEW} times the samples of the smallest"
    return "accuracy", f"the largest class has at most {SKEW} times the samples of the smallest"


def _chosen(name: str, chosen: str, target: Target, classes: int) -> str:
    """The user's metric, if it can be computed of such labels and selects (higher is better)."""
    if is_own(chosen):
        return chosen
    if direction(chosen) != "higher":
        raise InputError(f"{name}: metric {chosen}: is better when lower; lead with one that is better when higher")
    fit = (*fitting(classes, ordinal=target == "grade", multi_label=target == "labels"), "accuracy_by_unit")
    if chosen not in fit:
        known = ", ".join(each for each in fit if METRICS[each].direction == "higher")
        raise InputError(f"{name}: metric {chosen}: does not fit these labels; those that do: {known}")
    return chosen


def _root(source: TaskSource) -> Path:
    """The folder below which all images lie."""
    named = source.folder or source.images
    return user_path(named).resolve() if named is not None else common_folder(_files(source))


def _files(source: TaskSource) -> list[Path]:
    """The tables, or the one file of annotations."""
    files = source.table if source.traps is None else (source.traps,)
    return [user_path(file).resolve() for file in files or ()]


def _name(source: TaskSource) -> str:
    """That of the folder or of the first file."""
    folder = source.folder or source.huggingface
    return user_path(folder).resolve().name if folder is not None else _files(source)[0].stem


def _rows(source: TaskSource, root: Path, least: int = 2) -> tuple[pd.DataFrame, str, str]:
    """The samples with their labels as written, what else is to be said of the pictures, and a column of splits that is
    not taken; a folder must hold at least so many classes.
    """
    if source.traps is not None:
        return *own_traps.read_own_traps(root, _files(source)[0], source), ""
    if source.table is None:
        return read_folder(root, least), "", ""
    table, unread = read_tables(root, _files(source), source)
    return table, "", unread


def _labelled(source: TaskSource, name: str, table: pd.DataFrame) -> Labelled:
    if table.empty:
        raise InputError(f"{name}: holds no samples; name a table with rows, or a folder with images")
    found = label_samples(name, table, source)
    if len(found.classes) < 2 and not source.several:
        raise InputError(f"{name}: holds a single class, {found.classes[0]}; there is nothing to tell apart")
    return found


def _samples(root: Path, table: pd.DataFrame) -> pd.DataFrame:
    return table.copy()


def _find(root: Path, data: Path) -> Path:
    """The user's folder, wherever the data of the other tasks lie."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; it should hold the images")
    return root


def _rare_words(rare: Mapping[str, int], source: TaskSource) -> str:
    if not rare:
        return ""
    shown = first_few([f"{label} ({number})" for label, number in rare.items()], _SHOWN)
    return f"; rare classes {shown} {_RARE[source.rare]}"
