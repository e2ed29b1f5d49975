"""A study with other values than its file's: put in place on the command line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from afield.backbones.catalogue import members
from afield.base.errors import InputError
from afield.base.hashing import digest
from afield.study.complaints import complaints
from afield.study.own_interventions import with_own
from afield.study.study import LONGEST_NAME, NAME, PLAIN, Study


def with_settings(study: Study, settings: Sequence[str]) -> Study:
    """The study with values put in place of its own: `recipe.epochs=5`, `search.grid.learning_rate=[1e-4, 1e-3]`.
    Values are written as in the file; what is no value there is text. Raises InputError for what the file could not
    hold.
    """
    content, recipe = study.model_dump(mode="json", exclude_unset=True), set[str]()
    for setting in settings:
        place, equals, text = setting.partition("=")
        if not equals or not place.strip():
            raise InputError(f"{setting}: must be KEY=VALUE, for instance recipe.epochs=5")
        *tables, key = place.strip().split(".")
        table = content
        for name in tables:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise InputError(f"{setting}: {name} is no table")
        table[key] = _value(text.strip())
        recipe |= {key} if tables == ["recipe"] else set()
    try:
        changed = Study.model_validate_json(json.dumps(with_own(content, Path()), default=str))
    except ValidationError as error:
        raise InputError("\n".join(complaints(error, "", Study))) from None
    if twice := changed.search.twice("recipe", sorted(recipe)):
        raise InputError("\n".join(twice))
    return changed


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
