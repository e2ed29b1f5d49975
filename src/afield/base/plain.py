"""Values as JSON has them, for scripts that read what a command prints."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any


def plain(value: object) -> Any:  # noqa: ANN401 - what JSON can hold
    """The value in words of JSON: data classes and mappings are objects, other collections arrays, paths text; a number
    that is not finite (not defined, without a limit) is None. Raises TypeError for what JSON has no word for.

    >>> plain({"r": float("nan"), "limits": (0.1, float("inf")), "at": PurePath("out")})
    {'r': None, 'limits': [0.1, None], 'at': 'out'}
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, PurePath):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if hasattr(value, "tolist"):  # a number or an array of numpy's, which this floor does without
        return plain(value.tolist())
    if isinstance(value, Iterable):
        return [plain(each) for each in value]
    raise TypeError(f"{type(value).__name__}: is nothing that JSON can hold")
