"""The catalogue: one row a backbone, that is an architecture with one set of pretrained weights. Needs no torch.

`tools/make_catalogue.py` makes catalogue.csv; docs/backbones.md tells its columns and sources.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

from afield.backbones.backbone import Backbone
from afield.backbones.sets import SETS
from afield.base.errors import InputError, nearest
from afield.base.text import first_few

_SHOWN = 12
"""as many weights of an architecture are named in a message"""


def _optional(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: convert(text) if text else None


def _three(text: str) -> tuple[float, float, float]:
    first, second, third = text.split()
    return float(first), float(second), float(third)


_READ: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(
        ("imagenet_top1", "imagenet_v2", "imagenet_real", "imagenet_a", "imagenet_r", "imagenet_sketch"),
        _optional(float),
    ),
    **dict.fromkeys(("imagenet_size", "year"), _optional(int)),
    **dict.fromkeys(("input_size", "smallest_size", "size_step"), int),
    **dict.fromkeys(("crop", "params_m", "gmacs"), float),
    **dict.fromkeys(("mean", "std"), _three),
    "convolutional": lambda text: text == "yes",
}
"""columns that are no text"""


@cache
def catalogue() -> dict[str, Backbone]:
    """All backbones by id, in the file's order, which is that of the ids."""
    text = resources.files("afield.backbones").joinpath("catalogue.csv").read_text(encoding="utf-8")
    header, *lines = csv.reader(text.splitlines())
    readers = [_READ.get(column, str) for column in header]
    rows = (
        Backbone(**{column: read(cell) for column, read, cell in zip(header, readers, line, strict=True)})
        for line in lines
    )
    return {row.id: row for row in rows}


def find(name: str) -> Backbone:
    """The catalogue's row of an id.

    Raises InputError for an architecture without a tag, with all of its weights and their accuracies: libraries choose
    some silently, and not always those that are meant. For an unknown name, with the nearest ids.
    """
    rows = catalogue()
    if name in rows:
        return rows[name]
    kin = _by_accuracy([row for row in rows.values() if row.architecture == name])
    if kin:
        lines = [f"  {row.id}: {_accuracy(row)}, pretrained on {row.pretraining_data}" for row in kin[:_SHOWN]]
        if len(kin) > _SHOWN:
            lines.append(f"  and {len(kin) - _SHOWN} more: afield backbones list '{name}.*'")
        which = (
            "is an architecture; name its weights too:"
            if len(kin) == 1
            else (f"is an architecture with {len(kin)} sets of weights; name one of them:")
        )
        raise InputError("\n".join([f"{name}: {which}", *lines]))
    if name in SETS:
        raise InputError(f"{name}: is a set of backbones, not one; its members: afield backbones list --study {name}")
    begun = [] if "." in name else [row for row in rows if row.startswith(name)]
    if begun:
        raise InputError(
            f"{name}: unknown backbone; {first_few(begun)} begin{'s' if len(begun) == 1 else ''} with it (all: afield "
            f"backbones list '{name}*')"
        )
    raise InputError(f"{name}: unknown backbone; {nearest(name, rows)} (all: afield backbones list)")


def _accuracy(row: Backbone) -> str:
    if row.imagenet_top1 is None:
        return "ImageNet top-1 unknown"
    at = f" at {row.imagenet_size} px" if row.imagenet_size else ""
    kind = "" if row.imagenet_kind == "supervised" else f" ({row.imagenet_kind})"
    return f"{row.imagenet_top1:.2f} %{kind}{at}"


def _by_accuracy(rows: list[Backbone]) -> list[Backbone]:
    """Best first, unknown last, equal ones by id."""
    return sorted(rows, key=lambda row: (row.imagenet_top1 is None, -(row.imagenet_top1 or 0), row.id))


def named_set(name: str) -> tuple[str, ...]:
    """The ids of a named set: small, standard, large, study, all-real, or a part of the study (`sets.SETS`).

    `all-real` is every backbone whose ImageNet accuracy is known. Raises InputError for an unknown name.
    """
    if name == "all-real":
        return tuple(row.id for row in catalogue().values() if row.imagenet_top1 is not None)
    if name not in SETS:
        raise InputError(f"{name}: unknown set of backbones; {nearest(name, [*SETS, 'all-real'])}")
    return SETS[name]


def members(names: Iterable[str]) -> tuple[str, ...]:
    """Names of backbones as they are, names of sets as those of their members that are not there without them.

    >>> members(["clip", "my_lab:hydra"])[-2:]
    ('ViT-L-14-336.openai', 'my_lab:hydra')
    """
    given = tuple(names)
    found: list[str] = []
    for name in given:
        if name in (*SETS, "all-real"):
            found += [member for member in named_set(name) if member not in (*found, *given)]
        else:
            found.append(name)
    return tuple(found)


def select(
    pattern: str = "*",
    *,
    family: str | None = None,
    objective: str | None = None,
    top1: tuple[float, float] | None = None,
    max_params: float | None = None,
    study: str | None = None,
) -> tuple[Backbone, ...]:
    """The backbones that pass all filters, best ImageNet accuracy first.

    `pattern`: of ids, with `*` and `?`. `top1`: per cent, both ends in; unknown accuracies are out. `max_params`: a
    number of parameters. `study`: a named set. Raises InputError for a family, an objective or a set that there is not.
    """
    rows = list(catalogue().values()) if study is None else [catalogue()[name] for name in named_set(study)]
    family = None if family is None else _known("family", family)
    objective = None if objective is None else _known("objective", objective)
    return tuple(
        _by_accuracy(
            [
                row
                for row in rows
                if fnmatchcase(row.id, pattern)
                and family in (None, row.family)
                and objective in (None, row.objective)
                and (top1 is None or (row.imagenet_top1 is not None and top1[0] <= row.imagenet_top1 <= top1[1]))
                and (max_params is None or (row.params_m is not None and row.params_m * 1e6 <= max_params))
            ]
        )
    )


def _known(column: str, wanted: str) -> str:
    """The catalogue's own spelling of a value, whatever case it is asked for in."""
    values = {str(getattr(row, column)).lower(): str(getattr(row, column)) for row in catalogue().values()}
    if wanted.lower() not in values:
        raise InputError(
            f"{wanted}: no backbone of the catalogue is of this {column}; {nearest(wanted, values.values())}"
        )
    return values[wanted.lower()]
