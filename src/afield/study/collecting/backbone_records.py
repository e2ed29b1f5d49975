"""What a study says of its backbones: weights, where they came from, and how images were shown to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afield.backbones.backbone import Backbone
from afield.base.extensions import is_own
from afield.study.collecting.context import Context
from afield.study.record import BackboneRecord

_View = tuple[tuple[float, ...], tuple[float, ...], str, str]
"""mean, std, interpolation and order of channels that trials were shown images with"""


def backbone_records(context: Context, stored: Mapping[str, Any]) -> tuple[BackboneRecord, ...]:
    """Of all backbones of a study, by its plan as it is stored."""
    views = _views(context, stored)
    return tuple(_backbone(row, stored, views.get(row.id, set())) for row in context.backbones.values())


def _views(context: Context, stored: Mapping[str, Any]) -> dict[str, set[_View]]:
    """How the cells of each backbone were shown images."""
    views: dict[str, set[_View]] = {}
    for key in (key for search in stored["searches"] for key in search["cells"]):
        trial = context.trials[key]
        views.setdefault(trial.backbone, set()).add((trial.mean, trial.std, trial.interpolation, trial.channels))
    return views


def _backbone(row: Backbone, stored: Mapping[str, Any], views: set[_View]) -> BackboneRecord:
    weights = stored["weights"].get(row.id)
    preprocessing: dict[str, Any] = {}
    for name, *values in zip(("mean", "std", "interpolation", "channels"), *sorted(views), strict=True):
        told = list(dict.fromkeys(values))  # tasks of the study may have had other channels than the rest
        preprocessing[name] = told[0] if len(told) == 1 else " or ".join(map(str, told))
    name = row.id.partition(":")[0]
    sha256 = stored.get("extensions", {}).get(name) if is_own(row.id) else None
    code = "" if sha256 is None else f"extension {name}, SHA-256 {sha256}"
    if weights is None:
        return BackboneRecord(row, "", "not needed: trained from scratch only", preprocessing, code)
    return BackboneRecord(row, weights["sha256"], weights["origin"], preprocessing, code)
