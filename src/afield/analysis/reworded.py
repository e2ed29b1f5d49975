"""The verdict of a fit put in other words: of the backbones above a cut, and on another axis.

The rule is the same on each axis, with the same smallest slope of interest: where both accuracies are alike, a slope
between logits or probits is the slope in points, and 1 is what full transfer looks like. Cuts and axes are further
readings: the verdict of the study is that of all backbones on the linear axis, settled before test was read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from afield.analysis.axes import placed
from afield.analysis.fits import line_intervals, no_line
from afield.analysis.points import groups_of
from afield.analysis.subsets import cut_sweep
from afield.analysis.transfer import TransferFit
from afield.analysis.verdict import Verdict, evidence, judge
from afield.analysis.words import count
from afield.scoring.intervals import LEVEL
from afield.scoring.metric import Floats
from afield.scoring.metrics import metric_title

AxisName = Literal["linear", "logit", "probit"]
ALL: tuple[AxisName, ...] = ("linear", "logit", "probit")


@dataclass(frozen=True)
class Reworded:
    """One reading."""

    axis: AxisName
    above: float
    """cut of ImageNet accuracy, per cent; minus infinity: all backbones"""
    n: int
    """backbones above it"""
    verdict: Verdict
    reason: str


def reworded(fit: TransferFit) -> tuple[Reworded, ...]:
    """Each cut of `cut_sweep` on each axis on which all points have a place: cut by cut, the linear axis first. None
    without a line through all.
    """
    if fit.slope is None:
        return ()
    sweep = cut_sweep(fit.points, fit.errors, clusters=fit.n_clusters, smallest_slope=fit.smallest_slope)
    x, y = (fit.points[name].to_numpy(np.float64) for name in ("imagenet_top1", "value"))
    there: dict[AxisName, tuple[Floats, Floats, Floats]] = {"linear": (x, 100 * y, 1e4 * fit.errors)}
    for axis in ("logit", "probit"):
        points = placed(axis, x, y, fit.errors, fit.n_test, fit.metric)
        if points is not None:
            there[axis] = points
    cuts = dict.fromkeys((-math.inf, *sweep["above"].tolist()))
    return tuple(_reading(fit, axis, points, cut, x > cut) for cut in cuts for axis, points in there.items())


def _reading(
    fit: TransferFit, axis: AxisName, points: tuple[Floats, Floats, Floats], cut: float, kept: np.ndarray
) -> Reworded:
    x, y, errors = points[0][kept], points[1][kept], points[2][np.ix_(kept, kept)]
    families, n = list(groups_of(fit.points)[kept]), int(kept.sum())
    if trouble := no_line(x, y, metric_title(fit.metric)):
        return Reworded(axis, cut, n, "cannot tell", trouble)
    uneven = axis == "linear" and fit.ceiling is not None
    (r, wide), (_, narrow), (_, scatter) = (
        line_intervals(x, y, known, level, families=families, clusters=fit.n_clusters, uneven=uneven)
        for known, level in ((errors, LEVEL), (errors, 2 * LEVEL - 1), (np.zeros_like(errors), LEVEL))
    )
    verdict, words = judge(n, r, wide, narrow, fit.smallest_slope, families)
    said = evidence(n, r, wide, scatter, fit.metric, LEVEL, axis)
    return Reworded(axis, cut, n, verdict, f"{said}; {words}.")


def cut_words(reading: Reworded) -> str:
    """Whom a reading is of: `all 19 backbones`, or `the 12 above 70 %`.

    >>> cut_words(Reworded("linear", 70.0, 12, "cannot tell", ""))
    'the twelve backbones above 70 %'
    """
    named = count(reading.n, "backbone")
    return f"all {named}" if math.isinf(reading.above) else f"the {named} above {reading.above:g} %"
