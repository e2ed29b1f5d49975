"""The rule of the verdict, from r and the slope with their intervals to one of four words, and why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from afield.analysis.fitting.fits import critical_correlation, line_intervals_at
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.uncertainty import told
from afield.analysis.words import capital, count, digits_of_r, signed, spelled
from afield.scoring.intervals import Interval
from afield.scoring.metrics import metric_title
from afield.study.verdict_rule import FEWEST_BACKBONES

Verdict = Literal["transfers", "weakly", "does not", "cannot tell"]

_CLEARLY = 1.05
"""times as wide as by the scatter is worth a word"""


@dataclass(frozen=True)
class Judged:
    """A line and what the rule says of it."""

    r: Interval
    slope: Interval
    """of y on x, in their own units"""
    verdict: Verdict
    words: str


def verdict_of(observed: Observations, smallest: float, level: float, scale: float = 100) -> Judged:
    """The rule of `transfer.fit_transfer` and its words, for observations that define a line.

    `scale`: what turns a slope into the unit of `smallest`; 100 of shares. Raises ValueError for what is no number: no
    verdict may come of it.
    """
    if not all(np.isfinite(each).all() for each in (observed.x, observed.y, observed.errors)):
        raise ValueError("points and their errors must be finite")
    (r, wide), (_, narrow) = line_intervals_at((level, 2 * level - 1), observed)
    return Judged(
        r, wide, *judge(len(observed.x), r, wide.scaled(scale), narrow.scaled(scale), smallest, observed.families)
    )


def judge(
    n: int, r: Interval, wide: Interval, narrow: Interval, smallest: float, families: Collection[str] | None = None
) -> tuple[Verdict, str]:
    """The rule and its words for n backbones: `wide`, `narrow`: the normalised slope at the level of the verdict, and
    at that of two one-sided tests; `families`: of each backbone.
    """
    if told(families) == 2:
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
    least = critical_correlation(n, level)
    needed = f"{least:.{digits_of_r(least)}f}"
    seen, low, high = (f"{value:.{digits_of_r(r.value)}f}" for value in (r.value, r.low, r.high))
    by_errors = slope.high - slope.value > _CLEARLY * (scatter.high - scatter.value)
    unit = "point" if axis == "linear" else axis
    return (
        f"{capital(count(n, 'backbone'))}: |r| must exceed {needed} for p < {1 - level:.2g}; here r = {seen} "
        f"({low} to {high}). A {unit} more on ImageNet went with {signed(slope.value, 2)} {unit}s of "
        f"{metric_title(metric)} ({signed(slope.low, 2)} to {signed(slope.high, 2)}"
        f"{', for the points are more uncertain than their scatter shows' if by_errors else ''})"
    )
