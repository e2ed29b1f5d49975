"""Metrics that rank the samples of each class before all others, and the same for many resamples at once.

Of two classes the second is ranked; else they are means over the classes of which there are both samples that have it
and samples that have it not. NaN where there is no such class.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from afield.scoring import weighted
from afield.scoring.decisions import probabilities
from afield.scoring.lazily import sklearn_metrics
from afield.scoring.metric import Floats, Truths
from afield.scoring.predictions import Predictions
from afield.scoring.weighted import mean_where


def auroc(predictions: Predictions) -> float:
    """Area under the ROC curve."""
    return _mean_over_classes(sklearn_metrics().roc_auc_score, predictions)


def average_precision(predictions: Predictions) -> float:
    """Area under the steps of precision over recall."""
    return _mean_over_classes(sklearn_metrics().average_precision_score, predictions)


def map_11(predictions: Predictions) -> float:
    """The same with VOC2007's interpolation at eleven recalls (Everingham et al. 2010, section 4.2)."""
    return _mean_over_classes(_eleven_point_precision, predictions)


def resampled_auroc(predictions: Predictions, weights: Floats) -> Floats:
    """`auroc` under sample weights [resamples, n], shape [resamples]."""
    return _resampled_over_classes(weighted.area_under_roc, predictions, np.asfortranarray(weights))


def resampled_average_precision(predictions: Predictions, weights: Floats) -> Floats:
    """`average_precision` under sample weights [resamples, n], shape [resamples]."""
    return _resampled_over_classes(weighted.average_precision, predictions, np.asfortranarray(weights))


def resampled_map_11(predictions: Predictions, weights: Floats) -> Floats:
    """`map_11` under sample weights [resamples, n], shape [resamples]."""
    return _resampled_over_classes(weighted.eleven_point_precision, predictions, np.asfortranarray(weights))


def _mean_over_classes(measure: Callable[[Truths, Floats], float], predictions: Predictions) -> float:
    scores = probabilities(predictions)
    values = []
    for index in _ranked(predictions):
        positive, known = predictions.truth(index)
        values.append(measure(positive[known], scores[known, index]))
    return float(np.mean(values)) if values else math.nan


def _resampled_over_classes(
    measure: Callable[[Floats, Truths, Floats], Floats], predictions: Predictions, weights: Floats
) -> Floats:
    scores = probabilities(predictions)
    values = []
    for index in _ranked(predictions):
        positive, known = predictions.truth(index)
        counted = weights if known.all() else weights[:, known]
        values.append(measure(scores[known, index], positive[known], counted))
    if not values:
        return np.full(len(weights), np.nan)
    table = np.stack(values, axis=1)
    return mean_where(table, ~np.isnan(table))


def _ranked(predictions: Predictions) -> list[int]:
    """The classes that are ranked against the rest."""
    classes = range(len(predictions.classes))
    if len(classes) == 2 and not predictions.several:
        classes = range(1, 2)
    both = []
    for index in classes:
        positive, known = predictions.truth(index)
        if positive.any() and (known & ~positive).any():
            both.append(index)
    return both


def _eleven_point_precision(positive: Truths, score: Floats) -> float:
    """Mean over recalls 0, 0.1, ..., 1 of the best precision at that recall or more."""
    precision, recall, _ = sklearn_metrics().precision_recall_curve(positive, score)
    # scikit-learn ends with a point of precision 1 at recall 0 that belongs to no threshold
    precision, recall = precision[:-1], recall[:-1]
    return float(np.mean([precision[recall >= tenths / 10].max() for tenths in range(11)]))
