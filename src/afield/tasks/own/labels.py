"""Labels as people write them -> positions in classes, or vectors of what is known; what becomes of rare classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from afield.base.errors import InputError
from afield.base.text import count, first_few
from afield.tasks.labels import HAS, HAS_NOT, UNKNOWN, Vector, having, vectors
from afield.tasks.source import LEAST, TaskSource

OTHER = "other"
"""the class that rare ones become"""
_KNOWN = {"1": HAS, "1.0": HAS, "true": HAS, "yes": HAS, "0": HAS_NOT, "0.0": HAS_NOT, "false": HAS_NOT,
          "no": HAS_NOT, "": UNKNOWN}  # fmt: skip
"""what a column of a class may hold, in small letters"""
_SHOWN = 8


@dataclass(frozen=True)
class Labelled:
    """Samples whose column `label` is in the form that `Task` wants."""

    table: pd.DataFrame
    classes: tuple[str, ...]
    rare: Mapping[str, int] = field(default_factory=dict)
    """classes of too few samples (or groups), with their number: what became of them says the source"""

    def counts(self) -> dict[str, int]:
        """Samples that have each class."""
        numbers = np.bincount(
            [place for label in self.table["label"] for place in having(label)], minlength=len(self.classes)
        )
        return dict(zip(self.classes, numbers.tolist(), strict=True))


def label_samples(name: str, table: pd.DataFrame, source: TaskSource) -> Labelled:
    """Samples with names of classes -> samples with positions or vectors, rare classes dealt with as the source says.

    `name` stands in front of complaints. Raises InputError, with counts, for samples without a label, names that differ
    by case or blanks alone, names that are none of the given classes, given classes without samples, and rare classes
    where they are an error, and for more folds than a class can be dealt into.
    """
    found = _from_columns(name, table, source.labels) if source.labels else _from_names(name, table, source)
    found = _without_rare(name, found, source)
    if source.folds is not None:
        _refuse_too_many_folds(name, found, source.folds)
    return found


def read_labels(name: str, table: pd.DataFrame, source: TaskSource, spoken: Sequence[str]) -> Labelled:
    """The same without any demand on how often a class occurs. Where a cell names several classes, those `spoken` of
    are classes, too, whether or not they occur.
    """
    if source.labels:
        return _from_columns(name, table, source.labels, whole=False)
    occur = sorted({part for cell in table["label"] for part in _parts(cell, source.separator)})
    named = source.classes or tuple(dict.fromkeys((*occur, *(spoken if source.separator else ()))))
    return _from_names(name, table, source, named, whole=False)


def _parts(cell: str, separator: str) -> list[str]:
    """The classes that a cell names."""
    return [part.strip() for part in cell.split(separator) if part.strip()] if separator else [cell]


def _from_columns(name: str, table: pd.DataFrame, columns: Sequence[str], *, whole: bool = True) -> Labelled:
    """`whole`: every class must occur."""
    cells = table[list(columns)].apply(lambda column: column.str.strip().str.lower())
    for column in columns:
        odd = table[column][~cells[column].isin(_KNOWN)]
        if len(odd):
            raise InputError(
                f"{name}: column {column}, row {odd.index[0] + 1}: is {odd.iloc[0]!r} ({count(len(odd), 'such row')}); "
                "must be 1, 0 or blank (unknown)"
            )
    labels = [tuple(_KNOWN[cell] for cell in row) for row in cells.itertuples(index=False)]
    unknown = [row + 1 for row, label in enumerate(labels) if set(label) == {UNKNOWN}]
    if unknown:
        raise InputError(
            f"{name}: row {unknown[0]}: no label is known ({count(len(unknown), 'such row')}); take such rows away"
        )
    found = Labelled(_with_labels(table.drop(columns=list(columns)), labels), tuple(columns))
    if whole:
        _refuse_empty(name, found)
    return found


def _from_names(
    name: str, table: pd.DataFrame, source: TaskSource, classes: tuple[str, ...] | None = None, *, whole: bool = True
) -> Labelled:
    """`classes` are the source's, or those that occur; `whole`: every one must occur."""
    listed = [_parts(cell, source.separator) for cell in table["label"]]
    if not source.separator:
        blank = table.index[table["label"].str.strip() == ""]
        if len(blank):
            raise InputError(
                f"{name}: row {blank[0] + 1}: has no label ({count(len(blank), 'such row')}); take such rows away or "
                "label them"
            )
    numbers = pd.Series([each for cell in listed for each in cell], dtype=object).value_counts()
    _refuse_variants(name, numbers)
    classes = classes or source.classes or tuple(sorted(map(str, numbers.index)))
    outside = [f"{label} ({numbers[label]})" for label in numbers.index if label not in classes]
    if outside:
        raise InputError(
            f"{name}: {first_few(outside, _SHOWN)}: not among the classes that were given ({', '.join(classes)}); "
            "mend the labels or name them too"
        )
    place = {label: position for position, label in enumerate(classes)}
    positions = [[place[each] for each in cell] for cell in listed]
    labels = vectors(positions, len(classes)) if source.separator else [cell[0] for cell in positions]
    found = Labelled(_with_labels(table, labels), tuple(classes))
    if whole:
        _refuse_empty(name, found)
    return found


