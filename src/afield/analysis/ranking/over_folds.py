"""Every intervention against the plain recipe over all folds of a task: what each sample got from the network that was
not trained on it, put together, is one test set for both sides of a pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from afield.analysis.ranking.interventions import Change, changes_by, in_words, interventions_of
from afield.analysis.words import count
from afield.scoring.metric import Metric
from afield.study.record import StudyRecord


@dataclass(frozen=True)
class OverFolds:
    """What interventions changed over all folds of one task."""

    task: str
    """whose folds are tasks of the study"""
    changes: tuple[Change, ...]
    words: str
    """what they brought, in a sentence"""
    n_test: int
    """samples of all folds"""
    n_clusters: int


def interventions_over_folds(record: StudyRecord) -> tuple[OverFolds, ...]:
    """The comparisons of each task that a study trains on all folds of, as far as these are scored; none without.

    Each network counts with what its own validation part settled. Of a metric of one's own the differences alone are
    told: nobody who reads a folder runs its code.
    """
    found = []
    for task, folds in record.study.folds.items():
        leading = record.metric(folds[0])
        together = _together(record, task, folds, leading)
        changes = changes_by(together, task, replace(leading, settle=None))
        if changes:
            words = f"{task}, {count(len(folds), 'fold')} together. {in_words(changes)}"
            n_test, n_clusters = (int(together.results[column].iloc[0]) for column in ("n_test", "n_clusters"))
            found.append(OverFolds(task, changes, words, n_test, n_clusters))
    return tuple(found)


def every_change(record: StudyRecord) -> Iterator[Change]:
    """All lines of a study: those over folds first, then a task at a time."""
    for each in interventions_over_folds(record):
        yield from each.changes
    for task in record.tasks:
        yield from interventions_of(record, task.name)


def _together(record: StudyRecord, task: str, folds: tuple[str, ...], leading: Metric) -> StudyRecord:
    """The record as if the networks of all folds, joined by backbone, intervention and seed, were one network each."""
    rows = record.further
    rows = rows[(rows["kind"] == "folds") & (rows["task"] == task) & (rows["split"] == "test")]
    rows = rows[rows["view"] == "plain"].assign(kind="single")
    keys = rows.drop_duplicates("key") if record.task(folds[0]).own_range is None else rows.iloc[:0]
    said = [each for _, row in keys.iterrows() for each in _said(record, row, folds, leading)]
    return replace(
        record,
        results=rows,
        predictions=pd.concat(said, ignore_index=True) if said else record.predictions.iloc[:0],
        tasks=(replace(record.task(folds[0]), name=task),),
    )


def _said(record: StudyRecord, joined: pd.Series, folds: tuple[str, ...], leading: Metric) -> Iterator[pd.DataFrame]:
    """What each member of joined folds said of its test part, with what its validation part settled."""
    members = record.results[record.results["task"].isin(folds)]
    for name in ("backbone", "intervention", "seed"):
        members = members[members[name] == joined[name]]
    for key, fold in members.drop_duplicates("key")[["key", "task"]].itertuples(index=False):
        classes = record.task(fold).classes
        validation, test = (record.predictions_of(key, split, classes) for split in ("validation", "test"))
        settled = test if leading.settle is None else leading.settle(validation)(test)
        yield settled.to_frame(key=joined["key"], split="test", view="plain")
