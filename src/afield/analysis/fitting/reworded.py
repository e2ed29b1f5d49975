"""The verdict of a fit put in other words: of the backbones above a cut, and on another axis.

The rule is the same on each axis, with the same smallest slope of interest: where both accuracies are alike, a slope
between logits or probits is the slope in points, and 1 is what full transfer looks like. Cuts and axes are further
readings: the verdict of the study is that of all backbones on the linear axis, settled before test was read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from afield.analysis.fitting.axes import AxisName, on_each_axis
from afield.analysis.fitting.fits import line_intervals, no_line
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.subsets import cut_sweep
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.fitting.verdict import Verdict, evidence, verdict_of
from afield.analysis.words import count
from afield.scoring.intervals import LEVEL
from afield.scoring.metrics import metric_title

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
    seen = fit.observed
    there = on_each_axis(seen, fit.n_test, fit.metric)
    sweep = cut_sweep(seen, smallest_slope=fit.smallest_slope)
    cuts = dict.fromkeys((-math.inf, *sweep["above"].tolist()))
    return tuple(_reading(fit, axis, cut, placed.of(seen.x > cut)) for cut in cuts for axis, placed in there.items())


def _reading(fit: TransferFit, axis: AxisName, cut: float, observed: Observations) -> Reworded:
    n = len(observed.x)
    if trouble := no_line(observed.x, observed.y, metric_title(fit.metric)):
        return Reworded(axis, cut, n, "cannot tell", trouble)
    found = verdict_of(observed, fit.smallest_slope, LEVEL, scale=1)
    scatter = line_intervals(observed.without_errors(), LEVEL)[1]
    said = evidence(n, found.r, found.slope, scatter, fit.metric, LEVEL, axis)
    return Reworded(axis, cut, n, found.verdict, f"{said}; {found.words}.")


def cut_words(reading: Reworded) -> str:
    """Whom a reading is of: `all 19 backbones`, or `the 12 above 70 %`.

    >>> cut_words(Reworded("linear", 70.0, 12, "cannot tell", ""))
    'the twelve backbones above 70 %'
    """
    named = count(reading.n, "backbone")
    return f"all {named}" if math.isinf(reading.above) else f"the {named} above {reading.above:g} %"
