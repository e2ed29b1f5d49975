"""What a network decides: the most likely class of each sample, or each class whose logit is not below zero."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from afield.base.errors import AfieldError
from afield.scoring.metric import Floats, Truths
from afield.scoring.predictions import Predictions


def most_likely(predictions: Predictions) -> npt.NDArray[np.intp]:
    """Index of the most likely class of each sample, [n]; of equals the first.

    AfieldError where a logit is NaN or infinite.
    """
    result: npt.NDArray[np.intp] = np.argmax(finite(predictions), axis=1)
    return result


def said_of_each(predictions: Predictions) -> Truths:
    """Which classes each sample is said to have, [n, classes]: those with a logit of 0 or more, a probability of a half
    or more, unless thresholds were settled (`settling`). AfieldError as `most_likely`.
    """
    result: Truths = finite(predictions) >= 0
    return result


def probabilities(predictions: Predictions) -> Floats:
    """`Predictions.probabilities`; AfieldError as `most_likely`."""
    finite(predictions)
    return predictions.probabilities()


def finite(predictions: Predictions) -> npt.NDArray[np.float32]:
    """The logits; AfieldError where one is NaN or infinite (argmax would name class 0 as if nothing had happened)."""
    if not np.isfinite(predictions.logits).all():
        raise AfieldError("predictions: a logit is NaN or infinite; a network that diverged has no score")
    return predictions.logits


def by_unit(predictions: Predictions) -> tuple[Predictions, npt.NDArray[np.intp]]:
    """The predictions of units instead of samples, a row each, and the place of each unit's first sample.

    A unit's probabilities are the mean of those of its samples (its logits their logarithms), its label is the most
    frequent among them, of equals the first class. For one class a sample.
    """
    units, first, place = np.unique(predictions.unit, return_index=True, return_inverse=True)
    classes = len(predictions.classes)
    votes, summed = np.zeros((len(units), classes)), np.zeros((len(units), classes))
    np.add.at(votes, (place, predictions.label), 1)
    np.add.at(summed, place, probabilities(predictions))
    mean = summed / np.bincount(place)[:, None]
    logits = np.log(np.maximum(mean, np.finfo(np.float32).tiny)).astype(np.float32)
    merged = Predictions(
        predictions.classes, units, units, predictions.cluster[first], votes.argmax(axis=1).astype(np.int64), logits
    )
    return merged, first
