"""The catalogue: one row a backbone, that is an architecture with one set of pretrained weights. Needs no torch."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from afield.base.errors import InputError, nearest


@dataclass(frozen=True)
class Backbone:
    """An architecture with one set of weights; ImageNet accuracy belongs to the weights."""

    id: str
    library: Literal["timm", "torchvision"]
    architecture: str
    """the library's own name of it"""
    imagenet_top1: float
    """per cent, 0..100"""
    imagenet_kind: str
    """supervised, linear probe or zero-shot"""
    imagenet_size: int
    """side of the images that `imagenet_top1` was measured at, pixels"""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: Literal["bilinear", "bicubic"]
    params_m: float
    """parameters with the ImageNet head, millions"""
    gmacs: float
    """multiply-adds of one image at `imagenet_size`, billions"""
    convolutional: bool
    family: str
    year: int
    pretraining: str
    licence: str
    source: str
    """where the figures are from"""


@cache
def catalogue() -> dict[str, Backbone]:
    """All backbones by id, in the file's order."""
    text = resources.files("afield.backbones").joinpath("catalogue.csv").read_text(encoding="utf-8")
    rows = {}
    for row in csv.DictReader(text.splitlines()):
        rows[row["id"]] = Backbone(
            id=row["id"],
            library=_library(row["library"]),
            architecture=row["architecture"],
            imagenet_top1=float(row["imagenet_top1"]),
            imagenet_kind=row["imagenet_kind"],
            imagenet_size=int(row["imagenet_size"]),
            mean=_three(row["mean"]),
            std=_three(row["std"]),
            interpolation="bicubic" if row["interpolation"] == "bicubic" else "bilinear",
            params_m=float(row["params_m"]),
            gmacs=float(row["gmacs"]),
            convolutional=row["convolutional"] == "yes",
            family=row["family"],
            year=int(row["year"]),
            pretraining=row["pretraining"],
            licence=row["licence"],
            source=row["source"],
        )
    return rows


def _library(text: str) -> Literal["timm", "torchvision"]:
    return "timm" if text == "timm" else "torchvision"


def _three(text: str) -> tuple[float, float, float]:
    first, second, third = (float(part) for part in text.split())
    return first, second, third


def backbone(name: str) -> Backbone:
    """The catalogue's row of that id; InputError with the nearest ids where there is none."""
    rows = catalogue()
    if name not in rows:
        raise InputError(f"{name}: unknown backbone; {nearest(name, rows)} (all: afield backbones list)")
    return rows[name]
