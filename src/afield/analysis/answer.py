"""The answer in sentences: what the commands print and what heads the report."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from afield.analysis.chosen import Subgroups, subgroups_of
from afield.analysis.clusters import rests_on
from afield.analysis.deciding.settle import would_settle
from afield.analysis.fitting.points import has_points
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.over_tasks.domains import domain_slopes, domain_words
from afield.analysis.over_tasks.overall_verdict import OverallVerdict, fits_over, overall_of_study
from afield.analysis.protocols import BothProtocols, both_protocols
from afield.analysis.ranking.compare import Effect, Ranking, RankRow, rank_backbones, ranked_intervention
from afield.analysis.ranking.interventions import Change, from_scratch, in_words, interventions_of
from afield.analysis.ranking.over_folds import OverFolds, over_folds
from afield.analysis.ranking.pretraining import effects_of_pretraining, pretraining_words
from afield.analysis.registered import Registration, registration
from afield.analysis.searches.races import NOT_ASKED, Race, race_of
from afield.analysis.study_fits import fit_leading
from afield.analysis.to_mind import warnings_of
from afield.analysis.words import capital, count, gap_words, level_words, listing, not_defined, share
from afield.scoring.metrics import direction, metric_title
from afield.study.record import StudyRecord


@dataclass(frozen=True)
class TaskAnswer:
    """What the study says about one task, and the analyses behind the sentences."""

    task: str
    take: str
    """which backbone to take, what ties with it, from how much data"""
    transfer: str
    """whether ImageNet accuracy told, and why"""
    pretraining: str | None
    """what pretraining brought against scratch; None where the study has no such control"""
    open: tuple[str, ...]
    """what would settle what is open"""
    warnings: tuple[str, ...]
    """what to know before trusting it: failures, borders of the grid, one seed"""
    ranking: Ranking
    fit: TransferFit | None
    """of the task's leading metric; None where lower is better or nothing pretrained was scored"""
    effects: tuple[Effect, ...]
    """from-scratch interventions against plain"""
    interventions: tuple[Change, ...]
    """every intervention against plain; empty where trainings from scratch are the only ones"""
    interventions_words: str
    """what they brought; empty where there are none"""
    subgroups: tuple[Subgroups, ...]
    """the winner's network in the subgroups of the test images, a column each"""
    protocols: BothProtocols | None
    """the same under the other protocol; None where the folder has no such study"""
    race: Race | None = None
    """how the backbones dropped out; None where the search was no race"""


@dataclass(frozen=True)
class FoldsAnswer:
    """What the study says about all folds of one task together, and the comparisons behind the sentences."""

    take: str
    """which backbone to take, what ties with it"""
    interventions_words: str
    """what interventions brought; empty where there are none"""
    found: OverFolds

    @property
    def words(self) -> str:
        """Both, a line each."""
        return "\n".join(line for line in (self.take, self.interventions_words) if line)


@dataclass(frozen=True)
class Answer:
    """The whole study's answer, a part a task in the study's order."""

    tasks: tuple[TaskAnswer, ...]
    overall: OverallVerdict | None = None
    """whether ImageNet accuracy told over all tasks; None below two"""
    domains: str = ""
    """web-scraped tasks against real-world ones; empty where a study has not both"""
    folds: tuple[FoldsAnswer, ...] = ()
    """what all folds of a task say together, where a study trains on all of them"""
    rule: Registration | None = None
    """whether the verdicts are by the rule that was registered before test was read"""

    def text(self) -> str:
        """The sentences as paragraphs for a terminal: a line a thought, one block a task, before them that over all."""
        blocks = ["\n".join(part for part in (self.overall.words, self.domains) if part)] if self.overall else []
        blocks += [each.words for each in self.folds]
        for part in self.tasks:
            lines = [f"{part.task}: {part.take}", part.transfer, *([part.pretraining] if part.pretraining else [])]
            lines += [part.interventions_words] if part.interventions_words else []
            lines += [part.protocols.words] if part.protocols else []
            lines += [each.words for each in part.subgroups if not each.worst]
            lines += [f"Open: {words}" for words in part.open]
            lines += [f"Mind: {words}" for words in part.warnings]
            blocks.append("\n".join(lines))
        if self.rule is not None and self.rule.to_mind:
            blocks.append(f"Mind the rule of these verdicts. {self.rule.words}")
        return "\n\n".join(blocks)


def answer(record: StudyRecord) -> Answer:
    """Answer, a task at a time: which backbone to take, whether ImageNet accuracy told, and what is open.

    A study without the plain intervention is answered for the first that it names.
    """
    machines = int(record.results["machine"].nunique()) if len(record.results) else 0
    tasks = tuple(_task_answer(record, task.name, machines) for task in record.tasks)
    fits = [part.fit for part in tasks if part.fit is not None]
    over = overall_of_study(record, fits)
    domains = {task.name: task.card.domain for task in record.tasks}
    compared = domain_words(domain_slopes(fits_over(over, fits), domains)) if over else ""
    folds = tuple(_folds_answer(each, machines) for each in over_folds(record))
    return Answer(tasks, over, compared, folds, registration(record) if fits else None)


def _folds_answer(found: OverFolds, machines: int) -> FoldsAnswer:
    head = f"{found.task}, {count(found.folds, 'fold')} together"
    take = f"{head}: {_take(found.ranking, None, one_machine=machines < 2)}" if found.ranking else f"{head}."
    return FoldsAnswer(take, in_words(found.changes), found)