def _with_labels(table: pd.DataFrame, labels: Sequence[Vector] | Sequence[int]) -> pd.DataFrame:
    return table.assign(label=pd.Series(list(labels), index=table.index))


def _refuse_variants(name: str, numbers: pd.Series) -> None:
    spellings: dict[str, list[str]] = {}
    for label in numbers.index:
        spellings.setdefault(" ".join(label.split()).casefold(), []).append(label)
    for same in spellings.values():
        if len(same) > 1:
            told = ", ".join(f"{label!r} ({numbers[label]})" for label in same)
            raise InputError(f"{name}: labels {told}: differ by case or blanks alone; write each class in one way")


def _refuse_empty(name: str, found: Labelled) -> None:
    empty = [label for label, number in found.counts().items() if number == 0]
    if empty:
        raise InputError(
            f"{name}: {', '.join(empty[:_SHOWN])}: {count(len(empty), 'class', 'classes')} without any sample; add "
            "samples, or take the name away"
        )


def _without_rare(name: str, found: Labelled, source: TaskSource) -> Labelled:
    """Deal with classes that are in too few samples, or groups where there are any, to be in every split."""
    numbers, least = _independent(found), source.rare_below
    if least is None:
        least = 1 if "split" in found.table else LEAST
    rare = {label: number for label, number in numbers.items() if number < least}
    if not rare:
        return found
    told = first_few([f"{label} ({number})" for label, number in rare.items()], _SHOWN)
    what = "groups" if "group" in found.table else "images"
    if source.rare == "error":
        mend = "rare = drop or unscored" if source.several else "rare = other, drop or unscored"
        raise InputError(
            f"{name}: {told}: fewer than the {least} {what} that a class needs, so that train, validation "
            f"and test each get one; add images, take the class away, or say what becomes of it ({mend}, under "
            "[tasks.NAME] of a study file)"
        )
    if source.rare == "unscored":
        if not source.several and len(found.classes) - len(rare) < 2:
            raise InputError(
                f"{name}: without the rare classes ({told}) no 2 classes are left to score; add images, or lower "
                "rare_below"
            )
        return Labelled(found.table, found.classes, rare)
    kept = tuple(label for label in found.classes if label not in rare)
    changed = _drop(found, kept) if source.rare == "drop" else _merge(name, found, kept)
    fewest = 1 if source.several else 2
    if len(changed.classes) < fewest:
        raise InputError(
            f"{name}: without the rare classes ({told}) no {fewest} classes are left; add images, or lower rare_below"
        )
    return Labelled(changed.table, changed.classes, rare)


def _refuse_too_many_folds(name: str, found: Labelled, folds: int) -> None:
    """Every part is test once, and must then hold each class that is scored."""
    numbers = {label: number for label, number in _independent(found).items() if label not in found.rare}
    few = {label: number for label, number in numbers.items() if number < folds}
    if few:
        what = "groups" if "group" in found.table else "samples"
        told = first_few([f"{label} ({number})" for label, number in few.items()], _SHOWN)
        raise InputError(
            f"{name}: folds: {folds} parts, but fewer {what} of {told}; take at most {min(few.values())} folds, add "
            f"samples, or let rare_below = {folds} and rare say what becomes of such classes"
        )


def _independent(found: Labelled) -> dict[str, int]:
    """Of each class the samples that have it, or the groups with such a sample."""
    table = found.table
    groups = table["group"] if "group" in table else table["id"]
    pairs = {(place, group) for label, group in zip(table["label"], groups, strict=True) for place in having(label)}
    numbers = np.bincount([place for place, _ in pairs], minlength=len(found.classes))
    return dict(zip(found.classes, numbers.tolist(), strict=True))


def _drop(found: Labelled, kept: tuple[str, ...]) -> Labelled:
    table, old = found.table, found.classes
    if isinstance(table["label"].iloc[0], tuple):
        chosen = [old.index(label) for label in kept]
        labels = [tuple(vector[place] for place in chosen) for vector in table["label"]]
        known = [set(label) != {UNKNOWN} for label in labels]
        return Labelled(_with_labels(table, labels)[known].reset_index(drop=True), kept)
    moved = table["label"].map({old.index(label): place for place, label in enumerate(kept)})
    table = table.assign(label=moved)[moved.notna()].reset_index(drop=True)
    return Labelled(table.astype({"label": "int64"}), kept)


def _merge(name: str, found: Labelled, kept: tuple[str, ...]) -> Labelled:
    if OTHER in kept:
        raise InputError(
            f"{name}: {OTHER}: is a class already, so rare ones cannot become it; rename it, or rare = drop"
        )
    classes = (*kept, OTHER)
    place = {old: classes.index(label if label in kept else OTHER) for old, label in enumerate(found.classes)}
    return Labelled(found.table.assign(label=found.table["label"].map(place)), classes)
