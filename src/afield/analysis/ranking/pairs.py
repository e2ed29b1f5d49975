"""Every backbone against every other on one task: who can be told apart, who cannot, and which rank each may have.

The differences and their variances are those of the ranking (paired.py). All pairs are looked at, so p values are
multiplied by their number (Bonferroni; Dunn 1961): what is said of all pairs holds together at 95 %, and whom the
ranking ties with its winner, which looks at fewer pairs, shares a letter with it. Hence also the ranks: a backbone has
at least as many above it as are clearly better, and at least as many below it as are clearly worse; the interval
between holds for all backbones together (Mogstad, Romano, Shaikh and Wilhelm 2024, Review of Economic Studies 91:476).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import pandas as pd
from scipy.stats import binomtest

from afield.analysis.ranking.letters import compact_letters
from afield.analysis.ranking.paired import Compares, PairedScores
from afield.analysis.student import student, student_p
from afield.base.errors import InputError, nearest
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metrics import direction
from afield.study.record import StudyRecord
from afield.study.study import PLAIN


@dataclass(frozen=True)
class Pair:
    """Two backbones on one task."""

    first: str
    second: str
    difference: Interval
    """first minus second on test, metric's own scale; the interval for itself at 95 %"""
    p: float
    """two-sided, of no difference; NaN where there is no interval"""
    p_all: float
    """the same where all pairs of the task are looked at"""
    why_not: str
    """why there is no interval; empty where there is"""

    @property
    def apart(self) -> bool:
        """Whether the two can be told apart, all pairs considered."""
        return self.p_all < 1 - LEVEL


@dataclass(frozen=True)
class Place:
    """One backbone among all of its task."""

    backbone: str
    test: Interval
    """the metric on test, mean over seeds; the interval from test samples and seeds"""
    rank: int
    """on test, 1 for the best; equals share the better one"""
    best_rank: int
    worst_rank: int
    """between which its rank lies, for all backbones together at 95 %"""
    letters: str
    """two backbones share a letter where, and only where, they cannot be told apart"""


@dataclass(frozen=True)
class Places:
    """All backbones of one task by their metric on test, best first, and all pairs of them."""

    task: str
    metric: str
    intervention: str
    places: tuple[Place, ...]
    pairs: tuple[Pair, ...]
    n_test: int
    n_clusters: int
    compares: Compares
    """`networks` where no backbone has a second seed: then another seed may order them otherwise"""


def places_of(record: StudyRecord, task: str, intervention: str = PLAIN) -> Places:
    """Compare all backbones of a task that were scored under an intervention and whose metric is defined.

    This describes what the test samples tell; the one to take is chosen on validation (`rank_backbones`).
    Raises InputError where two networks were not scored on the same test samples.
    """
    return places_among(PairedScores.of(record, task, record.metric(task), (intervention,)), task, intervention)


def places_among(scores: PairedScores, task: str, intervention: str) -> Places:
    """The same of a task's scores under an intervention, as they are."""
    metric = scores.metric
    sign = 1 if metric.direction == "higher" else -1
    networks = {name: mine for (name, _), mine in scores.networks.items() if math.isfinite(mine.value)}
    order = sorted(networks, key=lambda name: (-sign * networks[name].value, name))
    pairs = _pairs(scores, order, intervention)
    above, below = dict.fromkeys(order, 0), dict.fromkeys(order, 0)
    for pair in pairs:
        if pair.apart:
            first_better = sign * pair.difference.value > 0
            better, worse = (pair.first, pair.second) if first_better else (pair.second, pair.first)
            above[worse] += 1
            below[better] += 1
    letters = compact_letters(order, [(pair.first, pair.second) for pair in pairs if pair.apart])
    values = [networks[name].value for name in order]
    return Places(
        task=task,
        metric=metric.name,
        intervention=intervention,
        places=tuple(
            Place(
                backbone=name,
                test=scores.level_of(networks[name]),
                rank=1 + values.index(networks[name].value),
                best_rank=1 + above[name],
                worst_rank=len(order) - below[name],
                letters=letters[name],
            )
            for name in order
        ),
        pairs=pairs,
        n_test=scores.samples,
        n_clusters=scores.clusters,
        compares=scores.compares(intervention),
    )


def _pairs(scores: PairedScores, order: list[str], intervention: str) -> tuple[Pair, ...]:
    told = []
    for first, second in combinations(order, 2):
        ours, theirs = scores.networks[first, intervention], scores.networks[second, intervention]
        value, parts = ours.value - theirs.value, scores.parts(ours, theirs)
        told.append((first, second, scores.within(student(value, parts)), student_p(value, parts)))
    return tuple(
        Pair(first, second, difference, p, p if math.isnan(p) else min(1.0, len(told) * p), scores.why_not(difference))
        for first, second, difference, p in told
    )


@dataclass(frozen=True)
class Discordant:
    """Two trained networks, image by image."""

    seed: int
    only_first: int
    """test samples that the first network alone has right"""
    only_second: int
    p: float
    """McNemar's exact test: two-sided, of both being equally often right alone. It takes samples for independent"""


def discordant(record: StudyRecord, task: str, first: str, second: str, intervention: str = PLAIN) -> list[Discordant]:
    """How often each of two backbones' networks alone is right on test, a line a seed that both have.

    McNemar 1947, Psychometrika 12:153, in its exact form: the smaller count is binomial with one half. For tasks of
    one class a sample; empty for others. Raises InputError for a backbone that was not scored on the task.
    """
    known = record.task(task)
    rows = record.results
    rows = rows[(rows["task"] == task) & (rows["metric"] == known.metric) & (rows["intervention"] == intervention)]
    for name in (first, second):
        if name not in set(rows["backbone"]):
            raise InputError(
                f"{name}: was not scored on {task} under {intervention}; {nearest(name, rows['backbone'])}"
            )
    if known.target == "labels":
        return []
    keys = {
        name: dict(zip(mine["seed"], mine["key"], strict=True))
        for name, mine in rows[rows["backbone"].isin([first, second])].groupby("backbone")
    }
    lines = []
    for seed in sorted(keys[first].keys() & keys[second].keys()):
        ours, theirs = (_right(record, keys[name][seed], known.classes) for name in (first, second))
        only_first, only_second = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
        both = only_first + only_second
        p = float(binomtest(only_first, both, 0.5).pvalue) if both else 1.0
        lines.append(Discordant(int(seed), only_first, only_second, p))
    return lines


def _right(record: StudyRecord, key: str, classes: tuple[str, ...]) -> pd.Series[bool]:
    """Whether each test sample is right, by its id."""
    said = record.predictions_of(key, "test", classes)
    return pd.Series(said.logits.argmax(axis=1) == said.label, index=said.sample).sort_index()


COLUMNS = ("task", "metric", "direction", "intervention", "first", "second", "difference", "low", "high", "p", "p_all",
           "apart", "compares")  # fmt: skip
"""of the table of pairs"""


def pair_table(record: StudyRecord, intervention: str = PLAIN) -> pd.DataFrame:
    """All pairs of backbones on every task of a study, columns COLUMNS: `difference` is first minus second on test with
    its own 95 % interval, `p_all` allows for all pairs of the task.
    """
    found = [places_of(record, task.name, intervention) for task in record.tasks]
    rows = [
        (
            *(each.task, each.metric, direction(each.metric), intervention, pair.first, pair.second),
            *(pair.difference.value, pair.difference.low, pair.difference.high, pair.p, pair.p_all, pair.apart),
            each.compares,
        )
        for each in found
        for pair in each.pairs
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
