"""Where a run stands, for whoever watches it: trials done, running and left, speeds, and the time left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    def prepare(self, what: str, done: int, total: int) -> None:
        """Images of a task are being prepared."""

    def standing(self, standing: Standing) -> None:
        """The run has come this far."""

    def say(self, words: str) -> None:
        """Something a person should know."""


class Silent:
    """Nobody watches."""

    def prepare(self, what: str, done: int, total: int) -> None:
        """Say nothing."""

    def standing(self, standing: Standing) -> None:
        """Say nothing."""

    def say(self, words: str) -> None:
        """Say nothing."""


def standing_of(ledger: Ledger, busy: Sequence[Job], progress: Sequence[Event], slots: int) -> Standing:
    """Where a run stands, from its ledger, the jobs under way and their last messages."""
    plan = ledger.plan
    under_way = [event for event in progress if event.steps]
    parts = {event.job.trial.key: _epochs_since(ledger, event) for event in under_way}
    at_work = {job.trial.key for job in busy}
    undone = at_work | {want.trial.key for want in ledger.wanted() if want.kind == "train"}
    failed = ledger.failed()
    done = sum(bool(files.history) and key not in undone for key, files in ledger.files.items()) - len(failed)
    planned = sum(plan.epochs_of(search) for search in plan.searches)
    total = sum(len(search.cells) + len(search.seeds) - 1 for search in plan.searches)
    return Standing(
        done=max(0, done),
        running=tuple(
            Running(
                event.job.label, event.epoch + 1, event.job.until, event.step / event.steps, event.images_per_second
            )
            for event in under_way
        ),
        at_work=len(at_work),
        left=max(0, total - max(0, done) - len(at_work) - len(failed)),
        failed=len(failed),
        epochs_done=planned - sum(epochs_left(ledger).values()) + sum(parts.values()),
        epochs_planned=planned,
        seconds_left=seconds_left(ledger, parts, slots),
    )


def _epochs_since(ledger: Ledger, event: Event) -> float:
    """Epochs of a job since the last row of its history."""
    return event.epoch - len(ledger.files[event.job.trial.key].history) + event.step / event.steps


def seconds_left(ledger: Ledger, parts: Mapping[str, float], slots: int) -> float | None:
    """Time until the last epoch, from the seconds that epochs of each backbone took; None before the first has ended.

    `parts` holds, by trial, the epochs since its last row of history. A backbone without a finished epoch is taken to
    cost in proportion to its multiply-adds.
    """
    searches = ledger.plan.searches
    cost: dict[str, list[float]] = {}
    for search in searches:
        for trial in search.cells:
            cost.setdefault(search.backbone.id, []).extend(row["seconds"] for row in ledger.files[trial.key].history)
    mean = {name: sum(values) / len(values) for name, values in cost.items() if values}
    if not mean:
        return None
    gmacs = {search.backbone.id: search.backbone.gmacs for search in searches}
    a_gmac = sum(mean.values()) / sum(gmacs[name] for name in mean)
    total = sum(left * mean.get(name, gmacs[name] * a_gmac) for name, left in epochs_left(ledger).items())
    under_way = sum(part * mean.get(ledger.searches[key].backbone.id, 0.0) for key, part in parts.items())
    return max(0.0, total - under_way) / slots


def epochs_left(ledger: Ledger) -> dict[str, int]:
    """Epochs still to train by backbone, if no further trial fails."""
    left: dict[str, int] = {}
    for search in ledger.plan.searches:
        trials = {trial.key for cell in range(len(search.cells)) for trial in search.repeats(cell)}
        done = sum(len(ledger.files[key].history) for key in trials)
        left[search.backbone.id] = left.get(search.backbone.id, 0) + max(0, ledger.plan.epochs_of(search) - done)
    return left
