"""Straight lines through a few points: Pearson's r and the slope with their intervals, and the band of the line."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.special import logit
from scipy.stats import bootstrap, linregress, norm, t

from afield.base.streams import stream
from afield.scoring.intervals import Interval
from afield.scoring.metrics import Floats

BOOTSTRAP_FROM = 10
"""backbones: below, a bootstrap over them has too few distinct resamples to be trusted"""
_RESAMPLES = 9_999
_BAND_POINTS = 61


def correlation(x: Floats, y: Floats, axis: int = -1) -> Floats:
    """Pearson's r along an axis; 0 where one side does not vary (a resample without variation shows no association)."""
    x, y = x - x.mean(axis=axis, keepdims=True), y - y.mean(axis=axis, keepdims=True)
    return _quotient((x * y).sum(axis=axis), np.sqrt((x**2).sum(axis=axis) * (y**2).sum(axis=axis)))


def least_squares_slope(x: Floats, y: Floats, axis: int = -1) -> Floats:
    """Slope of y on x along an axis; 0 where x does not vary."""
    x = x - x.mean(axis=axis, keepdims=True)
    return _quotient((x * y).sum(axis=axis), (x**2).sum(axis=axis))


def _quotient(top: Floats, bottom: Floats) -> Floats:
    result: Floats = np.divide(top, bottom, out=np.zeros_like(bottom), where=bottom > 0)
    return result


def critical_correlation(n: int, level: float = 0.95) -> float:
    """What |r| of n points must exceed for p < 1 - level, two-sided (Student's t with n - 2 degrees of freedom).

    >>> round(critical_correlation(4), 3), round(critical_correlation(13), 3)
    (0.95, 0.553)
    """
    quantile = float(t.isf((1 - level) / 2, n - 2))
    return quantile / float(np.sqrt(n - 2 + quantile**2))


def line_intervals(x: Floats, y: Floats, level: float) -> tuple[Interval, Interval]:
    """Pearson's r and the slope of y on x, each with its interval."""
    r, slope = float(correlation(x, y)), float(least_squares_slope(x, y))
    n = len(x)
    if n >= BOOTSTRAP_FROM:
        return _bca(correlation, r, x, y, level), _bca(least_squares_slope, slope, x, y, level)
    z, reach = np.arctanh(r), np.inf if n == 3 else norm.isf((1 - level) / 2) / np.sqrt(n - 3)
    margin = t.isf((1 - level) / 2, n - 2) * linregress(x, y).stderr
    return (
        Interval(r, float(np.tanh(z - reach)), float(np.tanh(z + reach))),
        Interval(slope, float(slope - margin), float(slope + margin)),
    )


def _bca(statistic: Callable[..., Floats], value: float, x: Floats, y: Floats, level: float) -> Interval:
    """Bias-corrected and accelerated bootstrap over the pairs; the same table gives the same interval."""
    limits = bootstrap(
        (x, y),
        statistic,
        paired=True,
        vectorized=True,
        n_resamples=_RESAMPLES,
        confidence_level=level,
        method="BCa",
        random_state=stream(0, "bootstrap over backbones"),
    ).confidence_interval
    return Interval(value, float(limits.low), float(limits.high))


def clipped_logit(share: Floats, least: float) -> Floats:
    """Logit of shares 0..1, which are first moved to at least `least` and at most 1 - `least`."""
    result: Floats = logit(np.clip(share, least, 1 - least))
    return result


def line_band(x: Floats, y: Floats, level: float) -> pd.DataFrame:
    """The least-squares line over the range of x with the pointwise band of its mean (Student's t), at every n."""
    grid = np.linspace(x.min(), x.max(), _BAND_POINTS)
    slope = float(least_squares_slope(x, y))
    line = y.mean() + slope * (grid - x.mean())
    residual = y - y.mean() - slope * (x - x.mean())
    scatter = np.sqrt((residual**2).sum() / (len(x) - 2))
    spread = np.sqrt(1 / len(x) + (grid - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum())
    margin = t.isf((1 - level) / 2, len(x) - 2) * scatter * spread
    return pd.DataFrame({"imagenet_top1": grid, "value": line, "low": line - margin, "high": line + margin})
