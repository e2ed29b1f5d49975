"""Label tables as data sets are published with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError


def read_table(task: str, path: Path, columns: Sequence[str], get: str) -> pd.DataFrame:
    """Those columns of a CSV file, all as text (a blank is an empty text), rows in the order of the file.

    Raises InputError for a file that is no CSV text and for a column that it lacks; `get` says where a sound one is.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise InputError(f"{task}: {path}: cannot be read as a table ({str(error).strip()}). {get}") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas would take the first cells for names of the rows
        raise InputError(f"{task}: {path}: its rows have more cells than its header. {get}")
    lacking = [name for name in columns if name not in table]
    if lacking:
        raise InputError(
            f"{task}: {path}: lacks the column {lacking[0]}; it has {', '.join(map(str, table.columns))}. {get}"
        )
    return table[list(columns)].fillna("")  # NaN where a row ends early


def columns_of(path: Path) -> list[str]:
    """Names of the columns of a CSV file that `read_table` has read."""
    return [str(name) for name in pd.read_csv(path, nrows=0, encoding="utf-8-sig").columns]


def positions_in(codes: Sequence[str], task: str, path: Path, column: pd.Series) -> pd.Series:
    """Of each value its position in `codes`; InputError that names the first other value and its row in the file."""
    other = column[~column.isin(codes)]
    if len(other):
        more = f" (and {len(other) - 1} more)" if len(other) > 1 else ""
        raise InputError(
            f"{task}: {path}: column {column.name}, row {other.index[0] + 1}: is {other.iloc[0]!r}{more}; must be one "
            f"of {', '.join(codes)}"
        )
    return column.map({code: position for position, code in enumerate(codes)}).astype("int64")
