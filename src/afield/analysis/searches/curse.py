"""The winner's curse: by how much the best of several flatters itself on the images that made it the best."""

from __future__ import annotations

import numpy as np

from afield.analysis.ranking.compare import Ranking
from afield.scoring.intervals import bootstrap_weights, resampled_values
from afield.scoring.metric import Floats, Metric
from afield.study.record import StudyRecord


def selection_bias(values: Floats, resampled: Floats) -> float:
    """How much the largest of k values exceeds what it stands for, on average: 0 for one value, never below.

    `values`: [k], of which the largest is taken; `resampled`: [k, resamples], the same in resamples of the images that
    all of them share. In a resample the winner is known to be too good by its value there less its value in all
    images; the mean of that over the resamples is the estimate (the bootstrap's, Efron 1983, for the bias of a choice;
    Tibshirani and Tibshirani 2009, Annals of Applied Statistics 3:822, have it for cross-validation). Where all
    resamples choose the same one it is about 0.
    """
    winner = resampled.argmax(axis=0)
    excess = resampled.max(axis=0) - values[winner]
    # a bootstrap mean is not exactly the value itself; that alone is no bias of choosing
    own = (resampled.mean(axis=1) - values)[winner]
    return max(0.0, float(np.mean(excess - own)))


def winners_curse(record: StudyRecord, ranking: Ranking) -> float | None:
    """By how much the metric of a ranking's winner on validation flatters it, for being the best of all backbones
    there, in the metric's own scale; None where fewer than two were ranked, test itself selected, or a metric of one's
    own leads, which is not computed here.

    The choice among recipes and epochs comes on top.
    """
    known = record.task(ranking.task)
    if len(ranking.rows) < 2 or known.own_range is not None or known.selection == "test":
        return None
    metric = record.metric(ranking.task)
    sign = 1 if metric.direction == "higher" else -1
    rows = record.results
    rows = rows[(rows["task"] == ranking.task) & (rows["metric"] == metric.name)]
    rows = rows[rows["intervention"] == ranking.intervention]
    values, resampled = [], []
    for row in ranking.rows:
        told = [
            _on_validation(record, key, metric, known.classes)
            for key in rows.loc[rows["backbone"] == row.backbone, "key"]
        ]
        values.append(sign * np.mean([value for value, _ in told]))
        resampled.append(sign * np.mean([each for _, each in told], axis=0))
    table = np.stack(resampled)
    defined = table[:, np.isfinite(table).all(axis=0)]
    return selection_bias(np.array(values), defined) if defined.shape[1] else None


def _on_validation(record: StudyRecord, key: str, metric: Metric, classes: tuple[str, ...]) -> tuple[float, Floats]:
    """A network's metric on validation, and in each resample of its clusters."""
    predictions = record.predictions_of(key, "validation", classes)
    settled = metric.on(predictions)
    weights = bootstrap_weights(predictions.cluster)
    return settled.compute(predictions), resampled_values(settled, predictions, weights)
