"""What pydantic finds wrong in a study file, in words that name the key and the mend."""

from __future__ import annotations

from collections.abc import Collection
from typing import get_args, get_origin

from pydantic import BaseModel, ValidationError

from afield.base.errors import nearest


def complaints(error: ValidationError, prefix: str, model: type[BaseModel], top: Collection[str] = ()) -> list[str]:
    """One line a complaint: key, what is wrong, what would be right. `top`: keys that belong above all tables."""
    lines = list[str]()
    before: str | None = None
    for item in error.errors(include_url=False):
        if item["type"] == "default_factory_not_called":
            continue  # its default depends on another key, whose own complaint says all
        named = [str(part) for part in item["loc"]]
        shown = [part for part in named if not part.startswith(("function-", "constrained-", "literal"))]
        place = prefix + ".".join(shown) if shown else prefix.removesuffix(".")
        same, before = before == place, place
        if item["type"] == "extra_forbidden":
            known = _keys(model, item["loc"][:-1])
            key = str(item["loc"][-1])
            text = f"{place}: unknown key; {nearest(key, known)}"
            if len(item["loc"]) > 1 and key in top:
                text = f"{place}: stands inside a table; put {key} at the top of the file, above the first [table]"
        elif item["type"] == "missing":
            text = f"{place}: is missing"
        elif item["type"] == "value_error":
            text = str(item["ctx"]["error"])
            if place and not text.startswith(place.split(".")[0]):
                of_a_key = not isinstance(item["input"], dict | BaseModel)  # of a table the text begins with its key
                text = f"{place}: {text}" if of_a_key else f"{place}.{text}"
        elif item["type"] in _PLAINLY:
            text = f"{place}: {_PLAINLY[item['type']]}"
        else:
            text, given = f"{place}: {item['msg'].removeprefix('Input ')}", f", not {_shown(item['input'])}"
            if same and lines[-1].endswith(given):  # of a key that may be this or that
                text = f"{lines.pop().removesuffix(given)} or {item['msg'].removeprefix('Input should be ')}"
            text += given
        lines.append(text)
    return lines


_PLAINLY = {
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "may hold letters, digits and . _ - alone, beginning with a letter or digit, 64 at most",
}
"""words for what pydantic says in its own"""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _keys(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys that a table knows."""
    parts = list(place)
    while parts:
        field = model.model_fields.get(str(parts.pop(0)))
        kind: object = None if field is None else field.annotation
        if get_origin(kind) is dict and parts:  # tables by names that the file gives
            parts.pop(0)
            kind = get_args(kind)[1]
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return []
        model = kind
    return list(model.model_fields)
