"""A split that somebody wrote down (`afield tasks splits`), taken over: who is where, and which bytes images had."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.tasks.formats.label_table import columns_of, read_table
from afield.tasks.task import EXTRA, LEFT_OUT, SPLITS, Protocol, Task, in_order

_MEND = "Write it with `afield tasks splits NAME --out FILE`"


def with_split(task: Task, path: Path) -> Task:
    """The task divided as a CSV file with the columns `id` and `split` says; samples that it does not list are left
    out. A column `sha256`, where it has one, is what the image of each sample must be.

    Raises InputError for a file that is no such table, for other names of splits, and for an id that it lists twice.
    """
    listed = read_table(task.name, path, ("id", "split"), _MEND)
    twice = listed["id"][listed["id"].duplicated()]
    if len(twice):
        raise InputError(f"{task.name}: {path}: lists {twice.iloc[0]} more than once. {_MEND}")
    known = listed["split"].isin([*SPLITS, *task.extra_splits]) | listed["split"].str.fullmatch(EXTRA)
    other = listed[~known]
    if len(other):
        raise InputError(
            f"{task.name}: {path}: row {other.index[0] + 1}: split is {other['split'].iloc[0]!r}; must be one of "
            f"{', '.join([*SPLITS, *task.extra_splits])}, or test-NAME"
        )
    return replace(
        task,
        split=partial(_split, name=task.name, path=path),
        extra_splits=tuple(split for split in in_order(listed["split"]) if split not in SPLITS),
        expected=_hashes(task, path),
    )


def _hashes(task: Task, path: Path) -> dict[str, str]:
    """What a file says of the bytes of images, by sample; nothing where it has no such column."""
    if "sha256" not in columns_of(path):
        return {}
    table = read_table(task.name, path, ("id", "sha256"), _MEND)
    return dict(zip(table["id"], table["sha256"], strict=True))


def _split(table: pd.DataFrame, protocol: Protocol, *, name: str, path: Path) -> pd.Series:
    listed = read_table(name, path, ("id", "split"), _MEND)
    strangers = listed["id"][~listed["id"].isin(table["id"])]
    if len(strangers):
        raise InputError(
            f"{name}: {path}: {len(strangers)} samples of it are not here ({strangers.iloc[0]} first); it is of other "
            "data, or some are missing"
        )
    return table["id"].map(listed.set_index("id")["split"]).fillna(LEFT_OUT)
