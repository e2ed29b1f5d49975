"""Metrics as plain objects: one number from predictions by scikit-learn, and the same for many resamples at once.

A class that no sample of the split has is left out: macro metrics average over the classes that occur among the labels.
What the labels cannot define (AUROC with one class, anything of no sample) is NaN, never a number that looks fine.
Each metric's definition and source: docs/metrics.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sklearn

from afield.base.errors import AfieldError, InputError, nearest
from afield.scoring import weighted
from afield.scoring.predictions import Predictions
from afield.scoring.weighted import mean_where, ratio

BINS = 15
"""of the calibration error, between confidences 0 and 1"""

Direction = Literal["higher", "lower"]
Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Metric:
    """What is measured of predictions. A built-in metric and a user's own are the same thing."""

    name: str
    compute: Callable[[Predictions], float]
    """the metric of predictions, in float64"""
    range: tuple[float, float]
    """least and greatest possible value"""
    direction: Direction = "higher"
    """whether higher or lower is better"""
    resampled: Callable[[Predictions, Floats], Floats] | None = None
    """the metric under sample weights [resamples, n], shape [resamples]; None: `compute` on repeated samples serves"""


def metric(name: str) -> Metric:
    """The metric of that name; InputError with the nearest names where there is none."""
    if name not in METRICS:
        raise InputError(f"{name}: unknown metric; {nearest(name, METRICS)}")
    return METRICS[name]


def in_points(name: str) -> bool:
    """Whether differences of a metric are told in points, a hundredth of its range of 0..1."""
    return name in METRICS and METRICS[name].range == (0, 1)


def metric_title(name: str) -> str:
    """A metric's name as one writes it in a sentence.

    >>> metric_title("macro_f1"), metric_title("balanced_accuracy")
    ('macro F1', 'balanced accuracy')
    """
    return _TITLES.get(name, name.replace("_", " "))


_TITLES = {
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "log_loss": "log-loss",
    "qwk": "quadratic weighted kappa",
    "map_11": "11-point mAP",
    "brier": "Brier score",
}


def select(predictions: Predictions, rows: npt.NDArray[np.intp]) -> Predictions:
    """The samples at those places, which may repeat."""
    return Predictions(
        classes=predictions.classes,
        sample=predictions.sample[rows],
        unit=predictions.unit[rows],
        cluster=predictions.cluster[rows],
        label=predictions.label[rows],
        logits=predictions.logits[rows],
    )


def most_likely(predictions: Predictions) -> npt.NDArray[np.intp]:
    """Index of the most likely class of each sample, [n]; of equals the first.

    AfieldError where a logit is NaN or infinite.
    """
    result: npt.NDArray[np.intp] = np.argmax(_finite(predictions), axis=1)
    return result


# --- one number, by scikit-learn


def _accuracy(predictions: Predictions) -> float:
    if not len(predictions.label):
        return math.nan
    return float(sklearn.accuracy_score(predictions.label, most_likely(predictions)))


def _balanced_accuracy(predictions: Predictions) -> float:
    """Mean recall of the classes that occur."""
    if not len(predictions.label):
        return math.nan
    present = np.unique(predictions.label)
    return float(sklearn.recall_score(predictions.label, most_likely(predictions), labels=present, average="macro"))


def _macro_f1(predictions: Predictions) -> float:
    """Mean F1 of the classes that occur; 0 for one that is never said."""
    if not len(predictions.label):
        return math.nan
    present = np.unique(predictions.label)
    return float(sklearn.f1_score(predictions.label, most_likely(predictions), labels=present, average="macro"))


def _auroc(predictions: Predictions) -> float:
    """Area under the ROC curve: of class 1 where there are two classes, else the mean of one against the rest."""
    return _mean_over_classes(sklearn.roc_auc_score, predictions)


def _log_loss(predictions: Predictions) -> float:
    """Mean negative log-likelihood, nats; a probability counts as at least 2.2e-16."""
    if not len(predictions.label):
        return math.nan
    labels = np.arange(len(predictions.classes))
    return float(sklearn.log_loss(predictions.label, _probabilities(predictions), labels=labels))


