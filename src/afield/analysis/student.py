"""Student's interval of a value whose variance is a sum of parts, and p values, Holm's among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import t

from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metric import Floats


@dataclass(frozen=True)
class Part:
    """One independent part of a variance."""

    variance: float
    """NaN where it cannot be known"""
    freedom: int
    """degrees of freedom of its estimate, at least 1 where it is not 0"""


def student(value: float, parts: Sequence[Part], comparisons: int = 1) -> Interval:
    """Student's interval of a value whose variance is a sum of parts (Satterthwaite 1946); with `comparisons` such
    intervals all hold together at 95 %. The limits are NaN where the value or a part is.
    """
    total, freedom = _summed(parts)
    if math.isnan(total) or math.isnan(value):
        return Interval(value, math.nan, math.nan)
    if total == 0:
        return Interval(value, value, value)
    reach = float(t.isf((1 - LEVEL) / 2 / comparisons, freedom)) * math.sqrt(total)
    return Interval(value, value - reach, value + reach)


def student_mean(values: Floats) -> Interval:
    """Student's interval of the mean of independent values; NaN limits for one alone."""
    n, mean = len(values), float(values.mean())
    spread = float(values.var(ddof=1)) / n if n > 1 else math.nan
    return student(mean, [Part(spread, n - 1)])


def student_p(value: float, parts: Sequence[Part]) -> float:
    """Two-sided p value of Student's test that the truth is 0, by the same variance; NaN where that is."""
    total, freedom = _summed(parts)
    if math.isnan(total) or math.isnan(value):
        return math.nan
    if total == 0:
        return 1.0 if value == 0 else 0.0
    return min(1.0, 2 * float(t.sf(abs(value) / math.sqrt(total), freedom)))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's p values of one family (Holm 1979); NaN stays NaN and is none of the family.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none is below one before it, none above 1.

    >>> [round(value, 3) for value in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted((index for index, value in enumerate(p) if not math.isnan(value)), key=lambda index: p[index])
    adjusted, least = [math.nan] * len(p), 0.0
    for place, index in enumerate(order):
        least = max(least, min(1.0, (len(order) - place) * p[index]))
        adjusted[index] = least
    return adjusted


def _summed(parts: Sequence[Part]) -> tuple[float, float]:
    """The whole variance and its degrees of freedom; infinitely many where it is 0."""
    total = sum(part.variance for part in parts)
    squares = sum(part.variance**2 / part.freedom for part in parts if part.variance > 0)
    return total, total**2 / squares if squares > 0 else math.inf
