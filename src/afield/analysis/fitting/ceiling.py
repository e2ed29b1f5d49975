"""Whether a task is so nearly solved that a slope in points must be small, whatever ImageNet accuracy tells.

What a point is worth changes with where it is gained. If the odds p / (1 - p) here rose with the odds on ImageNet in
equal proportion, a slope of 1 between logits, then by the derivative of the logit the metric would rise by

    value (1 - value) / (imagenet (1 - imagenet))

points per ImageNet point: 1 where both are equal, 0.25 at 0.95 against 0.75, 0.08 at 0.985. That is full transfer:
against new test images of ImageNet itself the slope between probits is 0.96 (docs/published.md). A task is near the
ceiling where at its median backbone this comes to less than twice the smallest slope that would matter: then a slope
that surely matters (`transfers`) would take nearly all that there can be, and `does not` may only say that there
is no room.
"""

from __future__ import annotations

import math

import pandas as pd

from afield.analysis.words import signed
from afield.scoring.intervals import Interval
from afield.scoring.metrics import metric_title

ROOM = 2.0
"""times the smallest slope that would matter, below which a task is near the ceiling"""


def near_ceiling(points: pd.DataFrame, smallest_slope: float) -> float | None:
    """The slope, metric points per ImageNet point, that full transfer would have at the median backbone; None where
    there is room, and below a value of 0.5. `points`: columns value (share) and imagenet_top1 (per cent).
    """
    value, imagenet = float(points["value"].median()), float(points["imagenet_top1"].median()) / 100
    if not (0.5 < value <= 1 and 0 < imagenet < 1):
        return None
    full = value * (1 - value) / (imagenet * (1 - imagenet))
    return full if full < ROOM * smallest_slope else None


def ceiling_of(points: pd.DataFrame, smallest_slope: float) -> float:
    """The ceiling that those points are near to, 1; infinite where there is room."""
    return math.inf if near_ceiling(points, smallest_slope) is None else 1.0


def ceiling_words(full: float, points: pd.DataFrame, metric: str, logit_slope: Interval | None) -> str:
    """What to mind of a verdict there: a sentence."""
    half = f"half of the backbones have {points['value'].median():.3f} or more of {metric_title(metric)}"
    room = f"Near the ceiling: {half}, so that odds rising as those on ImageNet would make a slope of {full:.2f} only"
    if logit_slope is None:
        return f"{room}; a metric that is not nearly 1 would tell more."
    sure = "holds 0" if logit_slope.holds(0) else f"is surely {'above' if logit_slope.low > 0 else 'below'} 0"
    limits = f"{signed(logit_slope.low, 2)} to {signed(logit_slope.high, 2)}"
    return f"{room}; read the logit slope, {signed(logit_slope.value, 2)} ({limits}), which {sure}."
