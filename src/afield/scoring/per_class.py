"""What a network makes of each class: recall, precision and F1, with an interval of the recall."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn import metrics as sklearn

from afield.scoring.decisions import most_likely
from afield.scoring.intervals import (
    LEVEL,
    RESAMPLES,
    Interval,
    bootstrap_weights,
    clopper_pearson,
    percentile_interval,
)
from afield.scoring.predictions import Predictions
from afield.scoring.weighted import ratio


def per_class(
    predictions: Predictions, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """A row a class of the task, in its order: `class`, `n`, `recall`, `precision`, `f1`, `low`, `high`.

    `n` counts the samples that have the class; `recall` is the share of them that is said to have it (the accuracy of
    the class), `low` and `high` are the limits of its interval: Clopper-Pearson where each sample is its own cluster,
    else the percentile bootstrap over clusters. Over the classes that occur, mean recall is balanced accuracy and mean
    F1 is macro F1. NaN: recall and F1 of a class without samples, precision of one that is never said, and limits that
    the data cannot give (`metric_interval` has the rule).

    AfieldError where a logit is NaN or infinite.
    """
    label, said = predictions.label, most_likely(predictions)
    classes = len(predictions.classes)
    has, right = (np.bincount(rows, minlength=classes) for rows in (label, label[label == said]))
    table = pd.DataFrame({"class": predictions.classes, "n": has, "recall": np.nan, "precision": np.nan, "f1": np.nan})
    if len(label):
        table["precision"], table["recall"], f1, _ = sklearn.precision_recall_fscore_support(
            label, said, labels=np.arange(classes), zero_division=np.nan
        )
        table["f1"] = np.where(has > 0, f1, np.nan)
    if len(np.unique(predictions.cluster)) == len(label):
        limits = [
            clopper_pearson(int(k), int(n), level) if n else Interval(np.nan, np.nan, np.nan)
            for k, n in zip(right, has, strict=True)
        ]
    else:
        limits = _clustered(predictions, said, level, bootstrap_weights(predictions.cluster, resamples, seed=seed))
    return table.assign(low=[each.low for each in limits], high=[each.high for each in limits])


def _clustered(
    predictions: Predictions, said: npt.NDArray[np.intp], level: float, weights: npt.NDArray[np.uint16]
) -> list[Interval]:
    """The recall of each class with its interval from resamples of clusters."""
    intervals = []
    for index in range(len(predictions.classes)):
        members = np.flatnonzero(predictions.label == index)
        drawn = weights[:, members].astype(np.float64)
        resampled = ratio(drawn @ (said[members] == index).astype(np.float64), drawn.sum(axis=1))
        value = float(np.mean(said[members] == index)) if len(members) else np.nan
        intervals.append(percentile_interval(value, resampled, level))
    return intervals
