"""What networks say of each sample that they were not trained on: the tests of all folds of a task put together."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from afield.base.errors import InputError, nearest
from afield.scoring.combine import combined
from afield.scoring.predictions import Predictions
from afield.study.record import StudyRecord
from afield.study.study import PLAIN

_MEND = 'give the task folds = 5 and fold = "all" in the study (docs/combining.md), and run it'


@dataclass(frozen=True)
class OutOfFold:
    """The out-of-fold predictions of a task."""

    task: str
    """whose folds they are"""
    folds: tuple[str, ...]
    """the tasks that are its folds"""
    intervention: str
    networks: int
    """whose probabilities they are the mean of, each of so many folds"""
    predictions: Predictions


def out_of_fold(record: StudyRecord, task: str | None = None, intervention: str | None = None) -> OutOfFold:
    """The mean probabilities of all backbones and seeds of an intervention (by default plain), each sample's from
    networks that were not trained on it.

    Raises InputError where the study has no folds, or several tasks with folds of which none is named, and where no
    backbone has been scored on all folds.
    """
    folds = record.study.folds
    name = _one_of(task, tuple(folds), "task", f"no task of this study is divided into folds; {_MEND}")
    named = record.study.study.interventions
    only = PLAIN if PLAIN in named and intervention is None else intervention
    chosen = _one_of(only, named, "intervention", "the study has none")
    rows = record.results
    rows = rows[rows["task"].isin(folds[name]) & (rows["intervention"] == chosen)]
    rows = rows.drop_duplicates(["task", "backbone", "seed"])
    whole = [each for _, each in rows.groupby(["backbone", "seed"]) if len(each) == len(folds[name])]
    if not whole:
        raise InputError(
            f"{name}: no backbone has been scored on all of its {len(folds[name])} folds yet; run the study"
        )
    classes = record.task(folds[name][0]).classes
    members = [_joined(record, tuple(each["key"]), classes) for each in whole]
    return OutOfFold(name, folds[name], chosen, len(members), combined(members))


def _one_of(named: str | None, known: tuple[str, ...], what: str, none: str) -> str:
    if not known:
        raise InputError(none)
    if named is None and len(known) > 1:
        raise InputError(f"which {what}? Name one with --{what}: {', '.join(known)}")
    if named is not None and named not in known:
        raise InputError(f"{named}: no such {what} in this study; {nearest(named, known)}")
    return named or known[0]


def _joined(record: StudyRecord, keys: tuple[str, ...], classes: tuple[str, ...]) -> Predictions:
    test = pd.concat([record.said(key, "test") for key in keys]).sort_values("sample", kind="stable")
    if test["sample"].duplicated().any():
        raise InputError("a sample is in the test part of several folds; the tasks are no folds of one another")
    return Predictions.from_frame(test, classes)
