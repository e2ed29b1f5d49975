"""How closely a metric goes with ImageNet accuracy: by line, by rank, by pairs; and whether chance could do that."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, norm, pearsonr, permutation_test, rankdata, spearmanr

from afield.analysis.fitting.fits import correlation
from afield.base.streams import stream
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metric import Floats

PERMUTATIONS = 9_999
_ALL_ORDERS = 7
"""points of which all orders are tried: 5,040, and 40,320 of one more"""
_ROUNDING = 1e-12
_BLOCK = 2_000_000


def correlations(points: pd.DataFrame, level: float = LEVEL) -> pd.DataFrame:
    """Pearson's r, Spearman's rho and Kendall's tau-b of `value` with `imagenet_top1`, a row each; needs four points
    and no constant column.

    Columns: coefficient, value, low, high, p (two-sided), p_permuted. Intervals by Fisher's z, whose standard error is
    1 / sqrt(n - 3) for r; sqrt((1 + rho^2 / 2) / (n - 3)) for rho (Bonett and Wright 2000, Psychometrika 65:23,
    equation 5); sqrt(0.437 / (n - 4)) for tau (Fieller, Hartley and Pearson 1957, Biometrika 44:470), where four points
    leave it at -1 to 1. A coefficient of 1 or -1 has no z, so its limits are NaN. p: Student's t for r and rho, but
    that of all orders for the rho of up to seven points; for tau scipy's, exact for few points without ties.
    """
    x, y = (points[name].to_numpy(np.float64) for name in ("imagenet_top1", "value"))
    n, reach = len(x), float(norm.isf((1 - level) / 2))
    r, rho, tau = pearsonr(x, y), spearmanr(x, y), kendalltau(x, y)
    errors = np.array([1 / np.sqrt(n - 3), np.sqrt((1 + float(rho.statistic) ** 2 / 2) / (n - 3))])
    values = np.array([float(r.statistic), float(rho.statistic)])
    z = np.arctanh(np.where(1 - np.abs(values) < _ROUNDING, np.nan, values))  # ranks may agree entirely
    by_pairs = kendall(x, y, level)
    by_ranks = permutation_p(rankdata(x), rankdata(y))
    return pd.DataFrame(
        {
            "coefficient": ["Pearson", "Spearman", "Kendall"],
            "value": [*values, by_pairs.value],
            "low": [*np.tanh(z - reach * errors), by_pairs.low],
            "high": [*np.tanh(z + reach * errors), by_pairs.high],
            "p": [float(r.pvalue), by_ranks if n <= _ALL_ORDERS else float(rho.pvalue), float(tau.pvalue)],
            "p_permuted": [permutation_p(x, y), by_ranks, np.nan],
        }
    )


def kendall(x: Floats, y: Floats, level: float = LEVEL) -> Interval:
    """Kendall's tau-b with its interval, as in `correlations`."""
    value, reach = float(kendalltau(x, y).statistic), float(norm.isf((1 - level) / 2))
    if len(x) <= 4:
        return Interval(value, -1.0, 1.0)
    error = reach * float(np.sqrt(0.437 / (len(x) - 4)))
    z = float(np.arctanh(value)) if 1 - abs(value) > _ROUNDING else np.nan  # ranks may agree entirely
    return Interval(value, float(np.tanh(z - error)), float(np.tanh(z + error)))


def overlapping_p(x: Floats, y: Floats, z: Floats) -> float:
    """Two-sided p of Pearson's r of x and y being that of x and z, all three of the same points; needs four points.

    Fisher's z of both, whose difference has the variance 2 (1 - s) h / (n - 3), s the r of y and z, q the mean of both
    squared r, h = (1 - f q) / (1 - q) and f = (1 - s) / (2 (1 - q)), at most 1 (Meng, Rosenthal and Rubin 1992,
    Psychological Bulletin 111:172, equations 1 to 3). 1 where y and z are one, NaN where an r is 1 or -1.
    """
    first, second, between = (float(correlation(*pair)) for pair in ((x, y), (x, z), (y, z)))
    if max(abs(first), abs(second)) > 1 - _ROUNDING:
        return np.nan
    if 1 - between < _ROUNDING:
        return 1.0
    squared = (first**2 + second**2) / 2
    f = min((1 - between) / (2 * (1 - squared)), 1.0)
    variance = 2 * (1 - between) * (1 - f * squared) / (1 - squared) / (len(x) - 3)
    return 2 * float(norm.sf(abs(np.arctanh(first) - np.arctanh(second)) / np.sqrt(variance)))


def permutation_p(x: Floats, y: Floats) -> float:
    """Two-sided p of |r|: how often pairs at random give as much. All orders where they are fewer than 10,000, else
    9,999 at random and the one that was seen (Phipson and Smyth 2010, doi 10.2202/1544-6115.1585).

    >>> permutation_p(np.arange(4.0), np.array([1.0, 2, 3, 4]))  # 2 of 24 orders
    0.083...
    """
    found = permutation_test(
        (x,),
        lambda shuffled, axis: np.abs(correlation(shuffled, np.broadcast_to(y, shuffled.shape), axis)),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=PERMUTATIONS,
        batch=max(1, _BLOCK // len(x)),
        alternative="greater",
        rng=stream(0, "permuted backbones"),
    )
    return float(found.pvalue)


def misranked(points: pd.DataFrame) -> float:
    """The share of all pairs of backbones that ImageNet accuracy puts in the wrong order; a pair that ties in either
    counts half. (1 - Kendall's tau-a) / 2; 0.5 is what a coin would do.

    >>> misranked(pd.DataFrame({"imagenet_top1": [60, 70, 80, 85], "value": [0.1, 0.1, 0.2, 0.2]}))  # 2 ties of 6
    0.166...
    """
    x, y = (points[name].to_numpy(np.float64) for name in ("imagenet_top1", "value"))
    agree = sum(float((np.sign(x[i + 1 :] - x[i]) * np.sign(y[i + 1 :] - y[i])).sum()) for i in range(len(x)))
    pairs = len(x) * (len(x) - 1) / 2
    return (1 - agree / pairs) / 2
