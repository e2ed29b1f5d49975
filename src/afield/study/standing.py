"""Where a run stands, for whoever watches it: trials done, running and left, speeds, and the time left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from afield.study.engines.local import Event
from afield.study.job import Job
from afield.study.ledger import Identity, Ledger


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
    ledger: Ledger, busy: Sequence[Job], progress: Sequence[Event], slots: int, per_score: float | None = None
) -> Standing:
    """Where a run stands, from its ledger, the jobs under way and their last messages; `per_score` is how many seconds
    a network took to score, where that is known.
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
    to_score = sum(len(search.seeds) for search in searches)
    scored = sum(trial.key in ledger.scored for outlook in outlooks for trial in outlook.chosen)
    seconds = seconds_left(ledger, under_way, slots)
    if per_score is not None and seconds is not None:
        seconds += (to_score - scored) * per_score / slots
    elif not left and scored < to_score:
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
    )


def _before(event: Event) -> Running:
    left = (event.steps - event.step) / event.per_second if event.per_second else None
    words = f"{event.before}: {event.step:,} of {event.steps:,}"
    return Running(event.job.label, 1, event.job.until, event.step / event.steps, 0.0, words, left)


def _epochs_since(ledger: Ledger, event: Event) -> float:
    """Epochs of a job beyond those that its files tell of."""
    return max(0.0, event.epoch - ledger.reached(event.job.trial.key) + event.step / event.steps)


def seconds_left(ledger: Ledger, under_way: Sequence[Event], slots: int) -> float | None:
    """Time until the last epoch, from the seconds that epochs of each search took; None before the first has ended.

    Never less than the longest chain of epochs that can only come one after the other. Where a search has none yet, its
    epochs are taken to cost in proportion to their work: as those of the same backbone in other searches or, without
    any, as those of all.
    """
    searches = {search.identity: search for search in ledger.plan.distinct}
    outlooks = {identity: ledger.outlook(search) for identity, search in searches.items()}
    left = {identity: float(outlook.left) for identity, outlook in outlooks.items()}
    for event in under_way:
        for identity in ledger.searches(event.job.trial.key) & left.keys():
            left[identity] -= _epochs_since(ledger, event)
    mean = {identity: outlook.seconds / outlook.epochs for identity, outlook in outlooks.items() if outlook.epochs}
    if not mean:
        return None
    work = {identity: ledger.plan.work(search) for identity, search in searches.items()}
    by_backbone: dict[str, list[Identity]] = {}
    for identity in mean:
        by_backbone.setdefault(identity[1], []).append(identity)

    def seconds_of(identity: Identity) -> float:
        if identity in mean:
            return mean[identity]
        like = by_backbone.get(identity[1], list(mean))
        return work[identity] * sum(mean[one] for one in like) / sum(work[one] for one in like)

    since = {event.job.trial.key: _epochs_since(ledger, event) for event in under_way}
    chains = [
        (want.chain / work[want.search.identity] - since.get(want.trial.key, 0.0)) * seconds_of(want.search.identity)
        for want in ledger.wanted()
        if want.search.identity in searches
    ]
    together = sum(max(0.0, epochs) * seconds_of(identity) for identity, epochs in left.items() if epochs)
    return max(together / slots, *chains, 0.0)
