"""Splits that depend on ids and a seed alone: stratified, groups kept together, equal on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import lcm
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from afield.base.streams import hash_rank
from afield.scoring.labels import label_array
from afield.tasks.labels import HAS
from afield.tasks.task import Split

Name = TypeVar("Name", bound=str)
"""of a split or any other part"""
Share = float | Fraction

USUAL_FRACTIONS: Mapping[Split, float] = {"train": 0.6, "validation": 0.2, "test": 0.2}
"""how a task under `clean` is divided where its publishers say nothing else"""


def stratified_split(
    table: pd.DataFrame, by: list[str], fractions: Mapping[Name, Share], seed: int, group: str | None = None
) -> pd.Series:
    """One split a row of `table` (column `id`, unique), such that each stratum is divided as `fractions` say.

    A stratum is a combination of values of the columns `by`. Within each, samples come in an order that hashes of seed
    and id give, and each goes where most is missing. Without groups every split gets its quota of every stratum rounded
    down or up; what rounding leaves is carried on to the next stratum, so that the totals come right too.

    With `group` (a column) all samples of a group fall on one side; its stratum is its most frequent one, and quotas
    are met as nearly as the groups' sizes allow. The order of the rows does not matter. Raises ValueError where
    `fractions` are not positive or do not sum to one.
    """
    exact = _exact(fractions)
    # Whole numbers in units of 1/unit samples, so that no rounding error decides where a sample goes.
    unit = lcm(*(fraction.denominator for fraction in exact.values()))
    shares = {split: int(fraction * unit) for split, fraction in exact.items()}

    together = table[group or "id"]
    sizes = together.value_counts().to_dict()
    carried = dict.fromkeys(shares, 0)
    side: dict[str, Name] = {}
    for names in _strata(table, by, group or "id"):
        total = sum(sizes[name] for name in names)
        missing = {split: total * share for split, share in shares.items()}
        for position in hash_rank(seed, "split", names):
            size = sizes[names[position]] * unit
            # First where it fits whole, then where anything is missing: rounding comes last, and may look at the total.
            chosen = max(
                shares, key=lambda split: (missing[split] >= size, missing[split] > 0, missing[split] + carried[split])
            )
            missing[chosen] -= size
            side[names[position]] = chosen
        for split, rest in missing.items():
            carried[split] += rest
    return together.map(side).rename("split")


def iterative_split(
    table: pd.DataFrame, fractions: Mapping[Name, Share], seed: int, group: str | None = None
) -> pd.Series:
    """One split a row of `table` (columns `id`, unique, and `label`, a vector a sample), such that of each label every
    split gets the share that `fractions` say, as nearly as labels that come together allow.

    Iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011, algorithm 1): the rarest label that is left is dealt
    out first, each of its samples to the split that lacks most of that label, then most samples. Equals go to the split
    that `fractions` name first. Samples come in an order that hashes of seed and id give, so that the order of the rows
    does not matter. With `group` (a column) whole groups are dealt out. Unknown labels count for nothing. Raises
    ValueError where `fractions` are not positive or do not sum to one.
    """
    splits, shares = list(fractions), np.array([float(share) for share in _exact(fractions).values()])
    together = table[group or "id"]
    names, place = np.unique(together.to_numpy(dtype=np.str_), return_inverse=True)
    has = label_array(table["label"]) == HAS
    labels, sizes = np.zeros((len(names), has.shape[1])), np.bincount(place)
    np.add.at(labels, place, has)
    lacks_labels, lacks_samples = np.outer(shares, labels.sum(axis=0)), shares * len(table)
    order = np.array(hash_rank(seed, "split", names.tolist()), dtype=np.intp)
    side = np.full(len(names), -1)

    def deal(chosen: npt.NDArray[np.intp], label: int | None) -> None:
        for unit in chosen:
            lacks = lacks_samples if label is None else lacks_labels[:, label]
            best = max(range(len(splits)), key=lambda split: (lacks[split], lacks_samples[split]))
            side[unit] = best
            lacks_labels[best] -= labels[unit]
            lacks_samples[best] -= sizes[unit]

    while True:
        open_units = order[side[order] < 0]
        left = labels[open_units].sum(axis=0)
        if not left.any():
            break
        rarest = int(np.argmin(np.where(left > 0, left, np.inf)))
        deal(open_units[labels[open_units, rarest] > 0], rarest)
    deal(open_units, None)
    return pd.Series([splits[index] for index in side[place]], index=table.index, name="split")


def _exact(fractions: Mapping[Name, Share]) -> dict[Name, Fraction]:
    exact = {split: Fraction(str(fraction)) for split, fraction in fractions.items()}
    if sum(exact.values()) != 1 or min(exact.values()) <= 0:
        raise ValueError(f"fractions must be positive and sum to one: {dict(fractions)}")
    return exact


def _strata(table: pd.DataFrame, by: list[str], unit: str) -> list[list[str]]:
    """The names in the column `unit` by stratum, strata in sorted order."""
    counts = table.groupby([unit, *by], sort=True, dropna=False).size().rename("size").reset_index()
    # The sort is stable: of equally frequent strata the first in sorted order is taken.
    first = counts.sort_values("size", ascending=False, kind="stable").drop_duplicates(unit)
    return [part[unit].tolist() for _, part in first.groupby(by, sort=True, dropna=False)]


def draw_fifth(table: pd.DataFrame, seed: int) -> pd.Series:
    """`test` for a fifth of each class, rounded down, `train` for the rest: the draw that the study's code made.

    NumPy's legacy generator draws without replacement, class by class in ascending order from one stream, from the
    class's rows in the order of `table`.
    """
    generator = np.random.RandomState(seed)
    side = pd.Series("train", index=table.index)
    for _, rows in table.groupby("label", sort=True):
        side[generator.choice(rows.index.to_numpy(), int(0.2 * len(rows)), replace=False)] = "test"
    return side
