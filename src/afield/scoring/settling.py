"""What is chosen on validation before test is looked at: thresholds, an operating point, a temperature.

Each function takes the validation predictions of a network and gives a function that puts the choice into the logits of
any other predictions of it, so that every metric sees it in the same way: decisions stay at a logit of 0 or at the
most likely class.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from afield.scoring import one_class
from afield.scoring.decisions import finite
from afield.scoring.metric import Floats, Settled
from afield.scoring.predictions import Predictions
from afield.scoring.weighted import ratio

LEAST_SUPPORT = 10
"""validation samples that must have a class before it gets a threshold of its own"""
CANDIDATES = 1000
"""thresholds that are compared for one that all classes share"""
SPECIFICITY = 0.9
"""of the operating point"""
_TEMPERATURES = (-4.0, 4.0)
"""natural logarithms of the lowest and highest temperature that is looked at"""


def global_threshold(validation: Predictions) -> Settled:
    """One threshold for all classes, with which macro F1 on validation is best (of equals the highest).

    Candidates are the logits of validation samples for classes that they have, at most CANDIDATES of them, evenly
    among the ranks. Where validation has no such sample it stays at 0, a probability of a half.
    """
    return _shift(np.full(len(validation.classes), _shared(validation), np.float32))


def class_thresholds(validation: Predictions) -> Settled:
    """A threshold for each class, with which its F1 on validation is best (of equals the highest).

    A class that fewer than LEAST_SUPPORT validation samples have gets the one of `global_threshold`: chosen on a
    handful of samples it would fit these alone.
    """
    scores = finite(validation)
    thresholds = np.full(len(validation.classes), _shared(validation), np.float32)
    for index in range(len(validation.classes)):
        positive, known = validation.truth(index)
        if positive.sum() >= LEAST_SUPPORT:
            candidates = np.unique(scores[positive, index])
            f1 = _f1_at(candidates, scores[known, index], positive[known])
            thresholds[index] = candidates[_last_best(f1)]
    return _shift(thresholds)


def ratio_thresholds(validation: Predictions) -> Settled:
    """A threshold for each class, with which as many validation samples are said to have it as do (equal logits apart),
    out of those of which it is known: the rule of the HPA competition's winner (PAPER.md 2.3), who took the ratios of
    the training labels and moved the thresholds on test; here both are validation's.

    It follows no class's F1, so it also serves the rare ones. A class that no validation sample has gets the threshold
    of `global_threshold`.
    """
    scores = finite(validation)
    thresholds = np.full(len(validation.classes), _shared(validation), np.float32)
    for index in range(len(validation.classes)):
        positive, known = validation.truth(index)
        if positive.any():
            thresholds[index] = np.sort(scores[known, index])[-int(positive.sum())]
    return _shift(thresholds)


def operating_point(validation: Predictions) -> Settled:
    """Of two classes: the second is said where it is surer than all but 1 - SPECIFICITY of the validation samples of
    the first. Where validation has none of the first, it is said where it is likelier.
    """
    margins = _margin(validation)[validation.label == 0]
    bound = np.float32(0)
    if len(margins):
        bound = np.sort(margins)[math.ceil(SPECIFICITY * len(margins) - 1e-9) - 1]

    def settled(predictions: Predictions) -> Predictions:
        margin = _margin(predictions) - bound
        return replace(predictions, logits=np.stack([np.zeros_like(margin), margin], axis=1))

    return settled


def temperature(validation: Predictions) -> Settled:
    """Logits divided by the temperature with which the log-loss on validation is least (Guo et al. 2017, section 4.2).

    It changes no decision and no ranking within a sample. Without validation samples it is 1.
    """
    from scipy.optimize import minimize_scalar  # takes a while

    logits = finite(validation)
    best = 1.0
    if len(logits):
        found = minimize_scalar(
            lambda power: one_class.log_loss(replace(validation, logits=logits / np.float32(math.exp(power)))),
            bounds=_TEMPERATURES,
            method="bounded",
        )
        best = math.exp(float(found.x))
    return lambda predictions: replace(predictions, logits=predictions.logits / np.float32(best))


def _shift(thresholds: npt.NDArray[np.float32]) -> Settled:
    """Thresholds [classes] moved to 0. The difference of two float32 numbers has the sign of their order, exactly."""
    return lambda predictions: replace(predictions, logits=predictions.logits - thresholds)


def _shared(validation: Predictions) -> np.float32:
    scores = finite(validation)
    truths = [validation.truth(index) for index in range(len(validation.classes))]
    candidates = np.unique(np.concatenate([scores[positive, index] for index, (positive, _) in enumerate(truths)]))
    if not len(candidates):
        return np.float32(0)
    ranks = np.linspace(0, len(candidates) - 1, min(CANDIDATES, len(candidates))).round().astype(np.intp)
    candidates = candidates[ranks]
    table = [
        _f1_at(candidates, scores[known, index], positive[known])
        for index, (positive, known) in enumerate(truths)
        if positive.any()
    ]
    return np.float32(candidates[_last_best(np.mean(table, axis=0))])


def _f1_at(
    thresholds: npt.NDArray[np.float32], score: npt.NDArray[np.float32], positive: npt.NDArray[np.bool_]
) -> Floats:
    """F1 of saying what scores at least as high as each of the thresholds."""
    said = len(score) - np.searchsorted(np.sort(score), thresholds)
    right = positive.sum() - np.searchsorted(np.sort(score[positive]), thresholds)
    return ratio(2.0 * right, (said + positive.sum()).astype(np.float64))


def _last_best(values: Floats) -> int:
    return len(values) - 1 - int(np.argmax(values[::-1]))


def _margin(predictions: Predictions) -> npt.NDArray[np.float32]:
    logits = finite(predictions)
    return logits[:, 1] - logits[:, 0]
