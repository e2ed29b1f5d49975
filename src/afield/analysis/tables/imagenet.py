"""ImageNet accuracies and families that a table lacks: from another table, or from the catalogue by id."""

from __future__ import annotations

import numpy as np
import pandas as pd

from afield.analysis.tables.scales import factor
from afield.analysis.words import count, listing
from afield.backbones.backbone import Backbone
from afield.backbones.catalogue import catalogue
from afield.base.errors import InputError, nearest

_ROUNDED = 0.005
"""per cent: accuracies nearer than this are one, rounded"""


def with_imagenet(rows: pd.DataFrame, other: pd.DataFrame | None, where: str, notes: list[str]) -> pd.DataFrame:
    """The rows with `imagenet_top1` in per cent: that of `other` (columns backbone, imagenet_top1, where), else the
    table's own, else the catalogue's. Backbones without any are left out and counted in `notes`.

    Families that the table does not tell are the catalogue's. Raises InputError where no backbone has an accuracy,
    where one has two, and where accuracies are neither per cent nor shares.
    """
    rows = rows.assign(imagenet_top1=_per_cent(rows["imagenet_top1"], f"{where}: imagenet_top1"))
    if other is not None:
        rows = _instead(rows, _of_table(other), str(other["where"].iloc[0]) if len(other) else "the other table", notes)
    own = rows.dropna(subset="imagenet_top1").groupby("backbone")["imagenet_top1"]
    several = own.nunique()
    for backbone in several.index[several > 1]:
        low, high = own.get_group(backbone).agg(["min", "max"])
        raise InputError(
            f"{where}: {backbone} has several values of imagenet_top1 ({low:g} and {high:g}); give it one, or join "
            "what tells its rows apart (--columns backbone=NAME+OTHER)"
        )
    rows = rows.assign(imagenet_top1=rows["backbone"].map(own.first()))
    rows = _fill(rows, _of_catalogue(rows["backbone"]), notes)
    families = {name: card.family for name, card in cards(rows["backbone"]).items()}
    rows = rows.assign(
        family=[own or families.get(name, "") for own, name in zip(rows["family"], rows["backbone"], strict=True)]
    )
    lacking = rows["imagenet_top1"].isna()
    names = list(dict.fromkeys(rows.loc[lacking, "backbone"]))
    if lacking.all():
        others = [str(column) for column in rows.columns if column != "imagenet_top1"]
        raise InputError(
            f"{where}: no backbone has an ImageNet accuracy: no column imagenet_top1 has numbers "
            f"({nearest('imagenet_top1', others)}), and none of {listing(names)} is an id of the catalogue (afield "
            "backbones list). Name the column (--columns imagenet_top1=NAME) or a table that holds them (--imagenet "
            "FILE.csv)"
        )
    if names:
        notes.append(f"{count(len(names), 'backbone')} without a known ImageNet accuracy left out ({listing(names)}).")
    return rows[~lacking]


def _per_cent(accuracies: pd.Series, where: str) -> pd.Series:
    known = accuracies.dropna().to_numpy(np.float64)
    return accuracies * (100 / factor(known, where, signed=False, sayable=False)) if len(known) else accuracies


def _of_table(other: pd.DataFrame) -> dict[str, float]:
    where = str(other["where"].iloc[0]) if len(other) else ""
    accuracies = _per_cent(other["imagenet_top1"], f"{where}: ImageNet accuracy")
    return {str(name): float(value) for name, value in zip(other["backbone"], accuracies, strict=True)}


def _of_catalogue(names: pd.Series) -> dict[str, float]:
    accuracies = {name: card.imagenet_top1 for name, card in cards(names).items()}
    return {name: accuracy for name, accuracy in accuracies.items() if accuracy is not None}


def cards(names: pd.Series) -> dict[str, Backbone]:
    """The catalogue's entries by the table's names. A name that was joined (`model+img_size`) is known by its first
    part, whose accuracy is that at the catalogue's own image size.
    """
    known = catalogue()
    found = {name: known.get(name) or known.get(name.partition(" ")[0]) for name in set(names)}
    return {name: card for name, card in found.items() if card is not None}


def _instead(rows: pd.DataFrame, known: dict[str, float], source: str, notes: list[str]) -> pd.DataFrame:
    """The accuracies of the table that was asked for, before the rows' own; `notes` says where these differ."""
    given = rows["backbone"].map(known).astype(np.float64)
    notes.append(
        f"ImageNet accuracy of {count(rows.loc[given.notna(), 'backbone'].nunique(), 'backbone')} from {source}."
    )
    apart = (given - rows["imagenet_top1"]).abs() > _ROUNDED
    if apart.any():
        names = listing(list(dict.fromkeys(rows.loc[apart, "backbone"])))
        notes.append(f"The table's own imagenet_top1, which is another for {names}, is not used there.")
    kept = given.isna() & rows["imagenet_top1"].notna()
    if kept.any():
        names = listing(list(dict.fromkeys(rows.loc[kept, "backbone"])))
        notes.append(f"ImageNet accuracy of {names}, which {source} lacks, is the table's own.")
    return rows.assign(imagenet_top1=given.fillna(rows["imagenet_top1"]))


def _fill(rows: pd.DataFrame, known: dict[str, float], notes: list[str]) -> pd.DataFrame:
    """What is missing, from the catalogue; `notes` says of how many, and of whom it is unverified."""
    blank = rows["imagenet_top1"].isna()
    filled = [name for name in dict.fromkeys(rows.loc[blank, "backbone"]) if name in known]
    if not filled:
        return rows
    notes.append(f"ImageNet accuracy of {count(len(filled), 'backbone')} from the catalogue.")
    known_cards = cards(rows["backbone"])
    joined = [name for name in filled if known_cards[name].id != name]
    if joined:
        notes.append(f"By the first part of their names, at the catalogue's image size, among them: {listing(joined)}.")
    unsure = [name for name in filled if "unverified" in known_cards[name].source]
    if unsure:
        notes.append(f"From memory and unverified among them: {listing(unsure)}.")
    return rows.assign(imagenet_top1=rows["imagenet_top1"].fillna(rows["backbone"].map(known)))
