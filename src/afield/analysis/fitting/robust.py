"""Second readings of the line: by medians of slopes, by families resampled whole, and which points lie far off it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import bootstrap, t, theilslopes

from afield.analysis.fitting.axes import on_each_axis
from afield.analysis.fitting.fits import BOOTSTRAP_RESAMPLES, line_intervals
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.points import groups_of
from afield.analysis.fitting.subsets import group_sums, line_of_sums
from afield.base.streams import stream
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metric import Floats

FAMILIES_FROM = 8
"""families: a bootstrap of fewer has too few distinct resamples to be read"""


def slopes(
    observed: Observations, n_test: float = np.nan, level: float = LEVEL, metric: str = "accuracy"
) -> pd.DataFrame:
    """Least squares beside Theil and Sen's median of all pairs' slopes, on each axis: columns axis, method, value, low,
    high, r2 (Pearson's r squared on that axis; NaN for Theil-Sen).

    The linear axis is in metric points per ImageNet point, the others as `axes.placed` makes them; an axis on which no
    line is defined has no row. Least squares as in `fit_transfer`; Theil-Sen with Sen's interval (1968, Journal of the
    American Statistical Association 63:1379), which nearly 30 % of the points may leave without harm, and which takes
    every backbone for itself and knows nothing of errors.
    """
    rows: list[tuple[str, str, float, float, float, float]] = []
    for axis, there in on_each_axis(observed, n_test, metric).items():
        r, line = line_intervals(there, level)
        median = theilslopes(there.y, there.x, alpha=level)
        rows += [
            (axis, "least squares", line.value, line.low, line.high, r.value**2),
            (axis, "Theil-Sen", float(median.slope), float(median.low_slope), float(median.high_slope), np.nan),
        ]
    return pd.DataFrame(rows, columns=["axis", "method", "value", "low", "high", "r2"])


def family_bootstrap(points: pd.DataFrame, level: float = LEVEL) -> tuple[Interval, Interval] | None:
    """Pearson's r and the normalised slope with bias-corrected and accelerated intervals (Efron 1987); whole families
    are resampled.

    Backbones of one family err alike, which makes a line less certain than as many independent ones would. A backbone
    without a known family is one of its own. None below eight families. Limits are NaN where resamples define no line
    too often. It resamples the families' sums, which is the same and far less work.
    """
    x, y = (points[name].to_numpy(np.float64) for name in ("imagenet_top1", "value"))
    names, index = np.unique(groups_of(points), return_inverse=True)
    if len(names) < FAMILIES_FROM:
        return None
    sums = group_sums(x, y, index)
    found = []
    for which, scale in ((0, 1.0), (1, 100.0)):
        limits = bootstrap(
            tuple(sums),
            partial(_line_part, which),
            paired=True,
            vectorized=True,
            n_resamples=BOOTSTRAP_RESAMPLES,
            confidence_level=level,
            method="BCa",
            rng=stream(0, "bootstrap over families"),
        ).confidence_interval
        value = float(line_of_sums(sums.sum(axis=1))[which])
        found.append(Interval(scale * value, scale * float(limits.low), scale * float(limits.high)))
    return found[0], found[1]


def _line_part(which: int, *sums: Floats, axis: int) -> Floats:
    return line_of_sums(np.array(sums).sum(axis=axis))[which]


def outliers(points: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """Backbones that lie farther from the line of the others than chance puts any: columns backbone, imagenet_top1,
    value, residual (metric points from the line of the others), p (Bonferroni's, over all points).

    Externally studentised residuals, Student's t with n - 3 degrees of freedom (Cook and Weisberg 1982, section 2.2.2).
    Needs four points.
    """
    x, y = (points[name].to_numpy(np.float64) for name in ("imagenet_top1", "value"))
    n = len(x)
    centred = x - x.mean()
    leverage = 1 / n + centred**2 / (centred**2).sum()
    residual = y - y.mean() - (centred @ y) / (centred**2).sum() * centred
    without = residual / (1 - leverage)
    variance = ((residual**2).sum() - residual * without) / (n - 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        studentised = without * np.sqrt(1 - leverage) / np.sqrt(np.maximum(variance, 0))
    p = np.minimum(1, n * 2 * t.sf(np.abs(studentised), n - 3))
    table = points[["backbone", "imagenet_top1", "value"]].assign(residual=100 * without, p=p)
    return table[table["p"] < alpha].sort_values("p", ignore_index=True)
