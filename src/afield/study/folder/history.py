"""The history of a training, a row an epoch, kept as columns: 30,000 trainings of 30 epochs are a million rows."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import starmap
from operator import eq
from typing import overload

Rows = Sequence[Mapping[str, float]]
"""a row an epoch, with `validation` (higher is better), `validation_loss` and `seconds` among its columns"""

_EXACT = 2**53
"""up to which an integer is a float, too"""


class History(Sequence[Mapping[str, float]]):
    """Rows of numbers that all have the same columns: eight bytes a number, where dicts take a hundred."""

    def __init__(self, names: tuple[str, ...], whole: frozenset[str], values: Sequence[float]) -> None:
        self.names = names
        self.whole = whole
        """columns of integers"""
        self.values = values
        """row after row"""
        self._rows = len(values) // len(names) if names else 0

    @staticmethod
    def of(rows: Rows) -> History | None:
        """The same rows as columns; None where one lacks a column or holds something other than a number."""
        names = tuple(rows[0]) if rows else ()
        if any(tuple(row) != names for row in rows):
            return None
        kinds = {name: {type(row[name]) for row in rows} for name in names}
        whole = frozenset(name for name, kind in kinds.items() if kind == {int})
        if any(kinds[name] != {float} for name in names if name not in whole):
            return None
        if any(abs(row[name]) > _EXACT for row in rows for name in whole):
            return None
        return History(names, whole, array("d", (number for row in rows for number in row.values())))

    def column(self, name: str) -> list[float]:
        """The numbers of a column, an epoch each; none before the first epoch."""
        return list(self.values[self.names.index(name) :: len(self.names)]) if self.names else []

    def __len__(self) -> int:
        return self._rows

    @overload
    def __getitem__(self, place: int) -> Mapping[str, float]: ...
    @overload
    def __getitem__(self, place: slice) -> Rows: ...
    def __getitem__(self, place: int | slice) -> Mapping[str, float] | Rows:
        if isinstance(place, slice):
            first, last, step = place.indices(len(self))
            if step != 1:
                return tuple(map(self._row, range(first, last, step)))
            return History(self.names, self.whole, self.values[first * len(self.names) : last * len(self.names)])
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return self._row(place % len(self))

    def __iter__(self) -> Iterator[Mapping[str, float]]:
        return map(self._row, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, History):
            return (self.names, self.whole) == (other.names, other.whole) and list(self.values) == list(other.values)
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(starmap(eq, zip(self, other, strict=True)))

    __hash__ = None  # type: ignore[assignment]  # like a list: it may equal one

    def _row(self, place: int) -> dict[str, float]:
        start = place * len(self.names)
        numbers = self.values[start : start + len(self.names)]
        row = dict(zip(self.names, numbers, strict=True))
        for name in self.whole:
            row[name] = int(row[name])
        return row


def column(rows: Rows, name: str) -> list[float]:
    """The numbers of a column, an epoch each."""
    return rows.column(name) if isinstance(rows, History) else [row[name] for row in rows]
