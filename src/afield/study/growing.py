"""A plan whose searches grow while it is run, by what the files say and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from afield.base.errors import DamagedError
from afield.study.plan import Plan
from afield.study.planned_search import point_of
from afield.study.search import Seen
from afield.study.search_choice import Point, SearchChoice
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


def _settled_before(plan: Plan, store: Store) -> Mapping[str, tuple[Point, ...]]:
    """The generations that stand in the folder, by what they follow from."""
    study = plan.study
    if not (study.search.grows and store.holds_plan(study.study.name)):
        return {}
    try:
        return settled_in(store.read_plan(study.study.name), study.search)
    except DamagedError:
        return {}  # a run writes the plan anew; what follows from the trials can be worked out again


def settled_in(plan: Mapping[str, Any], search: SearchChoice) -> dict[str, tuple[Point, ...]]:
    """The later generations of all searches of a stored plan, by what they follow from."""
    known = {}
    for planned in plan["searches"]:
        begun = 0
        for generation in planned.get("generations", []):
            keys = planned["cells"][begun : begun + generation["cells"]]
            if generation["follows"]:
                recipes = [plan["trials"][key]["recipe"] for key in keys]
                known[generation["follows"]] = tuple(point_of(recipe, search) for recipe in recipes)
            begun += generation["cells"]
    return known
