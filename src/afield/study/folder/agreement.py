"""What a plan says in one place of what it says in another: readers look up the one by the other without asking.

Its shape (`shapes.py`) was checked before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_NAME = re.compile(r"[\w.-]{1,200}")
"""of a search, as of the file of its choice (`PlannedSearch.name`)"""
_KEYS = re.compile(r"([0-9a-z]{1,64} )*")
"""of trials, as of their folders: each with a blank behind it"""
_OF_TASKS = ("selection", "dropped", "incomplete")
"""tables of a plan with an entry a task"""
_SHARED = {"task": "tasks", "backbone": "backbones"}
"""what all trials of a search share, each with the table that tells of it"""
_OF_WHOLE = (*_SHARED, "recipe")
"""what every trial has"""


def disagreements(plan: Mapping[str, Any]) -> Iterator[str]:
    """Words for each place of a whole plan that another one does not agree with, the place first."""
    yield from disagreements_of_searches(plan)
    for part in _OF_TASKS:
        for task in plan["tasks"].keys() - plan[part].keys():
            yield f"{part}: lacks the task {task}"
    for name in plan.get("beside", {}):
        if name.partition(":")[0] not in plan.get("extensions", {}):
            yield f"beside: no extension is named that has {name}"
    yield from _of_trials(plan["trials"])
    for number, search in enumerate(plan["searches"]):
        for words in _of_places(search, plan):
            yield f"searches.{number}.{words}"


def disagreements_of_searches(plan: Mapping[str, Any]) -> Iterator[str]:
    """The same of the searches alone, each with itself."""
    searches: Sequence[Mapping[str, Any]] = plan["searches"]
    if len({search["name"] for search in searches}) < len(searches):
        yield "searches: several have one name"
    for number, search in enumerate(searches):
        for words in _of_search(search):
            yield f"searches.{number}.{words}"


def _of_search(search: Mapping[str, Any]) -> Iterator[str]:
    cells, repeats = search["cells"], search["repeats"]
    if not _NAME.fullmatch(search["name"]):
        yield "name: names no file"
    if not _KEYS.fullmatch("".join(f"{key} " for keys in repeats for key in keys)):
        yield "repeats: hold what is no key"
    if [keys[:1] for keys in repeats] != [[cell] for cell in cells]:
        yield "repeats: do not begin with the cells"
        return
    if {len(keys) for keys in repeats} != {len(search.get("seeds", repeats[0]))}:
        yield "repeats: are not as many as the seeds"
    if sum(each["cells"] for each in search.get("generations", [{"cells": len(cells)}])) != len(cells):
        yield "generations: have other numbers of cells"


def _of_trials(trials: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for key, kept in trials.items():
        whole = _whole(trials, key)
        if whole is None:
            yield f"trials.{key}.like: leads to no trial"
            continue
        for part in _OF_WHOLE:
            if part not in whole:
                yield f"trials.{key}: tells no {part}"
            elif part in _SHARED and part in kept and kept is not whole:
                yield f"trials.{key}.{part}: is another one than that of the trial that it is like"


def _of_places(search: Mapping[str, Any], plan: Mapping[str, Any]) -> Iterator[str]:
    """Of what a search names, itself and by its trials."""
    for part, named in _SHARED.items():
        if search[part] not in plan[named]:
            yield f"{part}: {search[part]}: is not among {named}"
    trials = plan["trials"]
    if not trials.keys() >= set(search["cells"]):
        yield "cells: not all are among trials"
        return
    for key in (key for keys in search["repeats"] for key in keys if key in trials):  # most repeats are their cell's
        whole = _whole(trials, key)
        for part in _SHARED:
            if whole is not None and whole[part] != search[part]:
                yield f"repeats: {key}: is of another {part}"


def _whole(trials: Mapping[str, Mapping[str, Any]], key: str) -> Mapping[str, Any] | None:
    """The trial that one is kept as changes of, or itself; None where there is none."""
    kept, passed = trials.get(key), {key}
    while kept is not None and "like" in kept:
        key = kept["like"]
        kept = None if key in passed else trials.get(key)
        passed.add(key)
    return kept
