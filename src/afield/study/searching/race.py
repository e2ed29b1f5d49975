"""The race: halving over the cells of all backbones together, for the one best network of a task.

It is the same pure function, asked about all cells at once; the search of each backbone then sees its own part of the
step. Dropouts would bias a fit against ImageNet accuracy, so nothing of a race enters one (analysis/fitting/points.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from afield.study.searching.search import Ask, Chosen, Seen, ask, asked, rung_sizes
from afield.study.searching.search_choice import SearchChoice


@dataclass(frozen=True)
class Share:
    """What a search will train, as far as it can be said before."""

    sizes: tuple[tuple[int, int], ...]
    """epochs, and cells that reach them"""
    chooses: bool = True
    """whether a network of it is counted on to be chosen, trained again under further seeds and scored"""


@dataclass(frozen=True)
class Race:
    """What is known of the cells of several searches that compete; their order decides between equals."""

    search: SearchChoice
    seen: tuple[tuple[Seen, ...], ...]
    """of the cells of each search"""
    epochs: int
    """of a whole training"""

    def step_of(self, place: int) -> Ask | Chosen:
        """What the race wants next of one search. It may want nothing of one that waits for others; one that it goes on
        without has ended and chosen nothing.
        """
        mine, step = self._cells(place), self._step
        if isinstance(step, Chosen):
            return Chosen(step.cell - mine.start if step.cell is not None and step.cell in mine else None)
        cells, alive = (tuple(cell - mine.start for cell in of if cell in mine) for of in (step.cells, step.alive))
        return Ask(cells, step.until, alive) if alive else Chosen(None)

    def asked_of(self, place: int) -> tuple[int, ...]:
        """Epochs that it has asked so far of each cell of one search."""
        mine = self._cells(place)
        return self._asked[mine.start : mine.stop]

    def share_of(self, place: int) -> Share:
        """What is still to come of one search beyond the rung that is open: as `shares` has it, of the cells that are
        still there.
        """
        return _shares(self.search, len(self._all), self._alive, self.epochs)[place]

    @cached_property
    def _step(self) -> Ask | Chosen:
        return ask(self.search, self._all, self.epochs)

    @cached_property
    def _alive(self) -> list[int]:
        """How many cells of each search are still there."""
        steps = [self.step_of(place) for place in range(len(self.seen))]
        return [len(step.alive) if isinstance(step, Ask) else int(step.cell is not None) for step in steps]

    @cached_property
    def _all(self) -> tuple[Seen, ...]:
        return tuple(cell for cells in self.seen for cell in cells)

    @cached_property
    def _asked(self) -> tuple[int, ...]:
        return asked(self.search, self._all, self.epochs)

    def _cells(self, place: int) -> range:
        begun = (0, *accumulate(len(cells) for cells in self.seen))
        return range(begun[place], begun[place + 1])


def shares(search: SearchChoice, cells: Sequence[int], works: Sequence[float], epochs: int) -> list[Share]:
    """What falls to each of several searches with so many cells, whose epochs cost so much: all searches alike, as
    evenly as whole cells allow; what is left over, and the choice, to the dearest, so that hours are rather more than
    less than they will be.

    >>> few, many = shares(SearchChoice(method="race"), [10, 10], [1.0, 5.0], 30)
    >>> many.sizes, few.sizes, few.chooses
    (((3, 10), (10, 4), (30, 1)), ((3, 10), (10, 3), (30, 1)), False)
    """
    order = sorted(range(len(cells)), key=lambda place: -works[place])
    ordered = _shares(search, sum(cells), [cells[place] for place in order], epochs)
    return [share for _, share in sorted(zip(order, ordered, strict=True), key=lambda each: each[0])]


def _shares(search: SearchChoice, cells: int, room: Sequence[int], epochs: int) -> list[Share]:
    """The rungs of a race of so many cells, spread over searches that have room for so many each; the first that has
    any chooses.
    """
    sizes = rung_sizes(search, cells, epochs)
    spread = [evenly(number, room) for _, number in sizes]
    first = next((place for place, most in enumerate(room) if most), None)
    return [
        Share(
            tuple((rung, numbers[place]) for (rung, _), numbers in zip(sizes, spread, strict=True)),
            chooses=place == first,
        )
        for place in range(len(room))
    ]


def evenly(number: int, room: Sequence[int]) -> list[int]:
    """A number in parts as equal as the room for each allows; the first ones have what is left over, and what finds no
    room is left out.

    >>> evenly(7, [4, 4, 1])
    [3, 3, 1]
    """
    parts = [0] * len(room)
    while number and (free := [place for place, most in enumerate(room) if parts[place] < most]):
        for place in free[:number]:
            parts[place] += 1
        number -= len(free[:number])
    return parts