def _task_answer(record: StudyRecord, task: str, machines: int) -> TaskAnswer:
    head = record.study.study
    intervention = ranked_intervention(record)
    ranking = rank_backbones(record, task, intervention)
    points = has_points(ranking.metric, record.task(task).own_range)
    fits = fit_leading(record, ranking, record.study.verdict.smallest_slope)
    fit = next((_same_intervals(fit, ranking) for fit in fits), None)
    effects = effects_of_pretraining(record, task, intervention)
    apart = (intervention, *from_scratch(record, intervention))
    trained_otherwise = [name for name in head.interventions if name not in apart]
    changes = interventions_of(record, task) if trained_otherwise or len(effects) > 1 else ()
    subgroups = subgroups_of(record, ranking)
    race = race_of(record, task, intervention)
    return TaskAnswer(
        task=task,
        take=_take(ranking, race, one_machine=machines < 2),
        transfer=NOT_ASKED if race else _transfer(ranking, fit, points=points),
        pretraining=pretraining_words(record, effects, changes),
        open=tuple(would_settle(ranking, fit)),
        warnings=(
            *warnings_of(record, ranking, fit, intervention, machines),
            *(each.words for each in subgroups if each.worst),
            *([record.uncompared] if record.uncompared else []),
        ),
        ranking=ranking,
        fit=fit,
        effects=effects,
        interventions=changes if trained_otherwise else (),
        interventions_words=in_words([line for line in changes if line.intervention in trained_otherwise]),
        subgroups=subgroups,
        protocols=both_protocols(record, task, intervention),
        race=race,
    )


def _same_intervals(fit: TransferFit, ranking: Ranking) -> TransferFit:
    """The fit with the ranking's intervals at its points: one number, one interval."""
    tests = {row.backbone: row.test for row in ranking.rows}
    points = fit.points.copy()
    for place, name in enumerate(points["backbone"]):
        if name in tests:
            points.loc[place, ["low", "high"]] = tests[name].low, tests[name].high
    return replace(fit, points=points)


# --- which backbone


def _take(ranking: Ranking, race: Race | None, *, one_machine: bool) -> str:
    if race is not None and race.winner is None:
        return f"There is nothing to take yet. {race.words}"
    if not ranking.rows:
        lack = "could be ranked" if ranking.n_test else "was scored on the test images"
        return f"There is nothing to take: no backbone {lack}."
    first, others = ranking.rows[0], ranking.rows[1:]
    if math.isnan(first.test.value):
        reason = f"{metric_title(ranking.metric)} on the test images is {not_defined(ranking.metric)}"
        return f"Take {first.backbone}, the chosen one; {reason}, so nothing was compared on test."
    sentences = [f"Take {first.backbone}: {metric_title(ranking.metric)} {level_words(first.test)}."]
    tied = [row for row in others if row.tied]
    up = direction(ranking.metric) == "higher"
    compared = [row for row in others if not row.undefined]
    better = [row for row in compared if not row.tied and (row.gap > 0) == up]
    if not others:
        sentences.append(race.words if race else "It is the only backbone that was scored.")
        if first.undefined:
            sentences.append(f"Its interval is not known: {first.undefined}.")
    elif tied:
        sentences.append(_ties(ranking, first, tied, one_machine=one_machine))
    elif compared and not better:
        nearest = min(compared, key=lambda row: abs(row.gap))
        gap = gap_words(nearest.difference, ranking.metric)
        sentences.append(f"No other ties with it; {nearest.backbone} comes nearest ({gap}).")
    if better:
        names = listing([f"{row.backbone} ({gap_words(row.difference, ranking.metric)})" for row in better])
        sentences.append(f"On test {names} did better, but validation chooses; test only reports.")
    if len(compared) < len(others):
        unknown = [row for row in others if row.undefined]
        names = listing([row.backbone for row in unknown])
        sentences.append(f"How {names} would compare with it is not known: {unknown[0].undefined}.")
    images = rests_on(ranking.n_test, ranking.n_clusters)
    return " ".join([*sentences, f"{capital(count(ranking.seeds, 'seed'))}, {images}."])


def _ties(ranking: Ranking, first: RankRow, tied: list[RankRow], *, one_machine: bool) -> str:
    """Who ties with the winner and what the cheapest of them costs."""
    spans = {row.backbone: f"{row.backbone} ({gap_words(row.difference, ranking.metric)})" for row in tied}
    verb = "ties" if len(tied) == 1 else "tie"
    cheapest = next((row for row in tied if row.backbone == ranking.cheapest_tied), None)
    if cheapest is None or not one_machine:
        return f"{listing(list(spans.values()))} {verb} with it."
    if len(tied) == 1:
        return f"{spans[cheapest.backbone]} ties with it {_cost(cheapest, first)}."
    names = listing([row.backbone for row in tied])
    return f"{names} tie with it; the cheapest, {spans[cheapest.backbone]}, comes {_cost(cheapest, first)}."


def _cost(row: RankRow, first: RankRow) -> str:
    part = share(row.train_seconds, first.train_seconds)
    return f"at {part} training time" if part == "about the same" else f"at {part} of the training time"


# --- whether ImageNet accuracy told


_LEADS = {
    "transfers": "ImageNet accuracy told: better there meant better here.",
    "weakly": "ImageNet accuracy told something, perhaps too little to matter.",
    "does not": "ImageNet accuracy did not tell.",
    "cannot tell": "Whether ImageNet accuracy tells anything here cannot be said.",
}


def _transfer(ranking: Ranking, fit: TransferFit | None, *, points: bool) -> str:
    if fit is not None:
        return f"{_LEADS[fit.verdict]} {fit.reason}"
    if direction(ranking.metric) == "lower":
        title = metric_title(ranking.metric)
        return f"ImageNet accuracy was not held against {title}, for which lower is better."
    if not points:
        title = metric_title(ranking.metric)
        return f"ImageNet accuracy was not held against {title}, whose range is not within -1..1: it has no points."
    return "Whether ImageNet accuracy tells anything here cannot be said: no pretrained backbone was scored."
