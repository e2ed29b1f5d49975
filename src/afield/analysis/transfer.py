"""Does better on ImageNet mean better here? Correlation, slopes, their intervals and a verdict a task and metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from afield.analysis.attenuation import disattenuated, paired
from afield.analysis.axes import axis_slope
from afield.analysis.ceiling import ceiling_words, near_ceiling
from afield.analysis.fits import (
    BOOTSTRAP_FROM,
    bootstrap_intervals,
    critical_correlation,
    line_band,
    line_intervals,
    no_line,
)
from afield.analysis.points import carrier, groups_of, points_of, range_note, rows_to_fit
from afield.analysis.uncertainty import told
from afield.analysis.verdict import Verdict, evidence, verdict_of
from afield.analysis.words import listing, spelled
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metric import Floats
from afield.scoring.metrics import metric_title
from afield.study.verdict_rule import FEWEST_BACKBONES, SMALLEST_SLOPE

FEW_FAMILIES = 6
"""below it the reason warns: where families of several backbones are told, what their members share is estimated from
so few"""

_MUCH = 0.05
"""of r, worth a word"""
_LEFT_OUT = 12
"""families that are left out in turn, the largest first: of hundreds the small ones turn no verdict"""


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
    and one has several backbones (CR2 with Satterthwaite's degrees of freedom), or by backbone near a ceiling (HC2),
    and from the points' own errors; Fisher's z for r, wider in the same measure. The errors come from the table's
    `low`, `high` and seeds, or better from `covariance`, by backbone, which knows that all were scored on the same
    samples; the table then holds one task and metric. `blocks`: of test samples, those of the jackknife that it comes
    from, where they are fewer than the clusters. Without `resample` nothing is read by a bootstrap, which takes most of
    the time.

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
    trouble = no_line(*_both(points), metric_title(metric))
    without = _without_line(task, metric, rows, points, errors, blocks, smallest_slope, level)
    if trouble:
        return replace(without, reason=trouble + left_out)
    fit = _with_line(without, level)
    if resample and fit.n >= BOOTSTRAP_FROM:
        r, slope = bootstrap_intervals(*_both(points), level)
        fit = replace(fit, resampled_r=r, resampled_slope=slope.scaled(100))
    return replace(fit, reason=fit.reason + left_out)


def _without_line(
    task: str,
    metric: str,
    rows: pd.DataFrame,
    points: pd.DataFrame,
    errors: Floats,
    blocks: int | None,
    smallest_slope: float,
    level: float,
) -> TransferFit:
    """All that is known before a line is drawn."""
    n = len(points)
    n_clusters = float(rows["n_clusters"].max()) if "n_clusters" in rows else np.nan
    return TransferFit(
        task=task,
        metric=metric,
        n=n,
        points=points,
        errors=errors,
        n_test=float(rows["n_test"].max()),
        n_clusters=n_clusters if blocks is None else min(n_clusters, blocks),
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
        method=_method(errors, list(groups_of(points)), uneven=False),
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
    points, errors, families, clusters = fit.points, fit.errors, list(groups_of(fit.points)), fit.n_clusters
    x, y = _both(points)
    full = near_ceiling(points, fit.smallest_slope)
    uneven = full is not None
    pearson_r, slope = line_intervals(x, y, errors, level, families=families, clusters=clusters, uneven=uneven)
    scatter = line_intervals(x, y, np.zeros_like(errors), level, families=families, uneven=uneven)[1]
    verdict, words = verdict_of(
        x, y, errors, fit.smallest_slope, level, families=families, clusters=clusters, uneven=uneven
    )
    untouched = disattenuated(pearson_r, x, y, errors, clusters, level) if paired(errors) else None
    logits, probits = (
        axis_slope(axis, x, y, errors, fit.n_test, level, fit.metric, families=families, clusters=clusters)
        for axis in ("logit", "probit")
    )
    said = evidence(fit.n, pearson_r, slope.scaled(100), scatter.scaled(100), fit.metric, level)
    ceiling = "" if full is None else f" {ceiling_words(full, points, fit.metric, logits)}"
    return replace(
        fit,
        pearson_r=pearson_r,
        disattenuated_r=untouched,
        slope=slope,
        logit_slope=logits,
        probit_slope=probits,
        normalised_slope=slope.scaled(100),
        intercept=float(y.mean() - slope.value * x.mean()),
        band=line_band(x, y, errors, level, families=families, clusters=clusters, uneven=uneven),
        hangs_on=_family(points, errors, clusters, verdict, fit.smallest_slope, level),
        ceiling=full,
        verdict=verdict,
        method=_method(errors, families, uneven=uneven),
        reason=f"{said}; {words}.{_few_families(families)}{_by_chance(pearson_r, untouched)}{ceiling}",
    )


def _both(points: pd.DataFrame) -> tuple[Floats, Floats]:
    """ImageNet accuracy and the metric of the points, [n] each."""
    return points["imagenet_top1"].to_numpy(np.float64), points["value"].to_numpy(np.float64)


def _method(errors: Floats, families: Sequence[str], *, uneven: bool) -> str:
    if told(families):
        scatter = f"the scatter by {len(set(families))} families (CR2, Satterthwaite)"
    else:
        scatter = "the scatter, uneven so near the ceiling (HC2, Satterthwaite)," if uneven else "the scatter"
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


def _by_chance(r: Interval, without: Interval | None) -> str:
    """What the chance of test samples took from r, where that is much and what is left is surely not 0."""
    if without is None or without.holds(0) or abs(without.value - r.value) < _MUCH:
        return ""
    return (
        f" The chance of the test samples makes r smaller: without it r would be about {without.value:.2f} "
        f"({without.low:.2f} to {without.high:.2f})."
    )


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
        x, y = (each[rest] for each in _both(points))
        if no_line(x, y, ""):
            return str(family)
        remaining, of_rest = list(groups[rest]), errors[np.ix_(rest, rest)]
        uneven = near_ceiling(points[rest], smallest) is not None
        told_of_rest, _ = verdict_of(
            x, y, of_rest, smallest, level, families=remaining, clusters=clusters, uneven=uneven
        )
        if told_of_rest != verdict:
            return str(family)
    return None
