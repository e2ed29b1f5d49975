"""What is known of backbones beside their accuracy: the table's own columns, else the catalogue's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from afield.analysis.tables.imagenet import cards
from afield.base.errors import InputError
from afield.scoring.metric import Floats

NUMBERS = {"params_m": "params_m", "gmacs": "gmacs", "year": "year", "input_size": "input_size"}
"""facts that are numbers, each with its name in the catalogue"""
WORDS = {
    "family": "family",
    "pretraining": "pretraining_data",
    "objective": "objective",
    "augmentation": "augmentation",
}
"""the same of those that are words"""
ENOUGH = 0.5
"""share of backbones of whom a fact must be known: to ask it of a few others is another question"""
_MOST = 1e5
"""millions of parameters that no backbone has: such numbers are parameters themselves"""


def facts_of(results: pd.DataFrame, backbones: Sequence[str]) -> pd.DataFrame:
    """A row a backbone, in that order: `NUMBERS` (params_m in millions, gmacs in billions, year, input_size in pixels;
    NaN where unknown) and `WORDS` (empty where unknown).

    Raises InputError for a backbone of which the table says two things.
    """
    known = cards(pd.Series(list(backbones), dtype=object))
    rows = results[results["backbone"].isin(backbones)]
    table = pd.DataFrame(index=pd.Index(backbones, name="backbone"))
    for name, of_catalogue in (NUMBERS | WORDS).items():
        own = _own(rows, name)
        told = {key: getattr(card, of_catalogue) for key, card in known.items()}
        values = [own.get(key, told.get(key)) for key in backbones]
        if name in NUMBERS:
            table[name] = pd.Series(values, index=table.index, dtype=object).astype(np.float64)
        else:
            table[name] = pd.Series([value or "" for value in values], index=table.index, dtype=object)
    return table


def _own(rows: pd.DataFrame, name: str) -> dict[str, object]:
    """What the table itself says, by backbone; no entry where it is blank."""
    if name not in rows:
        return {}
    told = rows[["backbone", name]]
    told = told[told[name].notna() & (told[name] != "")].drop_duplicates()
    twice = told[told["backbone"].duplicated()]
    if len(twice):
        backbone = twice["backbone"].iloc[0]
        both = told.loc[told["backbone"] == backbone, name].tolist()
        raise InputError(f"{backbone} has several values of {name} ({both[0]} and {both[1]}); give it one")
    return dict(zip(told["backbone"], told[name], strict=True))


def over_seeds(rows: pd.DataFrame, column: str, backbones: Sequence[str]) -> Floats:
    """The mean over seeds of a column of one task's and metric's rows, [n] by backbone; NaN where one seed has none."""
    means = rows.groupby("backbone")[column].agg(lambda each: each.mean(skipna=False))
    return np.asarray(means.reindex(list(backbones)), np.float64)


def in_millions(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The rows with `params_m` in millions: parameters themselves are divided, and `notes` says so. Raises InputError
    where both stand in the column.
    """
    known = rows["params_m"].dropna() if "params_m" in rows else pd.Series(dtype=np.float64)
    if not (known > _MOST).any():
        return rows
    if not (known > _MOST).all():
        raise InputError(
            f"params_m: holds parameters ({known.max():,.0f}) as well as millions of them ({known.min():g}); write all "
            "in millions"
        )
    notes.append("params_m: taken as parameters, not millions of them, and divided by a million.")
    return rows.assign(params_m=rows["params_m"] / 1e6)
