"""How one's own data are split: as a column says, by time, in folds, or drawn; groups stay together."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import pandas as pd

from afield.tasks.labels import having
from afield.tasks.source import TaskSource
from afield.tasks.splits import Name, Share, iterative_split, stratified_split
from afield.tasks.task import LEFT_OUT, SPLITS, Protocol, Split

_SHARE: dict[Split, float] = {"train": 0.8, "validation": 0.2}
"""of a training split that has no validation split beside it"""


def split(table: pd.DataFrame, protocol: Protocol, *, source: TaskSource, unscored: tuple[int, ...] = ()) -> pd.Series:
    """One split a row. Samples of the classes at the places `unscored` are for training alone: where the splits are
    drawn, all of them, with what belongs to them; where a column or time decides, those that lie in training, and the
    others are left out.
    """
    training = pd.Series([_is_one_of(label, unscored) for label in table["label"]], index=table.index, dtype=bool)
    if training.any() and ("split" in table or source.time is not None):
        decided = _divided(table, source)
        return decided.where(~training | (decided == "train"), LEFT_OUT)
    scored = table[~training]
    side = pd.Series("train", index=table.index, dtype=object)
    side[~training] = _divided(scored, source)
    if training.any() and "group" in table:  # what belongs to an unscored sample trains with it
        side[table["group"].isin(set(table.loc[training, "group"]))] = "train"
    return side


def _is_one_of(label: int | tuple[int, ...], places: tuple[int, ...]) -> bool:
    return any(place in places for place in having(label))


def _divided(table: pd.DataFrame, source: TaskSource) -> pd.Series:
    if "split" in table:
        return _given(table, source)
    if source.time is not None:
        return _by_time(table, source)
    if source.folds is not None:
        return _fold(table, source, source.folds)
    return _drawn(table, source, dict(zip(SPLITS, source.fractions, strict=True)))


def _given(table: pd.DataFrame, source: TaskSource) -> pd.Series:
    """The splits that the data came with; validation drawn from training where there is none."""
    side = table["split"].astype(object)
    if (side == "validation").any():
        return side
    training = table[side == "train"]
    side[side == "train"] = _drawn(training, source, _SHARE)
    return side


def _drawn(table: pd.DataFrame, source: TaskSource, fractions: Mapping[Name, Share]) -> pd.Series:
    group = "group" if "group" in table else None
    if table.empty:
        return pd.Series([], index=table.index, dtype=object)
    if source.several:
        return iterative_split(table, fractions, source.split_seed, group)
    return stratified_split(table, ["label"], fractions, source.split_seed, group)


def _fold(table: pd.DataFrame, source: TaskSource, folds: int) -> pd.Series:
    """One of equal parts is test, the next one validation, the others train. The parts do not depend on which it is."""
    parts = [f"{index}" for index in range(folds)]
    part = _drawn(table, source, dict.fromkeys(parts, Fraction(1, folds)))
    sides = {parts[source.fold]: "test", parts[(source.fold + 1) % folds]: "validation"}
    return part.map(lambda index: sides.get(index, "train"))


def _by_time(table: pd.DataFrame, source: TaskSource) -> pd.Series:
    """The earliest for training, the latest for test. What has one time, or one group (which counts by its first
    sample), stays together; each goes where the middle of its samples lies.
    """
    times = table["time"]
    if "group" in table:
        times = times.groupby(table["group"]).transform("min")
    sizes = times.value_counts().sort_index()
    middle = (sizes.cumsum() - sizes / 2) / len(table)
    train, validation, _ = source.fractions
    side = middle.map(lambda at: "train" if at < train else "validation" if at < train + validation else "test")
    return times.map(side)
