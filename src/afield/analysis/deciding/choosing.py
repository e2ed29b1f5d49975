"""Choosing one of several: what that gives, how far it lies below the best, and how the best flatters itself."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.stats import norm

from afield.analysis.searches.curse import selection_bias
from afield.base.streams import stream
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metric import Floats

_DRAWS = 2000


def expected_value(values: Floats, criterion: Floats, k: int) -> float:
    """The mean, over all choices of k of the n, of the value of the one with the largest criterion.

    The j-th by the criterion is the best of k with probability C(n - j, k - 1) / C(n, k). Equals by the criterion are
    taken with equal probability.

    >>> expected_value(np.array([3.0, 2.0, 1.0]), np.array([3.0, 2.0, 1.0]), 2)  # 3, 3 and 2
    2.666...
    """
    mean_of_equals = pd.Series(values).groupby(criterion).transform("mean").to_numpy(np.float64)
    return float(mean_of_equals[np.argsort(-criterion, kind="stable")] @ chances(len(values), k))


def chances(n: int, k: int) -> Floats:
    """[n] the probability that the j-th of n is the best of k drawn without replacement.

    >>> chances(3, 2).round(3)
    array([0.667, 0.333, 0.   ])
    """
    ahead = np.arange(n - 1)
    steps = np.maximum(n - ahead - k, 0) / (n - ahead - 1)
    result: Floats = k / n * np.concatenate([[1.0], np.cumprod(steps)])
    return result


def shortlisted(order: Floats, criterion: Floats, k: int) -> Floats:
    """[n] the probability that each is the one with the largest criterion among the k with the largest `order`.

    What is equal is put in order at random, in either: where more stand level than the shortlist has places left, each
    choice of them is as likely as any other. With k of n it is the one with the largest criterion of all.

    >>> shortlisted(np.array([80.0, 75.0, 75.0]), np.array([1.0, 3.0, 2.0]), 2)  # the last place to either
    array([0. , 0.5, 0.5])
    """
    least = np.sort(order)[-k]
    sure, level = order > least, order == least
    places, rivals = k - int(sure.sum()), int(level.sum())
    found, above = np.zeros(len(order)), 0
    for value in np.unique(criterion)[::-1]:
        certain, hoping = sure & (criterion == value), level & (criterion == value)
        there, more = int(certain.sum()), int(hoping.sum())
        for drawn in range(min(more, places) + 1):
            if there + drawn:
                # of the level ones none that is better was drawn, and of these so many
                ways = math.comb(more, drawn) * math.comb(rivals - above - more, places - drawn)
                each = ways / math.comb(rivals, places) / (there + drawn)
                found[certain] += each
                found[hoping] += each * drawn / max(more, 1)
        if there:
            break
        above += more
    return found


def below_the_best(values: Floats, errors: Floats, chosen: int, level: float = LEVEL) -> Interval:
    """How far one of n lies below the best of them, whichever that is: the scale of `values`, never below 0.

    From d simultaneous limits for all differences to the chosen one (Bonferroni's, of normal errors) follow those of
    the largest: [max(0, max_j low_j), max(0, max_j high_j)] (Hsu 1984, Annals of Statistics 12:1136, multiple
    comparisons with the best). `errors`: covariance [n, n]; limits are NaN where it is 0.
    """
    rest = np.arange(len(values)) != chosen
    distance = (values - values[chosen])[rest]
    value = max(0.0, float(distance.max(initial=0.0)))
    variance = (np.diag(errors) + errors[chosen, chosen] - 2 * errors[chosen])[rest]
    if not rest.any() or not (variance > 0).all():
        return Interval(value, math.nan, math.nan)
    reach = float(norm.isf((1 - level) / 2 / len(distance))) * np.sqrt(variance)
    return Interval(value, max(0.0, float((distance - reach).max())), max(0.0, float((distance + reach).max())))


def flattery(values: Floats, errors: Floats) -> float:
    """By how much the largest of the values exceeds what it stands for, by normal errors of that covariance; NaN where
    that is 0.
    """
    if not errors.any():
        return math.nan
    sizes, directions = np.linalg.eigh(errors)
    drawn = stream(0, "errors of values").standard_normal((len(values), _DRAWS))
    return selection_bias(values, values[:, None] + directions @ (np.sqrt(np.maximum(sizes, 0))[:, None] * drawn))
