"""Does better on ImageNet mean better here? Correlation, slopes, their intervals and a verdict a task and metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import logit
from scipy.stats import bootstrap, linregress, norm, t

from afield.analysis.words import capital, count, listing, signed
from afield.base.errors import InputError
from afield.base.streams import stream
from afield.scoring.intervals import Interval
from afield.scoring.metrics import Floats, metric_title

Verdict = Literal["transfers", "weakly", "does not", "cannot tell"]

SMALLEST_SLOPE = 0.1
"""Metric points per ImageNet point that would matter. Ten points on ImageNet are years of better architectures; whoever
changes backbones for them should get at least one point here, for less hardly pays for the change."""

BOOTSTRAP_FROM = 10
"""backbones: below, a bootstrap over them has too few distinct resamples to be trusted"""
_RESAMPLES = 9_999
_IMAGENET_IMAGES = 50_000
_BAND_POINTS = 61


@dataclass(frozen=True)
class TransferFit:
    """How a metric on a task goes with ImageNet accuracy over n backbones. Without a fit the intervals are None."""

    task: str
    metric: str
    n: int
    """backbones"""
    points: pd.DataFrame
    """a row a backbone: backbone, family, imagenet_top1 (per cent), value (mean over seeds), low, high (from test
    samples alone, mean over seeds), seeds"""
    pearson_r: Interval | None
    slope: Interval | None
    """metric's own scale per ImageNet point"""
    logit_slope: Interval | None
    """logit of the metric per logit of ImageNet accuracy; None where the metric leaves 0..1"""
    normalised_slope: Interval | None
    """metric points (metric x 100) per ImageNet point"""
    intercept: float | None
    """of the straight line: metric's own scale at ImageNet 0 %"""
    band: pd.DataFrame
    """imagenet_top1, value, low, high: the line and its pointwise band, for plotting; no rows without a fit"""
    method: str
    """how the intervals were made"""
    critical_r: float | None
    """what |r| must exceed for p < 0.05, two-sided; None below three backbones"""
    range_note: str
    """the spread of ImageNet accuracies that was seen, in words"""
    smallest_slope: float
    """metric points per ImageNet point that would matter"""
    verdict: Verdict
    reason: str
    """why, in words with numbers"""


def fit_transfer(
    results: pd.DataFrame,
    *,
    intervention: str = "plain",
    smallest_slope: float = SMALLEST_SLOPE,
    level: float = 0.95,
) -> tuple[TransferFit, ...]:
    """Fit every (task, metric) of a results table whose direction is "higher" against ImageNet top-1.

    Only pretrained backbones under that intervention count, each with the mean over its seeds. Least squares on the
    metric's own scale; the normalised slope is that in metric points per ImageNet point (Fang et al., arXiv 2301.04644,
    figure 1). The logit slope follows Kornblith et al. 2019 (arXiv 1805.08974); a metric of 0 or 1 is moved inwards by
    half a test sample.

    Intervals below ten backbones: Fisher's z for r, Student's t with n - 2 degrees of freedom for slopes. From ten on:
    BCa bootstrap over backbones (Efron 1987).

    The verdict reads the normalised slope's interval [L, H] at `level`, its interval [l, h] at 2 `level` - 1 (two
    one-sided tests, Schuirmann 1987), and d = `smallest_slope` > 0:

    - L >= d: transfers
    - 0 < L < d: weakly (surely positive, perhaps less than matters)
    - H < 0, or -d < l and h < d: does not (reversed; or equivalent to none)
    - else, or without a fit: cannot tell

    A large p is never evidence of no transfer. Raises InputError where a (task, metric, backbone, seed) stands twice.
    """
    if results.empty:
        return ()
    rows = results[
        (results["intervention"] == intervention)
        & (results["initialisation"] == "pretrained")
        & (results["direction"] == "higher")
    ]
    place = ["task", "metric", "backbone", "seed"]
    twice = rows[rows.duplicated(place)]
    if len(twice):
        raise InputError(
            f"results table: two rows for {', '.join(str(part) for part in twice[place].iloc[0])} "
            f"under {intervention}; keep one a task, metric, backbone and seed"
        )
    return tuple(
        _fit(str(task), str(metric), group, smallest_slope, level)
        for (task, metric), group in rows.groupby(["task", "metric"], sort=False)
    )


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


