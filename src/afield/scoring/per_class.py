"""What a network makes of each class: recall, precision and F1, with an interval of the recall."""

from __future__ import annotations

import numpy as np
import pandas as pd

from afield.scoring.decisions import most_likely, said_of_each
from afield.scoring.intervals import (
    LEVEL,
    RESAMPLES,
    Interval,
    bootstrap_weights,
    clopper_pearson,
    percentile_interval,
)
from afield.scoring.metric import Truths
from afield.scoring.predictions import Predictions
from afield.scoring.weighted import ratio


def per_class(
    predictions: Predictions, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """A row a class of the task, in its order: `class`, `n`, `n_clusters`, `unknown`, `recall`, `low`, `high`,
    `precision`, `f1`.

    `n` counts the samples that have the class, `n_clusters` their clusters; `recall` is the share of them that is said
    to have it (the accuracy of the class), `low` and `high` are the limits of its interval: Clopper-Pearson where each
    sample is its own cluster, else `percentile_interval` over the clusters that have the class. Where a sample may have
    several classes, those `unknown` for a class are left out of its numbers, and thresholds are those that `settling`
    put into the logits. Over the classes that occur, mean recall is balanced accuracy and mean F1 is macro F1. NaN:
    recall and F1 of a class without samples, precision of one that is never said, and limits that the data cannot give
    (`metric_interval` has the rule).

    AfieldError where a logit is NaN or infinite.
    """
    has, said, known = _decided(predictions)
    right = has & said
    n, told, hits = (rows.sum(axis=0).astype(np.float64) for rows in (has, said, right))
    table = pd.DataFrame(
        {
            "class": predictions.classes,
            "n": n.astype(np.int64),
            "n_clusters": [len(np.unique(predictions.cluster[rows])) for rows in has.T],
            "unknown": (~known).sum(axis=0),
            "recall": ratio(hits, n),
        }
    )
    if len(np.unique(predictions.cluster)) == len(predictions.label):
        limits = [
            clopper_pearson(int(k), int(of), level) if of else Interval(np.nan, np.nan, np.nan)
            for k, of in zip(hits, n, strict=True)
        ]
    else:
        weights = bootstrap_weights(predictions.cluster, resamples, seed=seed)
        limits = []
        for index, (value, clusters) in enumerate(zip(table["recall"], table["n_clusters"], strict=True)):
            members = np.flatnonzero(has[:, index])
            drawn = weights[:, members].astype(np.float64)
            resampled = ratio(drawn @ said[members, index].astype(np.float64), drawn.sum(axis=1))
            limits.append(percentile_interval(value, resampled, clusters, level))
    return table.assign(
        low=[each.low for each in limits],
        high=[each.high for each in limits],
        precision=ratio(hits, told),
        f1=np.where(n > 0, ratio(2 * hits, n + told), np.nan),
    )


def _decided(predictions: Predictions) -> tuple[Truths, Truths, Truths]:
    """Which classes each sample has, is said to have, and is known to have or not, [n, classes]; nothing is said of
    what is unknown.
    """
    if predictions.several:
        known = predictions.label >= 0
        return predictions.label == 1, said_of_each(predictions) & known, known
    identity = np.eye(len(predictions.classes), dtype=np.bool_)
    has = identity[predictions.label]
    return has, identity[most_likely(predictions)], np.ones_like(has)
