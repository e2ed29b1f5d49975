"""Is a backbone, or a way of training, better than its ImageNet accuracy explains? Its residual from the others' line.

The line is fitted to the *other* backbones alone, so that the candidate does not pull it to itself, and the interval is
that of a prediction: what one more backbone of that ImageNet accuracy could reach. Its variance is s^2 (1 + 1/n + (x -
mean x)^2 / sum (x_i - mean x)^2). A candidate that is less certain than the others (fewer seeds) has the excess added,
and the variance is at least what the errors of all points make of the difference. (Any textbook; Miller et al. 2021,
arXiv 2107.04649, call such a residual effective robustness where both axes are accuracies on two test sets.)

s^2 is the scatter around the line, with n - 2 degrees of freedom, where no families are told, and where kin of the
candidate are on the line, which then shows what its family does. One of a family of its own may lie off with the whole
of it: then s^2 is what whole families left out are missed by, each point's squared error (over 1 plus its leverage, as
above) averaged within a family and then over the families, with one degree of freedom less than there are families. In
simulations of families that share half to four fifths of their deviations the scatter's interval held 83 to 94 of 100
such candidates, this one 94 to 99 (benchmarks/candidate.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t

from afield.analysis.fitting.fits import no_line, scatter_around, weights_at
from afield.analysis.fitting.points import groups_of, leading_rows, points_of, rows_to_fit
from afield.analysis.fitting.regression import groups_left_out
from afield.analysis.fitting.uncertainty import told
from afield.analysis.student import student_mean
from afield.base.errors import InputError, nearest
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metric import Floats
from afield.scoring.metrics import metric_title

_SAME = 1e-9
"""per cent on ImageNet within which backbones are equal"""


@dataclass(frozen=True)
class Residual:
    """A candidate beside the line of the others, on one task and metric."""

    task: str
    metric: str
    others: int
    """backbones on the line"""
    imagenet_top1: float
    """of the candidate, per cent"""
    value: float
    """the metric that it reached on test, mean over seeds"""
    expected: Interval
    """what the line expects of its ImageNet accuracy, with the prediction's 95 % limits; NaN without a line"""
    p: float
    """two-sided, of the candidate being one more backbone of the line; NaN without a line"""
    outside: bool
    """its ImageNet accuracy lies outside that of the others: the line is drawn out"""
    families: int = 0
    """of the others, where the limits are those of one more family; 0: of one more backbone"""
    trouble: str = ""
    """why there is no line; empty where there is"""

    @property
    def residual(self) -> Interval:
        """What it reached less what was expected; metric's own scale."""
        return Interval(
            self.value - self.expected.value, self.value - self.expected.high, self.value - self.expected.low
        )

    @property
    def clear(self) -> bool:
        """Whether its ImageNet accuracy does not explain it."""
        return self.p < 1 - LEVEL


def against_the_line(
    results: pd.DataFrame,
    candidate: str,
    *,
    intervention: str = "plain",
    baseline: str = "plain",
    covariance: pd.DataFrame | None = None,
    others: pd.DataFrame | None = None,
) -> tuple[Residual, ...]:
    """The candidate under `intervention` against the line of all other backbones under `baseline`, for each task and
    metric (better when higher) on which it was scored. `others` is another results table that they are taken from.

    `covariance`, by backbone, is that of the errors of all values, the candidate's among them, which knows that all
    were scored on the same samples; the table then holds one task and metric. Without it the errors are those that the
    table tells, and count as independent.
    Raises InputError for a candidate that the table has not under that intervention, or whose ImageNet accuracy is not
    known; and what `rows_to_fit` raises.
    """
    rows = leading_rows(results)
    mine = rows[(rows["backbone"] == candidate) & (rows["intervention"] == intervention)]
    if mine.empty:
        known = rows.loc[rows["intervention"] == intervention, "backbone"].unique()
        raise InputError(f"{candidate}: has no results under {intervention}; {nearest(candidate, known)}")
    if not np.isfinite(mine["imagenet_top1"].to_numpy(np.float64)).all():
        raise InputError(
            f"{candidate}: its ImageNet accuracy is not known, so no line can say what to expect of it; give "
            "imagenet_top1 with the backbone, or measure it: afield backbones measure"
        )
    line = rows_to_fit(results if others is None else others, baseline)
    line = line[line["backbone"] != candidate]
    return tuple(
        _residual(str(task), str(metric), own, line[(line["task"] == task) & (line["metric"] == metric)], covariance)
        for (task, metric), own in mine[mine["direction"] == "higher"].groupby(["task", "metric"], sort=False)
    )


