"""Compact letters: two names share a letter where, and only where, they cannot be told apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import count, product
from string import ascii_lowercase


def compact_letters(names: Sequence[str], apart: Collection[tuple[str, str]]) -> dict[str, str]:
    """The letters of each name, "a" for the group that begins first in the order of `names`.

    `apart`: the pairs that can be told apart, in either order. Insert and absorb (Piepho 2004, Journal of Computational
    and Graphical Statistics 13:456): begin with one group of all; a pair that is apart splits each group that holds
    both into one without the first and one without the second; a group inside another is dropped.

    >>> compact_letters(["x", "y", "z"], [("x", "z")])
    {'x': 'a', 'y': 'ab', 'z': 'b'}
    """
    place = {name: index for index, name in enumerate(names)}
    groups = [frozenset(place.values())] if names else []
    for first, second in sorted((place[one], place[other]) for one, other in apart):
        torn = [group for group in groups if {first, second} <= group]
        groups = [group for group in groups if group not in torn]
        for part in (group - {one} for group in torn for one in (second, first)):
            if not any(part <= group for group in groups):
                groups = [*(group for group in groups if not group < part), part]
    groups.sort(key=sorted)
    letters = dict(zip(groups, _letters(len(groups)), strict=True))
    return {name: "".join(letters[group] for group in groups if index in group) for name, index in place.items()}


def _letters(number: int) -> list[str]:
    """A to z and, where these do not do, a1 to z1, a2 to z2, and so on."""
    endless = (
        letter + mark
        for round_ in count()
        for letter, mark in product(ascii_lowercase, [str(round_) if round_ else ""])
    )
    return [next(endless) for _ in range(number)]
