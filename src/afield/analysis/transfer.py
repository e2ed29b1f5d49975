"""Does better on ImageNet mean better here? Correlation, slopes, their intervals and a verdict a task and metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd

from afield.analysis.axes import axis_slope
from afield.analysis.ceiling import ceiling_words, near_ceiling
from afield.analysis.fits import (
    BOOTSTRAP_FROM,
    bootstrap_intervals,
    critical_correlation,
    line_band,
    line_intervals,
    line_intervals_at,
    no_line,
)
from afield.analysis.points import carrier, groups_of, points_of, range_note, rows_to_fit
from afield.analysis.uncertainty import told
from afield.analysis.words import capital, count, listing, signed, spelled
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metric import Floats
from afield.scoring.metrics import metric_title
from afield.study.verdict_rule import FEWEST_BACKBONES, SMALLEST_SLOPE

Verdict = Literal["transfers", "weakly", "does not", "cannot tell"]

FEW_FAMILIES = 6
"""below it the reason warns: where families of several backbones are told, what their members share is estimated from
so few"""

_LEFT_OUT = 12
"""families that are left out in turn, the largest first: of hundreds the small ones turn no verdict"""
_CLEARLY = 1.05
"""times as wide as by the scatter is worth a word"""


@dataclass(frozen=True)
class TransferFit:
    """How a metric on a task goes with ImageNet accuracy over n backbones. Without a fit the intervals are None."""

    task: str
    metric: str
    n: int
    """backbones"""
    points: pd.DataFrame
    """a row a backbone: backbone, family, imagenet_top1 (per cent), value (mean over seeds), low, high (as in the
    table, mean over seeds), seeds, error (standard error from test samples and seeds, as far as the table tells)"""
    errors: Floats = field(repr=False)
    """covariance of the values' errors, [n, n], in the order of the points; 0 where nothing is known of them"""
    n_test: float
    """test samples, the most that a backbone has; NaN where the table does not tell"""
    n_clusters: float
    """clusters of test samples, or blocks of them, that the covariance was estimated from; NaN where the table does not
    tell"""
    pearson_r: Interval | None
    slope: Interval | None
    """metric's own scale per ImageNet point"""
    logit_slope: Interval | None
    """logit of the metric per logit of ImageNet accuracy; None also where the metric is not of 0..1"""
    probit_slope: Interval | None
    """the same with probits"""
    normalised_slope: Interval | None
    """metric points (metric x 100) per ImageNet point"""
    resampled_r: Interval | None
    """r and the normalised slope as a bootstrap over backbones reads them; None below ten backbones, or where nothing
    was resampled"""
    resampled_slope: Interval | None
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
    hangs_on: str | None
    """the family of several backbones without which the verdict would be another"""
    ceiling: float | None
    """where the task is nearly solved the slope that full transfer would have (`ceiling.py`); None elsewhere"""
    smallest_slope: float
    """metric points per ImageNet point that would matter"""
    verdict: Verdict
    reason: str
    """why, in words with numbers"""


def fit_transfer(
    results: pd.DataFrame,
    *,
    intervention: str = "plain",
    covariance: pd.DataFrame | None = None,
    blocks: int | None = None,
    smallest_slope: float = SMALLEST_SLOPE,
    level: float = LEVEL,
    resample: bool = True,
) -> tuple[TransferFit, ...]:
    """Fit every (task, metric) of a results table whose direction is "higher" against ImageNet top-1.

    A metric that is better when lower is passed over: verdicts read metric points, which such a one does not have. Only
    pretrained backbones under that intervention count, with a new head or, all of them, with a probed one, each with
    the mean over its seeds. Least squares on the metric's
    own scale; the normalised slope is that in metric points per ImageNet point (Fang et al., arXiv 2301.04644, figure
    1). The logit and the probit slope are those of `axes.py`.

    Intervals (`fits.py`): Student's t for slopes, from the scatter around the line, by family where there are several
    and one has several backbones (CR2 with Satterthwaite's degrees of freedom), and from the points' own errors;
    Fisher's z for r, wider in the same measure. The errors come from the table's `low`, `high` and seeds, or better
    from `covariance`, by backbone, which knows that all were scored on the same samples; the table then holds one task
    and metric. `blocks`: of test samples, those of the jackknife that it comes from, where they are fewer than the
    clusters. Without `resample` nothing is read by a bootstrap, which takes most of the time.

    The verdict reads the normalised slope's interval [L, H] at `level`, its interval [l, h] at 2 `level` - 1 (two
    one-sided tests, Schuirmann 1987), and d = `smallest_slope` > 0:

    - L >= d: transfers
    - 0 < L < d: weakly (surely positive, perhaps less than matters; surely less where h < d)
    - H < 0, or -d < l and h < d: does not (reversed; or equivalent to none)
    - else, or without a fit, or below four backbones, or of two families: cannot tell

    No verdict says more than r does: where r's interval holds 0, a slope that excludes it is `cannot tell` too. A large
    p is never evidence of no transfer. Each (task, metric) stands for itself: nothing is corrected for their number.
    Raises InputError where a (task, metric, backbone, seed) stands twice, a task mixes new heads with probed ones, a
    backbone has two ImageNet accuracies, or a direction is neither "higher" nor "lower".
    """
    if results.empty:
        return ()
    rows = rows_to_fit(results, intervention)
    return tuple(
        _fit(str(task), str(metric), group, covariance, blocks, smallest_slope, level, resample=resample)
        for (task, metric), group in rows.groupby(["task", "metric"], sort=False)
    )


