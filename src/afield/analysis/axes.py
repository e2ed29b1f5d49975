"""The axes on which a metric is held against ImageNet accuracy: linear, logit, probit.

A straight line on one axis is a curve on another. Near 100 % a point is harder to gain than at 50 %, which logits
(Kornblith, Shlens and Le 2019, arXiv 1805.08974, section 3) and probits (Miller et al. 2021, arXiv 2107.04649, section
2) allow for. The probit is the quantile of the standard normal distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logit
from scipy.stats import norm

from afield.analysis.fits import line_intervals, no_line
from afield.scoring.intervals import Interval
from afield.scoring.metric import Floats
from afield.scoring.metrics import METRICS, in_points

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


AXES = {
    "logit": Axis(_logit, lambda share: 1 / (share * (1 - share))),
    "probit": Axis(_probit, lambda share: 1 / norm.pdf(norm.ppf(share))),
}


def placed(
    axis: str, x: Floats, y: Floats, errors: Floats, n_test: float, metric: str = "accuracy"
) -> tuple[Floats, Floats, Floats] | None:
    """Points (x: per cent, y: shares, errors: covariance of y, [n, n]) on one of `AXES`.

    An accuracy of 0 or 1 is first moved inwards by half an image: of ImageNet's 50,000, and of the `n_test` samples.
    None where the metric is not of 0..1, by its own range or, where that is not known, by its values; where it is 0 or
    1 and no accuracy, or one on an unknown number of samples (`n_test` not finite); and where the points define no line
    there.
    """
    if (metric in METRICS and not in_points(metric)) or y.min() < 0 or y.max() > 1:
        return None
    counted = metric == "accuracy" and np.isfinite(n_test)
    if not counted and not 0 < y.min() <= y.max() < 1:
        return None
    least = 0.5 / n_test if counted else 0.0
    imagenet, share = _inwards(x / 100, 0.5 / _IMAGENET_IMAGES), _inwards(y, least)
    there, here = AXES[axis].place(imagenet), AXES[axis].place(share)
    if no_line(there, here, ""):
        return None
    steep = AXES[axis].steepness(share)
    return there, here, errors * np.outer(steep, steep)


def _inwards(share: Floats, least: float) -> Floats:
    result: Floats = np.clip(share, least, 1 - least)
    return result


def axis_slope(
    axis: str,
    x: Floats,
    y: Floats,
    errors: Floats,
    n_test: float,
    level: float,
    metric: str = "accuracy",
    *,
    families: Sequence[str] | None = None,
    clusters: float = math.inf,
) -> Interval | None:
    """The slope on one of `AXES` with its interval, as `fits.line_intervals` makes it; None where `placed` is."""
    points = placed(axis, x, y, errors, n_test, metric)
    return None if points is None else line_intervals(*points, level, families=families, clusters=clusters)[1]
