"""Backbones over several tasks: mean ranks, and whether the tasks agree well enough to tell any two apart.

A task is the unit here, not an image: this asks what another task would say. Friedman's test asks whether there is any
difference (Friedman 1937), by permutation; pairs are compared by Wilcoxon's signed-rank test on the differences of
their metrics, with Holm's p values. Not by a critical difference of mean ranks, which depends on who else takes part
(Demsar 2006, Journal of Machine Learning Research 7:1; Benavoli, Corani and Mangili 2016, the same 17:5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import rankdata, wilcoxon

from afield.analysis.ranking.letters import compact_letters
from afield.analysis.ranking.pairs import Places
from afield.analysis.student import holm
from afield.base.streams import stream
from afield.scoring.intervals import LEVEL
from afield.scoring.metric import Floats
from afield.scoring.metrics import direction

_ORDERS = 9_999


@dataclass(frozen=True)
class MeanRanks:
    """The backbones that were scored on every task, best mean rank first."""

    tasks: tuple[str, ...]
    backbones: tuple[str, ...]
    mean_rank: tuple[float, ...]
    """1 would be the best on every task; equals share the mean of their ranks"""
    ranks: Floats
    """on each task, [backbones, tasks]"""
    letters: tuple[str, ...]
    """two share a letter where, and only where, the tasks cannot tell them apart"""
    friedman_p: float
    """of no difference at all; NaN below three backbones or where all are equal"""
    left_out: tuple[str, ...]
    """backbones that lack a task"""
    again: tuple[str, ...]
    """tasks whose data count already"""
    possible: bool
    """whether so few tasks could tell any two apart"""


def mean_ranks(places: Sequence[Places], data_of: Callable[[str], str] = lambda task: task) -> MeanRanks | None:
    """The same backbones on several tasks; None for fewer than two tasks or two backbones that have them all.

    Tasks of the same data, by `data_of` their names, are no further tasks: the first of them stands for all.
    """
    first: dict[str, Places] = {}
    again = tuple(each.task for each in places if first.setdefault(data_of(each.task), each) is not each)
    values = pd.DataFrame({each.task: _upward(each) for each in first.values()})
    whole = values.dropna()
    if values.shape[1] < 2 or len(whole) < 2:
        return None
    table = whole.to_numpy(np.float64).T
    ranks = rankdata(-table, axis=1)
    mean = ranks.mean(axis=0)
    order = sorted(range(len(whole)), key=lambda index: (mean[index], whole.index[index]))
    names = [str(whole.index[index]) for index in order]
    pairs = list(combinations(order, 2))
    adjusted = holm([_wilcoxon(table[:, one], table[:, other]) for one, other in pairs])
    apart = [
        (str(whole.index[one]), str(whole.index[other]))
        for (one, other), p in zip(pairs, adjusted, strict=True)
        if p < 1 - LEVEL
    ]
    letters = compact_letters(names, apart)
    return MeanRanks(
        tasks=tuple(values.columns),
        backbones=tuple(names),
        mean_rank=tuple(float(mean[index]) for index in order),
        ranks=ranks.T[order],
        letters=tuple(letters[name] for name in names),
        friedman_p=_friedman(ranks),
        left_out=tuple(str(name) for name in values.index if name not in whole.index),
        again=again,
        possible=2 * 0.5 ** len(table) * len(pairs) < 1 - LEVEL,
    )


def _upward(places: Places) -> pd.Series[float]:
    """The metric by backbone, turned so that higher is better."""
    sign = 1 if direction(places.metric) == "higher" else -1
    return pd.Series({place.backbone: sign * place.test.value for place in places.places}, dtype=np.float64)


def _wilcoxon(first: Floats, second: Floats) -> float:
    """Two-sided p value over tasks; 1 where the two are equal on all of them."""
    if np.array_equal(first, second):
        return 1.0
    return float(wilcoxon(first, second).pvalue)


def _friedman(ranks: Floats) -> float:
    """P of Friedman's statistic, the spread of the mean ranks [tasks, backbones], among orders drawn task by task.

    Of the tasks of a study there are too few for its chi-squared distribution.
    """
    if ranks.shape[1] < 3 or np.ptp(ranks, axis=1).max() == 0:
        return math.nan
    drawn = stream(0, "Friedman").permuted(np.repeat(ranks[None], _ORDERS, axis=0), axis=2)
    as_far = drawn.mean(axis=1).var(axis=1) >= ranks.mean(axis=0).var() - 1e-12
    return float((1 + as_far.sum()) / (1 + _ORDERS))
