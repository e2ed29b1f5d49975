"""One planned search: the trials of a task, a backbone and an intervention, generation by generation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from afield.backbones.backbone import Backbone
from afield.base.files import safe_name
from afield.base.hashing import digest
from afield.study.searching.growth import follows, grow
from afield.study.searching.search import Ask, Seen, ask
from afield.study.searching.search_choice import Point, SearchChoice
from afield.trial.trial import Trial, changed_fields, keys_of

Identity = tuple[str, str, str]
"""of a search: task, backbone, intervention"""


@dataclass(frozen=True)
class Generation:
    """Cells of a search that were settled together."""

    cells: int
    follows: str = ""
    """names what they follow from (`growth.follows`); empty for the first generation, which follows from the study"""

    def plain(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True)
class PlannedSearch:
    """The search of one (task, backbone, intervention)."""

    task: str
    backbone: Backbone
    intervention: str
    cells: tuple[Trial, ...]
    """under the first seed: the grid or the first draws, then what each further generation added"""
    seeds: tuple[int, ...]
    later: tuple[Generation, ...] = ()
    """the generations after the first"""

    @cached_property
    def identity(self) -> Identity:
        """Task, backbone and intervention: one search each."""
        return self.task, self.backbone.id, self.intervention

    @cached_property
    def name(self) -> str:
        """Names the search in files: readable, and unlike any other's by the hash at its end."""
        return "--".join([*(safe_name(part, 40) for part in self.identity), digest(list(self.identity), 8)])

    @property
    def largest(self) -> Trial:
        """The cell that takes most memory: what else is searched takes none."""
        return max(self.cells, key=lambda cell: cell.recipe.averages)

    @property
    def epochs(self) -> int:
        """Epochs of a whole training."""
        return self.cells[0].recipe.epochs

    @cached_property
    def keys(self) -> tuple[tuple[str, ...], ...]:
        """Of each cell the keys of its repeats: those of `repeats`, without making the trials."""
        return keys_of(self.cells, self.changes, self.seeds)

    @cached_property
    def changes(self) -> tuple[dict[str, Any], ...]:
        """What each cell changes of the first, as plain values."""
        return tuple(changed_fields(self.cells[0], cell) for cell in self.cells)

    def repeats(self, chosen: int) -> tuple[Trial, ...]:
        """The chosen cell under every seed, the search's own first."""
        return tuple(self.cells[chosen].model_copy(update={"seed": seed}) for seed in self.seeds)

    @cached_property
    def first(self) -> int:
        """Cells of the first generation."""
        return len(self.cells) - sum(each.cells for each in self.later)

    @property
    def generations(self) -> tuple[Generation, ...]:
        """All generations in order."""
        return Generation(self.first), *self.later

    def points(self, search: SearchChoice) -> tuple[Point, ...]:
        """The searched values of each cell."""
        return tuple(point_of(cell.recipe.model_dump(), search) for cell in self.cells)

    def grown(
        self, search: SearchChoice, seen_of: Callable[[str], Seen], known: Mapping[str, Sequence[Point]]
    ) -> PlannedSearch:
        """The search with all generations that follow from what its cells have shown, by key; this same one where it
        has them already, and none beside them.

        `known` are generations that were settled before, by what they follow from. They stand, whatever another version
        of the library that proposed them would say.
        """
        points, count = self.points(search), self.first
        later: list[Generation] = []
        while True:
            seen = [seen_of(keys[0]) for keys in self.keys[:count]]
            if isinstance(ask(search, seen, self.epochs, self.first), Ask):
                return self._until(count, later)
            reason = follows(search, seen, self.epochs, self.seeds[0], self.first)
            fresh = known.get(reason) or grow(search, points[:count], seen, self.epochs, self.seeds[0], self.first)
            if not fresh:
                return self._until(count, later)
            later.append(Generation(len(fresh), reason))
            if points[count : count + len(fresh)] != tuple(fresh):
                more = (self._cell(point) for point in fresh)
                other = replace(self, cells=(*self.cells[:count], *more), later=tuple(later))
                return other.grown(search, seen_of, known)
            count += len(fresh)

    def _until(self, count: int, later: Sequence[Generation]) -> PlannedSearch:
        """The search with so many cells alone."""
        return self if count == len(self.cells) else replace(self, cells=self.cells[:count], later=tuple(later))

    def _cell(self, point: Point) -> Trial:
        """The trial of a further cell: as the others are, but for the searched values."""
        like = self.cells[0]
        return like.model_copy(update={"recipe": like.recipe.model_copy(update=dict(point))})


def point_of(recipe: Mapping[str, Any], search: SearchChoice) -> Point:
    """The searched values of a recipe."""
    return {key: recipe[key] for key in search.keys}
