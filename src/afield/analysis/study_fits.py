"""The fits of a study: of every metric of every task, the leading one first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from afield.analysis.fitting.on_the_line import OnTheLine, on_the_line
from afield.analysis.fitting.points import has_points, rows_to_fit
from afield.analysis.fitting.transfer import TransferFit, fit_transfer
from afield.analysis.ranking.compare import Ranking, rank_backbones, ranked_intervention
from afield.analysis.ranking.covariances import covariances
from afield.study.collecting.result_rows import joined_table
from afield.study.record import StudyRecord

_ABOUT = ("objective", "augmentation", "input_size")


def fit_leading(
    record: StudyRecord,
    ranking: Ranking,
    smallest_slope: float,
    *,
    resample: bool = True,
    rows: pd.Series | None = None,
) -> tuple[TransferFit, ...]:
    """The fit of a ranking's task by its leading metric, whose errors know how test images and seeds move all backbones
    together; none where nothing pretrained was scored, or hundredths of the metric are no points.
    """
    if record.results.empty or not has_points(ranking.metric, record.task(ranking.task).own_range):
        return ()
    table = record.results if rows is None else record.results[rows]
    return fit_transfer(
        table[(table["task"] == ranking.task) & (table["metric"] == ranking.metric)],
        intervention=ranking.intervention,
        covariance=ranking.covariance,
        smallest_slope=smallest_slope,
        resample=resample,
    )


def fit_study(
    record: StudyRecord,
    smallest_slope: float,
    *,
    resample: bool = False,
    rows: pd.Series | None = None,
    rankings: Sequence[Ranking] | None = None,
) -> tuple[TransferFit, ...]:
    """Leading metrics as the answer fits them (`fit_leading`); then the others of the results table, whose errors know
    the same by a jackknife (`covariances.py`). None where nothing pretrained was scored, and of metrics whose
    hundredths are no points. `rows`: those of the results table alone that count; `rankings`: the tasks', where they
    are known already.
    """
    if record.results.empty:
        return ()
    if rankings is None:
        chosen = ranked_intervention(record)
        rankings = [rank_backbones(record, task.name, chosen) for task in record.tasks]
    fits: list[TransferFit] = []
    for ranking in rankings:
        fits += fit_leading(record, ranking, smallest_slope, resample=resample, rows=rows)
        fits += _fit_further(record, ranking, smallest_slope, resample=resample, rows=rows)
    return tuple(fits)


def _fit_further(
    record: StudyRecord, ranking: Ranking, smallest_slope: float, *, resample: bool, rows: pd.Series | None
) -> Iterator[TransferFit]:
    """The fits of a ranking's task by the metrics that do not lead it, in the order of the results table."""
    table = record.results if rows is None else record.results[rows]
    table = table[(table["task"] == ranking.task) & (table["metric"] != ranking.metric)]
    table = table[table["metric"].map(has_points).astype(bool) & (table["direction"] == "higher")]
    for found in covariances(record, ranking.task, ranking.intervention, list(table["metric"].unique())):
        yield from fit_transfer(
            table[table["metric"] == found.metric],
            intervention=ranking.intervention,
            covariance=found.table,
            blocks=found.blocks,
            smallest_slope=smallest_slope,
            resample=resample,
        )


def told_rows(record: StudyRecord) -> pd.DataFrame:
    """The rows behind the fits, and beside them what else is known of backbones (`objective`, `augmentation`,
    `input_size`) and of tasks (`classes`, `n_train`: how many).
    """
    if record.results.empty:
        return record.results
    rows = rows_to_fit(record.results, ranked_intervention(record))
    cards = {row.backbone.id: row.backbone for row in record.backbones}
    tasks = {task.name: task for task in record.tasks}
    about = {name: rows["backbone"].map({key: getattr(card, name) for key, card in cards.items()}) for name in _ABOUT}
    return rows.assign(
        **about,
        classes=rows["task"].map({name: len(task.classes) for name, task in tasks.items()}),
        n_train=rows["task"].map({name: task.sizes.get("train") for name, task in tasks.items()}),
    )


def lines_of(record: StudyRecord) -> tuple[OnTheLine, ...]:
    """The study's backbones on further test splits against test, each task by its leading metric."""
    metrics = {task.name: task.metric for task in record.tasks}
    return on_the_line(joined_table(record.results, record.further), metrics, intervention=ranked_intervention(record))
