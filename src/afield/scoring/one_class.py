"""Metrics of samples that have one class each, and the same for many resamples at once.

A class that no sample has is left out: macro metrics average over the classes that occur among the labels. Under
sample weights [resamples, n] sums over samples are matrix products, of shape [resamples].
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from afield.scoring.decisions import by_unit, most_likely, probabilities
from afield.scoring.lazily import sklearn_metrics
from afield.scoring.metric import Floats
from afield.scoring.predictions import Predictions
from afield.scoring.weighted import mean_where, ratio

BINS = 15
"""of the calibration error, between confidences 0 and 1"""


def accuracy(predictions: Predictions) -> float:
    """Share of the samples whose most likely class is theirs."""
    if not len(predictions.label):
        return math.nan
    return float(sklearn_metrics().accuracy_score(predictions.label, most_likely(predictions)))


def accuracy_by_unit(predictions: Predictions) -> float:
    """Accuracy of units instead of samples (`by_unit`)."""
    return accuracy(by_unit(predictions)[0])


def sensitivity(predictions: Predictions) -> float:
    """Recall of the second of two classes; NaN where no sample has it."""
    rows = predictions.label == 1
    return float(np.mean(most_likely(predictions)[rows] == 1)) if rows.any() else math.nan


def balanced_accuracy(predictions: Predictions) -> float:
    """Mean recall of the classes that occur."""
    if not len(predictions.label):
        return math.nan
    present = np.unique(predictions.label)
    return float(
        sklearn_metrics().recall_score(predictions.label, most_likely(predictions), labels=present, average="macro")
    )


def macro_f1(predictions: Predictions) -> float:
    """Mean F1 of the classes that occur; 0 for one that is never said."""
    if not len(predictions.label):
        return math.nan
    present = np.unique(predictions.label)
    return float(
        sklearn_metrics().f1_score(predictions.label, most_likely(predictions), labels=present, average="macro")
    )


def log_loss(predictions: Predictions) -> float:
    """Mean negative log-likelihood, nats; a probability counts as at least 2.2e-16."""
    if not len(predictions.label):
        return math.nan
    labels = np.arange(len(predictions.classes))
    return float(sklearn_metrics().log_loss(predictions.label, probabilities(predictions), labels=labels))


def qwk(predictions: Predictions) -> float:
    """Cohen's kappa with weights (i - j)^2; NaN where labels and predictions are all of one class (0 / 0)."""
    said = most_likely(predictions)
    if len(np.union1d(predictions.label, said)) < 2:
        return math.nan
    labels = np.arange(len(predictions.classes))
    return float(sklearn_metrics().cohen_kappa_score(predictions.label, said, labels=labels, weights="quadratic"))


def brier(predictions: Predictions) -> float:
    """Mean squared error of the probabilities, summed over classes (0..2); of two classes half of it (0..1)."""
    if not len(predictions.label):
        return math.nan
    classes = len(predictions.classes)
    mean = sklearn_metrics().mean_squared_error(np.eye(classes)[predictions.label], probabilities(predictions))
    return float(mean) * (1 if classes == 2 else classes)


def calibration_error(predictions: Predictions) -> float:
    """Mean gap between confidence and accuracy over BINS equal bins of confidence (Guo et al. 2017, equation 3)."""
    n = len(predictions.label)
    bins, gap = confidence_gaps(predictions)
    return float(np.abs(np.bincount(bins, gap, minlength=BINS)).sum() / n) if n else math.nan


# --- many resamples at once


def resampled_accuracy(predictions: Predictions, weights: Floats) -> Floats:
    """`accuracy` under sample weights [resamples, n], shape [resamples]."""
    right = (most_likely(predictions) == predictions.label).astype(np.float64)
    return ratio(weights @ right, weights.sum(axis=1))


def resampled_accuracy_by_unit(predictions: Predictions, weights: Floats) -> Floats:
    """All samples of a unit lie in one cluster, so that a unit weighs what its first sample weighs."""
    merged, first = by_unit(predictions)
    return resampled_accuracy(merged, weights[:, first])


def resampled_sensitivity(predictions: Predictions, weights: Floats) -> Floats:
    """`sensitivity` under sample weights [resamples, n], shape [resamples]."""
    true, _, right = _counts(predictions, weights)
    return ratio(right[:, 1], true[:, 1])


def resampled_balanced_accuracy(predictions: Predictions, weights: Floats) -> Floats:
    """`balanced_accuracy` under sample weights [resamples, n], shape [resamples]."""
    true, _, right = _counts(predictions, weights)
    return mean_where(ratio(right, true), true > 0)


def resampled_macro_f1(predictions: Predictions, weights: Floats) -> Floats:
    """`macro_f1` under sample weights [resamples, n], shape [resamples]."""
    true, said, right = _counts(predictions, weights)
    return mean_where(ratio(2 * right, true + said), true > 0)


def resampled_log_loss(predictions: Predictions, weights: Floats) -> Floats:
    """`log_loss` under sample weights [resamples, n], shape [resamples]."""
    likelihood = probabilities(predictions)[np.arange(len(predictions.label)), predictions.label]
    smallest = np.finfo(np.float64).eps
    return ratio(weights @ -np.log(np.clip(likelihood, smallest, 1 - smallest)), weights.sum(axis=1))


def resampled_qwk(predictions: Predictions, weights: Floats) -> Floats:
    """`qwk` under sample weights [resamples, n], shape [resamples]."""
    true, said, _ = _counts(predictions, weights)
    place = np.arange(len(predictions.classes))
    missed = weights @ ((most_likely(predictions) - predictions.label) ** 2).astype(np.float64)
    by_chance = np.einsum("ri,ij,rj->r", true, (place[:, None] - place) ** 2, said, optimize=True)
    return 1 - ratio(missed * weights.sum(axis=1), by_chance)


def resampled_brier(predictions: Predictions, weights: Floats) -> Floats:
    """`brier` under sample weights [resamples, n], shape [resamples]."""
    classes = len(predictions.classes)
    squares = ((probabilities(predictions) - np.eye(classes)[predictions.label]) ** 2).sum(axis=1)
    return ratio(weights @ squares, weights.sum(axis=1)) / (2 if classes == 2 else 1)


def resampled_calibration_error(predictions: Predictions, weights: Floats) -> Floats:
    """`calibration_error` under sample weights [resamples, n], shape [resamples]."""
    bins, gap = confidence_gaps(predictions)
    summed = weights @ (np.eye(BINS)[bins] * gap[:, None])
    return ratio(np.abs(summed).sum(axis=1), weights.sum(axis=1))


# --- parts


def confidence_gaps(predictions: Predictions) -> tuple[npt.NDArray[np.intp], Floats]:
    """Of each sample the bin of its confidence (the greatest probability; a bin holds its upper edge, not its lower),
    and confidence - 1 if it is right, else confidence; each [n].
    """
    said, rows = most_likely(predictions), np.arange(len(predictions.label))
    confidence = probabilities(predictions)[rows, said]
    edges = np.linspace(0, 1, BINS + 1)[1:-1]
    return np.searchsorted(edges, confidence), confidence - (said == predictions.label)


def _counts(predictions: Predictions, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Weight of the samples that have, are said to have, and have as said each class; each [resamples, classes]."""
    identity = np.eye(len(predictions.classes))
    true, said = identity[predictions.label], identity[most_likely(predictions)]
    return weights @ true, weights @ said, weights @ (true * said)
