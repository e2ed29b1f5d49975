"""Is a backbone, or a way of training, better than its ImageNet accuracy explains? Its residual from the others' line.

The line is fitted to the *other* backbones alone, so that the candidate does not pull it to itself, and the interval is
that of a prediction: what one more backbone of that ImageNet accuracy could reach. Student's t with n - 2 degrees of
freedom, backbones taken for independent (where the others come from few families the interval is too narrow), and the
variance s^2 (1 + 1/n + (x - mean x)^2 / sum (x_i - mean x)^2), s^2 from the scatter around the line. A candidate that
is less certain than the others (fewer seeds) has the excess added, and the variance is at least what the errors of all
points make of the difference. (Any textbook; Miller et al. 2021, arXiv 2107.04649, call such a residual effective
robustness where both axes are accuracies on two test sets.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t

from afield.analysis.fits import no_line, scatter_around, weights_at
from afield.analysis.paired import student_mean
from afield.analysis.points import leading_rows, points_of, rows_to_fit
from afield.base.errors import InputError, nearest
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metric import Floats
from afield.scoring.metrics import metric_title


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
    weights, scatter = weights_at(x, np.array(x0)), scatter_around(x, y)
    contrast = np.array([1.0, *-weights])  # the candidate less what the line says of it
    errors = _errors(points, points_of(own, None)[0], covariance)
    typical = float(np.diag(errors)[1:].mean())
    excess = max(0.0, float(errors[0, 0]) - typical)
    by_scatter, by_errors = scatter * float(contrast @ contrast) + excess, float(contrast @ errors @ contrast)
    error = math.sqrt(max(by_scatter, by_errors))
    expected, reach = float(weights @ y), float(t.isf((1 - LEVEL) / 2, n - 2)) * error
    p = 2 * float(t.sf(abs(value - expected) / error, n - 2))
    limits = Interval(expected, expected - reach, expected + reach)
    return Residual(task, metric, n, x0, value, limits, p, outside=not x.min() <= x0 <= x.max())


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
