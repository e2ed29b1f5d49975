"""Backbones and interventions over all folds of a task: what each sample got from the network that was not trained on
it, put together, is one test set for all that is compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from afield.analysis.ranking.compare import Ranking, ranked_by, ranked_intervention
from afield.analysis.ranking.interventions import Change, changes_by, interventions_of
from afield.scoring.metric import Metric
from afield.study.record import StudyRecord


@dataclass(frozen=True)
class OverFolds:
    """What all folds of one task say together."""

    task: str
    """whose folds are tasks of the study"""
    folds: int
    n_test: int
    """samples of all folds"""
    n_clusters: int
    ranking: Ranking | None
    """of the backbones, by the metric on all validation parts; None for a metric of one's own"""
    changes: tuple[Change, ...]
    """of interventions; none in a study of a single one"""


def over_folds(record: StudyRecord) -> tuple[OverFolds, ...]:
    """The comparisons of each task that a study trains on all folds of, as far as these are scored; none without.

    Each network counts with what its own validation part settled. Of a metric of one's own the differences of
    interventions alone are told: nobody who reads a folder runs its code.
    """
    found = []
    for task, folds in record.study.folds.items():
        leading = record.metric(folds[0])
        together, settled = _together(record, task, folds, leading), replace(leading, settle=None)
        if together.results.empty:
            continue
        ranking = ranked_by(together, task, ranked_intervention(record), settled)
        n_test, n_clusters = (int(together.results[column].iloc[0]) for column in ("n_test", "n_clusters"))
        changes = changes_by(together, task, settled)
        found.append(OverFolds(task, len(folds), n_test, n_clusters, ranking if ranking.rows else None, changes))
    return tuple(found)


def every_change(record: StudyRecord) -> Iterator[Change]:
    """All lines of a study: those over folds first, then a task at a time."""
    for each in over_folds(record):
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
        yield leading.settled_by(validation)(test).to_frame(key=joined["key"], split="test", view="plain")
