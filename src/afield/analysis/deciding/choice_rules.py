"""Rules by which one backbone is taken without knowing which is the best, and what each loses, in the values' own unit.

Equals, on ImageNet or by a rule's criterion, count as the mean over all orders of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from afield.analysis.deciding.choosing import below_the_best, chances, expected_value, shortlisted
from afield.analysis.over_tasks.side_by_side import SideBySide
from afield.analysis.words import listing
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metric import Floats

TRIED = (1, 2, 3, 5, 10)
"""numbers of backbones tried that have a row of their own"""
SHORTLISTS = (3, 5)
"""numbers of the best on ImageNet that are tried"""
ON_IMAGENET = "best on ImageNet"
AT_RANDOM = "best of those tried"


@dataclass(frozen=True)
class Rule:
    """Take the first by `criterion` among `k` backbones drawn at random, or among the `shortlist` best on ImageNet."""

    name: str
    tried: int
    """backbones that are trained on the task for it"""
    criterion: Floats
    """[n] of which the largest is taken"""
    k: int
    """n: all take part"""
    shortlist: int = 0
    """0: no shortlist"""


def rules_of(table: SideBySide, task: str, tried: Floats, params: Floats, *, on_test: bool) -> Iterator[Rule]:
    """Those whose criterion is known of all backbones."""
    n = len(tried)
    yield Rule(ON_IMAGENET, 0, table.imagenet, n)
    if np.isfinite(params).all():
        yield Rule("biggest", 0, params, n)
    others = table.others(task)
    if others is not None:
        yield Rule("best on the other tasks", 0, others, n)
    for shortlist in SHORTLISTS:
        if shortlist < n:
            yield Rule(f"best of the {shortlist} best on ImageNet", shortlist, tried, n, shortlist)
    for k in (*TRIED, n):
        if k < n or (k == n and not on_test):
            yield Rule(AT_RANDOM, k, tried, k)


def _shortlisted(rule: Rule, imagenet: Floats, criterion: Floats) -> Floats:
    """The criterion, with those that are not on the shortlist last; along the last axis. Equals on ImageNet as they
    stand there.
    """
    if not rule.shortlist:
        return criterion
    place = np.argsort(np.argsort(-imagenet, axis=-1, kind="stable"), axis=-1)
    result: Floats = np.where(place < rule.shortlist, criterion, -np.inf)
    return result


def taken_by(rule: Rule, table: SideBySide, values: Floats, errors: Floats) -> tuple[str, Interval]:
    """Whom the rule takes, and its regret."""
    if rule.k == len(values):
        chance = shortlisted(table.imagenet, rule.criterion, rule.shortlist or rule.k)
        taken = np.flatnonzero(chance)
        if len(taken) == 1:
            return str(table.values.index[taken[0]]), below_the_best(values, errors, int(taken[0]))
        names = listing([str(name) for name in table.values.index[taken]])
        return names, Interval(float(values.max() - chance @ values), math.nan, math.nan)
    return "", Interval(float(values.max()) - expected_value(values, rule.criterion, rule.k), math.nan, math.nan)


def values_in_order(rule: Rule, imagenet: Floats, values: Floats, pools: np.ndarray) -> Floats:
    """The values of each pool [pools, size] in the order in which the rule takes them; equals, on ImageNet or by the
    criterion, in a pool's own order, which is random.
    """
    criterion = _shortlisted(rule, imagenet[pools], rule.criterion[pools])
    ordered: Floats = np.take_along_axis(values[pools], np.argsort(-criterion, axis=1, kind="stable"), axis=1)
    return ordered


def pool_limits(rule: Rule, ordered: Floats) -> tuple[float, float]:
    """Of the regrets in pools whose values stand in the rule's order."""
    pools, size = ordered.shape
    k = size if rule.k == len(rule.criterion) else rule.k
    if pools == 0 or size < 2 or k > size or rule.shortlist > size:
        return math.nan, math.nan
    lost = ordered.max(axis=1) - ordered @ chances(size, k)
    low, high = np.quantile(lost, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
