"""The catalogue as text for a terminal: a list with what it costs, and all of one row. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from afield.backbones.backbone import Backbone
from afield.backbones.catalogue import catalogue, find, select
from afield.backbones.preprocessing import resized_side
from afield.backbones.sets import SETS
from afield.backbones.weights import Sources, Whereabouts, whereabouts
from afield.base.errors import InputError
from afield.base.extensions import is_own
from afield.base.text import count, entry, roughly_bytes

_WIDTH = 100
"""columns of a terminal that a list may fill"""


def list_backbones(pattern: str = "*", **filters: str | None) -> str:
    """The backbones that pass all filters, a line each, best ImageNet accuracy first, and what they cost together.
    Filters, and what is raised: `filtered`.
    """
    rows = filtered(pattern, **filters)
    return f"{_table(rows)}\n\n{len(rows)} of {len(catalogue())} backbones\n{cost(rows)}"


def plain_backbones(pattern: str = "*", **filters: str | None) -> list[dict[str, Any]]:
    """The same as plain values: each backbone's row of the catalogue, and the named sets that hold it."""
    return [_plain(row) for row in filtered(pattern, **filters)]


def filtered(
    pattern: str = "*",
    *,
    family: str | None = None,
    objective: str | None = None,
    top1: str | None = None,
    max_params: str | None = None,
    study: str | None = None,
) -> tuple[Backbone, ...]:
    """The backbones that pass all filters, best ImageNet accuracy first.

    `top1`: `70:80`, either end may be left out. `max_params`: `30M`, `1.2B`, `500k`. The others: `catalogue.select`.
    Raises InputError for what cannot be read, and where nothing passes.
    """
    rows = select(
        pattern,
        family=family,
        objective=objective,
        top1=None if top1 is None else _span(top1),
        max_params=None if max_params is None else _number(max_params),
        study=study,
    )
    if not rows:
        raise InputError("no backbone of the catalogue passes all of these filters; leave one out")
    return rows


def cost(rows: Sequence[Backbone]) -> str:
    """What a set of backbones costs together: parameters, multiply-adds, bytes of weights in float32."""
    params = sum(row.params_m or 0 for row in rows)
    gmacs = sum(row.gmacs or 0 for row in rows)
    weights = roughly_bytes(4e6 * params)
    return f"{params:,.0f} M parameters, about {weights} of weights, {gmacs:,.1f} GMACs for an image in each"


def describe_cost(names: Sequence[str]) -> str:
    """What backbones of a study cost together; one's own, which no catalogue has, are counted apart. Nothing
    is said of names that are nobody's: they are refused.
    """
    rows = [catalogue()[name] for name in names if name in catalogue()]
    other = sum(map(is_own, names))
    if not rows:
        return f"{count(other, 'backbone')}, not in the catalogue" if other else ""
    others = f", and {other} that {'is' if other == 1 else 'are'} not in the catalogue" if other else ""
    return f"{count(len(rows), 'backbone')}: {cost(rows)}{others}"


def _table(rows: Sequence[Backbone]) -> str:
    width = max(len("backbone"), *(len(row.id) for row in rows))
    families = min(max(len(row.family) for row in rows), max(_WIDTH - width - 35, len("family")))
    dated = width + families + 41 <= _WIDTH
    head = f"{'backbone':{width}}  top-1 %    px  params M   GMACs  {'family':{families}}" + ("  year" if dated else "")
    lines = [_line(row, width, families) + (f"  {row.year or ''}" if dated else "") for row in rows]
    kinds = sorted({row.imagenet_kind for row in rows if row.imagenet_top1 is not None} - {"supervised"})
    notes = [f"{_MARKS[kind]} {kind}, not supervised" for kind in kinds]
    return "\n".join([*(line.rstrip() for line in (head, *lines)), *([""] if notes else []), *notes])


_MARKS = {"linear probe": "*", "zero-shot": "+", "measured": "="}


def _line(row: Backbone, width: int, families: int) -> str:
    top1 = "" if row.imagenet_top1 is None else f"{row.imagenet_top1:.2f}"
    mark = _MARKS.get(row.imagenet_kind, " ") if top1 else " "
    at = "" if row.imagenet_size is None else str(row.imagenet_size)
    family = row.family if len(row.family) <= families else row.family[: families - 1] + "…"
    costs = f"{row.params_m or 0:8.2f}  {row.gmacs or 0:6.2f}"
    return f"{row.id:{width}}  {top1:>6}{mark}  {at:>4}  {costs}  {family:{families}}"


