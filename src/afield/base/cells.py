"""CSV files of users, read strictly: what a lenient reader would shift, fill or rename is refused by name."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError


def read_cells(path: Path, *, strip: bool = False) -> pd.DataFrame:
    """A CSV file with one header row; all cells as text, blank lines left out, with `strip` blanks around cells, too.

    Raises InputError for a file that is missing, empty, no text, or not separated by commas, for a quote that is never
    closed, for a column that stands twice, and for a row that is longer or shorter than the header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [row for row in csv.reader(stream, strict=True) if any(cell.strip() for cell in row)]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read as a table ({error}); save it as text in UTF-8") from error
    except (OSError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from error
    if not rows:
        raise InputError(f"{path}: is empty")
    header, *body = [[cell.strip() for cell in row] for row in rows] if strip else rows
    if len(header) == 1 and re.search(r"[;\t]", header[0]):
        raise InputError(f"{path}: one column alone, {header[0]!r}; columns must be separated by commas")
    twice = [name for name in dict.fromkeys(header) if header.count(name) > 1]
    if twice:
        raise InputError(
            f"{path}: column {twice[0] or '(without a name)'} stands {header.count(twice[0])} times; a table has one "
            "header row, and each name once"
        )
    for place, row in enumerate(body, start=1):
        if len(row) != len(header):
            raise InputError(f"{path}: row {place} has {len(row)} cells, the header {len(header)}")
    return pd.DataFrame(body, columns=header, dtype=str)
