"""Rankings in many resamples at once: a resample is a weight for each sample, and a sum over samples a matrix product.

Everywhere `score` [n] says how sure a network is that a sample is positive, `positive` [n] which ones are, and
`weights` [resamples, n] how often each stands in a resample. Equal scores share one threshold, as in scikit-learn.
Results have the shape [resamples] and are NaN where a resample has no positive or no negative sample.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]


def area_under_roc(score: Floats, positive: Truths, weights: Floats) -> Floats:
    """Area under the ROC curve: P(positive scores above negative) + P(equal) / 2 (Hanley and McNeil 1982)."""
    thresholds = np.unique(score[positive])
    at, above = (np.searchsorted(thresholds, score, side) for side in ("left", "right"))
    # a negative sample counts half from its own score on, and the other half from the next score above it
    twice, places = (np.concatenate([at, above]), np.tile(~positive, 2)), len(thresholds) + 1
    negatives_up_to = np.cumsum(_summed_by_place(*twice, places, weights), axis=0) / 2
    positives = _summed_by_place(at, positive, places, weights)
    wins = (positives * negatives_up_to).sum(axis=0)
    return ratio(wins, positives.sum(axis=0) * negatives_up_to[-1])


def average_precision(score: Floats, positive: Truths, weights: Floats) -> Floats:
    """Mean over the positive samples of the precision at their score, not interpolated (as scikit-learn's)."""
    right, precision = _falling(score, positive, weights)
    summed = (np.diff(right, axis=0, prepend=0) * precision).sum(axis=0)
    return _where_both(ratio(summed, weights @ positive), positive, weights)


def eleven_point_precision(score: Floats, positive: Truths, weights: Floats) -> Floats:
    """Mean over recalls 0, 0.1, ..., 1 of the best precision at that recall or more (Everingham et al. 2010, 4.2)."""
    if not positive.any():
        return np.full(len(weights), np.nan)
    right, precision = _falling(score, positive, weights)
    best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    resamples, summed = np.arange(len(weights)), np.zeros(len(weights))
    tenfold = 10 * right  # whole numbers: a recall of exactly 0.3 reaches 0.3
    for tenths in range(11):
        first = np.count_nonzero(tenfold < tenths * right[-1], axis=0)
        summed += best[first, resamples]
    return _where_both(summed / 11, positive, weights)


def ratio(top: Floats, bottom: Floats) -> Floats:
    """Top / bottom, NaN where bottom is 0."""
    result: Floats = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
    return result


def mean_where(table: Floats, counted: Truths) -> Floats:
    """Mean of each row over its counted columns, NaN where there are none."""
    return ratio(np.where(counted, table, 0.0).sum(axis=1), counted.sum(axis=1).astype(np.float64))


def _falling(score: Floats, positive: Truths, weights: Floats) -> tuple[Floats, Floats]:
    """Weight of the positive samples that score as high as a threshold or higher, and the precision there (0 where
    nothing scores so high); each [thresholds, resamples]. The thresholds are the scores of the positive samples, the
    highest first: between them precision only falls.
    """
    thresholds = np.unique(-score[positive])
    place = np.searchsorted(thresholds, -score)
    right, said = (
        np.cumsum(_summed_by_place(place, rows, len(thresholds), weights), axis=0)
        for rows in (positive, place < len(thresholds))
    )
    return right, np.divide(right, said, out=np.zeros(right.shape), where=said > 0)


def _summed_by_place(place: npt.NDArray[np.intp], rows: Truths, places: int, weights: Floats) -> Floats:
    """Weight of those rows by their place, [places, resamples]; those beyond the last place count nowhere. Rows may be
    told of all samples several times over, each time with other places. Fastest where weights lie in Fortran's order.
    """
    from scipy.sparse import csr_array  # takes a while

    counted = np.flatnonzero(rows & (place < places))
    sums = csr_array((np.ones(len(counted)), (place[counted], counted % weights.shape[1])), (places, weights.shape[1]))
    return cast(Floats, sums @ weights.T)


def _where_both(values: Floats, positive: Truths, weights: Floats) -> Floats:
    """The values, NaN where a resample has no positive or no negative sample."""
    both = (weights @ positive > 0) & (weights @ ~positive > 0)
    return np.where(both, values, np.nan)
