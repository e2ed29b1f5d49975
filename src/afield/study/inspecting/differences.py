"""What differs between two results: what their keys are hashes of, where they were trained, and then the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from afield.base.errors import InputError, nearest
from afield.base.text import columns, count, first_few
from afield.study.collecting.collect import results
from afield.study.folder.sealed import read_json
from afield.study.folder.trial_files import check_told
from afield.study.store import Store

_SAME = ("task", "metric", "backbone", "intervention", "seed", "split", "view", "kind", "joined")
"""columns that make two rows of results tables the same question"""
_NUMBERS = ("validation", "validation_loss", "best_epoch", "epochs", "seconds")
"""of a finished training"""
_ALIKE = "with one key, one platform and one machine"
_SHOWN = 20
"""pairs of results whose numbers are shown"""


@dataclass(frozen=True)
class Field:
    """Something that two results have differently; empty where one has it not."""

    name: str
    first: str
    second: str


def differing_fields(first: tuple[Store, str], second: tuple[Store, str]) -> tuple[Field, ...]:
    """What differs between two trainings, each a folder and a key: fields of the key, platform and machine. Raises
    InputError where there is no such training.
    """
    mine, theirs = (dict(_told(store, key)) for store, key in (first, second))
    return tuple(
        Field(name, mine.get(name, ""), theirs.get(name, ""))
        for name in sorted(mine.keys() | theirs.keys())
        if mine.get(name) != theirs.get(name)
    )


@dataclass(frozen=True)
class Value:
    """A number that two results have, on their own scale; None where one has it not."""

    name: str
    first: float | None
    second: float | None


@dataclass(frozen=True)
class TrainingDifferences:
    """Two trainings of a folder."""

    first: str
    """its key"""
    second: str
    fields: tuple[Field, ...]
    values: tuple[Value, ...]
    """whether they differ or not"""

    def words(self) -> str:
        """What to print."""
        head = _fields(self.fields) if self.fields else "Key fields, platform and machine are the same."
        rows = [(value.name, _number(value.first), _number(value.second)) for value in self.values]
        return "\n".join([head, "", columns(rows, ("", self.first, self.second))])


@dataclass(frozen=True)
class Group:
    """Pairs of trainings that differ by the same."""

    pairs: int
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Row:
    """A row of both results tables with another value in each."""

    task: str
    metric: str
    backbone: str
    intervention: str
    seed: int | None
    """None of what several networks give together"""
    split: str
    view: str
    kind: str
    joined: str
    first: float
    second: float


@dataclass(frozen=True)
class FolderDifferences:
    """The results of two folders."""

    first: Path
    second: Path
    rows_in_both: int
    rows_in_first: int
    """and not in the second"""
    rows_in_second: int
    groups: tuple[Group, ...]
    """of the trainings behind rows in both, the largest group first"""
    values: tuple[Row, ...]
    """those that differ, the largest differences first"""
    apart: tuple[Field, ...] = ()
    """where no row is in both: what pairs rows and has no value in common, such as other seeds"""

    def words(self) -> str:
        """What to print."""
        lines = [f"{count(self.rows_in_both, 'row')} of the results tables in both"]
        for out, alone in ((self.first, self.rows_in_first), (self.second, self.rows_in_second)):
            lines += [f"{count(alone, 'row')} in {out} alone"] if alone else []
        for group in self.groups:
            pairs = f"{count(group.pairs, 'pair')} of trainings"
            lines += ["", f"{pairs} differ by:", _fields(group.fields)] if group.fields else ["", f"{pairs} {_ALIKE}"]
        return "\n".join([*lines, "", self._values()])

    def _values(self) -> str:
        if not self.rows_in_both:
            paired = f"{', '.join(_SAME[:-1])} and {_SAME[-1]}"
            words = f"No row is in both, so there are no values to compare. Rows are paired by {paired}"
            return f"{words}, which differ by:\n{_fields(self.apart)}" if self.apart else f"{words}."
        if not self.values:
            return "All values in both are the same."
        rows = [
            (
                row.task,
                row.metric,
                row.backbone,
                row.intervention,
                _number(row.seed),
                *map(_number, (row.first, row.second)),
            )
            for row in self.values[:_SHOWN]
        ]
        left = len(self.values) - _SHOWN
        more = f"\nand {left} more with smaller differences" if left > 0 else ""
        return columns(rows, (*_SAME[:5], str(self.first), str(self.second))) + more


def compare_trainings(out: Path, first: str, second: str) -> TrainingDifferences:
    """What differs between two trainings of a folder, and their numbers. Raises as `differing_fields` does."""
    store = Store.open(out)
    fields = differing_fields((store, first), (store, second))
    one, other = (store.look(key).result or {} for key in (first, second))
    values = tuple(Value(name, one.get(name), other.get(name)) for name in _NUMBERS)
    return TrainingDifferences(first, second, fields, values)


def compare_folders(first: Path, second: Path, study: str | None = None) -> FolderDifferences:
    """What differs between the results of two folders: which are in one alone, what their trainings differ by, and the
    values of those that are in both. Raises as `collect.results` does.
    """
    mine, theirs = (results(out, study)[[*_SAME, "key", "value"]] for out in (first, second))
    both = mine.merge(theirs, on=list(_SAME), suffixes=("_first", "_second"))
    stores = Store.open(first), Store.open(second)
    groups: dict[tuple[Field, ...], int] = {}
    for one, other in dict.fromkeys(zip(both["key_first"], both["key_second"], strict=True)):
        if stores[0].trial_folder(one).exists() and stores[1].trial_folder(other).exists():
            fields = differing_fields((stores[0], one), (stores[1], other))
            groups[fields] = groups.get(fields, 0) + 1
    return FolderDifferences(
        first=first,
        second=second,
        rows_in_both=len(both),
        rows_in_first=len(mine) - len(both),
        rows_in_second=len(theirs) - len(both),
        groups=tuple(Group(number, fields) for fields, number in sorted(groups.items(), key=lambda item: -item[1])),
        values=tuple(_differing(both)),
        apart=() if len(both) else tuple(_apart(mine, theirs)),
    )


def _apart(first: pd.DataFrame, second: pd.DataFrame) -> Iterator[Field]:
    """The columns that pair rows and have no value in common."""
    for name in _SAME:
        mine, theirs = ({_name(value) for value in table[name]} for table in (first, second))
        if not mine & theirs:
            yield Field(name, *(first_few(sorted(names)) for names in (mine, theirs)))


def _name(value: Any) -> str:  # noqa: ANN401 - a cell of a table
    return "none" if pd.isna(value) or value == "" else f"{value:.0f}" if isinstance(value, float) else str(value)


def _differing(both: pd.DataFrame) -> Iterator[Row]:
    """The rows whose values differ, the largest differences first and what only one defines last."""
    first, second = both["value_first"], both["value_second"]
    change = (second - first).abs()[(first != second) & (first.notna() | second.notna())]
    for place in change.sort_values(ascending=False, kind="stable").index:
        row = both.loc[place]
        names = {name: str(row[name]) for name in _SAME if name != "seed"}
        seed = None if pd.isna(row["seed"]) else int(row["seed"])
        yield Row(**names, seed=seed, first=float(row["value_first"]), second=float(row["value_second"]))


def _told(store: Store, key: str) -> Iterator[tuple[str, str]]:
    """Each field of a training with its value as text, or of a soup's first ingredient."""
    path = store.trial_folder(key) / "trial.json"
    if key not in store.trials() or not path.exists():
        raise InputError(f"{store.root}: no training {key} here; {nearest(key, store.trials())}")
    result, told = store.look(key).result or {}, read_json(path)
    check_told(path.parent, told)
    platform = {"platform": result.get("platform", {}), "machine": result.get("machine", "")}
    yield from _flat({**told, **platform}, "")


def _flat(table: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", str(value)


def _fields(fields: Sequence[Field]) -> str:
    return columns([(each.name, each.first, each.second) for each in fields], ("what", "first", "second"))


def _number(value: object) -> str:
    return "" if value is None or value != value else f"{value:.6g}" if isinstance(value, float) else str(value)
