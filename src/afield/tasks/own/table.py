"""One's own tables as a table of samples: columns found by the names that were given for them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from afield.base.cells import read_cells
from afield.base.errors import InputError, nearest
from afield.tasks.boxes import read_boxes
from afield.tasks.checks import listed
from afield.tasks.own.folder import split_named
from afield.tasks.source import TaskSource

SOURCE = "table"
"""column that says which table a sample is from"""
_TAKEN = ("id", "image", "label", "split", "group", "cluster", "unit", "weight", "box", "time")
"""columns of samples that have a meaning of their own"""
SUFFIXES = (".csv", ".parquet")


def is_table(name: str) -> bool:
    """Whether a name is that of a table and not of a folder."""
    return name.lower().endswith(SUFFIXES)


def common_folder(tables: Sequence[Path]) -> Path:
    """The folder below which all tables lie."""
    return Path(os.path.commonpath([table.parent for table in tables]))


def read_tables(root: Path, tables: Sequence[Path], data: TaskSource) -> tuple[pd.DataFrame, str]:
    """One row a sample, all as text, a blank for what is missing: `id`, `image` (path below `root`, with /), `label` or
    the columns `labels`, `table` (which one it is from: its path without the ending), and as far as they were named
    `split`, `group`, `cluster`, `unit`, `weight` and `time` (numbers), `box` (`boxes.written`) and the subgroups.
    Where there are boxes and no groups, each image is one. Beside it the column of splits that `data` passes over
    (`unread_split`).

    Raises InputError for a file that is no table, for columns that it lacks, and for images that lie outside of `root`.
    """
    folder = common_folder(tables)
    texts = {path: read_texts(path) for path in tables}
    _refuse_mixed_times(texts, data)
    rows = [rows_of(root, path, text, folder, data) for path, text in texts.items()]
    return pd.concat(rows, ignore_index=True), unread_split(texts.values(), data)


def rows_of(root: Path, path: Path, table: pd.DataFrame, folder: Path, data: TaskSource) -> pd.DataFrame:
    """The rows of one file, whose columns are texts; `folder` is that of all files, `path` names this one."""
    named = {
        "image": data.path, "id": data.id, "split": data.split, "group": data.group,
        "cluster": data.cluster, "unit": data.unit, "weight": data.weight, "box": data.box, "time": data.time,
        **({} if data.labels else {"label": data.label}),
    }  # fmt: skip
    for name in (*data.labels, *data.subgroups):
        if (name in _TAKEN and named.get(name) != name) or (name == SOURCE and name in data.labels):
            raise InputError(
                f"{path}: column {name}: its name is that of a column which afield makes itself; rename it there, and "
                "in `labels` or `subgroups`"
            )
        if name != SOURCE:
            named[name] = name
    wanted = {name: column for name, column in named.items() if column is not None}
    for name, column in wanted.items():
        if column not in table:
            raise InputError(
                f"{path}: has no column {column}; {nearest(column, map(str, table.columns))}{_say_which(name, data)}"
            )
    found = pd.DataFrame({name: table[column] for name, column in wanted.items()})
    empty = found.index[found["image"] == ""]
    if len(empty):
        raise InputError(f"{path}: row {empty[0] + 1}: column {data.path} is blank; name the image")
    if "split" in found:
        found["split"] = _splits(path, data, found["split"])
    if "weight" in found:
        found["weight"] = _weights(path, data, found["weight"])
    if "box" in found:
        found["box"] = read_boxes(f"{path}: column {data.box}", found["box"].tolist(), data.margin)
    if "time" in found:
        found["time"] = _times(path, data, found["time"])
    start = path.parent if data.images is None else root
    source = path.relative_to(folder).with_suffix("").as_posix()
    found = found.assign(image=[_below(path, start, name, root) for name in found["image"]], **{SOURCE: source})
    if "box" in found and "group" not in found:
        found["group"] = found["image"]  # parts of one picture stay together
    return found if "id" in found else found.assign(id=found["image"])


def _say_which(name: str, data: TaskSource) -> str:
    """How to name a column that nobody named, which is looked for under its usual name."""
    key = {"image": "path", "label": "label"}.get(name)
    if key is None or key in data.model_fields_set:
        return ""
    return f'; say which one it is in a study file: [tasks.NAME] table = "...", {key} = "..."'


def unread_split(tables: Iterable[pd.DataFrame], data: TaskSource) -> str:
    """The column of tables that is called split and holds names of splits, where `data` neither takes it
    nor says how else to split; empty where there is none.
    """
    if any(way is not None for way in (data.split, data.splits, data.folds, data.time)):
        return ""
    for table in tables:
        for column in table.columns:
            if str(column).strip().lower() == "split" and table[column].map(split_named).notna().any():
                return str(column)
    return ""


def unread_words(column: str) -> str:
    """What to say of a column of splits that is not taken."""
    return (
        f"its column {column} is not read and the splits are drawn anew: to take them, write "
        f"split = {json.dumps(column)} under [tasks.NAME] of a study file"
    )


def _refuse_mixed_times(texts: Mapping[Path, pd.DataFrame], data: TaskSource) -> None:
    """Numbers of one table and dates of another have no order."""
    columns = [text[data.time] for text in texts.values() if data.time in text]
    kinds = {bool(pd.to_numeric(column, errors="coerce").notna().all()) for column in columns if len(column)}
    if len(kinds) > 1:
        names = ", ".join(str(path) for path in texts)
        raise InputError(f"{names}: column {data.time}: numbers in one, dates in another; write them in one way")


def read_texts(path: Path) -> pd.DataFrame:
    """A CSV or Parquet file, all of it as text. Raises InputError where it is none."""
    try:
        if path.suffix.lower() == ".parquet":
            table = pd.read_parquet(path)
            return table.astype(object).where(table.notna(), "").map(_written)
        return read_cells(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a table ({str(error).strip()})") from error


def _written(value: object) -> str:
    """A value as a CSV file would have it: a whole number without a point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _splits(path: Path, data: TaskSource, column: pd.Series) -> pd.Series:
    known = column.map(split_named)
    other = column[known.isna()]
    if len(other):
        raise InputError(
            f"{path}: column {data.split}, row {other.index[0] + 1}: is {other.iloc[0]!r} ({len(other)} such rows); "
            "must be train, validation (or val), test or, of a further test split, test-NAME"
        )
    return known


