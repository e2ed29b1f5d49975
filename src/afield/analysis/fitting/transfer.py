"""Does better on ImageNet mean better here? Correlation, slopes, their intervals and a verdict a task and metric."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from afield.analysis.fitting.attenuation import disattenuated
from afield.analysis.fitting.axes import AXES, axis_slope
from afield.analysis.fitting.ceiling import ceiling_words, near_ceiling
from afield.analysis.fitting.fits import (
    BOOTSTRAP_FROM,
    bootstrap_intervals,
    critical_correlation,
    line_band,
    line_intervals,
    no_line,
)
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.points import carrier, observations_of, points_of, range_note, rows_to_fit
from afield.analysis.fitting.subsets import turning_family
from afield.analysis.fitting.uncertainty import told
from afield.analysis.fitting.verdict import Verdict, evidence, verdict_of
from afield.analysis.words import listing, spelled
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metrics import metric_title
from afield.study.verdict_rule import SMALLEST_SLOPE

FEW_FAMILIES = 6
"""below it the reason warns: where families of several backbones are told, what their members share is estimated from
so few"""

_MUCH = 0.05
"""of r, worth a word"""


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
    observed: Observations = field(repr=False)
    """the points as what the line is drawn through, with what is known of how they depend on each other"""
    n_test: float
    """test samples, the most that a backbone has; NaN where the table does not tell"""
    pearson_r: Interval | None
    disattenuated_r: Interval | None
    """r without what the chance of test samples takes from it (`attenuation.py`); None also where it is not known how
    the errors of two values go together, as of a table"""
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
    the mean over its seeds. Least squares on the metric's own scale; the normalised slope is that in metric points per
    ImageNet point (Fang et al., arXiv 2301.04644, figure 1). The logit and the probit slope are those of `axes.py`.

    Intervals (`fits.py`): Student's t for slopes, from the scatter around the line, by family where there are several
    and one has several backbones (CR2 with Satterthwaite's degrees of freedom), or by backbone near a ceiling, and from
    the points' own errors; Fisher's z for r, wider by as much as families and errors make the slope's wider. The errors
    come from the table's `low`, `high` and seeds, or better from `covariance`, by backbone, which knows that all were
    scored on the same samples; the table then holds one task and metric. `blocks`: of test samples, those of the
    jackknife that it comes from, where they are fewer than the clusters. Without `resample` nothing is read by a
    bootstrap, which takes most of the time.

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
    clusters = float(rows["n_clusters"].max()) if "n_clusters" in rows else np.nan
    observed = observations_of(points, errors, clusters if blocks is None else min(clusters, blocks), smallest_slope)
    left_out = f" Left out for want of a number: {listing(lacking)}." if lacking else ""
    without = _without_line(task, metric, points, observed, float(rows["n_test"].max()), smallest_slope, level)
    if trouble := no_line(observed.x, observed.y, metric_title(metric)):
        return replace(without, reason=trouble + left_out)
    fit = _with_line(without, level)
    if resample and fit.n >= BOOTSTRAP_FROM:
        r, slope = bootstrap_intervals(observed.x, observed.y, level)
        fit = replace(fit, resampled_r=r, resampled_slope=slope.scaled(100))
    return replace(fit, reason=fit.reason + left_out)


def _without_line(
    task: str,
    metric: str,
    points: pd.DataFrame,
    observed: Observations,
    n_test: float,
    smallest_slope: float,
    level: float,
) -> TransferFit:
    """All that is known before a line is drawn."""
    n = len(points)
    return TransferFit(
        task=task,
        metric=metric,
        n=n,
        points=points,
        observed=observed,
        n_test=n_test,
        pearson_r=None,
        disattenuated_r=None,
        slope=None,
        logit_slope=None,
        probit_slope=None,
        normalised_slope=None,
        resampled_r=None,
        resampled_slope=None,
        intercept=None,
        band=pd.DataFrame(columns=["imagenet_top1", "value", "low", "high"], dtype=np.float64),
        method=_method(replace(observed, ceiling=math.inf)),  # nothing is scattered around a line that there is not
        critical_r=critical_correlation(n, level) if n > 2 else None,
        range_note=range_note(points),
        carried_by=carrier(points),
        hangs_on=None,
        ceiling=None,
        smallest_slope=smallest_slope,
        verdict="cannot tell",
        reason="",
    )


def _with_line(fit: TransferFit, level: float) -> TransferFit:
    """The line through its points, the verdict on it, and why."""
    seen = fit.observed
    found = verdict_of(seen, fit.smallest_slope, level)
    normalised, scatter = found.slope.scaled(100), line_intervals(seen.without_errors(), level)[1].scaled(100)
    untouched = disattenuated(found.r, seen, level) if seen.paired else None
    logits, probits = (axis_slope(axis, seen, fit.n_test, level, fit.metric) for axis in AXES)
    full = near_ceiling(fit.points, fit.smallest_slope)
    ceiling = "" if full is None else f" {ceiling_words(full, fit.points, fit.metric, logits)}"
    said = evidence(fit.n, found.r, normalised, scatter, fit.metric, level)
    return replace(
        fit,
        pearson_r=found.r,
        disattenuated_r=untouched,
        slope=found.slope,
        logit_slope=logits,
        probit_slope=probits,
        normalised_slope=normalised,
        intercept=float(seen.y.mean() - found.slope.value * seen.x.mean()),
        band=line_band(seen, level),
        method=_method(seen),
        hangs_on=turning_family(fit.points, seen, found.verdict, fit.smallest_slope, level),
        ceiling=full,
        verdict=found.verdict,
        reason=f"{said}; {found.words}.{_few_families(seen)}{_by_chance(found.r, untouched)}{ceiling}",
    )


def _method(observed: Observations) -> str:
    scatter = "the scatter"
    if math.isfinite(observed.ceiling):
        scatter = "the scatter, narrower towards the ceiling as p (1 - p) is (CR2, Satterthwaite),"
    if families := told(observed.families):
        scatter = f"the scatter by {families} families (CR2, Satterthwaite)"
    known = "and at least the points' own errors"
    if not observed.errors.any():
        known = "alone, for the table tells no errors of the points"
    return f"Fisher z; Student t from {scatter} {known}"


def _few_families(observed: Observations) -> str:
    """What to mind where families are told, but few."""
    there = told(observed.families)
    if there == 0 or there >= FEW_FAMILIES:
        return ""
    return (
        f" They come from {spelled(there)} families, which is few: how much families differ is hardly known, so the "
        "intervals are wide and rough."
    )


def _by_chance(r: Interval, without: Interval | None) -> str:
    """What the chance of test samples took from r, where that is much and what is left is surely not 0."""
    if without is None or without.holds(0) or abs(without.value - r.value) < _MUCH:
        return ""
    return (
        f" The chance of the test samples makes r smaller: without it r would be about {without.value:.2f} "
        f"({without.low:.2f} to {without.high:.2f})."
    )
