"""Several labels a sample: vectors of 1 (has it), 0 (has it not) and -1 (unknown), one number a class."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from afield.scoring.labels import label_array

HAS, HAS_NOT, UNKNOWN = 1, 0, -1

Vector = tuple[int, ...]


def vectors(positions: Iterable[Iterable[int]], classes: int) -> list[Vector]:
    """Of each sample its vector, from the positions of the classes that it has; all others it has not.

    >>> vectors([[0, 2], []], 3)
    [(1, 0, 1), (0, 0, 0)]
    """
    chosen = [set(sample) for sample in positions]
    return [tuple(HAS if place in having else HAS_NOT for place in range(classes)) for having in chosen]


def positions_of(vector: Iterable[int]) -> list[int]:
    """The positions of the classes that a sample is known to have.

    >>> positions_of((1, 0, -1))
    [0]
    """
    return [place for place, known in enumerate(vector) if known == HAS]


def having(label: int | Vector) -> list[int]:
    """The positions of the classes that a sample has, whatever the form of its label."""
    return positions_of(label) if isinstance(label, tuple) else [label]


def count_each(labels: pd.Series, classes: int) -> list[int]:
    """How many samples have each class; one that has several counts for each."""
    array = label_array(labels)
    counts = np.bincount(array, minlength=classes) if array.ndim == 1 else (array == HAS).sum(axis=0)
    return [int(count) for count in counts]
