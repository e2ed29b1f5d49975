"""The analyses beside a fit, by name: what it looks like by other coefficients, axes, methods, parts and shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import pandas as pd

from afield.analysis.fitting.association import correlations
from afield.analysis.fitting.curves import curves
from afield.analysis.fitting.points import groups_of
from afield.analysis.fitting.power import power
from afield.analysis.fitting.robust import family_bootstrap, outliers, slopes
from afield.analysis.fitting.subsets import cut_sweep, leave_out
from afield.analysis.fitting.transfer import TransferFit


def _families(fit: TransferFit) -> pd.DataFrame:
    """What whole families resampled say, a row: families, r, r_low, r_high, slope, slope_low, slope_high."""
    found = family_bootstrap(fit.points)
    if found is None:
        return pd.DataFrame()
    r, slope = found
    numbers = {"r": r.value, "r_low": r.low, "r_high": r.high}
    numbers |= {"slope": slope.value, "slope_low": slope.low, "slope_high": slope.high}
    return pd.DataFrame([{"families": groups_of(fit.points).nunique(), **numbers}])


def _power(fit: TransferFit) -> pd.DataFrame:
    found = power(fit)
    return pd.DataFrame([] if found is None else [asdict(found)])


DETAILS: dict[str, Callable[[TransferFit], pd.DataFrame]] = {
    "correlations": lambda fit: correlations(fit.points),
    "slopes": lambda fit: slopes(fit.observed, fit.n_test, metric=fit.metric),
    "families": _families,
    "cuts": lambda fit: cut_sweep(fit.observed, smallest_slope=fit.smallest_slope),
    "without_backbone": lambda fit: leave_out(fit.points, "backbone"),
    "without_family": lambda fit: leave_out(fit.points, "family"),
    "curves": lambda fit: curves(fit.points),
    "power": _power,
    "outliers": lambda fit: outliers(fit.points),
}
"""each a data frame of a fit that has a line through four points or more"""
