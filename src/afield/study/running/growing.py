"""A plan whose searches grow while it is run, by what the files say and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from afield.base.errors import DamagedError
from afield.study.plan import Plan
from afield.study.searching.planned_search import point_of
from afield.study.searching.search import Seen
from afield.study.searching.search_choice import Point, SearchChoice
from afield.study.store import Store


class GrowingPlan:
    """A plan as it stands now. It begins with the first generation of each search."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan = plan
        self.searches = {search.identity: search for search in plan.searches}
        """by task, backbone and intervention"""
        self._settled = _settled_before(plan, store)

    def grow(self, identity: tuple[str, str, str], seen_of: Callable[[str], Seen]) -> None:
        """Let a search have the cells that follow from what its cells have shown, and no others beside the first."""
        search, choice = self.searches[identity], self.plan.study.search
        if choice.grows:
            grown = search.grown(choice, seen_of, self._settled)
            if grown is not search:
                self.searches[identity] = grown
                self.plan = self.plan.with_search(grown)


def with_grown_elsewhere(plan: Plan, store: Store) -> dict[str, Any]:
    """A plan's content as it is written down: searches that are another shard's as far as they have grown there."""
    content, names = plan.content(), {search.name for search in plan.elsewhere.values()}
    stored = _stored(plan, store) if names else None
    if stored is None:
        return content
    known = {search["name"]: search for search in stored["searches"] if search["name"] in names}
    for place, search in enumerate(content["searches"]):
        other = known.get(search["name"], search)
        if len(other["cells"]) > len(search["cells"]) and other["cells"][: len(search["cells"])] == search["cells"]:
            content["searches"][place] = other
            content["trials"].update((key, stored["trials"][key]) for keys in other["repeats"] for key in keys)
    return content


def _settled_before(plan: Plan, store: Store) -> Mapping[str, tuple[Point, ...]]:
    """The generations that stand in the folder, by what they follow from."""
    stored = _stored(plan, store)
    return {} if stored is None else settled_in(stored, plan.study.search)


def _stored(plan: Plan, store: Store) -> Mapping[str, Any] | None:
    """The plan as the folder has it, where searches grow; None where it has none, or a damaged one: a run writes it
    anew, and what follows from the trials can be worked out again.
    """
    study = plan.study
    if not (study.search.grows and store.holds_plan(study.study.name)):
        return None
    try:
        return store.read_plan(study.study.name)
    except DamagedError:
        return None


def settled_in(plan: Mapping[str, Any], search: SearchChoice) -> dict[str, tuple[Point, ...]]:
    """The later generations of all searches of a stored plan, by what they follow from; those whose recipes hold no
    such values are left out, and proposed again.
    """
    known = {}
    for planned in plan["searches"]:
        begun = 0
        for generation in planned.get("generations", []):
            keys = planned["cells"][begun : begun + generation["cells"]]
            recipes = [plan["trials"][key]["recipe"] for key in keys]
            if generation["follows"] and all(_has_point(recipe, search) for recipe in recipes):
                known[generation["follows"]] = tuple(point_of(recipe, search) for recipe in recipes)
            begun += generation["cells"]
    return known


def _has_point(recipe: Mapping[str, Any], search: SearchChoice) -> bool:
    values = [recipe.get(key) for key in search.keys]
    return all(isinstance(value, int | float) and abs(value) < 2**53 for value in values)
