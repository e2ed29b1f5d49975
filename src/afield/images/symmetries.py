"""Mirror images and quarter turns under which a label stays: what test-time augmentation shows a network besides the
picture itself.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from afield.base.errors import InputError

PLAIN = "plain"
VIEWS = (PLAIN, "flips", "dihedral")
"""how a split may be shown: as it is; with its mirror images; with these and quarter turns, eight in all"""


class Symmetry(NamedTuple):
    """One way of showing a square picture: quarter turns counterclockwise first, then mirrored."""

    turns: int = 0
    horizontal: bool = False
    vertical: bool = False


IDENTITY = Symmetry()


def symmetries(view: str, flips: Collection[str]) -> tuple[Symmetry, ...]:
    """What a view shows of each picture, the picture itself first; `flips` are the task's (`horizontal`, `vertical`).

    `flips`: all combinations of the mirror images that leave a label as it is. `dihedral`: the eight symmetries of the
    square; a quarter turn is no mirror image, so whoever names this view says that it leaves labels as they are, too.

    >>> symmetries("flips", ["horizontal"])
    (Symmetry(turns=0, horizontal=False, vertical=False), Symmetry(turns=0, horizontal=True, vertical=False))

    Raises InputError for views that there are not, and for those that the flips do not allow.
    """
    if view == PLAIN:
        return (IDENTITY,)
    if view == "dihedral":
        if set(flips) != {"horizontal", "vertical"}:
            raise InputError(
                "view dihedral: turns and mirrors pictures, and the task's flips do not allow both mirror images; take "
                "flips, or let the task say flips = [horizontal, vertical] where labels stay under both"
            )
        return tuple(Symmetry(turns, mirrored, False) for mirrored in (False, True) for turns in range(4))
    if view != "flips":
        raise InputError(f"view {view}: unknown; there are {', '.join(VIEWS)}")
    if not flips:
        raise InputError("view flips: the task allows no mirror image (its flips are empty); take the view plain alone")
    return tuple(
        Symmetry(0, horizontal, vertical)
        for vertical in ((False, True) if "vertical" in flips else (False,))
        for horizontal in ((False, True) if "horizontal" in flips else (False,))
    )
