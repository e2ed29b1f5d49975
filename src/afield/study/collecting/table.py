"""Tables as text, or as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from afield.base.errors import InputError
from afield.base.files import write_atomic, write_text
from afield.base.text import columns, count


def write_table(table: pd.DataFrame, form: str, to: Path | None) -> str:
    """The table as text, or nothing after writing it to a file. Raises InputError for parquet without a file."""
    if form == "parquet":
        if to is None:
            raise InputError("parquet cannot be printed; name a file with --to")
        write_atomic(to, lambda path: table.to_parquet(path, index=False))
        return ""
    text = table.to_csv(index=False).rstrip("\n") if form == "csv" else markdown(table)
    if to is None:
        return text
    write_text(to, text + "\n")
    return ""


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table for JSON, each by its columns; what is unknown or not defined is None."""
    whole = table.astype(object)
    return [
        {str(name): value for name, value in row.items()} for row in whole.where(table.notna(), None).to_dict("records")
    ]


def plain_predictions(table: pd.DataFrame, unreadable: Mapping[str, str]) -> list[dict[str, Any]]:
    """What `Network.predict_readable` gave, for JSON: `unreadable` is None of a picture that was read; those that could
    not be follow, with the reason there and None of all else but their path.
    """
    blank = dict.fromkeys(map(str, table.columns))
    broken = [{**blank, "path": path, "unreadable": reason} for path, reason in unreadable.items()]
    return [*({**row, "unreadable": None} for row in rows_of(table)), *broken]


def unreadable_words(unreadable: Mapping[str, str], read: int) -> str:
    """A line a picture that could not be read, and how many these are; `read` are those that were.

    >>> print(unreadable_words({"a.png": "is empty"}, 3))
    a.png: is empty
    1 of 4 images cannot be read and has no prediction
    """
    lines = [f"{path}: {reason}" for path, reason in unreadable.items()]
    images = count(len(lines) + read, "image", say="{:,}".format)
    have = "has" if len(lines) == 1 else "have"
    return "\n".join([*lines, f"{len(lines):,} of {images} cannot be read and {have} no prediction"])


def write_predictions(table: pd.DataFrame, to: Path | None) -> str:
    """What `Network.predict` gave: path (and box), class and probability as text, or all of it into a CSV file and
    nothing as text.
    """
    if to is not None:
        return write_table(table, "csv", to)
    heads = [name for name in ("path", "box", "predicted") if name in table]
    shown = zip(*(table[name] for name in heads), table["probability"], strict=True)
    rows = [(*names, f"{probability:.3f}") for *names, probability in shown]
    return columns(rows, (*heads, "probability"))


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown, floats to five digits; what is unknown or not defined is empty."""

    def cell(value: object) -> str:
        if value is None or value is pd.NA or value != value:
            return ""
        return f"{value:.5g}" if isinstance(value, float) else str(value).replace("|", "\\|")

    cells = [[cell(value) for value in row] for row in table.itertuples(index=False)]
    lines = ["| " + " | ".join(table.columns) + " |", "|" + " --- |" * len(table.columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in cells])
