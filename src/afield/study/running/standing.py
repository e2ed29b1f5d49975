"""Where a run stands, for whoever watches it: trials done, running and left, speeds, and the time left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Protocol

from afield.study.audits import audits_of
from afield.study.engines.engine import Event
from afield.study.engines.job import Job
from afield.study.plan import Plan
from afield.study.planning.makespan import Line, wall_seconds
from afield.study.planning.pace import Pace, last_stage, rung_stages, training
from afield.study.running.ledger import Ledger
from afield.study.searching.outlook import Want
from afield.study.searching.planned_search import Identity, PlannedSearch
from afield.study.searching.search import to_come


@dataclass(frozen=True)
class Running:
    """One job under way."""

    label: str
    epoch: int
    """from 1"""
    epochs: int
    share: float
    """of this epoch, 0..1, or of what comes before the first"""
    images_per_second: float
    before: str = ""
    """what comes before the first epoch and is under way, in words"""
    seconds_left: float | None = None
    """of that; None where it cannot be told yet"""


@dataclass(frozen=True)
class Standing:
    """Counts of trainings (of the grids and the repeats) and of epochs, as far as one can know before the searches
    end.
    """

    done: int
    """finished, or stopped by halving"""
    running: tuple[Running, ...]
    """those that have told how far they are"""
    at_work: int
    left: int
    failed: int
    epochs_done: float
    epochs_planned: int
    scored: int
    """networks of the chosen recipes, soups apart"""
    to_score: int
    """networks in all, the scored ones among them"""
    seconds_left: float | None
    """None before the first epoch has ended, and where only scoring is left before the first network is scored"""
    audited: int = 0
    """networks that were scored though they were not chosen"""
    to_audit: int = 0
    """of these in all, as far as it is known"""

    @property
    def trained(self) -> bool:
        """Whether no training is left."""
        return self.left == self.at_work == 0


class Watch(Protocol):
    """Whoever watches a run."""

    def download(self, backbone: str, done: int, total: int | None) -> None:
        """Weights are being downloaded: bytes that are here and that there will be, where the server says."""

    def prepare(self, what: str, done: int, total: int) -> None:
        """Images of a task are being prepared."""

    def standing(self, standing: Standing) -> None:
        """The run has come this far."""

    def say(self, words: str) -> None:
        """Something a person should know."""


class Silent:
    """Nobody watches."""

    def download(self, backbone: str, done: int, total: int | None) -> None:
        """Say nothing."""

    def prepare(self, what: str, done: int, total: int) -> None:
        """Say nothing."""

    def standing(self, standing: Standing) -> None:
        """Say nothing."""

    def say(self, words: str) -> None:
        """Say nothing."""


def standing_of(
    ledger: Ledger,
    busy: Sequence[Job],
    progress: Sequence[Event],
    slots: int,
    per_score: float | None = None,
    paces: Mapping[Identity, Pace] | None = None,
) -> Standing:
    """Where a run stands, from its ledger, the jobs under way and their last messages; `per_score` is how many seconds
    a network took to score, where that is known, and `paces` how long the parts of each search take, as estimated
    before.
    """
    searches = ledger.plan.distinct
    outlooks = [ledger.outlook(search) for search in searches]
    told = [event for event in progress if event.steps]
    under_way = [event for event in told if not event.before]
    at_work = len({job.trial.key for job in busy if job.kind == "train"})
    done, failed = sum(outlook.done for outlook in outlooks), sum(len(outlook.failed) for outlook in outlooks)
    trainings = sum(ledger.plan.trainings_of(search) for search in searches)
    planned = ledger.plan.epochs
    left = sum(outlook.left for outlook in outlooks)
    to_score = sum(ledger.plan.networks_of(search) for search in searches)
    scored = sum(key in ledger.known.scored for outlook in outlooks for key in outlook.chosen_keys)
    paces = relative_paces(ledger.plan) if paces is None else paces
    seconds = seconds_left(ledger, under_way, slots, paces, per_score)
    known = per_score is not None or all(pace.known for pace in paces.values())
    if not left and scored < to_score and not known:
        seconds = None
    return Standing(
        done=done,
        running=tuple(
            _before(event)
            if event.before
            else Running(event.job.label, event.epoch + 1, event.job.until, event.step / event.steps, event.per_second)
            for event in told
        ),
        at_work=at_work,
        left=max(0, trainings - done - at_work - failed),
        failed=failed,
        epochs_done=planned - left + sum(_epochs_since(ledger, event) for event in under_way),
        epochs_planned=planned,
        scored=scored,
        to_score=to_score,
        seconds_left=seconds,
        audited=sum(len(outlook.audited) - len(outlook.unaudited) for outlook in outlooks),
        to_audit=sum(audits_of(ledger.plan, search, ledger.outlook(search)) for search in searches),
    )


def _before(event: Event) -> Running:
    left = (event.steps - event.step) / event.per_second if event.per_second else None
    words = f"{event.before}: {event.step:,} of {event.steps:,}"
    return Running(event.job.label, 1, event.job.until, event.step / event.steps, 0.0, words, left)


def _epochs_since(ledger: Ledger, event: Event) -> float:
    """Epochs of a job beyond those that its files tell of."""
    return max(0.0, event.epoch - ledger.known.reached(event.job.trial.key) + event.step / event.steps)


def relative_paces(plan: Plan) -> dict[Identity, Pace]:
    """The paces of a plan's searches where no speed is known: epochs in proportion to their work, and nothing else."""
    return {
        search.identity: Pace(epoch=plan.work(search), save=0.0, begin=0.0, score=0.0, known=False)
        for search in plan.searches
    }


