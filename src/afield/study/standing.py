"""Where a run stands, for whoever watches it: trials done, running and left, speeds, and the time left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from afield.study.plan import Plan, PlannedSearch
from afield.study.search import Seen


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
    """Counts of trainings (of the grids and the repeats) and of epochs, as far as one can know before the searches end."""

    done: int
    """finished, or stopped by halving"""
    running: tuple[Running, ...]
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


def seconds_left(
    plan: Plan, seen: Mapping[str, Seen], running: Sequence[tuple[PlannedSearch, float]], slots: int
) -> float | None:
    """Time until the last epoch, from the seconds that an epoch of each backbone took; None before the first has ended.

    `running` holds, for each job, the epochs since its last row of history. A backbone without a finished epoch is taken to cost
    in proportion to its multiply-adds.
    """
    cost: dict[str, list[float]] = {}
    for search in plan.searches:
        for trial in search.cells:
            cost.setdefault(search.backbone.id, []).extend(row["seconds"] for row in seen[trial.key].history)
    mean = {name: sum(values) / len(values) for name, values in cost.items() if values}
    if not mean:
        return None
    gmacs = {search.backbone.id: search.backbone.gmacs for search in plan.searches}
    a_gmac = sum(mean.values()) / sum(gmacs[name] for name in mean)
    total = sum(left * mean.get(name, gmacs[name] * a_gmac) for name, left in epochs_left(plan, seen).items())
    under_way = sum(part * mean.get(search.backbone.id, 0.0) for search, part in running)
    return max(0.0, total - under_way) / slots


def epochs_left(plan: Plan, seen: Mapping[str, Seen]) -> dict[str, int]:
    """Epochs still to train by backbone, if no further trial fails."""
    left: dict[str, int] = {}
    for search in plan.searches:
        trials = {trial.key for cell in range(len(search.cells)) for trial in search.repeats(cell)}
        done = sum(len(seen[key].history) for key in trials if key in seen)
        left[search.backbone.id] = left.get(search.backbone.id, 0) + max(0, plan.epochs_of(search) - done)
    return left
