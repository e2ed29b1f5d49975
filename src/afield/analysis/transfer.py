"""Does better on ImageNet mean better here? Correlation, slopes, their intervals and a verdict a task and metric."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from afield.analysis.fits import (
    BOOTSTRAP_FROM,
    clipped_logit,
    correlation,
    critical_correlation,
    line_band,
    line_intervals,
)
from afield.analysis.words import capital, count, listing, signed
from afield.base.errors import InputError
from afield.scoring.intervals import Interval
from afield.scoring.metrics import Floats, metric_title

Verdict = Literal["transfers", "weakly", "does not", "cannot tell"]

SMALLEST_SLOPE = 0.1
"""Metric points per ImageNet point that would matter. Ten points on ImageNet are years of better architectures; whoever
changes backbones for them should get at least one point here, for less hardly pays for the change."""

_IMAGENET_IMAGES = 50_000


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
    """logit of the metric per logit of ImageNet accuracy; None also where the metric leaves 0..1"""
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
    carried_by: str | None
    """the one backbone without which that spread would be less than half"""
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
    - 0 < L < d: weakly (surely positive, perhaps less than matters; surely less where h < d)
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


def _fit(task: str, metric: str, rows: pd.DataFrame, smallest_slope: float, level: float) -> TransferFit:
    points, left_out = _points(rows)
    n = len(points)
    x, y = points["imagenet_top1"].to_numpy(np.float64), points["value"].to_numpy(np.float64)
    trouble = _trouble(x, y, metric_title(metric))
    without = TransferFit(
        task=task,
        metric=metric,
        n=n,
        points=points,
        pearson_r=None,
        slope=None,
        logit_slope=None,
        normalised_slope=None,
        intercept=None,
        band=pd.DataFrame(columns=["imagenet_top1", "value", "low", "high"], dtype=np.float64),
        method="Fisher z and Student t" if n < BOOTSTRAP_FROM else "bootstrap over backbones (BCa)",
        critical_r=critical_correlation(n, level) if n > 2 else None,
        range_note=_range_note(points),
        carried_by=_carrier(points),
        smallest_slope=smallest_slope,
        verdict="cannot tell",
        reason=trouble + left_out,
    )
    if trouble:
        return without
    pearson_r, slope = line_intervals(x, y, level)
    normalised = _scaled(slope, 100)
    narrow = _scaled(line_intervals(x, y, 2 * level - 1)[1], 100)
    verdict, words = _verdict(normalised, narrow, smallest_slope)
    return replace(
        without,
        pearson_r=pearson_r,
        slope=slope,
        logit_slope=_logit_slope(x, y, float(rows["n_test"].max()), level),
        normalised_slope=normalised,
        intercept=float(y.mean() - slope.value * x.mean()),
        band=line_band(x, y, level),
        verdict=verdict,
        reason=f"{_evidence(n, pearson_r, normalised, metric, level)}; {words}.{left_out}",
    )


def _logit_slope(x: Floats, y: Floats, n_test: float, level: float) -> Interval | None:
    """The slope between logits; None where the metric leaves 0..1 or its logits define no line."""
    if y.min() < 0 or y.max() > 1:
        return None
    imagenet, here = clipped_logit(x / 100, 0.5 / _IMAGENET_IMAGES), clipped_logit(y, 0.5 / n_test)
    return None if _trouble(imagenet, here, "") else line_intervals(imagenet, here, level)[1]


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


def _scaled(interval: Interval, factor: float) -> Interval:
    return Interval(interval.value * factor, interval.low * factor, interval.high * factor)


def _verdict(wide: Interval, narrow: Interval, smallest: float) -> tuple[Verdict, str]:
    """The rule of `fit_transfer` and its words."""
    if wide.low >= smallest:
        return "transfers", f"that is surely at least the {smallest:g} that would matter"
    if wide.low > 0:
        how = "surely" if narrow.high < smallest else "perhaps"
        return "weakly", f"that is surely more than none, but {how} less than the {smallest:g} that would matter"
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
    needed, seen, low, high = (_r(value) for value in (critical_correlation(n, level), r.value, r.low, r.high))
    return (
        f"{capital(count(n, 'backbone'))}: |r| must exceed {needed} for p < {1 - level:.2g}; here r = {seen} "
        f"({low} to {high}). A point more on ImageNet went with {signed(slope.value, 2)} points of "
        f"{metric_title(metric)} ({signed(slope.low, 2)} to {signed(slope.high, 2)})"
    )


def _r(value: float) -> str:
    """A correlation to two digits; near one to three, where they decide.

    >>> _r(0.9503), _r(0.9969), _r(-1.0)
    ('0.95', '0.997', '-1')
    """
    return f"{value:.0f}" if abs(value) == 1 else f"{value:.2f}" if abs(value) < 0.99 else f"{value:.3f}"


def _carrier(points: pd.DataFrame) -> str | None:
    """The backbone at an end of the ImageNet range without which the range would be less than half."""
    x = points["imagenet_top1"].to_numpy(np.float64)
    if len(x) < 3:
        return None
    remaining, place = min((x[-1] - x[1], 0), (x[-2] - x[0], -1))
    return str(points["backbone"].iloc[place]) if remaining < (x[-1] - x[0]) / 2 else None


def _range_note(points: pd.DataFrame) -> str:
    """The range of ImageNet accuracies in words."""
    if points.empty:
        return "No backbone has both numbers."
    x, carrier = points["imagenet_top1"], _carrier(points)
    note = f"ImageNet accuracy from {x.min():.1f} to {x.max():.1f} %, a range of {x.max() - x.min():.1f} points"
    if carrier is None:
        return f"{note}."
    rest = x[points["backbone"] != carrier]
    return f"{note}; without {carrier} it would be {rest.max() - rest.min():.1f}."