def _qwk(predictions: Predictions) -> float:
    """Cohen's kappa with weights (i - j)^2; NaN where labels and predictions are all of one class (0 / 0)."""
    said = most_likely(predictions)
    if len(np.union1d(predictions.label, said)) < 2:
        return math.nan
    labels = np.arange(len(predictions.classes))
    return float(sklearn.cohen_kappa_score(predictions.label, said, labels=labels, weights="quadratic"))


def _average_precision(predictions: Predictions) -> float:
    """Area under the steps of precision over recall: of class 1 of two, else the mean of one against the rest."""
    return _mean_over_classes(sklearn.average_precision_score, predictions)


def _map_11(predictions: Predictions) -> float:
    """The same with VOC2007's interpolation at eleven recalls (Everingham et al. 2010, section 4.2)."""
    return _mean_over_classes(_eleven_point_precision, predictions)


def _brier(predictions: Predictions) -> float:
    """Mean squared error of the probabilities, summed over classes (0..2); of two classes half of it (0..1)."""
    if not len(predictions.label):
        return math.nan
    classes = len(predictions.classes)
    mean = sklearn.mean_squared_error(np.eye(classes)[predictions.label], _probabilities(predictions))
    return float(mean) * (1 if classes == 2 else classes)


def _calibration_error(predictions: Predictions) -> float:
    """Mean gap between confidence and accuracy over BINS equal bins of confidence (Guo et al. 2017, equation 3)."""
    n = len(predictions.label)
    bins, gap = _confidence_gaps(predictions)
    return float(np.abs(np.bincount(bins, gap, minlength=BINS)).sum() / n) if n else math.nan


# --- many resamples at once: sums over samples are matrix products


def _resampled_accuracy(predictions: Predictions, weights: Floats) -> Floats:
    right = (most_likely(predictions) == predictions.label).astype(np.float64)
    return ratio(weights @ right, weights.sum(axis=1))


def _resampled_balanced_accuracy(predictions: Predictions, weights: Floats) -> Floats:
    true, _, right = _counts(predictions, weights)
    return mean_where(ratio(right, true), true > 0)


def _resampled_macro_f1(predictions: Predictions, weights: Floats) -> Floats:
    true, said, right = _counts(predictions, weights)
    return mean_where(ratio(2 * right, true + said), true > 0)


def _resampled_auroc(predictions: Predictions, weights: Floats) -> Floats:
    return _resampled_over_classes(weighted.area_under_roc, predictions, weights)


def _resampled_log_loss(predictions: Predictions, weights: Floats) -> Floats:
    likelihood = _probabilities(predictions)[np.arange(len(predictions.label)), predictions.label]
    smallest = np.finfo(np.float64).eps
    return ratio(weights @ -np.log(np.clip(likelihood, smallest, 1 - smallest)), weights.sum(axis=1))


def _resampled_qwk(predictions: Predictions, weights: Floats) -> Floats:
    true, said, _ = _counts(predictions, weights)
    place = np.arange(len(predictions.classes))
    missed = weights @ ((most_likely(predictions) - predictions.label) ** 2).astype(np.float64)
    by_chance = np.einsum("ri,ij,rj->r", true, (place[:, None] - place) ** 2, said, optimize=True)
    return 1 - ratio(missed * weights.sum(axis=1), by_chance)


def _resampled_average_precision(predictions: Predictions, weights: Floats) -> Floats:
    return _resampled_over_classes(weighted.average_precision, predictions, np.asfortranarray(weights))


def _resampled_map_11(predictions: Predictions, weights: Floats) -> Floats:
    return _resampled_over_classes(weighted.eleven_point_precision, predictions, np.asfortranarray(weights))


def _resampled_brier(predictions: Predictions, weights: Floats) -> Floats:
    classes = len(predictions.classes)
    squares = ((_probabilities(predictions) - np.eye(classes)[predictions.label]) ** 2).sum(axis=1)
    return ratio(weights @ squares, weights.sum(axis=1)) / (2 if classes == 2 else 1)


def _resampled_calibration_error(predictions: Predictions, weights: Floats) -> Floats:
    bins, gap = _confidence_gaps(predictions)
    summed = weights @ (np.eye(BINS)[bins] * gap[:, None])
    return ratio(np.abs(summed).sum(axis=1), weights.sum(axis=1))


