"""Intervals from test samples: exact for counts, the bootstrap by cluster for everything else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from afield.base.streams import stream
from afield.scoring.metric import Floats, Metric
from afield.scoring.predictions import Predictions, select

RESAMPLES = 2000
LEVEL = 0.95

_BLOCK = 4_000_000
"""weights that are drawn or looked at together (32 MB as float64), whatever the size of the test set"""
_ROUNDING = 1e-12
"""what values differ by that are one and the same"""
UNDEFINED = 0.05
"""share of resamples that may lack the metric before there is no interval"""


@dataclass(frozen=True)
class Interval:
    """A value and the limits of its interval, all on one scale; the limits are NaN where the data cannot give any."""

    value: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a value lies between the limits; unknown limits rule nothing out."""
        return not (value < self.low or value > self.high)

    def cut(self, least: float, greatest: float) -> Interval:
        """Its limits no farther out than these; unknown limits stay unknown.

        >>> Interval(0.5, -0.25, 2.0).cut(0, 1)
        Interval(value=0.5, low=0.0, high=1.0)
        """
        return Interval(self.value, max(self.low, float(least)), min(self.high, float(greatest)))

    def scaled(self, factor: float) -> Interval:
        """The same in units of which `factor` (above 0) make one."""
        return Interval(self.value * factor, self.low * factor, self.high * factor)

    def turned(self) -> Interval:
        """Of a difference the same the other way round."""
        return Interval(-self.value, -self.high, -self.low)


def clopper_pearson(successes: int, n: int, level: float = LEVEL) -> Interval:
    """Exact interval of a proportion (Clopper and Pearson 1934) from quantiles of the beta distribution.

    ValueError unless 0 <= successes <= n and n > 0.

    >>> clopper_pearson(0, 10)
    Interval(value=0.0, low=0.0, high=0.308...)
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"successes: {successes} of {n} is no proportion")
    tail = (1 - level) / 2
    from scipy.stats import beta  # takes a while

    low = float(beta.ppf(tail, successes, n - successes + 1)) if successes else 0.0
    high = float(beta.isf(tail, successes + 1, n - successes)) if successes < n else 1.0
    return Interval(successes / n, low, high)


def bootstrap_weights(
    cluster: npt.NDArray[np.str_], resamples: int = RESAMPLES, *, seed: int = 0
) -> npt.NDArray[np.uint16]:
    """How often each sample stands in each resample of whole clusters, shape [resamples, n].

    As many clusters as there are, drawn with replacement. The draw depends on the seed, the number of resamples and the
    sorted names of the clusters alone: two networks scored on the same samples meet the same resamples, so that they
    are compared in pairs.
    """
    names, index = np.unique(cluster, return_inverse=True)
    n, generator = len(names), stream(seed, "bootstrap")
    counts = np.empty((resamples, n), np.uint16)
    step = max(1, _BLOCK // max(1, n))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        places = generator.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
        counts[start : start + rows] = np.bincount(places.ravel(), minlength=rows * n).reshape(rows, n)
    return counts[:, index]


def resampled_values(metric: Metric, predictions: Predictions, weights: npt.NDArray[np.uint16]) -> Floats:
    """The metric in each resample, shape [resamples]; NaN where a resample does not define it."""
    if metric.resampled is None:
        rows = np.arange(len(predictions.label))
        return np.array(
            [metric.compute(select(predictions, np.repeat(rows, row))) for row in weights], dtype=np.float64
        )
    step = max(1, _BLOCK // max(1, weights.shape[1]))
    blocks = [weights[start : start + step].astype(np.float64) for start in range(0, len(weights), step)]
    return np.concatenate([metric.resampled(predictions, block) for block in blocks])


def metric_interval(
    metric: Metric,
    predictions: Predictions,
    weights: npt.NDArray[np.uint16] | None = None,
    *,
    resampled: Floats | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """A metric with its interval from the test samples: what another test set of the same kind could have given.

    `weights` are the `bootstrap_weights` of these clusters where they have been drawn, for several metrics at once;
    `resampled` are its `resampled_values` where these are at hand.

    Clopper-Pearson for accuracy where each sample is its own cluster, else `percentile_interval` over clusters. The
    limits are NaN where the bootstrap cannot know them: fewer than two clusters, more than 5 % of the resamples
    undefined, or no variation at all (every sample right).
    """
    value = metric.compute(predictions)
    n = len(predictions.label)
    clusters = len(np.unique(predictions.cluster))
    if metric.name == "accuracy" and n == clusters > 0:
        return clopper_pearson(round(value * n), n, level)
    if clusters < 2:
        return Interval(value, np.nan, np.nan)
    if resampled is None:
        if weights is None:
            weights = bootstrap_weights(predictions.cluster, resamples, seed=seed)
        resampled = resampled_values(metric, predictions, weights)
    return percentile_interval(value, resampled, clusters, level)


def vary(values: Floats) -> bool:
    """Whether values, none of them NaN, differ by more than rounding."""
    return bool(np.ptp(values) > _ROUNDING * max(1.0, float(np.abs(values).max())))


def percentile_interval(value: float, resampled: Floats, clusters: int, level: float = LEVEL) -> Interval:
    """A value with the expanded percentile interval of its resamples, NaN among them where one does not define it.

    `clusters`: how many were resampled. The bootstrap's spread is short by the root of 1 - 1 / n, and it does not know
    that a spread of n is itself estimated; so its percentiles lie as much farther out as Student's t with n - 1 degrees
    of freedom and that root ask for (Hesterberg 2015, The American Statistician 69:371). For 5 clusters
    those are 0.1 and 99.9 instead of 2.5 and 97.5, for 30 they are 1.9 and 98.1. They lie no farther out than the
    resamples: two or three clusters, of which these are few, hold the truth far too seldom (docs/metrics.md).

    The limits are NaN for fewer than two clusters, where more than 5 % of the resamples are undefined, and where all
    that are defined are equal.
    """
    defined = resampled[~np.isnan(resampled)]
    if clusters < 2 or len(defined) < (1 - UNDEFINED) * len(resampled) or not vary(defined):
        return Interval(value, np.nan, np.nan)
    from scipy.special import ndtr, stdtrit  # takes a while

    tail = float(ndtr(stdtrit(clusters - 1, (1 - level) / 2) * np.sqrt(clusters / (clusters - 1))))
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(value, float(low), float(high))
