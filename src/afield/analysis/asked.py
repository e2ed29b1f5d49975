"""What `afield rank` and `afield compare` ask of a study, as numbers; told.py puts them into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from afield.analysis.ranking.candidate import Residual, against_the_line, pooled
from afield.analysis.ranking.compare import Ranking, rank_backbones, ranked_intervention
from afield.analysis.ranking.mean_ranks import MeanRanks, mean_ranks
from afield.analysis.ranking.paired import PairedScores
from afield.analysis.ranking.pairs import Discordant, Pair, Places, discordant, places_of
from afield.analysis.searches.curse import winners_curse
from afield.analysis.words import listing
from afield.base.errors import InputError, nearest
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metrics import in_points, metric_title
from afield.study.record import StudyRecord
from afield.study.study import PLAIN


@dataclass(frozen=True)
class Ranks:
    """The backbones of each task, and of all tasks together."""

    intervention: str
    tasks: tuple[Ranking, ...]
    flattered: tuple[float | None, ...]
    """by how much the best on validation flatters itself there, task by task, in the metric's own scale; None where
    that is not known
    """
    together: MeanRanks | None


def ranks_of(record: StudyRecord, intervention: str | None = None) -> Ranks:
    """Rank the backbones under an intervention; by default plain. Raises InputError for one that the study has not, and
    where networks were not scored on the same test samples.
    """
    chosen = _intervention(record, intervention)
    rankings = tuple(rank_backbones(record, task.name, chosen) for task in record.tasks)
    flattered = tuple(winners_curse(record, each) if each.places and each.places.places else None for each in rankings)
    together = mean_ranks([each.places for each in rankings if each.places], record.study.data_of)
    return Ranks(chosen, rankings, flattered, together)


@dataclass(frozen=True)
class Compared:
    """Two backbones on one task."""

    places: Places
    pair: Pair
    """the first minus the second, as they were asked for"""
    counted: tuple[Discordant, ...]

    @property
    def apart(self) -> bool:
        """Whether the two can be told apart; only this pair is asked about."""
        return self.pair.p < 1 - LEVEL


def pairs_of(record: StudyRecord, first: str, second: str, intervention: str | None = None) -> tuple[Compared, ...]:
    """Compare two backbones on each task on which both were scored, under an intervention; by default plain.

    Raises InputError for a backbone or an intervention that the study has not, and for two that share no task.
    """
    chosen = _intervention(record, intervention)
    for name in (first, second):
        _check_known(record, name)
    if first == second:
        raise InputError(f"{first}: was given twice; name two backbones")
    found = []
    for task in record.tasks:
        places = places_of(record, task.name, chosen)
        pair = next((each for each in places.pairs if {each.first, each.second} == {first, second}), None)
        if pair is not None:
            turned = pair if pair.first == first else _turned(pair)
            counted = discordant(record, task.name, first, second, chosen)
            found.append(Compared(places, turned, tuple(counted)))
    if not found:
        missing = [line for task in record.tasks for line in rank_backbones(record, task.name, chosen).missing]
        raise InputError("\n".join([f"{first} and {second}: no task has scores of both under {chosen}", *missing]))
    return tuple(found)


@dataclass(frozen=True)
class Candidate:
    """One backbone, or way of training, beside the line of the others."""

    name: str
    intervention: str
    baseline: str
    """the intervention under which the others draw the line"""
    tasks: Mapping[str, Residual | str]
    """where it has none, why"""
    elsewhere: bool = False
    """whether the others were trained elsewhere"""

    @property
    def residuals(self) -> tuple[Residual, ...]:
        """Of the tasks that have a line, in metrics that are told in points."""
        told = (each for each in self.tasks.values() if isinstance(each, Residual))
        return tuple(each for each in told if not each.trouble and in_points(each.metric))

    @property
    def mean(self) -> Interval | None:
        """Of those, in metric points; None below two."""
        return pooled(self.residuals)


def candidate_of(record: StudyRecord, name: str, intervention: str | None = None) -> Candidate:
    """Whether a backbone does better on each task than its ImageNet accuracy explains.

    Under an intervention it is held against the others' plain line. Raises InputError as `against_the_line` does.
    """
    baseline = ranked_intervention(record)
    chosen = _intervention(record, intervention)
    _check_known(record, name)
    tasks = {task.name: _of_task(record, task.name, name, chosen, baseline) for task in record.tasks}
    return Candidate(name, chosen, baseline, tasks)


def candidate_elsewhere(
    record: StudyRecord, name: str, others: pd.DataFrame, intervention: str | None = None
) -> Candidate:
    """The same against the line that the backbones of another results table draw under plain, on the tasks whose
    leading metric it has, too.

    Errors of both sides are those that the tables tell, and count as independent. Raises InputError where no task is in
    both, and as `against_the_line` does.
    """
    chosen = _intervention(record, intervention)
    leading = {task.name: record.metric(task.name).name for task in record.tasks}
    rows = record.results[record.results["metric"] == record.results["task"].map(leading)]
    there = set(zip(others["task"], others["metric"], strict=True))
    found = [
        each
        for each in against_the_line(rows, name, intervention=chosen, others=others)
        if (each.task, each.metric) in there
    ]
    if not found:
        mine = [f"{task} by {metric}" for task, metric in leading.items()]
        theirs = [f"{task} by {metric}" for task, metric in sorted(there)]
        raise InputError(
            f"{name}: the other table has no task of this study by its leading metric; here {listing(mine)}, there "
            f"{listing(theirs)}. Call them alike"
        )
    tasks = {each.task: _within(each, record.metric(each.task).range) for each in found}
    return Candidate(name, chosen, PLAIN, tasks, elsewhere=True)


def _of_task(record: StudyRecord, task: str, name: str, intervention: str, baseline: str) -> Residual | str:
    """The candidate's residual on a task, or why it has none."""
    metric = record.metric(task)
    if metric.direction == "lower":
        return f"{metric_title(metric.name)} is better when lower, so it is not held against ImageNet accuracy."
    scores = PairedScores.of(record, task, metric, (intervention, baseline))
    if (name, intervention) not in scores.networks:
        missing = [line for line in rank_backbones(record, task, intervention).missing if line.startswith(name)]
        return " ".join(missing) or f"{name} has no results under {intervention}."
    rows = record.results
    rows = rows[(rows["task"] == task) & (rows["metric"] == metric.name)]
    networks = {backbone: each for (backbone, under), each in scores.networks.items() if under == baseline}
    networks[name] = scores.networks[name, intervention]
    (found,) = against_the_line(
        rows, name, intervention=intervention, baseline=baseline, covariance=scores.covariance(networks)
    )
    return _within(found, metric.range)


def _within(found: Residual, limits: Sequence[float]) -> Residual:
    """What is expected of it no farther out than its metric can go."""
    least, greatest = limits
    return replace(found, expected=found.expected.cut(least, greatest))


def _check_known(record: StudyRecord, name: str) -> None:
    known = [row.backbone.id for row in record.backbones]
    if name not in known:
        raise InputError(f"{name}: is not in this study; {nearest(name, known)}")


def _intervention(record: StudyRecord, name: str | None) -> str:
    named = record.study.study.interventions
    if name is None:
        return ranked_intervention(record)
    if name not in named:
        raise InputError(f"{name}: is no intervention of this study; {nearest(name, named)}")
    return name


def _turned(pair: Pair) -> Pair:
    """The same pair with the second one first."""
    return replace(pair, first=pair.second, second=pair.first, difference=pair.difference.turned())
