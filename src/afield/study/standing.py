"""Where a run stands, for whoever watches it: trials done, running and left, speeds, and the time left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from afield.study.engines.local import Event
from afield.study.job import Job
from afield.study.ledger import Ledger


@dataclass(frozen=True)
class Running:
    """One job under way."""

    label: str
    epoch: int
    """from 1"""
    epochs: int
    share: float
    """of this epoch, 0..1"""
    images_per_second: float


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
    seconds_left: float | None


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


def standing_of(ledger: Ledger, busy: Sequence[Job], progress: Sequence[Event], slots: int) -> Standing:
    """Where a run stands, from its ledger, the jobs under way and their last messages."""
    searches = ledger.plan.distinct
    outlooks = [ledger.outlook(search) for search in searches]
    under_way = [event for event in progress if event.steps]
    at_work = len({job.trial.key for job in busy})
    done, failed = sum(outlook.done for outlook in outlooks), sum(outlook.failed for outlook in outlooks)
    trainings = sum(len(search.cells) + len(search.seeds) - 1 for search in searches)
    planned = ledger.plan.epochs
    left = sum(outlook.left for outlook in outlooks)
    return Standing(
        done=done,
        running=tuple(
            Running(
                event.job.label, event.epoch + 1, event.job.until, event.step / event.steps, event.images_per_second
            )
            for event in under_way
        ),
        at_work=at_work,
        left=max(0, trainings - done - at_work - failed),
        failed=failed,
        epochs_done=planned - left + sum(_epochs_since(ledger, event) for event in under_way),
        epochs_planned=planned,
        seconds_left=seconds_left(ledger, under_way, slots),
    )


def _epochs_since(ledger: Ledger, event: Event) -> float:
    """Epochs of a job since the last row of its history."""
    return event.epoch - len(ledger.files[event.job.trial.key].history) + event.step / event.steps


def seconds_left(ledger: Ledger, under_way: Sequence[Event], slots: int) -> float | None:
    """Time until the last epoch, from the seconds that epochs of each backbone took; None before the first has ended.

    A backbone without a finished epoch is taken to cost in proportion to its multiply-adds.
    """
    seconds: dict[str, float] = {}
    epochs: dict[str, int] = {}
    left: dict[str, float] = {}
    gmacs: dict[str, float] = {}
    for search in ledger.plan.distinct:
        name, outlook = search.backbone.id, ledger.outlook(search)
        seconds[name] = seconds.get(name, 0.0) + outlook.seconds
        epochs[name] = epochs.get(name, 0) + outlook.epochs
        left[name] = left.get(name, 0.0) + outlook.left
        gmacs[name] = search.backbone.work
    for event in under_way:
        left[event.job.trial.backbone] -= _epochs_since(ledger, event)
    mean = {name: seconds[name] / count for name, count in epochs.items() if count}
    if not mean:
        return None
    a_gmac = sum(mean.values()) / sum(gmacs[name] for name in mean)
    return sum(max(0.0, part) * mean.get(name, gmacs[name] * a_gmac) for name, part in left.items()) / slots
