"""What a task is: a plain typed object. A built-in task and a user's own are the same thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Card:
    """What a reader must know of a data set before trusting a number on it."""

    title: str
    source: str
    """who made it and where it is published"""
    application: str
    licence: str
    baseline: str = ""
    """best published figure, with its conditions"""
    get: str = ""
    """how to get it"""
    citation: str = ""
    domain: Literal["real-world", "web-scraped"] = "real-world"


@dataclass(frozen=True)
class Task:
    """A classification data set with its splits, classes and primary metric.

    `samples(root)` gives one row a sample with the columns `id` (unique), `image` (path below root, with /) and `label`
    (index into `classes`); optional ones are `group` (what is split together), `cluster` (what is resampled together;
    the group by default), `unit` (what is scored; the sample by default) and whatever `split` reads.
    `split(table, protocol)` gives one of SPLITS a row.
    """

    name: str
    version: int
    """raised whenever classes, labels or splits change: it is in the key of every trial"""
    classes: tuple[str, ...]
    metric: str
    """the metric that selects and leads"""
    find: Callable[[], Path]
    """the folder that holds the data; raises InputError with the way to get it"""
    samples: Callable[[Path], pd.DataFrame]
    split: Callable[[pd.DataFrame, str], pd.Series]
    card: Card
    panel: tuple[str, ...] = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss")
    """metrics that are recorded beside the leading one"""
    split_seed: int = 0
    flips: tuple[Literal["horizontal", "vertical"], ...] = field(default=("horizontal",))
    """mirror images that leave the label as it is"""
