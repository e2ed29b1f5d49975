"""The fit on parts of the backbones: above a cut of ImageNet accuracy, and without each backbone or family."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from afield.analysis.ceiling import near_ceiling
from afield.analysis.fits import line_intervals, no_line
from afield.analysis.points import groups_of
from afield.analysis.verdict import verdict_of
from afield.scoring.intervals import LEVEL
from afield.scoring.metric import Floats
from afield.study.verdict_rule import SMALLEST_SLOPE

_STEP = 5
_FEWEST = 4


def cut_sweep(
    points: pd.DataFrame,
    errors: Floats | None = None,
    cuts: Sequence[float] | None = None,
    *,
    clusters: float = math.nan,
    smallest_slope: float = SMALLEST_SLOPE,
    level: float = LEVEL,
) -> pd.DataFrame:
    """The fit of the backbones above each cut of ImageNet accuracy, per cent; the first row is that of all.

    Columns: above, n, r, r_low, r_high, slope, slope_low, slope_high (metric points per ImageNet point), verdict, by
    the rule of `fit_transfer`. `errors`: covariance of the values, [n, n]; `clusters`: of test samples, NaN where that
    is not known. `cuts`: by default every fifth per cent, the study's 70 among them (arXiv 2301.04644, figure 1); a cut
    that takes nobody away, leaves fewer than four or leaves no line has no row. The verdicts are of nested subsets:
    choosing among them is choosing a result.
    """
    x, y = (points[name].to_numpy(np.float64) for name in ("imagenet_top1", "value"))
    covariance = np.zeros((len(x), len(x))) if errors is None else errors
    families, uneven = groups_of(points), near_ceiling(points, smallest_slope) is not None
    if cuts is None:
        cuts = [float(cut) for cut in range(_STEP * int(x.min() // _STEP), int(x.max()) + 1, _STEP)]
    rows, seen = [], len(x) + 1
    for cut in (-np.inf, *sorted(cuts)):
        above = x > cut
        n = int(above.sum())
        if n < _FEWEST or n == seen or no_line(x[above], y[above], ""):
            continue
        seen = n
        part, kin = (x[above], y[above], covariance[np.ix_(above, above)]), list(families[above])
        r, slope = line_intervals(*part, level, families=kin, clusters=clusters, uneven=uneven)
        verdict, _ = verdict_of(*part, smallest_slope, level, families=kin, clusters=clusters, uneven=uneven)
        rows.append(
            (cut, n, r.value, r.low, r.high, *(100 * each for each in (slope.value, slope.low, slope.high)), verdict)
        )
    names = ["above", "n", "r", "r_low", "r_high", "slope", "slope_low", "slope_high", "verdict"]
    return pd.DataFrame(rows, columns=names)


def leave_out(points: pd.DataFrame, by: Literal["backbone", "family"]) -> pd.DataFrame:
    """The fit without each backbone, or without each family: columns left_out, members, n, r, slope (metric points per
    ImageNet point), in the order of the slope.

    A backbone without a known family is a family of its own. NaN where fewer than three would remain, or none that
    differ. All at once, from sums over the points less those of what is left out.
    """
    x, y = (points[name].to_numpy(np.float64) for name in ("imagenet_top1", "value"))
    names, index = np.unique(groups_of(points) if by == "family" else points["backbone"], return_inverse=True)
    sums = group_sums(x, y, index)
    rest = sums.sum(axis=1, keepdims=True) - sums
    r, slope = line_of_sums(rest)
    few = rest[0] < 3
    table = pd.DataFrame(
        {
            "left_out": names.astype(str),
            "members": sums[0].astype(int),
            "n": rest[0].astype(int),
            "r": np.where(few, np.nan, r),
            "slope": 100 * np.where(few, np.nan, slope),
        }
    )
    return table.sort_values(["slope", "left_out"], ignore_index=True)


def group_sums(x: Floats, y: Floats, index: np.ndarray) -> Floats:
    """n, and the sums of x, y, x^2, y^2 and xy over each group, about the mean of all: [6, groups]."""
    x, y = x - x.mean(), y - y.mean()
    parts = (np.ones_like(x), x, y, x * x, y * y, x * y)
    return np.array([np.bincount(index, weights=part) for part in parts])


def line_of_sums(sums: Floats) -> tuple[Floats, Floats]:
    """Pearson's r and the slope from sums as `group_sums` orders them, [6, ...]. NaN where x does not vary, and r also
    where y does not.
    """
    n, x, y, xx, yy, xy = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        in_x, in_y = _variation(n, x, xx), _variation(n, y, yy)
        together = xy - x * y / n
        return together / np.sqrt(in_x * in_y), together / in_x


def _variation(n: Floats, total: Floats, squares: Floats) -> Floats:
    """The sum of squares about the mean; NaN where that is nothing but rounding."""
    about = squares - total**2 / n
    result: Floats = np.where(about > 1e-12 * squares, about, np.nan)
    return result
