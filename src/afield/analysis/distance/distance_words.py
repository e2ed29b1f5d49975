"""Distances between data sets as text, and what they say of how ImageNet accuracy transfers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from afield.analysis.distance.distance_and_transfer import AgainstTransfer
from afield.analysis.distance.distances import BLOCK
from afield.analysis.words import signed
from afield.base.text import columns
from afield.scoring.metrics import metric_title


def describe_distances(found: pd.DataFrame, against: AgainstTransfer | None = None) -> str:
    """The distances as text, a row a data set, with how each went with ImageNet accuracy and what both say together."""
    head = ("data set", "Frechet", "without bias", "by halves", "spreads", "KID", "95 %")
    rows = [
        (
            str(row["source"]),
            _short(row["frechet"]),
            _short(row["frechet_unbiased"]),
            "-"
            if np.isnan(row["frechet_unbiased"])
            else f"{_short(row['frechet_unbiased_low'])} to {_short(row['frechet_unbiased_high'])}",
            _spreads(row["spreads"]),
            *_kid_words(row),
        )
        for row in found.to_dict("records")
    ]
    first = found.iloc[0]
    told = f"Distance from {first['reference']}, {first['n']:,} images of each side, features of {first['backbone']}"
    text = f"{told}\n\n{columns(rows, head)}"
    if found["frechet_unbiased"].isna().any():
        text += (
            "\n\nToo few images for their features: below twice as many images as features the bias of the Frechet "
            "distance is no constant over n and cannot be taken out; compare by KID, or take more images."
        )
    if against is None:
        return text
    beside = [
        (
            str(row["task"]),
            metric_title(str(row["metric"])),
            _spreads(float(str(row["spreads"]))),
            f"{signed(float(str(row['slope'])), 2)} ({signed(float(str(row['slope_low'])), 2)} to "
            f"{signed(float(str(row['slope_high'])), 2)})",
            str(row["verdict"]),
        )
        for row in against.table.to_dict("records")
    ]
    more = columns(beside, ("task", "metric", "spreads", "points per ImageNet point", "verdict"))
    return f"{text}\n\n{more}\n\n{against.words}"


def _kid_words(row: Mapping[Hashable, Any]) -> tuple[str, str]:
    if np.isnan(row["kid"]):
        return "not defined", f"below {2 * BLOCK} images"
    value, low, high = (_short(row[name]) for name in ("kid", "kid_low", "kid_high"))
    return value, f"{low} to {high}"


def _spreads(number: float) -> str:
    return "-" if np.isnan(number) else f"{number:.2f}"


def _short(number: float) -> str:
    """Three digits or more of a number of any size.

    >>> _short(0.001234), _short(12.345), _short(42279.77)
    ('0.00123', '12.3', '42,280')
    """
    if np.isnan(number):
        return "-"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"
