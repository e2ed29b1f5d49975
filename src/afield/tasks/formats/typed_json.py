"""JSON files from elsewhere, read into declared types: what passes here has the fields that it should have."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, StringConstraints, ValidationError

from afield.base.errors import InputError

LARGEST = 1_000_000_000
"""bytes of a file that is read: the largest public camera-trap tables have some hundred million"""
_SHOWN = 3
"""complaints that one message names; the rest are counted"""

Model = TypeVar("Model", bound=BaseModel)


def _as_text(value: object) -> object:
    """Numbers as the text that they are in other files (7 and 7.0 are `7`); everything else as it is."""
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _none_if_blank(value: object) -> object:
    missing = value == "" or (isinstance(value, float) and math.isnan(value))
    return None if missing else _as_text(value)


Name = Annotated[str, StringConstraints(min_length=1), BeforeValidator(_as_text)]
"""an id or name: text, or a number, which older files have in its place"""
MaybeName = Annotated[str | None, BeforeValidator(_none_if_blank)]
"""the same, where null, NaN and the empty text say that there is none"""


def read_json(path: Path, model: type[Model], kind: str, mend: str) -> Model:
    """The content of a JSON file, checked against `model`; fields that the model does not name are ignored.

    `kind` says what the file should be. Raises InputError that names file, entry (from 0) and what is wrong with it,
    and ends with `mend`; also where the file is larger than LARGEST.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise InputError(
                f"{path}: has {size / 1e9:.1f} GB, more than the {LARGEST / 1e9:.0f} GB that {kind} may have. {mend}"
            )
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); it should be {kind}. {mend}") from error
    try:
        return model.model_validate_json(content.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as error:
        raise InputError(f"{path}: is not {kind}: {_words(error)}. {mend}") from None


_PLAINLY = {"missing": "is missing", "string_too_short": "must not be empty"}
"""words for what pydantic says in its own"""


def _words(error: ValidationError) -> str:
    """The first complaints, each with its place: `images[3].id: is missing`."""
    told = []
    for item in error.errors(include_url=False)[:_SHOWN]:
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in item["loc"]).lstrip(".")
        words = _PLAINLY.get(item["type"]) or item["msg"].removeprefix("Input ")
        told.append(f"{place}: {words}" if place else words)
    more = error.error_count() - len(told)
    return "; ".join(told) + (f"; and {more} more" if more else "")