def seconds_left(
    ledger: Ledger,
    under_way: Sequence[Event],
    slots: int,
    paces: Mapping[Identity, Pace],
    per_score: float | None = None,
) -> float | None:
    """Time until the last result, by the arithmetic of `estimate.py`: what is left of each search at its pace, which is
    corrected by the epochs that have ended. None before the first has, where speeds are known in proportion alone.
    """
    corrected = corrected_paces(ledger, paces, per_score)
    if corrected is None:
        return None
    since = {event.job.trial.key: _epochs_since(ledger, event) for event in under_way}
    return wall_seconds(lines_left(ledger, corrected, since), slots)


def lines_left(
    ledger: Ledger, paces: Mapping[Identity, Pace], since: Mapping[str, float] = MappingProxyType({})
) -> list[Line]:
    """What is left of each distinct search; `since` says how many epochs of a trial are done beyond its files."""
    return [line_left(ledger, search, paces[search.identity], since) for search in ledger.plan.distinct]


def line_left(ledger: Ledger, search: PlannedSearch, pace: Pace, since: Mapping[str, float]) -> Line:
    """What is left of one search, as stages of jobs."""
    outlook = ledger.outlook(search)

    def seconds(want: Want) -> float:
        if want.kind != "train":
            return pace.score
        key = want.trial.key
        begun = since.get(key)
        left = want.until - ledger.known.reached(key) - (begun or 0.0)
        own = training(max(0.0, left), pace) - (pace.begin if begun is not None else 0.0)
        return own + (pace.score if outlook.chosen else 0.0)

    now = tuple(seconds(want) for want in (*outlook.wants, *outlook.audits))
    if outlook.rung is None:
        return (now,)
    choice, share = ledger.plan.study.search, ledger.share_of(search)
    later = rung_stages(share.sizes, outlook.rung, pace)
    coming = to_come(choice, len(search.cells))
    batches = (min(choice.batch, coming - begun) for begun in range(0, coming, choice.batch))
    proposed = ((training(search.epochs, pace),) * size for size in batches)
    features = ((pace.features,),) if pace.features and not outlook.epochs else ()
    last = (last_stage(pace, search.epochs, len(search.seeds) - 1),) if share.chooses else ()
    audits = ((pace.score,) * audits_of(ledger.plan, search, outlook),)
    return (*features, now, *later, *proposed, *last, *audits)


def corrected_paces(
    ledger: Ledger, paces: Mapping[Identity, Pace], per_score: float | None = None
) -> dict[Identity, Pace] | None:
    """The paces after what epochs took: of a search that has some their mean; of any other its own, times what those of
    the same backbone or, without any, all took beside theirs. None where nothing is known in seconds.
    """
    searches = ledger.plan.distinct
    outlooks = {search.identity: ledger.outlook(search) for search in searches}
    mean = {identity: outlook.seconds / outlook.epochs for identity, outlook in outlooks.items() if outlook.epochs}
    if not mean and not all(paces[search.identity].known for search in searches):
        return None

    def epoch(identity: Identity) -> float:
        if identity in mean or not mean:
            return mean.get(identity, paces[identity].epoch)
        like = [one for one in mean if one[1] == identity[1]] or list(mean)
        return paces[identity].epoch * sum(mean[one] for one in like) / sum(paces[one].epoch for one in like)

    return {
        search.identity: replace(
            paces[search.identity],
            epoch=epoch(search.identity),
            score=paces[search.identity].score if per_score is None else per_score,
        )
        for search in searches
    }
