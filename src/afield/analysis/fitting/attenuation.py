"""Pearson's r of the values that endlessly many test samples would show.

The chance of test samples scatters the values and so makes r smaller than that of what stands behind them (attenuation;
Spearman 1904, American Journal of Psychology 15:72). How much they scatter is known from the covariance of their
errors, and is taken out of the scatter around the line. The interval is fiducial (Fisher 1930, Proceedings of the
Cambridge Philosophical Society 26:528, whose example is r): variance of x, variance around the line and slope are drawn
as a normal sample leaves them open, the errors' variance is taken from the second, and quantiles of r are the limits.
Without errors this is nearly Fisher's z. It is drawn for as many backbones as would make Fisher's z as wide as the
interval of r is here, so that families and clusters count. How often it holds the truth: docs/how_often_wrong.md.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from afield.analysis.fitting.fits import least_squares_slope, scatter_around
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.uncertainty import freedom_of_errors, scatter_of_errors
from afield.base.streams import stream
from afield.scoring.intervals import Interval
from afield.scoring.metric import Floats

_DRAWS = 20_000


def disattenuated(r: Interval, observed: Observations, level: float) -> Interval | None:
    """Pearson's r of x with the values behind y, and its interval; None where r's own tells nothing.

    `r`: of y as it is, with its interval at that level. 1 or -1 where the errors explain all the scatter.
    """
    reach = (math.atanh(r.high) - math.atanh(r.low)) / 2 if max(abs(r.low), abs(r.high)) < 1 else math.inf
    if not math.isfinite(reach):
        return None
    backbones = 3 + (float(ndtri((1 + level) / 2)) / reach) ** 2
    x, y = observed.x, observed.y
    n, centred = len(x), x - x.mean()
    spread, slope = float((centred**2).sum()), float(least_squares_slope(x, y))
    around, by_errors = scatter_around(x, y), scatter_of_errors(observed)
    draws = stream(0, "r without the chance of test samples")

    def as_open(variance: float, freedom: float) -> Floats:
        return variance * freedom / draws.chisquare(freedom, _DRAWS)

    scatter, of_x = as_open(around, backbones - 2), as_open(spread / (n - 1), backbones - 1)
    of_errors = freedom_of_errors(observed.clusters)
    errors = as_open(by_errors, of_errors) if math.isfinite(of_errors) else by_errors
    slopes = slope + np.sqrt(scatter * (n - 1) / (spread * (backbones - 1))) * draws.standard_normal(_DRAWS)
    drawn = _r(slopes, of_x, scatter - errors)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    value = float(_r(np.array(slope), np.array(spread), np.array((around - by_errors) * (n - 2))))
    return Interval(value, min(float(low), value), max(float(high), value))


def _r(slope: Floats, spread: Floats, scatter: Floats) -> Floats:
    """Of a line, from its slope, and the variance of x and around it in one measure; below 0 the latter is none."""
    along = slope**2 * spread
    whole = along + np.maximum(scatter, 0)
    share: Floats = np.divide(along, whole, out=np.zeros_like(whole), where=whole > 0)
    result: Floats = np.sign(slope) * np.sqrt(share)
    return result
