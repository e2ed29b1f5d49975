"""What differs between two results: what their keys are hashes of, where they were trained, and then the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from afield.base.errors import InputError, nearest
from afield.base.text import columns, count
from afield.study.collect import results
from afield.study.folder.sealed import read_json
from afield.study.store import Store

_SAME = ("task", "metric", "backbone", "intervention", "seed", "split", "view", "kind", "joined")
"""columns that make two rows of results tables the same question"""
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


def describe_trainings(out: Path, first: str, second: str) -> str:
    """What differs between two trainings of a folder, and their numbers."""
    store = Store.open(out)
    fields = differing_fields((store, first), (store, second))
    lines = [_fields(fields) if fields else "Key fields, platform and machine are the same.", ""]
    rows = []
    one, other = (store.look(key).result or {} for key in (first, second))
    for name in ("validation", "validation_loss", "best_epoch", "epochs", "seconds"):
        rows.append((name, _number(one.get(name)), _number(other.get(name))))
    return "\n".join([*lines, columns(rows, ("", first, second))])


def describe_folders(first: Path, second: Path, study: str | None = None) -> str:
    """What differs between the results of two folders: which are in one alone, what their trainings differ by, and the
    values of those that are in both.
    """
    mine, theirs = (results(out, study).set_index(list(_SAME)) for out in (first, second))
    both = mine.index.intersection(theirs.index)
    lines = [f"{count(len(both), 'row')} of the results tables in both"]
    for out, table in ((first, mine), (second, theirs)):
        alone = len(table.index.difference(both))
        lines += [f"{count(alone, 'row')} in {out} alone"] if alone else []
    pairs = dict.fromkeys((str(mine.at[row, "key"]), str(theirs.at[row, "key"])) for row in both)
    stores = Store.open(first), Store.open(second)
    groups: dict[tuple[Field, ...], int] = {}
    for one, other in pairs:
        if stores[0].trial_folder(one).exists() and stores[1].trial_folder(other).exists():
            fields = differing_fields((stores[0], one), (stores[1], other))
            groups[fields] = groups.get(fields, 0) + 1
    for fields, number in sorted(groups.items(), key=lambda item: -item[1]):
        what = _fields(fields) if fields else "no field of the key, nor platform, nor machine"
        lines += ["", f"{count(number, 'pair')} of trainings differ by:", what]
    return "\n".join([*lines, "", _values(mine, theirs, both, first, second)])


def _values(mine: pd.DataFrame, theirs: pd.DataFrame, both: pd.Index[Any], first: Path, second: Path) -> str:
    """The values that differ, the largest differences first."""
    change = (theirs.loc[both, "value"] - mine.loc[both, "value"]).dropna()
    change = change[change != 0]
    if change.empty:
        return "All values in both are the same."
    order = change.abs().sort_values(ascending=False, kind="stable").index
    rows = [
        (*(str(part) for part in row[:5]), _number(mine.at[row, "value"]), _number(theirs.at[row, "value"]))
        for row in order[:_SHOWN]
    ]
    more = f"\nand {len(order) - _SHOWN} more with smaller differences" if len(order) > _SHOWN else ""
    return columns(rows, (*_SAME[:5], str(first), str(second))) + more


def _told(store: Store, key: str) -> Iterator[tuple[str, str]]:
    """Each field of a training with its value as text."""
    path = store.trial_folder(key) / "trial.json"
    if not path.exists():
        raise InputError(f"{store.root}: no training {key} here; {nearest(key, store.trials())}")
    result = store.look(key).result or {}
    platform = {"platform": result.get("platform", {}), "machine": result.get("machine", "")}
    yield from _flat({**read_json(path), **platform}, "")


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
