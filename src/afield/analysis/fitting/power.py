"""What a design could have seen: the smallest correlation and slope that so many backbones would show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import nct, norm, t

from afield.analysis.fitting.transfer import TransferFit
from afield.scoring.intervals import LEVEL


@dataclass(frozen=True)
class Power:
    """The least that would have shown, at a level and power."""

    r: float
    """|r| whose interval (Fisher's z) would leave out 0"""
    slope: float
    """metric points per ImageNet point whose interval would leave out 0, as uncertain as the slope was"""
    within: float
    """the smallest slope of interest for which a slope of 0 would be told `does not`; points per point as well"""


def power(fit: TransferFit, share: float = 0.8, level: float = LEVEL) -> Power | None:
    """The smallest |r| and slope that would have shown in `share` of studies with as many backbones, spread and
    scattered like these.

    r: tanh((z of the level + z of the power) / sqrt(n - 3)) (Cohen 1988, chapter 3, by Fisher's z). Slope: the
    standard error that its interval stands for, times the noncentrality at which Student's t with n - 2 degrees of
    freedom exceeds its critical value so often. Within: what two one-sided tests, each at 1 - level, need beyond a
    slope that is seen as far from 0 as such slopes are in that share of studies. None without a fit or below four
    backbones.
    """
    if fit.normalised_slope is None or fit.n < 4:
        return None
    tail, freedom = (1 - level) / 2, fit.n - 2
    critical = float(t.isf(tail, freedom))
    error = (fit.normalised_slope.high - fit.normalised_slope.value) / critical

    def lacking(noncentrality: float) -> float:
        return float(nct.sf(critical, freedom, noncentrality)) - share  # the other side is hardly ever met

    return Power(
        r=float(np.tanh((norm.isf(tail) + norm.isf(1 - share)) / np.sqrt(fit.n - 3))),
        slope=error * float(brentq(lacking, 0.0, 2 * critical + 3)),
        within=error * float(t.isf(2 * tail, freedom) + t.isf((1 - share) / 2, freedom)),
    )
