"""Metrics of samples that may have several of the classes, and the same for many resamples at once.

What is unknown (-1) is left out, label by label. A class that no sample is known to have is left out of means.
"""

from __future__ import annotations

import math

import numpy as np

from afield.scoring.decisions import finite, said_of_each
from afield.scoring.lazily import sklearn_metrics
from afield.scoring.metric import Floats
from afield.scoring.predictions import Predictions
from afield.scoring.weighted import mean_where, ratio


def macro_f1(predictions: Predictions) -> float:
    """Mean F1 of the classes that occur; NaN where none does."""
    said, values = said_of_each(predictions), []
    for index in range(len(predictions.classes)):
        positive, known = predictions.truth(index)
        if positive.any():
            values.append(sklearn_metrics().f1_score(positive[known], said[known, index], zero_division=0.0))
    return float(np.mean(values)) if values else math.nan


def log_loss(predictions: Predictions) -> float:
    """Mean binary cross-entropy of all labels that are known, nats; NaN where none is."""
    losses, known = _losses(predictions), predictions.label >= 0
    return float(losses.sum() / known.sum()) if known.any() else math.nan


def resampled_macro_f1(predictions: Predictions, weights: Floats) -> Floats:
    """`macro_f1` under sample weights [resamples, n], shape [resamples]."""
    positive, known = predictions.label == 1, predictions.label >= 0
    said = said_of_each(predictions) & known
    true, told, right = (weights @ rows.astype(np.float64) for rows in (positive, said, positive & said))
    return mean_where(ratio(2 * right, true + told), true > 0)


def resampled_log_loss(predictions: Predictions, weights: Floats) -> Floats:
    """`log_loss` under sample weights [resamples, n], shape [resamples]."""
    known = (predictions.label >= 0).sum(axis=1).astype(np.float64)
    return ratio(weights @ _losses(predictions).sum(axis=1), weights @ known)


def _losses(predictions: Predictions) -> Floats:
    """Binary cross-entropy of each label, [n, classes]; 0 where it is unknown."""
    from scipy.special import log_expit  # takes a while

    logits = finite(predictions).astype(np.float64)
    losses: Floats = -log_expit(np.where(predictions.label == 1, logits, -logits))
    return np.where(predictions.label >= 0, losses, 0.0)
