"""Is it a straight line at all? Line, spline and saturating curve, held against each other on backbones left out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from afield.analysis.fitting.regression import clearly_less, left_out
from afield.scoring.metric import Floats

EXPONENTS = np.geomspace(1, 20, 61)
"""of the saturating curve; 1 is the straight line"""
_KNOTS = (0.1, 0.5, 0.9)
"""quantiles of ImageNet accuracy at which the spline has knots (Harrell 2015, section 2.4.6, for three)"""
CURVES_FROM = 8
"""backbones: with fewer, three coefficients follow each point"""


def curves(points: pd.DataFrame) -> pd.DataFrame:
    """A straight line, a natural cubic spline and a saturating curve of `value` on `imagenet_top1`, a row each.

    Columns: curve, coefficients, error (root mean square around the curve, metric points), left_out_error (the same
    of each backbone predicted from all others), gain (how much less the mean squared error of left-out backbones is
    than the line's, points squared), gain_error (its standard error over backbones), better (gain > 2 gain_error: of
    straight lines with normal scatter that was said in under one of a hundred simulated studies, 10 to 60 backbones),
    exponent (NaN but for the last).

    The saturating curve is that of Abnar, Dehghani, Neyshabur and Sedghi 2022 (ICLR, arXiv 2110.02095, section 2):
    error here = k (error on ImageNet)^a + what remains, with a from 1 (the line) to 20: the larger, the sooner it
    flattens. For each left-out backbone a is chosen anew from the others. All three by least squares, for which leaving
    one out has a closed form: residual / (1 - leverage). No rows below eight backbones.
    """
    x, y = (points[name].to_numpy(np.float64) for name in ("imagenet_top1", "value"))
    names = ["curve", "coefficients", "error", "left_out_error", "gain", "gain_error", "better", "exponent"]
    if len(x) < CURVES_FROM:
        return pd.DataFrame(columns=names)
    y, ones = 100 * y, np.ones_like(x)
    line = left_out(np.column_stack([ones, x]), y)
    spline = left_out(np.column_stack([ones, x, spline_column(x)]), y)
    saturating, exponent = _saturating(1 - x / 100, y)
    rows = []
    for name, coefficients, (residual, without) in (
        ("line", 2, line),
        ("spline", 3, spline),
        ("saturating", 3, saturating),
    ):
        gains = line[1] ** 2 - without**2
        gain, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(x)))
        rows.append(
            (
                name,
                coefficients,
                float(np.sqrt((residual**2).mean())),
                float(np.sqrt((without**2).mean())),
                gain,
                error,
                clearly_less(gains),
                exponent if name == "saturating" else np.nan,
            )
        )
    return pd.DataFrame(rows, columns=names)


def spline_column(x: Floats) -> Floats:
    """The third column of a natural cubic spline with three knots, beside 1 and x: cubic between its outer knots,
    straight beyond (Harrell 2015, Regression Modeling Strategies, equation 2.25).
    """
    first, middle, last = np.quantile(x, _KNOTS)
    if not first < middle < last:
        first, middle, last = x.min(), (x.min() + x.max()) / 2, x.max()

    def cubed(knot: float) -> Floats:
        result: Floats = np.maximum(x - knot, 0) ** 3
        return result

    tail = cubed(middle) * (last - first) - cubed(last) * (middle - first)
    result: Floats = (cubed(first) - tail / (last - middle)) / (last - first) ** 2
    return result


def _saturating(error: Floats, y: Floats) -> tuple[tuple[Floats, Floats], float]:
    """The same of the saturating curve, and its exponent; `error`: ImageNet's, as a share.

    For a given exponent the curve is a line in error^a. The sum of squares without point i is that with it less
    residual_i x left-out residual_i; the exponent with the least of these is that which the others choose.
    """
    fits = [left_out(np.column_stack([np.ones_like(y), error**a]), y) for a in EXPONENTS]
    residual, without = (np.array([fit[part] for fit in fits]) for part in (0, 1))  # [exponents, n]
    squares = (residual**2).sum(axis=1)
    chosen = (squares[:, None] - residual * without).argmin(axis=0)
    best = int(squares.argmin())
    return (residual[best], without[chosen, np.arange(len(y))]), float(EXPONENTS[best])
