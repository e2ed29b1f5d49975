"""Metrics as plain objects: one number from predictions by scikit-learn, and the same for many resamples at once.

A class that no sample of the split has is left out: macro metrics average over the classes that occur among the labels.
What the labels cannot define (AUROC with one class, anything of no sample) is NaN, never a number that looks fine.
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
from afield.scoring.predictions import Predictions

Direction = Literal["higher", "lower"]
Floats = npt.NDArray[np.float64]


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


def metric_title(name: str) -> str:
    """A metric's name as one writes it in a sentence.

    >>> metric_title("macro_f1"), metric_title("balanced_accuracy")
    ('macro F1', 'balanced accuracy')
    """
    return {"macro_f1": "macro F1", "auroc": "AUROC", "log_loss": "log-loss"}.get(name, name.replace("_", " "))


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


# --- one number, by scikit-learn


def _accuracy(predictions: Predictions) -> float:
    if not len(predictions.label):
        return math.nan
    return float(sklearn.accuracy_score(predictions.label, _said(predictions)))


def _balanced_accuracy(predictions: Predictions) -> float:
    """Mean recall of the classes that occur."""
    if not len(predictions.label):
        return math.nan
    present = np.unique(predictions.label)
    return float(sklearn.recall_score(predictions.label, _said(predictions), labels=present, average="macro"))


def _macro_f1(predictions: Predictions) -> float:
    """Mean F1 of the classes that occur; 0 for one that is never said."""
    if not len(predictions.label):
        return math.nan
    present = np.unique(predictions.label)
    return float(sklearn.f1_score(predictions.label, _said(predictions), labels=present, average="macro"))


def _auroc(predictions: Predictions) -> float:
    """Area under the ROC curve: of class 1 where there are two classes, else the mean of one against the rest."""
    if len(np.unique(predictions.label)) < 2:
        return math.nan
    probabilities = _probabilities(predictions)
    areas = [
        sklearn.roc_auc_score(predictions.label == index, probabilities[:, index])
        for index in _scored_classes(predictions)
    ]
    return float(np.mean(areas))


def _log_loss(predictions: Predictions) -> float:
    """Mean negative log-likelihood, nats; a probability counts as at least 2.2e-16."""
    if not len(predictions.label):
        return math.nan
    labels = np.arange(len(predictions.classes))
    return float(sklearn.log_loss(predictions.label, _probabilities(predictions), labels=labels))


# --- many resamples at once: sums over samples are matrix products


def _resampled_accuracy(predictions: Predictions, weights: Floats) -> Floats:
    right = (_said(predictions) == predictions.label).astype(np.float64)
    return _ratio(weights @ right, weights.sum(axis=1))


def _resampled_balanced_accuracy(predictions: Predictions, weights: Floats) -> Floats:
    true, _, right = _counts(predictions, weights)
    return _mean_where(_ratio(right, true), true > 0)


def _resampled_macro_f1(predictions: Predictions, weights: Floats) -> Floats:
    true, said, right = _counts(predictions, weights)
    return _mean_where(_ratio(2 * right, true + said), true > 0)


def _resampled_auroc(predictions: Predictions, weights: Floats) -> Floats:
    probabilities = _probabilities(predictions)
    classes = _scored_classes(predictions)
    areas = [_weighted_area(probabilities[:, index], predictions.label == index, weights) for index in classes]
    if not areas:
        return np.full(len(weights), np.nan)
    table = np.stack(areas, axis=1)
    return _mean_where(table, ~np.isnan(table))


def _resampled_log_loss(predictions: Predictions, weights: Floats) -> Floats:
    likelihood = _probabilities(predictions)[np.arange(len(predictions.label)), predictions.label]
    smallest = np.finfo(np.float64).eps
    return _ratio(weights @ -np.log(np.clip(likelihood, smallest, 1 - smallest)), weights.sum(axis=1))


METRICS: dict[str, Metric] = {
    "accuracy": Metric("accuracy", _accuracy, (0, 1), resampled=_resampled_accuracy),
    "balanced_accuracy": Metric(
        "balanced_accuracy", _balanced_accuracy, (0, 1), resampled=_resampled_balanced_accuracy
    ),
    "macro_f1": Metric("macro_f1", _macro_f1, (0, 1), resampled=_resampled_macro_f1),
    "auroc": Metric("auroc", _auroc, (0, 1), resampled=_resampled_auroc),
    "log_loss": Metric("log_loss", _log_loss, (0, math.inf), direction="lower", resampled=_resampled_log_loss),
}


# --- parts


def _said(predictions: Predictions) -> npt.NDArray[np.intp]:
    """The most likely class of each sample; of equals the first."""
    result: npt.NDArray[np.intp] = np.argmax(_finite(predictions), axis=1)
    return result


def _probabilities(predictions: Predictions) -> Floats:
    _finite(predictions)
    return predictions.probabilities()


def _finite(predictions: Predictions) -> npt.NDArray[np.float32]:
    """The logits; AfieldError where one is NaN or infinite (argmax would name class 0 as if nothing had happened)."""
    if not np.isfinite(predictions.logits).all():
        raise AfieldError("predictions: a logit is NaN or infinite; a network that diverged has no score")
    return predictions.logits


def _scored_classes(predictions: Predictions) -> list[int]:
    """Classes that AUROC looks at: class 1 of two, else all that occur."""
    if len(predictions.classes) == 2:
        return [1]
    return [int(index) for index in np.unique(predictions.label)]


def _counts(predictions: Predictions, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Weight of the samples that have, are said to have, and have as said each class; each [resamples, classes]."""
    identity = np.eye(len(predictions.classes))
    true, said = identity[predictions.label], identity[_said(predictions)]
    return weights @ true, weights @ said, weights @ (true * said)


def _weighted_area(score: Floats, positive: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    """Area under the ROC curve: P(positive scores above negative) + P(equal) / 2 (Hanley and McNeil 1982)."""
    order = np.argsort(score, kind="stable")
    score, positive, weights = score[order], positive[order], weights[:, order]
    negatives_up_to = np.zeros((len(weights), len(score) + 1))
    np.cumsum(weights * ~positive, axis=1, out=negatives_up_to[:, 1:])
    first, last = np.searchsorted(score, score[positive], "left"), np.searchsorted(score, score[positive], "right")
    below = (negatives_up_to[:, first] + negatives_up_to[:, last]) / 2
    wins = np.einsum("rp,rp->r", weights[:, positive], below)
    return _ratio(wins, weights[:, positive].sum(axis=1) * negatives_up_to[:, -1])


def _ratio(top: Floats, bottom: Floats) -> Floats:
    """Top / bottom, NaN where bottom is 0."""
    result: Floats = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
    return result


def _mean_where(table: Floats, counted: npt.NDArray[np.bool_]) -> Floats:
    """Mean of each row over its counted columns, NaN where there are none."""
    return _ratio(np.where(counted, table, 0.0).sum(axis=1), counted.sum(axis=1).astype(np.float64))
