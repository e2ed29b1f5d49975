"""Data frames of analyses as tables of the page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import pandas as pd

from afield.analysis.words import P_COLUMNS, p_value
from afield.report import words
from afield.report.recorded import Table
from afield.report.rows import Row
from afield.scoring.intervals import Interval


def frame_table(
    frame: pd.DataFrame,
    caption: str,
    *,
    names: Mapping[str, str] | None = None,
    digits: Mapping[str, int] | None = None,
    joined: bool = True,
) -> Table:
    """A data frame whose first column names the rows; `x`, `x_low` and `x_high` become one cell where they are to be
    `joined`.
    """
    grouped = list(_with_limits(frame) if joined else _column_by_column(frame))
    rows = tuple(
        Row(
            _named(str(first), names) if isinstance(first, str) else _cell("above", first, {"above": 0}),
            str(first),
            "",
            tuple(_cell(column, value, digits or {}) for column, value in rest),
        )
        for first, rest in grouped
    )
    shown = [column for column in frame.columns if not (joined and _is_limit(column))]
    return Table(caption, tuple(column.replace("_", " ") for column in shown), rows)


def _named(name: str, names: Mapping[str, str] | None) -> str:
    return (names or {}).get(name, name)


def _is_limit(column: str) -> bool:
    return column in ("low", "high") or column.endswith(("_low", "_high"))


def _with_limits(frame: pd.DataFrame) -> Iterator[tuple[object, list[tuple[str, object]]]]:
    """Each row's first value, and the others with limits joined to what they limit."""
    first, *others = [column for column in frame.columns if not _is_limit(column)]
    for row in frame.to_dict("records"):
        cells: list[tuple[str, object]] = []
        for column in others:
            prefix = "" if column == "value" and "low" in row else f"{column}_"
            if f"{prefix}low" in row:
                cells.append((column, Interval(row[column], row[f"{prefix}low"], row[f"{prefix}high"])))
            else:
                cells.append((column, row[column]))
        yield row[first], cells


def _column_by_column(frame: pd.DataFrame) -> Iterator[tuple[object, list[tuple[str, object]]]]:
    """Each row's first value, and all others as they stand."""
    first, *others = frame.columns
    for row in frame.to_dict("records"):
        yield row[first], [(column, row[column]) for column in others]


def _cell(column: str, value: object, digits: Mapping[str, int]) -> str:
    if isinstance(value, Interval):
        return words.interval(value, 2) if math.isfinite(value.low) else f"{words.number(value.value, 2)} (no interval)"
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return "-"
    if column in P_COLUMNS:
        return p_value(value)
    return "all" if math.isinf(value) else words.number(value, digits.get(column, 2))