def _residual(
    task: str, metric: str, own: pd.DataFrame, others: pd.DataFrame, covariance: pd.DataFrame | None
) -> Residual:
    x0, value = float(own["imagenet_top1"].iloc[0]), float(own["value"].mean(skipna=False))
    points, _, _ = points_of(others, None)
    x, y = points["imagenet_top1"].to_numpy(np.float64), points["value"].to_numpy(np.float64)
    n, nothing = len(points), Interval(math.nan, math.nan, math.nan)
    trouble = "Its metric is not defined." if math.isnan(value) else no_line(x, y, metric_title(metric))
    if trouble:
        return Residual(task, metric, n, x0, value, nothing, math.nan, outside=False, trouble=trouble)
    weights, spread, freedom, families = weights_at(x, np.array(x0)), scatter_around(x, y), n - 2, 0
    kin, mine = groups_of(points).to_numpy(np.str_), groups_of(own).iloc[0]
    if told(kin) and mine not in kin:
        families = len(np.unique(kin))
        spread, freedom = _missed_by_families(x, y, kin), families - 1
    contrast = np.array([1.0, *-weights])  # the candidate less what the line says of it
    errors = _errors(points, points_of(own, None)[0], covariance)
    typical = float(np.diag(errors)[1:].mean())
    excess = max(0.0, float(errors[0, 0]) - typical)
    by_spread, by_errors = spread * float(contrast @ contrast) + excess, float(contrast @ errors @ contrast)
    error = math.sqrt(max(by_spread, by_errors))
    expected, reach = float(weights @ y), float(t.isf((1 - LEVEL) / 2, freedom)) * error
    p = 2 * float(t.sf(abs(value - expected) / error, freedom))
    limits = Interval(expected, expected - reach, expected + reach)
    outside = not x.min() <= x0 <= x.max()
    return Residual(task, metric, n, x0, value, limits, p, outside=outside, families=families)


def _missed_by_families(x: Floats, y: Floats, families: np.ndarray) -> float:
    """Variance of one backbone around the line, from whole families predicted by the line of the others; infinite where
    the others of a family define no line.
    """
    missed = groups_left_out(np.column_stack([np.ones(len(x)), x]), y, families)
    squares = []
    for family in np.unique(families):
        own = families == family
        others = x[~own]
        if np.isnan(missed[own]).any() or np.ptp(others) < _SAME:
            return math.inf
        stretch = np.array([1 + float((weights_at(others, at) ** 2).sum()) for at in x[own]])
        squares.append(float((missed[own] ** 2 / stretch).mean()))
    return float(np.mean(squares))


def _errors(points: pd.DataFrame, own: pd.DataFrame, covariance: pd.DataFrame | None) -> Floats:
    """[1 + n, 1 + n] covariance of the errors of the candidate and the others."""
    names = [*own["backbone"], *points["backbone"]]
    if covariance is not None:
        given = covariance.reindex(index=names, columns=names).to_numpy(np.float64)
        if np.isfinite(given).all():
            return given
    result: Floats = np.diag(np.array([*own["error"], *points["error"]], np.float64) ** 2)
    return result


def pooled(residuals: Sequence[Residual]) -> Interval | None:
    """The mean residual over tasks, in metric points, with Student's interval over the tasks; None below two tasks.

    Tasks are what is repeated here: it tells of another task of the kind, with this very backbone, and not whether one
    more backbone would lie so far off by chance.
    """
    values = 100 * np.array([each.residual.value for each in residuals if not each.trouble])
    if len(values) < 2:
        return None
    return student_mean(values)
