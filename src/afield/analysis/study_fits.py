"""The fits of a study: of every metric of every task, the leading one first."""

from __future__ import annotations

import pandas as pd

from afield.analysis.compare import rank_backbones, ranked_intervention
from afield.analysis.on_the_line import OnTheLine, on_the_line
from afield.analysis.points import has_points, rows_to_fit
from afield.analysis.transfer import TransferFit, fit_transfer
from afield.study.record import StudyRecord
from afield.study.result_rows import joined_table

_ABOUT = ("objective", "augmentation", "input_size")


def fit_study(
    record: StudyRecord, smallest_slope: float, *, resample: bool = False, rows: pd.Series | None = None
) -> tuple[TransferFit, ...]:
    """Leading metrics as the answer fits them, whose errors know how test images and seeds move all backbones together;
    then the others of the results table, with the errors that it tells. None where nothing pretrained was scored, and
    of metrics whose hundredths are no points. `rows`: those of the results table alone that count.
    """
    fits: list[TransferFit] = []
    for task in record.tasks if len(record.results) else ():
        ranking = rank_backbones(record, task.name, ranked_intervention(record))
        mine = record.results["task"] == task.name
        table = record.results[mine if rows is None else mine & rows]
        leading = table["metric"] == ranking.metric
        others = table[~leading & table["metric"].map(has_points)]
        chosen = table[leading] if has_points(ranking.metric, task.own_range) else table[:0]
        for part, covariance in ((chosen, ranking.covariance), (others, None)):
            fits += fit_transfer(
                part,
                intervention=ranking.intervention,
                covariance=covariance,
                smallest_slope=smallest_slope,
                resample=resample,
            )
    return tuple(fits)


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
