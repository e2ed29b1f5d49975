"""One study's plan from those of several folders: equal in all that counts, and each search as far as it has grown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from afield.base.errors import InputError
from afield.study.store import Store

_EQUAL = {
    "tasks": "data of the task {}",
    "selection": "splits that select on the task {}",
    "extensions": "files of the extension {}",
    "numerics": "numerics ({})",
    "metrics": "metrics ({})",
    "beside": "metrics beside ({})",
}
"""what must be the same in all plans, key by key, and the words for one that is not"""


def joined_plans(study: str, stores: Sequence[Store]) -> Mapping[str, Any]:
    """The plan of a study that folders have, as one. Raises InputError where they contradict each other."""
    first, *others = stores
    plan = dict(first.read_plan(study))
    for store in others:
        other = store.read_plan(study)
        place = f"plans/{study}.json"
        for name, words in _EQUAL.items():
            mine, theirs = plan.get(name, {}), other.get(name, {})
            for key in {**mine, **theirs}:
                if mine.get(key) != theirs.get(key):
                    raise contradiction(place, first, store, words.format(key))
        for key in plan["weights"].keys() & other["weights"].keys():
            if plan["weights"][key]["sha256"] != other["weights"][key]["sha256"]:
                raise contradiction(place, first, store, f"weights of {key}")
        names = [[search["name"] for search in each["searches"]] for each in (plan, other)]
        if names[0] != names[1]:
            raise contradiction(place, first, store, "searches; run the study on one of them again, with what it asks")
        plan["searches"] = [
            _longer(one, another, place, first, store)
            for one, another in zip(plan["searches"], other["searches"], strict=True)
        ]
        plan["trials"] = {**other["trials"], **plan["trials"]}
        plan["weights"] = {**other["weights"], **plan["weights"]}
    return plan


def _longer(
    one: Mapping[str, Any], other: Mapping[str, Any], place: str, first: Store, store: Store
) -> Mapping[str, Any]:
    """A search that has grown in one of two folders; its cells keep their places while it grows."""
    short, long = sorted((one, other), key=lambda search: len(search["cells"]))
    if long["cells"][: len(short["cells"])] != short["cells"]:
        raise contradiction(place, first, store, f"cells of the search {one['name']}")
    return one if len(one["cells"]) == len(other["cells"]) else long


def contradiction(place: str, one: Store, other: Store, what: str) -> InputError:
    """Words for a contradiction between two folders; `what` they have that differs."""
    return InputError(f"{place}: {one.root} and {other.root} hold other {what}; they cannot be merged")
