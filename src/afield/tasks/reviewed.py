"""A list of doubtful labels that somebody has read: which training samples go, and which get another label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError, nearest
from afield.tasks.checks import listed
from afield.tasks.formats.label_table import read_table
from afield.tasks.labels import HAS, HAS_NOT, Vector, having
from afield.tasks.task import Task

COLUMNS = ("id", "label", "suggested", "action")
"""that a list must have; others are for its reader"""
ACTIONS = ("", "keep", "drop", "relabel")
"""what a row may say: nothing and `keep` leave the sample as it is, `drop` takes it out of the training split,
`relabel` gives it the label in the column `suggested`"""
JOINT = " + "
"""between the classes of a sample that has several"""
NONE = "none of the classes"
"""a sample that has none of several classes"""
_MEND = "Write one with `afield labels OUT`"


@dataclass(frozen=True)
class Review:
    """What a list says."""

    labels: Mapping[str, str]
    """the label that each sample had when the list was written, in words"""
    dropped: frozenset[str]
    relabelled: Mapping[str, str]
    """the label that a sample gets, in words"""


@dataclass(frozen=True)
class Reviewed:
    """What came of a list."""

    relabelled: int = 0
    dropped: int = 0
    elsewhere: int = 0
    """samples of validation and test that the list would change, and that stay as they are"""


def label_words(task: Task, label: int | Vector) -> str:
    """A label as a list has it.

    >>> from afield.tasks.sets import elpv
    >>> label_words(elpv.TASK, 1)
    'defective'
    """
    return JOINT.join(task.classes[place] for place in having(label)) or NONE


def read_review(name: str, path: Path) -> Review:
    """Read a list (CSV with COLUMNS) for the task of that name. Raises InputError for what is no such list, for other
    actions than ACTIONS, and for one that changes nothing, since nobody has read it then.
    """
    table = read_table(name, path, COLUMNS, _MEND)
    twice = table["id"][table["id"].duplicated()]
    if len(twice):
        raise InputError(f"{name}: {path}: lists {twice.iloc[0]} more than once. {_MEND}")
    action = table["action"].str.strip().str.lower()
    odd = action[~action.isin(ACTIONS)]
    if len(odd):
        raise InputError(
            f"{name}: {path}: row {odd.index[0] + 1}: action is {odd.iloc[0]!r}; must be keep, drop, relabel or blank"
        )
    dropped, changed = table[action == "drop"], table[action == "relabel"]
    if dropped.empty and changed.empty:
        raise InputError(
            f"{name}: {path}: says neither drop nor relabel of any sample, so nothing would change; read the list and "
            "fill its column action"
        )
    return Review(
        dict(zip(table["id"], table["label"], strict=True)),
        frozenset(dropped["id"]),
        dict(zip(changed["id"], changed["suggested"], strict=True)),
    )


def apply_review(task: Task, table: pd.DataFrame, review: Review, path: Path) -> tuple[pd.DataFrame, Reviewed]:
    """A table of samples with splits, its training samples as the review says, and what that came to.

    Raises InputError where the list speaks of samples that are not here or that have other labels than when it was
    written, and for a new label that is none of the task's classes.
    """
    place = {sample: row for row, sample in enumerate(table["id"])}
    touched = sorted({*review.dropped, *review.relabelled})
    absent = [sample for sample in touched if sample not in place]
    if absent:
        raise InputError(
            f"{task.name}: {path}: {listed(absent, 'sample')}: not among the task's; the list is of others"
        )
    labels, splits = table["label"].tolist(), table["split"].tolist()
    stale = [sample for sample in touched if label_words(task, labels[place[sample]]) != review.labels[sample]]
    if stale:
        now = label_words(task, labels[place[stale[0]]])
        raise InputError(
            f"{task.name}: {path}: {listed(stale, 'sample')}: had the label {review.labels[stale[0]]} when the list "
            f"was written, and has {now} now; write the list anew"
        )
    training = [sample for sample in touched if splits[place[sample]] == "train"]
    for sample in training:
        if sample in review.relabelled:
            labels[place[sample]] = _label(task, review.relabelled[sample], labels[place[sample]], path, sample)
    gone = review.dropped.intersection(training)
    changed = table.assign(label=pd.Series(labels, index=table.index, dtype=table["label"].dtype))
    kept = changed[~changed["id"].isin(gone)].reset_index(drop=True)
    return kept, Reviewed(len(training) - len(gone), len(gone), len(touched) - len(training))


def _label(task: Task, words: str, before: int | Vector, path: Path, sample: str) -> int | Vector:
    """A label in words as the task has it; of several, what was unknown and is not named stays unknown."""
    several = task.target == "labels"
    named = [] if several and words == NONE else words.split(JOINT) if several else [words]
    other = [name for name in named if name not in task.classes]
    if other or not words:
        raise InputError(
            f"{task.name}: {path}: {sample}: suggested is {words!r}; must be a class of the task: "
            f"{nearest(other[0] if other else words, task.classes)}"
        )
    positions = [task.classes.index(name) for name in named]
    if not isinstance(before, tuple):
        return positions[0]
    return tuple(HAS if place in positions else min(known, HAS_NOT) for place, known in enumerate(before))
