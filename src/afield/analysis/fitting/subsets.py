"""The fit on parts of the backbones: above a cut of ImageNet accuracy, and without each backbone or family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from afield.analysis.fitting.ceiling import ceiling_of
from afield.analysis.fitting.fits import no_line
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.points import groups_of
from afield.analysis.fitting.verdict import Verdict, verdict_of
from afield.scoring.intervals import LEVEL
from afield.scoring.metric import Floats
from afield.study.verdict_rule import FEWEST_BACKBONES, SMALLEST_SLOPE

_STEP = 5
_FEWEST = 4
_LEFT_OUT = 12
"""families that are left out in turn, the largest first: of hundreds the small ones turn no verdict"""


def cut_sweep(
    observed: Observations,
    cuts: Sequence[float] | None = None,
    *,
    smallest_slope: float = SMALLEST_SLOPE,
    level: float = LEVEL,
) -> pd.DataFrame:
    """The fit of the backbones above each cut of ImageNet accuracy, per cent; the first row is that of all.

    Columns: above, n, r, r_low, r_high, slope, slope_low, slope_high (metric points per ImageNet point), verdict, by
    the rule of `fit_transfer`. `cuts`: by default every fifth per cent, the study's 70 among them (arXiv 2301.04644,
    figure 1); a cut that takes nobody away, leaves fewer than four or leaves no line has no row. The verdicts are of
    nested subsets: choosing among them is choosing a result.
    """
    x = observed.x
    if cuts is None:
        cuts = [float(cut) for cut in range(_STEP * int(x.min() // _STEP), int(x.max()) + 1, _STEP)]
    rows, seen = [], len(x) + 1
    for cut in (-np.inf, *sorted(cuts)):
        above = observed.of(x > cut)
        n = len(above.x)
        if n < _FEWEST or n == seen or no_line(above.x, above.y, ""):
            continue
        seen = n
        found = verdict_of(above, smallest_slope, level)
        slope = found.slope.scaled(100)
        of_r = (found.r.value, found.r.low, found.r.high)
        rows.append((cut, n, *of_r, slope.value, slope.low, slope.high, found.verdict))
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


def turning_family(
    points: pd.DataFrame, observed: Observations, verdict: Verdict, smallest_slope: float, level: float
) -> str | None:
    """The largest family of several backbones, of the _LEFT_OUT largest, without which the verdict would be another.

    Where too few for any verdict would remain, that counts only against a family that most of the backbones belong to:
    else it would be said of every small study. None of `cannot tell`. `observed` is made of these points.
    """
    if verdict == "cannot tell":
        return None
    sizes = points.loc[points["family"] != "", "family"].value_counts()
    for family in sizes.index[sizes > 1][:_LEFT_OUT]:
        kept = (points["family"] != family).to_numpy()
        if kept.sum() < FEWEST_BACKBONES and kept.mean() >= 0.5:
            continue
        rest = replace(observed.of(kept), ceiling=ceiling_of(points[kept], smallest_slope))
        if no_line(rest.x, rest.y, "") or verdict_of(rest, smallest_slope, level).verdict != verdict:
            return str(family)
    return None


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
