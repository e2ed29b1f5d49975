"""A study with other values than its file's: put in place on the command line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from afield.backbones.catalogue import members
from afield.base.complaints import complaints
from afield.base.errors import InputError
from afield.base.hashing import digest
from afield.base.text import first_few
from afield.study.preparing.own_interventions import with_own
from afield.study.study import LONGEST_NAME, NAME, PLAIN, Study
from afield.tasks.builtin import TASKS

_NAMED = 12
"""tasks that a complaint names"""


def with_settings(study: Study, settings: Sequence[str]) -> Study:
    """The study with values put in place of its own: `recipe.epochs=5`, `search.grid.learning_rate=[1e-4, 1e-3]`.
    Values are written as in the file; what is no value there is text. Raises InputError for what the file could not
    hold, and for a task that the study does not use.
    """
    content, recipe = study.model_dump(mode="json", exclude_unset=True), set[str]()
    for setting in settings:
        place, equals, text = setting.partition("=")
        if not equals or not place.strip():
            raise InputError(f"{setting}: must be KEY=VALUE, for instance recipe.epochs=5")
        *tables, key = _keys(place.strip(), _table(content, "tasks"))
        table = content
        for name in tables:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise InputError(f"{setting}: {name} is no table")
        table[key] = _value(text.strip())
        recipe |= {key} if tables == ["recipe"] else set()
    _check_tasks_named(study, content, settings)
    try:
        changed = Study.model_validate_json(json.dumps(with_own(content, Path()), default=str))
    except ValidationError as error:
        raise InputError("\n".join(complaints(error, "", Study))) from None
    if twice := changed.search.twice("recipe", sorted(recipe)):
        raise InputError("\n".join(twice))
    return changed


def _table(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table of the content; an empty one in place of what is none, of which the study complains."""
    table = content.get(name)
    return table if isinstance(table, dict) else {}


def _keys(place: str, tasks: Iterable[str]) -> list[str]:
    """The keys on the way to a value; a task's name may hold points.

    >>> _keys("tasks.moths.v2.group", ["moths.v2"])
    ['tasks', 'moths.v2', 'group']
    """
    for name in tasks:
        if place.startswith(f"tasks.{name}."):
            return ["tasks", name, *place.removeprefix(f"tasks.{name}.").split(".")]
    return place.split(".")


def _check_tasks_named(study: Study, content: Mapping[str, Any], settings: Sequence[str]) -> None:
    """Refuse keys of tasks that a study of that content would not use: nothing would come of them."""
    tables, named = _table(content, "tasks"), _table(content, "study").get("tasks")
    if not isinstance(named, list):
        return  # of which the study complains
    used = [name for name in named if isinstance(name, str)]
    further = [study.training_of(name).further.values() for name in study.study.interventions]
    used += [choice.task for sets in further for choices in sets for choice in choices]
    for name in used:  # and those of which these are parts: the list grows on the way
        source = _table(tables, name).get("task")
        used += [source] if isinstance(source, str) and source not in used else []
    for setting in settings:
        keys = _keys(setting.partition("=")[0].strip(), tables)
        if keys[0] != "tasks" or len(keys) < 3:
            continue
        if keys[1] not in used:
            raise InputError(f"{setting}: the study does not use the task {keys[1]}; it uses {first_few(used, _NAMED)}")
        if keys[1] in TASKS:
            raise InputError(f"{setting}: {keys[1]} is a built-in task, whose keys cannot be changed")


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def with_backbones(study: Study, names: Sequence[str]) -> Study:
    """The study with other backbones: ids and named sets. Its name says so, since it is another study: both may share
    a result folder.

    An intervention that the study tries on some backbones alone keeps those of them that are still there; with none it
    is left out. So do ensembles and soups; these need two members. Raises InputError where a name stands twice, and
    where no intervention is left.
    """
    chosen = members(names)
    content = study.model_dump(mode="json")
    for name, table in content["interventions"].items():
        if "backbones" in table:
            table["backbones"] = [row for row in study.backbones_of(name) if row in chosen]
    emptied = [name for name, table in content["interventions"].items() if table.get("backbones") == []]
    kept = [name for name in study.study.interventions if name not in emptied]
    if not kept:
        raise InputError(f"none of {', '.join(names)}: is tried under an intervention of this study; name others")
    content["study"] |= {"backbones": chosen, "interventions": kept}
    if chosen != study.study.backbones:
        content["study"]["name"] = _named(study.study.name, names, chosen)
    content["interventions"] = {name: content["interventions"][name] for name in kept if name != PLAIN}
    for joined in ("ensembles", "soups"):
        narrowed = {name: _narrowed(table, chosen, kept) for name, table in content[joined].items()}
        content[joined] = {name: table for name, table in narrowed.items() if _joins_several(table, content)}
    try:
        return Study.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise InputError("\n".join(complaints(error, "", Study))) from None


def _narrowed(table: Mapping[str, Any], backbones: Sequence[str], interventions: Sequence[str]) -> dict[str, Any]:
    """A table of an ensemble or a soup that names none but these."""
    known = {"backbones": backbones, "interventions": interventions}
    named = {key: [each for each in table[key] if each in known[key]] for key in known if table[key] is not None}
    return {**table, **named}


def _joins_several(table: Mapping[str, Any], content: Mapping[str, Any]) -> bool:
    """Whether an ensemble or a soup has two members in a study of that content."""
    backbones, interventions, seeds = (
        content["study"][key] if table.get(key) is None else table[key]
        for key in ("backbones", "interventions", "seeds")
    )
    together = [
        [each for each in interventions if row in content["interventions"].get(each, {}).get("backbones", [row])]
        for row in backbones
    ]
    counts = {"backbones": len(backbones), "seeds": len(seeds), "interventions": max(map(len, together), default=0)}
    return counts["interventions"] > 0 and ("cells" in table["over"] or max(counts[key] for key in table["over"]) > 1)


def _named(study: str, names: Sequence[str], chosen: Sequence[str]) -> str:
    """A study's name with those of its backbones, as they were given; what is too long for a name, or was changed for
    it, ends with a hash.

    >>> _named("quickstart", ["small"], ("a", "b"))
    'quickstart--small'
    """
    plain = "--".join([study, *names])
    if len(plain) <= LONGEST_NAME and NAME.fullmatch(plain):
        return plain
    return f"{study[: LONGEST_NAME - 10]}--{digest(list(chosen), 8)}"
