"""What belongs together, as users list it in a file beside a data set's own table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.tasks.formats.label_table import columns_of, read_table

_MEND = "List each image once, or take the file away"


def listed_groups(task: str, path: Path, ids: pd.Series, identity: str) -> pd.Series:
    """The group of each id by a CSV file with a column `group` and one of ids: `identity`, the data set's own name for
    it, or `id`, as `afield check --groups` writes it. Ids that are not listed, and all where there is no such file, are
    groups of their own.

    Raises InputError for a file that is no such table, and for an id that it lists twice.
    """
    if not path.is_file():
        return ids
    read_table(task, path, ("group",), _MEND)
    named = columns_of(path)
    column = "id" if "id" in named and identity not in named else identity
    table = read_table(task, path, (column, "group"), _MEND)
    twice = table[column][table[column].duplicated()]
    if len(twice):
        raise InputError(f"{task}: {path}: lists {twice.iloc[0]} more than once. {_MEND}")
    return ids.map(table.set_index(column)["group"]).fillna(ids)
