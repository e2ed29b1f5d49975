"""Does ImageNet accuracy tell less the farther a task lies from ImageNet? Distances beside slopes, a row a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.stats import rankdata

from afield.analysis.fitting.association import permutation_p
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.words import capital, count, listing, p_words, signed
from afield.base.errors import InputError
from afield.scoring.intervals import LEVEL


@dataclass(frozen=True)
class AgainstTransfer:
    """Whether ImageNet accuracy tells less the farther a task lies from the reference."""

    table: pd.DataFrame
    """a row a task that both have: task, metric, the columns of `distances` but source and backbone, slope, slope_low,
    slope_high (metric points per ImageNet point), r, verdict"""
    rank_correlation: float
    """Spearman's, of the distance with the slope; NaN below three tasks"""
    p: float
    """by all orders of the tasks; NaN below three"""
    words: str


def against_transfer(found: pd.DataFrame, fits: Sequence[TransferFit]) -> AgainstTransfer:
    """The distances of `distances` beside how each task went with ImageNet accuracy: its leading metric, the first one
    that has a line. `source` must be called as the task is. Raises InputError where no task is in both.
    """
    leading: dict[str, TransferFit] = {}
    for fit in fits:
        if fit.normalised_slope is not None:
            leading.setdefault(fit.task, fit)
    rows = found[found["source"].isin(leading)]
    if rows.empty:
        raise InputError(
            f"none of {listing(list(found['source']))} is a task with a fit ({listing(sorted(leading)) or 'none'}); "
            "name the data set as the task, with `afield features --called`"
        )
    chosen = [leading[source] for source in rows["source"]]
    slopes = [fit.normalised_slope for fit in chosen if fit.normalised_slope is not None]
    table = rows.drop(columns=["source", "backbone"]).assign(
        slope=[slope.value for slope in slopes],
        slope_low=[slope.low for slope in slopes],
        slope_high=[slope.high for slope in slopes],
        r=[fit.pearson_r.value if fit.pearson_r else np.nan for fit in chosen],
        verdict=[fit.verdict for fit in chosen],
    )
    table.insert(0, "task", list(rows["source"]))
    table.insert(1, "metric", [fit.metric for fit in chosen])
    rank, p = _rank_correlation(table["spreads"], table["slope"])
    return AgainstTransfer(table, rank, p, _against_words(table, rank, p))


def _rank_correlation(one: pd.Series, other: pd.Series) -> tuple[float, float]:
    """Spearman's coefficient and its two-sided p over all orders (up to seven tasks), else over 9,999 of them."""
    if len(one) < 3 or one.isna().any() or one.nunique() < 2 or other.nunique() < 2:
        return np.nan, np.nan
    x, y = (rankdata(each.to_numpy(np.float64)) for each in (one, other))
    return float(stats.pearsonr(x, y).statistic), permutation_p(x, y)


def _against_words(table: pd.DataFrame, rank: float, p: float) -> str:
    if table["spreads"].isna().any():
        return "Too few images for a distance without bias, so it is not held against what ImageNet accuracy tells."
    nearest, farthest = (table.loc[getattr(table["spreads"], end)(), "task"] for end in ("idxmin", "idxmax"))
    reference = table["reference"].iloc[0]
    if np.isnan(rank):
        return (
            f"{capital(count(len(table), 'task'))}: too few to say whether ImageNet accuracy tells less the farther a "
            f"task lies from {reference}."
        )
    told = "goes with" if p < 1 - LEVEL else "does not clearly go with"
    return (
        f"Of {count(len(table), 'task')} {nearest} lies nearest to {reference} and {farthest} farthest; distance "
        f"{told} how much ImageNet accuracy tells (Spearman's coefficient {signed(rank, 2)}, {p_words(p)}). Tasks are "
        "few and differ in more than distance, so this is a picture, no explanation."
    )
