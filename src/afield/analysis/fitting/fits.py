"""Straight lines through a few points: Pearson's r and the slope with their intervals, and the band of the line.

Least squares, every point alike. What makes the line uncertain (uncertainty.py) is the scatter around it, by family
where families are told, and what test samples and seeds leave open. The scatter of a few points can come out small by
luck, even where each of them is known to be uncertain; so no variance of the line is taken as smaller than the points'
own errors would make it. In random-effects meta-regression that floor is the modified Knapp-Hartung interval (Knapp and
Hartung 2003, Statistics in Medicine 22:2693; Röver, Knapp and Friede 2015, BMC Medical Research Methodology 15:99).

From ten backbones on a bootstrap over them is a second reading, which assumes no normal scatter. No verdict rests on it
(docs/decisions/0006-intervals-of-the-fit.md, 0012-families-and-clusters-in-the-interval.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import bootstrap, t

from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.uncertainty import uncertainty_of
from afield.analysis.words import capital, count
from afield.base.streams import stream
from afield.scoring.intervals import Interval
from afield.scoring.metric import Floats

BOOTSTRAP_FROM = 10
"""backbones: below, a bootstrap over them has too few distinct resamples to be read"""
BOOTSTRAP_RESAMPLES = 10_000
_BLOCK = 2_000_000
"""points that are resampled together (16 MB as float64)"""
_BAND_POINTS = 61


def correlation(x: Floats, y: Floats, axis: int = -1) -> Floats:
    """Pearson's r along an axis; 0 where one side does not vary."""
    x, y = x - x.mean(axis=axis, keepdims=True), y - y.mean(axis=axis, keepdims=True)
    return _quotient((x * y).sum(axis=axis), np.sqrt((x**2).sum(axis=axis) * (y**2).sum(axis=axis)))


def least_squares_slope(x: Floats, y: Floats, axis: int = -1) -> Floats:
    """Slope of y on x along an axis; 0 where x does not vary."""
    x = x - x.mean(axis=axis, keepdims=True)
    return _quotient((x * y).sum(axis=axis), (x**2).sum(axis=axis))


def _quotient(top: Floats, bottom: Floats) -> Floats:
    result: Floats = np.divide(top, bottom, out=np.zeros_like(bottom), where=bottom > 0)
    return result


def weights_at(x: Floats, at: Floats) -> Floats:
    """The weights of the values [..., n] that give the least-squares line's height at each of the places."""
    centred = x - x.mean()
    result: Floats = 1 / len(x) + (np.asarray(at)[..., None] - x.mean()) * centred / (centred**2).sum()
    return result


def scatter_around(x: Floats, y: Floats) -> float:
    """Variance of the values around their least-squares line, on n - 2 degrees of freedom."""
    residual = y - y.mean() - float(least_squares_slope(x, y)) * (x - x.mean())
    return float((residual**2).sum()) / (len(x) - 2)


def no_line(x: Floats, y: Floats, title: str) -> str:
    """Why no line with an uncertainty can be fitted through points, of a metric of that title; empty where one can."""
    n = len(x)
    if n < 3:
        return f"{capital(count(n, 'backbone'))}: a line needs at least three."
    if np.ptp(x) < 1e-9:
        return f"All {count(n, 'backbone')} have the same ImageNet accuracy, so there is no line to fit."
    if np.ptp(y) < 1e-12:
        return (
            f"All {count(n, 'backbone')} have the same {title}, so there is nothing that ImageNet accuracy could tell."
        )
    if 1 - correlation(x, y) ** 2 < 1e-12:
        return f"The {count(n, 'backbone')} lie exactly on a line, so how far they scatter around it cannot be told."
    return ""


def critical_correlation(n: int, level: float = 0.95) -> float:
    """What |r| of n points must exceed for p < 1 - level, two-sided (Student's t with n - 2 degrees of freedom).

    >>> round(critical_correlation(4), 3), round(critical_correlation(13), 3)
    (0.95, 0.553)
    """
    quantile = float(t.isf((1 - level) / 2, n - 2))
    return quantile / float(np.sqrt(n - 2 + quantile**2))


def line_intervals(observed: Observations, level: float) -> tuple[Interval, Interval]:
    """Pearson's r and the slope of y on x, each with its interval.

    The slope's is Student's with what `uncertainty_of` makes of the observations. r has Fisher's z, made wider by as
    much as families and errors make the slope's interval wider; three points leave it at -1 to 1.
    """
    (found,) = line_intervals_at((level,), observed)
    return found


def line_intervals_at(levels: Sequence[float], observed: Observations) -> list[tuple[Interval, Interval]]:
    """`line_intervals` at several levels of one uncertainty, which takes most of the time."""
    x, y = observed.x, observed.y
    r, slope = float(correlation(x, y)), float(least_squares_slope(x, y))
    n, weights = len(x), (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    of_slope, of_scatter = uncertainty_of(weights, observed), uncertainty_of(weights, observed.each_for_itself())
    # a ceiling makes r no wider: there z holds the truth as it is (docs/how_often_wrong.md)
    near = math.isfinite(observed.ceiling)
    of_even = uncertainty_of(weights, replace(observed, ceiling=math.inf)) if near else of_slope
    found = []
    for level in levels:
        margin = float(of_slope.margin(level))
        wider = max(1.0, float(of_even.margin(level)) / float(of_scatter.margin(level)))
        z, reach = np.arctanh(r), np.inf if n == 3 else wider * ndtri((1 + level) / 2) / np.sqrt(n - 3)
        of_r = Interval(r, float(np.tanh(z - reach)), float(np.tanh(z + reach)))
        found.append((of_r, Interval(slope, float(slope - margin), float(slope + margin))))
    return found


def bootstrap_intervals(x: Floats, y: Floats, level: float) -> tuple[Interval, Interval]:
    """Pearson's r and the slope of y on x with bias-corrected and accelerated bootstrap intervals (Efron 1987).

    Whole backbones are resampled; the same points give the same interval. Its limits are NaN where a resampled line is
    not defined too often.
    """
    r, slope = (
        bootstrap(
            (x, y),
            statistic,
            paired=True,
            vectorized=True,
            n_resamples=BOOTSTRAP_RESAMPLES,
            batch=max(1, _BLOCK // len(x)),
            confidence_level=level,
            method="BCa",
            rng=stream(0, "bootstrap over backbones"),
        ).confidence_interval
        for statistic in (correlation, least_squares_slope)
    )
    return (
        Interval(float(correlation(x, y)), float(r.low), float(r.high)),
        Interval(float(least_squares_slope(x, y)), float(slope.low), float(slope.high)),
    )


def line_band(observed: Observations, level: float) -> pd.DataFrame:
    """The least-squares line over the range of x and the pointwise band of its mean, made like the slope's interval."""
    x, y = observed.x, observed.y
    grid = np.linspace(x.min(), x.max(), _BAND_POINTS)
    line = y.mean() + float(least_squares_slope(x, y)) * (grid - x.mean())
    margin = uncertainty_of(weights_at(x, grid), observed).margin(level)
    return pd.DataFrame({"imagenet_top1": grid, "value": line, "low": line - margin, "high": line + margin})
