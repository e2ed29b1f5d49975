"""A race: which backbone won it, how far each of the others came, and what that does not tell."""

from __future__ import annotations

from dataclasses import dataclass

from afield.analysis.words import capital, count, listing
from afield.study.record import SearchRecord, StudyRecord
from afield.study.searching.search import best_so_far, rungs

NOT_ASKED = (
    "A race asks which network is best here, not whether ImageNet accuracy tells: the backbones that dropped out are "
    "missing, and would bias a fit. Nothing of it enters one."
)


@dataclass(frozen=True)
class Runner:
    """One backbone in a race."""

    backbone: str
    best: tuple[float, ...]
    """selecting metric of the best of its recipes that were still in the race, after each epoch that it was in it"""
    cells: tuple[int, ...]
    """its recipes that were brought to each rung"""
    spent: int
    """epochs that they trained"""
    seconds: float
    """that those took"""

    @property
    def reached(self) -> int:
        """Epochs after which the race went on, or ended, without it; the winner's are all."""
        return len(self.best)


@dataclass(frozen=True)
class Race:
    """Halving over the recipes of all backbones on one task."""

    task: str
    intervention: str
    rungs: tuple[int, ...]
    """epochs after which the best go on; the last is the whole training"""
    runners: tuple[Runner, ...]
    """those that came furthest first; of equals the better one at its last epoch"""
    winner: str | None
    """None while the race goes on, and where every recipe failed"""
    spent: int
    """epochs of all recipes"""
    whole: int
    """epochs that training every recipe to its end would have taken"""

    @property
    def words(self) -> str:
        """Who won, against how many, and what the race does not tell."""
        recipes = sum(runner.cells[0] for runner in self.runners)
        field = f"{count(len(self.runners), 'backbone')} with {count(recipes, 'recipe')}"
        if self.winner is None:
            left = [runner.backbone for runner in self.runners if runner.reached == self.runners[0].reached]
            return f"The race of {field} has no winner yet; in front: {listing(left)}."
        others = [runner for runner in self.runners if runner.backbone != self.winner]
        last = [runner.backbone for runner in others if runner.reached == self.rungs[-1]]
        dropped = len(others) - len(last)
        told = f"It won a race of {field}, which spent {self.spent:,} of {self.whole:,} epochs"
        ends = [f"against {listing(last)} at the end"] if last else []
        ends += [f"{count(dropped, 'backbone')} dropped out before"] if dropped else []
        told += f" ({'; '.join(ends)})" if ends else ""
        return (
            f"{told}. The others were not scored on test: how far behind they are, or whether they tie, is not known."
        )


def race_of(record: StudyRecord, task: str, intervention: str) -> Race | None:
    """The race of a task under an intervention; None where the study's search is none."""
    if record.study.search.method != "race":
        return None
    searches = [each for each in record.searches if (each.task, each.intervention) == (task, intervention)]
    epochs = record.study.recipe_of(intervention).epochs
    at = tuple(rungs(record.study.search, epochs))
    runners = [_runner(search, at) for search in searches]
    return Race(
        task=task,
        intervention=intervention,
        rungs=at,
        runners=tuple(sorted(runners, key=lambda each: (-each.reached, -(each.best or (0.0,))[-1]))),
        winner=next((search.backbone for search in searches if search.chosen is not None), None),
        spent=sum(each.spent for each in runners),
        whole=sum(search.epochs_of_grid for search in searches),
    )


def _runner(search: SearchRecord, at: tuple[int, ...]) -> Runner:
    cells = list(zip(search.cells, search.asked, strict=True))
    trained = max((min(len(cell.history), until) for cell, until in cells), default=0)
    best = (
        max(best_so_far(cell.history, epoch)[0] for cell, until in cells if min(len(cell.history), until) >= epoch)
        for epoch in range(1, trained + 1)
    )
    return Runner(
        backbone=search.backbone,
        best=tuple(best),
        cells=tuple(sum(until >= rung for until in search.asked) for rung in at),
        spent=search.epochs_spent,
        seconds=search.seconds_spent,
    )


def race_words(race: Race) -> str:
    """How many backbones were left at each rung, in a sentence."""
    left = [
        f"{sum(bool(runner.cells[place]) for runner in race.runners)} at {rung}"
        for place, rung in enumerate(race.rungs)
    ]
    return capital(f"backbones that were brought to so many epochs: {listing(left)}.")