def _fit(task: str, metric: str, rows: pd.DataFrame, smallest_slope: float, level: float) -> TransferFit:
    points, left_out = _points(rows)
    n = len(points)
    x, y = points["imagenet_top1"].to_numpy(np.float64), points["value"].to_numpy(np.float64)
    trouble = _trouble(x, y, metric_title(metric))
    method = "Fisher z and Student t" if n < BOOTSTRAP_FROM else "bootstrap over backbones (BCa)"
    pearson = slope = logit_slope = normalised = intercept = None
    band = pd.DataFrame({name: [] for name in ("imagenet_top1", "value", "low", "high")}, dtype=np.float64)
    verdict: Verdict = "cannot tell"
    reason = trouble
    if not trouble:
        pearson, slope = _intervals(x, y, level)
        normalised = _scaled(slope, 100)
        half = 0.5 / float(rows["n_test"].max())
        if y.min() >= 0 and y.max() <= 1:
            logit_slope = _intervals(_logit(x / 100, 0.5 / _IMAGENET_IMAGES), _logit(y, half), level)[1]
        intercept = float(y.mean() - slope.value * x.mean())
        band = _band(x, y, level)
        narrow = _scaled(_intervals(x, y, 2 * level - 1)[1], 100)
        verdict, words = _verdict(normalised, narrow, smallest_slope)
        reason = f"{_evidence(n, pearson, normalised, metric, level)}; {words}."
    return TransferFit(
        task=task,
        metric=metric,
        n=n,
        points=points,
        pearson_r=pearson,
        slope=slope,
        logit_slope=logit_slope,
        normalised_slope=normalised,
        intercept=intercept,
        band=band,
        method=method,
        critical_r=critical_correlation(n, level) if n > 2 else None,
        range_note=_range_note(points),
        smallest_slope=smallest_slope,
        verdict=verdict,
        reason=reason + left_out,
    )


def _points(rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """A row a backbone, by ImageNet accuracy, and a sentence on those that lack a number."""
    points = (
        rows.groupby("backbone", sort=True)
        .agg(
            family=("family", "first"),
            imagenet_top1=("imagenet_top1", "first"),
            value=("value", "mean"),
            low=("low", "mean"),
            high=("high", "mean"),
            seeds=("seed", "count"),
        )
        .reset_index()
        .sort_values(["imagenet_top1", "backbone"], ignore_index=True)
    )
    known = np.isfinite(points[["imagenet_top1", "value"]].to_numpy(np.float64)).all(axis=1)
    lacking = [str(name) for name in points["backbone"][~known]]
    words = f" Left out for want of a number: {listing(lacking)}." if lacking else ""
    return points[known].reset_index(drop=True), words


def _trouble(x: Floats, y: Floats, title: str) -> str:
    """Why no line can be fitted; empty where one can."""
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


def _intervals(x: Floats, y: Floats, level: float) -> tuple[Interval, Interval]:
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


def _scaled(interval: Interval, factor: float) -> Interval:
    return Interval(interval.value * factor, interval.low * factor, interval.high * factor)


def _logit(share: Floats, least: float) -> Floats:
    result: Floats = logit(np.clip(share, least, 1 - least))
    return result


def _band(x: Floats, y: Floats, level: float) -> pd.DataFrame:
    """The least-squares line over the range of x with the pointwise band of its mean (Student's t), at every n."""
    grid = np.linspace(x.min(), x.max(), _BAND_POINTS)
    slope = float(least_squares_slope(x, y))
    line = y.mean() + slope * (grid - x.mean())
    residual = y - y.mean() - slope * (x - x.mean())
    scatter = np.sqrt((residual**2).sum() / (len(x) - 2))
    spread = np.sqrt(1 / len(x) + (grid - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum())
    margin = t.isf((1 - level) / 2, len(x) - 2) * scatter * spread
    return pd.DataFrame({"imagenet_top1": grid, "value": line, "low": line - margin, "high": line + margin})


def _verdict(wide: Interval, narrow: Interval, smallest: float) -> tuple[Verdict, str]:
    """The rule of `fit_transfer` and its words."""
    if wide.low >= smallest:
        return "transfers", f"that is surely at least the {smallest:g} that would matter"
    if wide.low > 0:
        return "weakly", f"that is surely more than none, but perhaps less than the {smallest:g} that would matter"
    if wide.high < 0:
        return "does not", "reversed: better on ImageNet went with worse here"
    if -smallest < narrow.low and narrow.high < smallest:
        return "does not", (
            f"whatever the slope is, it is surely smaller than the {smallest:g} that would matter, up or down "
            f"({signed(narrow.low, 3)} to {signed(narrow.high, 3)} by two one-sided tests)"
        )
    return "cannot tell", f"that holds 0 as well as slopes that would matter ({smallest:g} or more, up or down)"


def _evidence(n: int, r: Interval, slope: Interval, metric: str, level: float) -> str:
    """The numbers in front of a verdict's words."""
    return (
        f"{capital(count(n, 'backbone'))}: |r| must exceed {critical_correlation(n, level):.2f} for p < {1 - level:.2g}, "
        f"here r = {r.value:.2f} ({r.low:.2f} to {r.high:.2f}). A point more on ImageNet went with "
        f"{signed(slope.value, 2)} points of {metric_title(metric)} ({signed(slope.low, 2)} to {signed(slope.high, 2)})"
    )


def _range_note(points: pd.DataFrame) -> str:
    """The range of ImageNet accuracies, and whether one backbone alone makes most of it."""
    if points.empty:
        return "No backbone has both numbers."
    x = points["imagenet_top1"].to_numpy(np.float64)
    note = f"ImageNet accuracy from {x[0]:.1f} to {x[-1]:.1f} %, a range of {x[-1] - x[0]:.1f} points"
    if len(x) > 2:
        for name, rest in ((points["backbone"].iloc[0], x[1:]), (points["backbone"].iloc[-1], x[:-1])):
            if np.ptp(rest) < (x[-1] - x[0]) / 2:
                return f"{note}; without {name} it would be {np.ptp(rest):.1f}, so that backbone carries the line."
    return f"{note}."
