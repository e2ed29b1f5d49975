"""A table of somebody else: its columns found, named as DESIGN's results table names them, and made long."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

import numpy as np
import pandas as pd

from afield.analysis.words import listing
from afield.base.errors import InputError, nearest

READ = {
    "backbone", "family", "imagenet_top1", "task", "domain", "metric", "value", "low", "high", "direction", "n_test",
    "split", "view", "kind", "initialisation", "intervention", "seed",
}  # fmt: skip
"""columns of the results table that an analysis reads (docs/result_folder.md); all others are left alone"""
REAL_WORLD, WEB_SCRAPED = "real-world", "web-scraped"
"""domains"""
ALL, LESS = "all tasks", " less "
"""what tables over domains call all of them, and the difference of two"""
FACT_NUMBERS = (
    *("params_m", "gmacs", "year", "input_size", "train_seconds", "predict_ms"),
    *("predict_mb", "validation", "classes", "n_train"),
)
"""further columns of numbers, which analyses over backbones and tasks read where a table has them"""
FACT_WORDS = ("pretraining", "objective", "augmentation")
"""the same in words"""
_NEAR = 0.75
"""how much of two names must agree for one to be a slip of the other"""
_MISSING = {"", "nan", "na", "n/a", "none", "null", "-"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """A data frame as `read_cells` would give it; numbers keep all of their digits."""
    return table.astype(object).where(table.notna(), "").map(lambda cell: str(cell).strip())


def named(table: pd.DataFrame, where: str, columns: Mapping[str, str], values: Sequence[str]) -> pd.DataFrame:
    """The table's columns under the names of `READ`, long where it is wide; other columns as they are.

    `columns`: name -> the table's own, or several of them joined by + (`model+img_size`). `values`: columns of numbers,
    each a task of its own, or where the table names tasks a metric of its own. Raises InputError for a column that is
    not there or has no meaning here, and for one that looks like a slip of a name.
    """
    for name in columns:
        if name not in (known := {*READ, *FACT_NUMBERS, *FACT_WORDS}):
            raise InputError(f"--columns {name}=...: afield reads no such column; {nearest(name, known)}")
    for own in (*(part for joined in columns.values() for part in _parts(table, joined)), *values):
        if own not in table:
            raise InputError(f"{where}: has no column {own}; {nearest(own, map(str, table.columns))}")
    if values and ("value" in columns or {"task", "metric"} <= {*columns, *map(str, table.columns)}):
        taken = "--columns value=..." if "value" in columns else "the columns task and metric"
        raise InputError(f"{where}: --values beside {taken}: each names what the values are; give one of them")
    found = {name: _joined(table, own) for name, own in columns.items()}
    used = {part for joined in columns.values() for part in _parts(table, joined)} | set(values)
    kept = table.drop(columns=[name for name in table if name in found or name in values])
    result = kept.assign(**found)
    result = _long(result, table, values) if values else result
    _refuse_slips(result, where, used)
    for name in ("backbone", "value"):
        if name not in result:
            raise InputError(
                f"{where}: has no column {name}; say which one it is, as in --columns {name}=NAME"
                f"{' (or several with --values)' if name == 'value' else ''}; there are: {', '.join(table.columns)}"
            )
    return result


def has(table: pd.DataFrame, joined: str) -> bool:
    """Whether the table has that column, or all of those joined by +."""
    return set(_parts(table, joined)) <= set(table.columns)


def _parts(table: pd.DataFrame, joined: str) -> list[str]:
    return [joined] if joined in table else joined.split("+")


def _joined(table: pd.DataFrame, own: str) -> pd.Series:
    first, *others = (table[part] for part in _parts(table, own))
    for other in others:
        first = first + " " + other
    return first


def _long(result: pd.DataFrame, table: pd.DataFrame, values: Sequence[str]) -> pd.DataFrame:
    name = "metric" if "task" in result else "task"
    blocks = [result.assign(value=table[column], **{name: column}) for column in values]
    return pd.concat(blocks, ignore_index=True)


def _refuse_slips(result: pd.DataFrame, where: str, used: Iterable[str]) -> None:
    """An optional column under a name that is nearly right would be passed over, and the result be another."""
    absent = sorted(READ - set(result.columns))
    for own in result.columns:
        if own not in READ and own not in used and (close := get_close_matches(own, absent, n=1, cutoff=_NEAR)):
            raise InputError(
                f"{where}: column {own} is unknown; did you mean {close[0]}? Say --columns {close[0]}={own}, or give "
                "it a name of its own"
            )


def numbers(cells: pd.Series, where: str) -> pd.Series:
    """Text as numbers: commas between thousands are understood, and blanks, NaN or NA are missing (NaN).

    Raises InputError for all else, by row: decimal commas, signs of per cent, infinities.
    """
    found = np.full(len(cells), np.nan)
    for place, cell in enumerate(cells.tolist()):
        if cell.casefold() in _MISSING:
            continue
        if not (_NUMBER.fullmatch(cell) or _THOUSANDS.fullmatch(cell)):
            raise InputError(
                f"{where}: {cell!r} (row {place + 1}) is no number; write 84.5, with a point and nothing after it, or "
                "leave it blank"
            )
        found[place] = float(cell.replace(",", ""))
    return pd.Series(found, index=cells.index)


def apart(rows: pd.DataFrame, names: Iterable[str]) -> str:
    """In which of these columns rows of one backbone differ.

    >>> apart(pd.DataFrame({"size": ["224", "384"], "year": ["2020", "2020"]}), ("size", "year"))
    'They differ in size.'
    """
    differing = [name for name in names if name in rows and rows[name].nunique() > 1]
    return f"They differ in {listing(differing)}." if differing else "They are equal."


def and_more(others: int) -> str:
    """So many others do the same; nothing of none.

    >>> and_more(1), and_more(2)
    (', and so does one more', ', and so do 2 more')
    """
    if not others:
        return ""
    return ", and so does one more" if others == 1 else f", and so do {others} more"
