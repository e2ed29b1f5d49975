"""The fits of a study: of every metric of every task, the leading one first."""

from __future__ import annotations

import pandas as pd

from afield.analysis.compare import rank_backbones, ranked_intervention
from afield.analysis.points import has_points
from afield.analysis.transfer import TransferFit, fit_transfer
from afield.study.record import StudyRecord


def fit_study(
    record: StudyRecord, smallest_slope: float, *, resample: bool = False, rows: pd.Series | None = None
) -> tuple[TransferFit, ...]:
    """Leading metrics as the answer fits them, whose errors know how test images and seeds move all backbones together;
    then the others of the results table, with the errors that it tells. None where nothing pretrained was scored, and
    of metrics whose hundredths are no points. `rows`: those of the results table alone that count.
    """
    fits: list[TransferFit] = []
    for task in record.tasks:
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