def _fit(
    task: str,
    metric: str,
    rows: pd.DataFrame,
    covariance: pd.DataFrame | None,
    blocks: int | None,
    smallest_slope: float,
    level: float,
    *,
    resample: bool,
) -> TransferFit:
    points, errors, lacking = points_of(rows, covariance)
    left_out = f" Left out for want of a number: {listing(lacking)}." if lacking else ""
    n = len(points)
    x, y = points["imagenet_top1"].to_numpy(np.float64), points["value"].to_numpy(np.float64)
    n_test = float(rows["n_test"].max())
    n_clusters = float(rows["n_clusters"].max()) if "n_clusters" in rows else np.nan
    if blocks is not None:
        n_clusters = min(n_clusters, blocks)
    families = list(groups_of(points))
    trouble = no_line(x, y, metric_title(metric))
    without = TransferFit(
        task=task,
        metric=metric,
        n=n,
        points=points,
        errors=errors,
        n_test=n_test,
        n_clusters=n_clusters,
        pearson_r=None,
        slope=None,
        logit_slope=None,
        probit_slope=None,
        normalised_slope=None,
        resampled_r=None,
        resampled_slope=None,
        intercept=None,
        band=pd.DataFrame(columns=["imagenet_top1", "value", "low", "high"], dtype=np.float64),
        method=_method(errors, families),
        critical_r=critical_correlation(n, level) if n > 2 else None,
        range_note=range_note(points),
        carried_by=carrier(points),
        hangs_on=None,
        ceiling=None,
        smallest_slope=smallest_slope,
        verdict="cannot tell",
        reason=trouble + left_out,
    )
    if trouble:
        return without
    pearson_r, slope = line_intervals(x, y, errors, level, families=families, clusters=n_clusters)
    normalised = _scaled(slope, 100)
    scatter = line_intervals(x, y, np.zeros_like(errors), level, families=families)[1]
    verdict, words = verdict_of(x, y, errors, smallest_slope, level, families=families, clusters=n_clusters)
    logits, probits = (
        axis_slope(axis, x, y, errors, n_test, level, metric, families=families, clusters=n_clusters)
        for axis in ("logit", "probit")
    )
    said = evidence(n, pearson_r, normalised, _scaled(scatter, 100), metric, level)
    resampled = bootstrap_intervals(x, y, level) if resample and n >= BOOTSTRAP_FROM else None
    full = near_ceiling(points, smallest_slope)
    ceiling = "" if full is None else f" {ceiling_words(full, points, metric, logits)}"
    return replace(
        without,
        pearson_r=pearson_r,
        slope=slope,
        logit_slope=logits,
        probit_slope=probits,
        normalised_slope=normalised,
        resampled_r=resampled[0] if resampled else None,
        resampled_slope=_scaled(resampled[1], 100) if resampled else None,
        intercept=float(y.mean() - slope.value * x.mean()),
        band=line_band(x, y, errors, level, families=families, clusters=n_clusters),
        hangs_on=_family(points, errors, n_clusters, verdict, smallest_slope, level),
        ceiling=full,
        verdict=verdict,
        reason=f"{said}; {words}.{_few_families(families)}{ceiling}{left_out}",
    )


def _method(errors: Floats, families: Sequence[str]) -> str:
    scatter = f"the scatter by {len(set(families))} families (CR2, Satterthwaite)" if told(families) else "the scatter"
    known = (
        "and at least the points' own errors" if errors.any() else "alone, for the table tells no errors of the points"
    )
    return f"Fisher z; Student t from {scatter} {known}"


