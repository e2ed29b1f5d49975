"""What a recipe does about classes of unequal size: weights, priors and groups, from the training split alone.

Needs no torch. Formulas and sources: docs/losses.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from afield.images.sampling import Alike

EFFECTIVE = 0.999
"""beta of the effective number of samples (Cui et al. 2019): from about a thousand samples on, more of them count for
little"""

Labels = npt.NDArray[np.int64]
"""[n] classes, or [n, classes] of 1 (has it), 0 (has it not) and -1 (unknown)"""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Training samples of which each class is known."""

    has: npt.NDArray[np.int64]
    """[classes] that have it"""
    has_not: npt.NDArray[np.int64]
    """[classes] that have it not"""


def count(labels: Labels, classes: int) -> Counts:
    """Count the labels of a training split."""
    if labels.ndim == 1:
        has = np.bincount(labels, minlength=classes).astype(np.int64)
        return Counts(has, len(labels) - has)
    return Counts((labels == 1).sum(axis=0), (labels == 0).sum(axis=0))


def class_weights(counts: Counts, *, effective: bool = False) -> Floats:
    """The weight of each class, [classes], for one class a sample: inverse to its samples, or to their effective
    number; scaled so that the mean over all training samples is 1.

    >>> class_weights(Counts(np.array([90, 10]), np.array([10, 90]))).round(3).tolist()
    [0.556, 5.0]
    """
    inverse = 1 / _numbers(counts.has, effective=effective)
    result: Floats = inverse * counts.has.sum() / (inverse * counts.has).sum()
    return result


def label_weights(counts: Counts, *, effective: bool = False) -> Floats:
    """The weights of not having (row 0) and of having (row 1) each class, [2, classes], for several labels a sample:
    of each class as `class_weights` of these two, so that the mean over what is known of it is 1. A class of which
    nothing is known weighs 0.

    >>> label_weights(Counts(np.array([10]), np.array([90]))).round(3).tolist()
    [[0.556], [5.0]]
    """
    sides = np.stack([counts.has_not, counts.has])
    inverse = 1 / _numbers(sides, effective=effective)
    known, weighed = sides.sum(axis=0), (inverse * sides).sum(axis=0)
    result: Floats = inverse * known / np.where(known > 0, weighed, 1)
    return result


def log_prior(counts: Counts) -> Floats:
    """Logarithm of each class's share of the training samples, [classes]."""
    result: Floats = np.log(np.maximum(counts.has, 1) / counts.has.sum())
    return result


def alike(labels: Labels, classes: int) -> Alike:
    """The groups that `balance = "sampler"` shows equally often: the classes. Where a sample may have several, it
    belongs to the one that the fewest training samples have (of equals the first); those that have none are a group,
    too.
    """
    if labels.ndim == 1:
        return Alike(labels)
    rarity = np.where(labels == 1, count(labels, classes).has, np.iinfo(np.int64).max)
    return Alike(np.where((labels == 1).any(axis=1), rarity.argmin(axis=1), classes).astype(np.int64))


def _numbers(samples: npt.NDArray[np.int64], *, effective: bool) -> Floats:
    """The samples, at least one; or (1 - beta ** samples) / (1 - beta)."""
    numbers = np.maximum(samples, 1).astype(np.float64)
    return (1 - EFFECTIVE**numbers) / (1 - EFFECTIVE) if effective else numbers