def _weights(path: Path, data: TaskSource, column: pd.Series) -> pd.Series:
    """Numbers above 0."""
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    odd = column[~((numbers > 0) & np.isfinite(numbers))]
    if len(odd):
        rows = listed([row + 1 for row in odd.index], "row")
        raise InputError(
            f"{path}: column {data.weight}: {rows}: must be a number above 0, not {odd.iloc[0]!r}; a sample that shall "
            "not count is left out of the table"
        )
    return numbers


def _times(path: Path, data: TaskSource, column: pd.Series) -> pd.Series:
    """Numbers as they are, dates and times as seconds since 1970 (UTC where they name no zone)."""
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    if numbers.notna().all():
        return numbers
    dates = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    odd = column[dates.isna()]
    if len(odd):
        raise InputError(
            f"{path}: column {data.time}, row {odd.index[0] + 1}: is {odd.iloc[0]!r} ({len(odd)} such rows); must be a "
            "number, or a date such as 2024-05-31 or 2024-05-31 14:30"
        )
    return (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds()


def _below(table: Path, start: Path, name: str, root: Path) -> str:
    """A table's path, which counts from `start`, as one below root. Raises InputError where it leaves root."""
    below = os.path.relpath(os.path.normpath(start / name.replace("\\", "/")), root)
    if below.startswith(".."):
        raise InputError(
            f"{table}: {name}: leaves the folder {root}; name the folder of the images with `images`, or put them there"
        )
    return Path(below).as_posix()