def _span(text: str) -> tuple[float, float]:
    """A range in per cent.

    >>> _span("70:80"), _span(":60")
    ((70.0, 80.0), (0.0, 60.0))
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)?:(\d+(?:\.\d+)?)?", text)
    low, high = (float(found[1] or 0), float(found[2] or 100)) if found else (1.0, 0.0)
    if not low <= high <= 100:
        raise InputError(f"--top1 {text}: is no range in per cent; give two of 0 to 100, e.g. 70:80 or 80:")
    return low, high


def _number(text: str) -> float:
    """A number of parameters.

    >>> _number("30M"), _number("1.5B")
    (30000000.0, 1500000000.0)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kMB]?)", text)
    if not found:
        raise InputError(f"--max-params {text}: is no number of parameters; give e.g. 500k, 30M or 1.2B")
    return float(found[1]) * {"": 1.0, "k": 1e3, "M": 1e6, "B": 1e9}[found[2]]


def show_backbone(name: str, sources: Sources) -> str:
    """All of a backbone's row, its preprocessing resolved, and where its bytes are or would come from.

    Raises InputError for a name that is no id of the catalogue.
    """
    row = find(name)
    lines = [_entry(key, value) for key, value in _entries(row).items() if value]
    try:
        found = whereabouts(row, sources)
    except InputError as error:
        return "\n".join([*lines, _entry("weights", str(error))])
    return "\n".join([*lines, *_weights(found)])


def plain_backbone(name: str, sources: Sources) -> dict[str, Any]:
    """The same as plain values; `weights` has the file's path where it is here, else None with the address, or with the
    reason in `refused`.
    """
    row = find(name)
    try:
        found = whereabouts(row, sources)
    except InputError as error:
        return {**_plain(row), "weights": {"origin": "", "path": None, "address": "", "refused": str(error)}}
    about = {"origin": found.origin, "path": found.path, "address": found.address, "refused": ""}
    return {**_plain(row), "weights": about}


def _plain(row: Backbone) -> dict[str, Any]:
    told = {field.name: getattr(row, field.name) for field in fields(row) if field.name not in _OWN}
    return {**told, "sets": [name for name, ids in SETS.items() if row.id in ids]}


_OWN = ("build", "weights", "head")
"""fields of one's own backbones alone"""
_SIDES = {
    "center": "short side to {side} px",
    "squash": "both sides to {side} px, aspect not kept",
    "border": "long side to {side} px, filled up with the mean colour",
}


def makers_view(row: Backbone, size: int) -> str:
    """How the makers' evaluation turns an image into a square of `size` pixels (`preprocessing.evaluation_image`)."""
    sides = _SIDES[row.crop_mode].format(side=resized_side(row, size))
    return f"{sides} ({row.interpolation}, antialiased), centre crop of {size} px (crop {row.crop:g})"


def _entries(row: Backbone) -> dict[str, str]:
    others = {
        "V2": row.imagenet_v2, "ReaL": row.imagenet_real, "A": row.imagenet_a, "R": row.imagenet_r,
        "Sketch": row.imagenet_sketch,
    }  # fmt: skip
    at = f", at {row.imagenet_size} px" if row.imagenet_size else ""
    how = f"{row.interpolation}, antialiased"
    mean, std = (" ".join(f"{value:g}" for value in values) for values in (row.mean, row.std))
    sizes = f"{row.smallest_size} px and up" + (f", multiples of {row.size_step} px" if row.size_step > 1 else "")
    return {
        "backbone": row.id,
        "library": f"{row.library}: {row.architecture}, weights {row.tag}",
        "family": row.family + (f", {row.year}" if row.year else ""),
        "ImageNet top-1": "unknown: outside the fit"
        if row.imagenet_top1 is None
        else f"{row.imagenet_top1:g} % ({row.imagenet_kind}{at})",
        "also top-1 on": ", ".join(f"ImageNet-{key} {value:g}" for key, value in others.items() if value is not None),
        "pretrained on": f"{row.pretraining_data} ({row.objective})",
        "augmentation": row.augmentation or "not known (in pretraining)",
        "parameters": f"{row.params_m} M",
        "multiply-adds": f"{row.gmacs} billion an image of {row.input_size} px",
        "takes": sizes if row.size_step else f"{row.input_size} px alone",
        "its makers'": makers_view(row, row.input_size),
        "here": f"RGB; short side to the recipe's image_size ({how}), centre crop of that size; "
        f"(pixel / 255 - mean) / std, mean {mean}, std {std}",
        "under paper": "the study's protocol: ImageNet's mean and std, bilinear, the task's published size",
        "layout": "channels last" if row.convolutional else "as it is",
        "sets": ", ".join(key for key, ids in SETS.items() if row.id in ids),
        "licence": row.licence or "not known",
        "figures from": row.source,
    }


def _weights(found: Whereabouts) -> list[str]:
    if found.path is not None:
        return [_entry("weights", f"{found.origin}: {found.path}")]
    return [
        _entry("weights", f"{found.origin}: not here"),
        _entry("get them", found.address),
        _entry("put them", f"{found.place}, in a folder that --weights or AFIELD_WEIGHTS names"),
    ]


def _entry(key: str, value: str) -> str:
    return entry(key, value, _WIDTH)
