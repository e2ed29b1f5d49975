"""A study in shards: parts that need nothing of each other, for arrays of jobs on machines that share nothing.

A shard owns whole searches, so halving stays inside it. Which ones follows from the plan alone, not from what a folder
holds: it is the same on every host, and whenever it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from afield.base.errors import InputError
from afield.base.files import words_for_failed_writes, write_json
from afield.study.combining.soups import takes_part
from afield.study.plan import Plan
from afield.study.searching.planned_search import PlannedSearch

_WRITTEN = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")
_FILE = re.compile(r"([0-9]{1,4})-of-([0-9]{1,4})")


@dataclass(frozen=True, order=True)
class Shard:
    """One of several parts."""

    of: int
    number: int
    """from 1"""

    @classmethod
    def parse(cls, text: str) -> Self:
        """`3/8`, the third of eight. Raises InputError for what is none.

        >>> Shard.parse("3/8")
        Shard(of=8, number=3)
        """
        found = _WRITTEN.fullmatch(text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise InputError(f"--shard {text}: write NUMBER/OF, from 1/OF to OF/OF, such as 3/8")
        return cls(int(found[2]), int(found[1]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def shard_of(plan: Plan, shard: Shard) -> Plan:
    """The plan with the searches of one shard; the others are `elsewhere`."""
    groups = tied(plan)
    costs = {group[0].name: sum(plan.work(each) * plan.epochs_of(each) for each in group) for group in groups}
    owners = balanced(costs, shard.of)
    mine = {each.name for group in groups if owners[group[0].name] == shard.number for each in group}
    return replace(
        plan,
        searches=tuple(search for search in plan.searches if search.name in mine),
        elsewhere={place: search for place, search in enumerate(plan.searches) if search.name not in mine},
    )


def balanced(costs: Mapping[str, float], shards: int) -> dict[str, int]:
    """Which shard, from 1, does each piece of work of those costs: the longest first, each to the shard that has least
    so far. Of equals the first by name, and the shard of the lowest number.

    >>> balanced({"a": 3, "b": 3, "c": 2, "d": 5}, 2)
    {'d': 1, 'a': 2, 'b': 2, 'c': 1}
    """
    load = [0.0] * shards
    owners = {}
    for name in sorted(costs, key=lambda name: (-costs[name], name)):
        least = min(range(shards), key=lambda number: load[number])
        load[least] += costs[name]
        owners[name] = least + 1
    return owners


def tied(plan: Plan) -> list[list[PlannedSearch]]:
    """The searches of a plan in groups that stay together: those that share a trial, those that race each other, and
    those of one task and backbone whose networks one soup averages. Ensembles tie nothing: what they join are stored
    predictions.
    """
    across = [soup for soup in plan.study.soups.values() if "interventions" in soup.over]
    owner: dict[object, int] = {}
    groups: dict[int, list[int]] = {}
    for place, search in enumerate(plan.searches):
        marks: list[object] = [key for keys in search.keys for key in keys]
        marks += [(soup, search.identity[:2]) for soup in across if takes_part(soup, search.identity)]
        marks += [("race", rival.identity) for rival in plan.rivals(search)]
        members = [place]
        for other in {owner[mark] for mark in marks if mark in owner}:
            members += groups.pop(other)
        groups[place] = sorted(members)
        owner.update(dict.fromkeys(marks, place))
        if len(members) > 1:
            owner.update({mark: place for mark, at in owner.items() if at in members})
    return [[plan.searches[place] for place in group] for group in groups.values()]


# which shards were run into a folder


def note_shard(root: Path, study: str, shard: Shard | None) -> None:
    """Note in a result folder that it holds a shard of a study or, without one, that it is no part of anything."""
    if shard is not None:
        write_json(_folder(root, study) / f"{shard.number}-of-{shard.of}.json", {"shard": str(shard)})
        return
    for path in _folder(root, study).glob("*.json"):
        with words_for_failed_writes(path):
            path.unlink(missing_ok=True)


def shards_in(root: Path, study: str) -> tuple[Shard, ...]:
    """The shards of a study that were run into a folder."""
    found = (_FILE.fullmatch(path.stem) for path in _folder(root, study).glob("*.json"))
    return tuple(sorted(Shard(int(each[2]), int(each[1])) for each in found if each))


def part_words(shards: Sequence[Shard], ended: int, searches: int) -> str:
    """What to mind of a folder with these shards, in which so many of the study's searches have ended; empty where all
    is there, or where no part is elsewhere.
    """
    whole = any({shard.number for shard in shards if shard.of == of} >= set(range(1, of + 1)) for of in _ofs(shards))
    if not shards or whole or ended == searches:
        return ""
    listed = ", ".join(map(str, shards))
    return (
        f"One part of the study: this folder holds {'shard' if len(shards) == 1 else 'shards'} {listed}, in which "
        f"{ended} of the study's {searches} searches have ended. Join the parts: afield merge OUT... --to NEW."
    )


def _ofs(shards: Sequence[Shard]) -> set[int]:
    return {shard.of for shard in shards}


def _folder(root: Path, study: str) -> Path:
    return root / "shards" / study
