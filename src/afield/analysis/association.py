"""How closely a metric goes with ImageNet accuracy: by line, by rank, by pairs; and whether chance could do that."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, norm, pearsonr, permutation_test, rankdata, spearmanr

from afield.analysis.fits import correlation
from afield.base.streams import stream
from afield.scoring.intervals import LEVEL
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
    errors = (
        1 / np.sqrt(n - 3),
        np.sqrt((1 + float(rho.statistic) ** 2 / 2) / (n - 3)),
        np.sqrt(0.437 / (n - 4)) if n > 4 else np.inf,
    )
    values = np.array([float(found.statistic) for found in (r, rho, tau)])
    z = np.arctanh(np.where(1 - np.abs(values) < _ROUNDING, np.nan, values))  # ranks may agree entirely
    low, high = np.tanh(z - reach * np.array(errors)), np.tanh(z + reach * np.array(errors))
    if n == 4:
        low[2], high[2] = -1.0, 1.0
    by_ranks = permutation_p(rankdata(x), rankdata(y))
    return pd.DataFrame(
        {
            "coefficient": ["Pearson", "Spearman", "Kendall"],
            "value": values,
            "low": low,
            "high": high,
            "p": [float(r.pvalue), by_ranks if n <= _ALL_ORDERS else float(rho.pvalue), float(tau.pvalue)],
            "p_permuted": [permutation_p(x, y), by_ranks, np.nan],
        }
    )


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
