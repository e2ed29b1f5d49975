"""The rule of the verdict, from r and the slope with their intervals to one of four words, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from afield.analysis.fits import critical_correlation, line_intervals_at
from afield.analysis.uncertainty import told
from afield.analysis.words import capital, count, signed, spelled
from afield.scoring.intervals import Interval
from afield.scoring.metric import Floats
from afield.scoring.metrics import metric_title
from afield.study.verdict_rule import FEWEST_BACKBONES

Verdict = Literal["transfers", "weakly", "does not", "cannot tell"]

_CLEARLY = 1.05
"""times as wide as by the scatter is worth a word"""


def verdict_of(
    x: Floats,
    y: Floats,
    errors: Floats,
    smallest: float,
    level: float,
    *,
    families: Sequence[str] | None = None,
    clusters: float = math.inf,
    uneven: bool = False,
) -> tuple[Verdict, str]:
    """The rule of `transfer.fit_transfer` and its words, for points that define a line.

    `errors`: their covariance, [n, n]; `families`, `clusters` and `uneven` as in `line_intervals`.
    Raises ValueError for what is no number: no verdict may come of it.
    """
    if not (np.isfinite(x).all() and np.isfinite(y).all() and np.isfinite(errors).all()):
        raise ValueError("points and their errors must be finite")
    levels = (level, 2 * level - 1)
    (r, wide), (_, narrow) = line_intervals_at(
        levels, x, y, errors, families=families, clusters=clusters, uneven=uneven
    )
    return judge(len(x), r, wide.scaled(100), narrow.scaled(100), smallest, families)


def judge(
    n: int, r: Interval, wide: Interval, narrow: Interval, smallest: float, families: Sequence[str] | None = None
) -> tuple[Verdict, str]:
    """The rule and its words for n backbones: `wide`, `narrow`: the normalised slope at the level of the verdict, and
    at that of two one-sided tests; `families`: of each backbone.
    """
    if families is not None and told(families) and len(set(families)) == 2:
        return "cannot tell", "a line through two families may be nothing but how these two differ"
    if n < FEWEST_BACKBONES:
        return (
            "cannot tell",
            f"so few may lie near a line by luck, so no verdict is given below {spelled(FEWEST_BACKBONES)} backbones",
        )
    if not wide.holds(0) and r.holds(0):
        return "cannot tell", "the slope's interval excludes 0, but that of r holds it, and a verdict needs both"
    if wide.low >= smallest:
        return "transfers", f"that is surely at least the {smallest:g} that would matter"
    if wide.low > 0:
        how = "surely" if narrow.high < smallest else "perhaps"
        return "weakly", f"that is surely more than none, but {how} less than the {smallest:g} that would matter"
    if wide.high < 0:
        return "does not", "reversed: better on ImageNet went with worse here"
    if -smallest < narrow.low and narrow.high < smallest:
        return "does not", (
            f"whatever the slope is, it is surely smaller than the {smallest:g} that would matter, up or down "
            f"({signed(narrow.low, 3)} to {signed(narrow.high, 3)} by two one-sided tests)"
        )
    return "cannot tell", f"that holds 0 as well as slopes that would matter ({smallest:g} or more, up or down)"


def evidence(
    n: int, r: Interval, slope: Interval, scatter: Interval, metric: str, level: float, axis: str = "linear"
) -> str:
    """The numbers in front of a verdict's words. `slope` in units of the axis (linear: points); `scatter`: the same by
    the scatter of the points alone.
    """
    needed, seen, low, high = (_r(value) for value in (critical_correlation(n, level), r.value, r.low, r.high))
    by_errors = slope.high - slope.value > _CLEARLY * (scatter.high - scatter.value)
    unit = "point" if axis == "linear" else axis
    return (
        f"{capital(count(n, 'backbone'))}: |r| must exceed {needed} for p < {1 - level:.2g}; here r = {seen} "
        f"({low} to {high}). A {unit} more on ImageNet went with {signed(slope.value, 2)} {unit}s of "
        f"{metric_title(metric)} ({signed(slope.low, 2)} to {signed(slope.high, 2)}"
        f"{', for the points are more uncertain than their scatter shows' if by_errors else ''})"
    )


def _r(value: float) -> str:
    """A correlation to two digits; near one to three, where they decide.

    >>> _r(0.9503), _r(0.9969), _r(-1.0)
    ('0.95', '0.997', '-1')
    """
    return f"{value:.0f}" if abs(value) == 1 else f"{value:.2f}" if abs(value) < 0.99 else f"{value:.3f}"
