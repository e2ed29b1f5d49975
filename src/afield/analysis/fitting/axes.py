"""The axes on which a metric is held against ImageNet accuracy: linear, logit, probit.

A straight line on one axis is a curve on another. Near 100 % a point is harder to gain than at 50 %, which logits
(Kornblith, Shlens and Le 2019, arXiv 1805.08974, section 3) and probits (Miller et al. 2021, arXiv 2107.04649, section
2) allow for. The probit is the quantile of the standard normal distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import logit
from scipy.stats import norm

from afield.analysis.fitting.fits import line_intervals, no_line
from afield.analysis.fitting.observations import Observations
from afield.scoring.intervals import Interval
from afield.scoring.metric import Floats
from afield.scoring.metrics import METRICS, in_points

AxisName = Literal["linear", "logit", "probit"]
_IMAGENET_IMAGES = 50_000


@dataclass(frozen=True)
class Axis:
    """How shares 0..1 are laid out along an axis."""

    place: Callable[[Floats], Floats]
    steepness: Callable[[Floats], Floats]
    """derivative of `place`, by which errors grow (delta method)"""


def _probit(share: Floats) -> Floats:
    result: Floats = norm.ppf(share)
    return result


def _logit(share: Floats) -> Floats:
    result: Floats = logit(share)
    return result


AXES: dict[AxisName, Axis] = {
    "logit": Axis(_logit, lambda share: 1 / (share * (1 - share))),
    "probit": Axis(_probit, lambda share: 1 / norm.pdf(norm.ppf(share))),
}


def placed(axis: AxisName, observed: Observations, n_test: float, metric: str = "accuracy") -> Observations | None:
    """Observations (x: per cent, y: shares) on one of `AXES`, which have no ceiling.

    An accuracy of 0 or 1 is first moved inwards by half an image: of ImageNet's 50,000, and of the `n_test` samples.
    None where the metric is not of 0..1, by its own range or, where that is not known, by its values; where it is 0 or
    1 and no accuracy, or one on an unknown number of samples (`n_test` not finite); and where the points define no line
    there.
    """
    y = observed.y
    if (metric in METRICS and not in_points(metric)) or y.min() < 0 or y.max() > 1:
        return None
    counted = metric == "accuracy" and np.isfinite(n_test)
    if not counted and not 0 < y.min() <= y.max() < 1:
        return None
    least = 0.5 / n_test if counted else 0.0
    imagenet, share = _inwards(observed.x / 100, 0.5 / _IMAGENET_IMAGES), _inwards(y, least)
    there, here = AXES[axis].place(imagenet), AXES[axis].place(share)
    if no_line(there, here, ""):
        return None
    steep = AXES[axis].steepness(share)
    return replace(observed, x=there, y=here, errors=observed.errors * np.outer(steep, steep), ceiling=math.inf)


def on_each_axis(observed: Observations, n_test: float, metric: str = "accuracy") -> dict[AxisName, Observations]:
    """The same on each axis on which there is a line: `linear` in metric points, then those of `AXES`."""
    if no_line(observed.x, observed.y, ""):
        return {}
    others = ((axis, placed(axis, observed, n_test, metric)) for axis in AXES)
    return {"linear": observed.in_points(), **{axis: there for axis, there in others if there is not None}}


def _inwards(share: Floats, least: float) -> Floats:
    result: Floats = np.clip(share, least, 1 - least)
    return result


def axis_slope(
    axis: AxisName, observed: Observations, n_test: float, level: float, metric: str = "accuracy"
) -> Interval | None:
    """The slope on one of `AXES` with its interval, as `fits.line_intervals` makes it; None where `placed` is."""
    there = placed(axis, observed, n_test, metric)
    return None if there is None else line_intervals(there, level)[1]
