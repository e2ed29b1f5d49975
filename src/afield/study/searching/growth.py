"""How a search grows: a pure function from what its cells have shown to the cells that come next.

Cells come in generations. The first is the study's grid or its first draws; each later one follows from what all before
it reached. The index of a cell never changes.
"""

from __future__ import annotations

from collections.abc import Sequence

from afield.base.hashing import digest
from afield.study.searching.proposals import propose
from afield.study.searching.search import Chosen, Seen, ask, asked, best_so_far, to_come
from afield.study.searching.search_choice import Point, SearchChoice, complaints_about, next_value


def grow(
    search: SearchChoice, points: Sequence[Point], seen: Sequence[Seen], epochs: int, seed: int, first: int
) -> tuple[Point, ...]:
    """The next generation of a search that has these points, `first` of them in its first generation; nothing while a
    cell is under way, and nothing when the search has ended. `seed` is the study's first.
    """
    step = ask(search, seen, epochs, first)
    if not isinstance(step, Chosen):
        return ()
    if to_come(search, len(points)):
        return propose(search, seed, [reached(cell, epochs) for cell in seen])
    return beyond(search, points, step.cell, first)


def has_ended(
    search: SearchChoice, points: Sequence[Point], seen: Sequence[Seen], epochs: int, first: int
) -> Chosen | None:
    """What a search has chosen; None while a cell is under way, or another generation is to come."""
    step = ask(search, seen, epochs, first)
    if not isinstance(step, Chosen) or to_come(search, len(points)) or beyond(search, points, step.cell, first):
        return None
    return step


def beyond(search: SearchChoice, points: Sequence[Point], chosen: int | None, first: int) -> tuple[Point, ...]:
    """The cells that `extend` adds to a choice (by index; None: all failed): of each key whose chosen value is an end
    of all that were tried the next value beyond it, the other keys as chosen.
    """
    if not search.extend or chosen is None:
        return ()
    added: list[Point] = []
    for key, value in points[chosen].items():
        begun, tried = ({point[key] for point in some} for some in (points[:first], points))
        further = next_value(sorted(tried), value)
        if further is None or complaints_about(key, further, ""):
            continue
        above = further > value
        steps = sum(each > max(begun) if above else each < min(begun) for each in tried)
        if steps < search.extend_steps:
            added.append({**points[chosen], key: further})
    return tuple(added)


def reached(cell: Seen, epochs: int) -> float | None:
    """The best metric of so many epochs of a cell; None where it failed before their end."""
    return best_so_far(cell.history, epochs)[0] if len(cell.history) >= epochs else None


def follows(search: SearchChoice, seen: Sequence[Seen], epochs: int, seed: int, first: int) -> str:
    """Names all that the next generation follows from: a hash of the search, the seed, and what the cells reached. No
    audit is in it: it begins when no generation is left to come.
    """
    until = asked(search, seen, epochs, first)
    told = [
        [reach, *best_so_far(cell.history, reach)] if len(cell.history) >= reach else None
        for cell, reach in zip(seen, until, strict=True)
    ]
    return digest([search.model_dump(mode="json", exclude={"audit"}), seed, first, told])
