"""A task of which only a part of the training split is used; validation and test stay whole."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from functools import partial

import pandas as pd

from afield.base.streams import hash_rank
from afield.tasks.labels import having
from afield.tasks.task import LEFT_OUT, Protocol, Task

_NONE = -1
"""stands for a sample that has none of several classes: such samples are a part, too"""


def with_part(task: Task, name: str, *, shots: int | None = None, share: float | None = None, seed: int = 0) -> Task:
    """The task with `shots` training samples of each class, or that `share` of each (rounded up), under another name.

    Samples come in an order that hashes of seed and id give, so that a smaller part is always inside a larger one. Of
    several classes a sample counts for each that it has, and is taken while one of them still lacks some.
    """
    return replace(task, name=name, split=partial(_split, task=task, shots=shots, share=share, seed=seed))


def _split(
    table: pd.DataFrame, protocol: Protocol, *, task: Task, shots: int | None, share: float | None, seed: int
) -> pd.Series:
    side = task.split(table, protocol).astype(object)
    training = table[side == "train"]
    places = [having(label) or [_NONE] for label in training["label"]]
    totals = Counter(place for label in places for place in label)
    lacks = {place: math.ceil(Fraction(str(share)) * total) if share else shots or 0 for place, total in totals.items()}
    taken = set()
    for row in hash_rank(seed, "part", training["id"].tolist()):
        if any(lacks[place] > 0 for place in places[row]):
            taken.add(training.index[row])
            for place in places[row]:
                lacks[place] -= 1
    side[(side == "train") & ~side.index.isin(taken)] = LEFT_OUT
    return side