METRICS: dict[str, Metric] = {
    "accuracy": Metric("accuracy", _accuracy, (0, 1), resampled=_resampled_accuracy),
    "balanced_accuracy": Metric(
        "balanced_accuracy", _balanced_accuracy, (0, 1), resampled=_resampled_balanced_accuracy
    ),
    "macro_f1": Metric("macro_f1", _macro_f1, (0, 1), resampled=_resampled_macro_f1),
    "auroc": Metric("auroc", _auroc, (0, 1), resampled=_resampled_auroc),
    "log_loss": Metric("log_loss", _log_loss, (0, math.inf), direction="lower", resampled=_resampled_log_loss),
    "qwk": Metric("qwk", _qwk, (-1, 1), resampled=_resampled_qwk),
    "average_precision": Metric(
        "average_precision", _average_precision, (0, 1), resampled=_resampled_average_precision
    ),
    "map_11": Metric("map_11", _map_11, (0, 1), resampled=_resampled_map_11),
    "brier": Metric("brier", _brier, (0, 2), direction="lower", resampled=_resampled_brier),
    "calibration_error": Metric(
        "calibration_error", _calibration_error, (0, 1), direction="lower", resampled=_resampled_calibration_error
    ),
}


# --- parts


def _probabilities(predictions: Predictions) -> Floats:
    _finite(predictions)
    return predictions.probabilities()


def _finite(predictions: Predictions) -> npt.NDArray[np.float32]:
    """The logits; AfieldError where one is NaN or infinite (argmax would name class 0 as if nothing had happened)."""
    if not np.isfinite(predictions.logits).all():
        raise AfieldError("predictions: a logit is NaN or infinite; a network that diverged has no score")
    return predictions.logits


def _mean_over_classes(measure: Callable[[Truths, Floats], float], predictions: Predictions) -> float:
    """Mean of what is measured of each class against the rest; NaN where all labels are of one class."""
    probabilities = _probabilities(predictions)
    if len(np.unique(predictions.label)) < 2:
        return math.nan
    classes = _scored_classes(predictions)
    return float(np.mean([measure(predictions.label == index, probabilities[:, index]) for index in classes]))


def _resampled_over_classes(
    measure: Callable[[Floats, Truths, Floats], Floats], predictions: Predictions, weights: Floats
) -> Floats:
    probabilities = _probabilities(predictions)
    classes = _scored_classes(predictions)
    if not classes:
        return np.full(len(weights), np.nan)
    values = [measure(probabilities[:, index], predictions.label == index, weights) for index in classes]
    table = np.stack(values, axis=1)
    return mean_where(table, ~np.isnan(table))


def _scored_classes(predictions: Predictions) -> list[int]:
    """Classes that are ranked against the rest: class 1 of two, else all that occur."""
    if len(predictions.classes) == 2:
        return [1]
    return [int(index) for index in np.unique(predictions.label)]


def _eleven_point_precision(positive: Truths, score: Floats) -> float:
    """Mean over recalls 0, 0.1, ..., 1 of the best precision at that recall or more."""
    precision, recall, _ = sklearn.precision_recall_curve(positive, score)
    # scikit-learn ends with a point of precision 1 at recall 0 that belongs to no threshold
    precision, recall = precision[:-1], recall[:-1]
    return float(np.mean([precision[recall >= tenths / 10].max() for tenths in range(11)]))


def _confidence_gaps(predictions: Predictions) -> tuple[npt.NDArray[np.intp], Floats]:
    """Of each sample the bin of its confidence (the greatest probability; a bin holds its upper edge, not its lower),
    and confidence - 1 if it is right, else confidence; each [n].
    """
    said, rows = most_likely(predictions), np.arange(len(predictions.label))
    confidence = _probabilities(predictions)[rows, said]
    edges = np.linspace(0, 1, BINS + 1)[1:-1]
    return np.searchsorted(edges, confidence), confidence - (said == predictions.label)


def _counts(predictions: Predictions, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Weight of the samples that have, are said to have, and have as said each class; each [resamples, classes]."""
    identity = np.eye(len(predictions.classes))
    true, said = identity[predictions.label], identity[most_likely(predictions)]
    return weights @ true, weights @ said, weights @ (true * said)