def _few_families(families: Sequence[str]) -> str:
    """What to mind where families are told, but few."""
    there = len(set(families))
    if not told(families) or there >= FEW_FAMILIES:
        return ""
    return (
        f" They come from {spelled(there)} families, which is few: how much families differ is hardly known, so the "
        "intervals are wide and rough."
    )


def _scaled(interval: Interval, factor: float) -> Interval:
    return Interval(interval.value * factor, interval.low * factor, interval.high * factor)


def verdict_of(
    x: Floats,
    y: Floats,
    errors: Floats,
    smallest: float,
    level: float,
    *,
    families: Sequence[str] | None = None,
    clusters: float = math.inf,
) -> tuple[Verdict, str]:
    """The rule of `fit_transfer` and its words, for points that define a line.

    `errors`: their covariance, [n, n]; `families` and `clusters` as in `line_intervals`.
    Raises ValueError for what is no number: no verdict may come of it.
    """
    if not (np.isfinite(x).all() and np.isfinite(y).all() and np.isfinite(errors).all()):
        raise ValueError("points and their errors must be finite")
    levels = (level, 2 * level - 1)
    (r, wide), (_, narrow) = line_intervals_at(levels, x, y, errors, families=families, clusters=clusters)
    return judge(len(x), r, _scaled(wide, 100), _scaled(narrow, 100), smallest, families)


def judge(
    n: int, r: Interval, wide: Interval, narrow: Interval, smallest: float, families: Sequence[str] | None = None
) -> tuple[Verdict, str]:
    """The rule and its words for n backbones: `wide`, `narrow`: the normalised slope at the level of the verdict, and
    at that of two one-sided tests; `families`: of each backbone.
    """
    if families is not None and told(families) and len(set(families)) == 2:
        return "cannot tell", "a line through two families may be nothing but how these two differ"
    if n < FEWEST_BACKBONES:
        return (
            "cannot tell",
            f"so few may lie near a line by luck, so no verdict is given below {spelled(FEWEST_BACKBONES)} backbones",
        )
    if not wide.holds(0) and r.holds(0):
        return "cannot tell", "the slope's interval excludes 0, but that of r holds it, and a verdict needs both"
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


def _family(
    points: pd.DataFrame, errors: Floats, clusters: float, verdict: Verdict, smallest: float, level: float
) -> str | None:
    """The largest family of several backbones, of the _LEFT_OUT largest, without which the verdict would be another.

    Where too few for any verdict would remain, that counts only against a family that most of the backbones belong to:
    else it would be said of every small study.
    """
    if verdict == "cannot tell":
        return None
    groups = groups_of(points)
    sizes = points.loc[points["family"] != "", "family"].value_counts()
    for family in sizes.index[sizes > 1][:_LEFT_OUT]:
        rest = (points["family"] != family).to_numpy()
        if rest.sum() < FEWEST_BACKBONES and rest.mean() >= 0.5:
            continue
        x, y = (points[name].to_numpy(np.float64)[rest] for name in ("imagenet_top1", "value"))
        if no_line(x, y, ""):
            return str(family)
        remaining, of_rest = list(groups[rest]), errors[np.ix_(rest, rest)]
        if verdict_of(x, y, of_rest, smallest, level, families=remaining, clusters=clusters)[0] != verdict:
            return str(family)
    return None


def evidence(
    n: int, r: Interval, slope: Interval, scatter: Interval, metric: str, level: float, axis: str = "linear"
) -> str:
    """The numbers in front of a verdict's words. `slope` in units of the axis (linear: points); `scatter`: the same by
    the scatter of the points alone.
    """
    needed, seen, low, high = (_r(value) for value in (critical_correlation(n, level), r.value, r.low, r.high))
    by_errors = slope.high - slope.value > _CLEARLY * (scatter.high - scatter.value)
    unit = "point" if axis == "linear" else axis
    return (
        f"{capital(count(n, 'backbone'))}: |r| must exceed {needed} for p < {1 - level:.2g}; here r = {seen} "
        f"({low} to {high}). A {unit} more on ImageNet went with {signed(slope.value, 2)} {unit}s of "
        f"{metric_title(metric)} ({signed(slope.low, 2)} to {signed(slope.high, 2)}"
        f"{', for the points are more uncertain than their scatter shows' if by_errors else ''})"
    )


def _r(value: float) -> str:
    """A correlation to two digits; near one to three, where they decide.

    >>> _r(0.9503), _r(0.9969), _r(-1.0)
    ('0.95', '0.997', '-1')
    """
    return f"{value:.0f}" if abs(value) == 1 else f"{value:.2f}" if abs(value) < 0.99 else f"{value:.3f}"
