"""How much a search owes to the number of recipes it tried: what the best of fewer would have been, and by how much the
best of all flatters itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from afield.analysis.searches.curse import selection_bias
from afield.scoring.intervals import LEVEL
from afield.scoring.metric import Floats
from afield.study.record import SearchRecord, StudyRecord

FEWEST = 3
"""recipes that a curve needs"""


@dataclass(frozen=True)
class BestOf:
    """The best of n recipes at random, n = 1 to all that were trained to the end; each [n]."""

    expected: Floats
    """its selecting metric on average over which recipes they are"""
    low: Floats
    high: Floats
    """95 % of that over resamples of the selecting images; NaN where there are none"""
    failed: int
    """recipes left out, since they failed"""


@dataclass(frozen=True)
class Flattered:
    """By how much a chosen recipe looks better on the selecting images for being the best of several there."""

    bias: float
    """on the metric's own scale, at least 0"""
    cells: int
    """among which it is the best: those that were trained to the end"""


def expected_best(values: Floats) -> Floats:
    """The largest of n of the k values on average over all choices of n, for n = 1 to k; the last is the largest.

    `values`: [k], or [k, columns] of which each is taken by itself. The exact order statistic without replacement: the
    i-th smallest is the largest of n with probability C(i - 1, n - 1) / C(k, n). Dodge, Gururangan, Card, Schwartz and
    Smith 2019 (Show Your Work, arXiv 1909.03004) draw with replacement, which is too low where a grid is finite and
    known.

    >>> expected_best(np.array([0.0, 0.5, 1.0])).round(3).tolist()
    [0.5, 0.833, 1.0]
    """
    k = len(values)
    n, rank = (np.arange(1, k + 1, dtype=np.float64)[place] for place in (np.s_[:, None], np.s_[None, :]))
    with np.errstate(invalid="ignore"):
        logarithm = _log_choose(rank - 1, n - 1) - _log_choose(np.array(float(k)), n)
    weights = np.where(rank >= n, np.exp(np.where(rank >= n, logarithm, 0.0)), 0.0)
    best: Floats = weights @ np.sort(values, axis=0)
    return best


def _log_choose(n: Floats, k: Floats) -> Floats:
    logarithm: Floats = gammaln(n + 1) - gammaln(k + 1) - gammaln(np.maximum(n - k, 0) + 1)
    return logarithm


def best_of(record: StudyRecord, search: SearchRecord) -> BestOf | None:
    """The curve of a finished grid, or of random draws, without what was added to them. None where the search has not
    ended, below three recipes, and where cells do not stand for recipes at random: halving judged some before their
    end, optuna proposed them one from another.
    """
    if record.study.search.method not in ("grid", "random") or search.chosen is None or not search.generations:
        return None
    cells = search.cells[: search.generations[0]]
    ended = [cell for cell in cells if cell.key in search.finalists and cell.validation is not None]
    if len(ended) < FEWEST:
        return None
    expected = expected_best(np.array([cell.validation for cell in ended], np.float64))
    low = high = np.full(len(ended), np.nan)
    table = _resampled(record, [cell.key for cell in ended])
    if table is not None:
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(expected_best(table), [tail, 1 - tail], axis=1)
    return BestOf(expected, low, high, len(cells) - len(ended))


def chosen_flatters(record: StudyRecord, search: SearchRecord) -> Flattered | None:
    """By how much the choice among the recipes that a search trained to the end flatters the chosen one on the images
    that selected, by resampling these (`curse.selection_bias`). None where it has not ended, or has one such recipe.

    The choice among epochs, and among those that were stopped early, comes on top.
    """
    return None if search.chosen is None else flattered_among(record, (search,))


def flattered_among(record: StudyRecord, searches: Sequence[SearchRecord]) -> Flattered | None:
    """The same among the recipes that several searches trained to the end: those of a race, which chose one of all."""
    ended = [
        cell
        for search in searches
        for cell in search.cells
        if cell.key in search.finalists and cell.validation is not None
    ]
    table = _resampled(record, [cell.key for cell in ended])
    if len(ended) < 2 or table is None:
        return None
    values = np.array([cell.validation for cell in ended], np.float64)
    return Flattered(selection_bias(values, table), len(ended))


def _resampled(record: StudyRecord, keys: list[str]) -> Floats | None:
    """[cells, resamples] where all cells are defined; None where some have none, or no resample defines all."""
    if any(key not in record.resampled_cells for key in keys) or not keys:
        return None
    table = np.stack([record.resampled_cells[key] for key in keys])
    defined = table[:, np.isfinite(table).all(axis=0)]
    return defined if defined.shape[1] else None
