"""Shares 0..1 or per cent: which of them a column of numbers holds. Where that cannot be told it is refused."""

from __future__ import annotations

from typing import Literal

import numpy as np

from afield.base.errors import InputError
from afield.scoring.metric import Floats

Scale = Literal["share", "percent"]
_GAP = 10
"""times as large as the largest number within 1 the next one must be for both scales to be suspected in one column"""
_TOO_LARGE = 2.0
"""a column that ends between 1 and this is neither shares nor per cent as anybody would write them"""


def factor(values: Floats, where: str, said: Scale | None = None, *, signed: bool = True) -> float:
    """By what a column must be divided to become shares: 1, or 100 where it is per cent.

    `said`: what the user says of it. `signed`: whether values below 0 are possible, as kappa's are. Raises InputError
    for values out of range, and for a column that seems to hold both scales.
    """
    size = np.abs(values)
    largest = float(size.max(initial=0.0))
    if values.min(initial=0.0) < 0 and not signed:
        raise InputError(f"{where}: {values.min():g} is below 0, which it cannot be")
    if said is not None:
        most = 1.0 if said == "share" else 100.0
        if largest > most:
            raise InputError(f"{where}: {largest:g} is more than {most:g}, so it is not as --scale {said} says")
        return most
    if largest <= 1:
        return 1.0
    if largest > 100 or values.min() < -1:
        odd = largest if largest > 100 else float(values.min())
        raise InputError(
            f"{where}: {odd:g} is neither a share of 0..1 nor per cent. Verdicts read metric points; leave this "
            "out, or bring it to 0..1"
        )
    if largest <= _TOO_LARGE:
        raise InputError(f"{where}: up to {largest:g}; say --scale share or --scale percent, or mend what is above 1")
    within, beyond = size[(size <= 1) & (size > 0)], size[size > 1]
    if len(within) and beyond.min() > _GAP * within.max():
        raise InputError(
            f"{where}: {within.max():g} and {beyond.min():g} stand in one column: 0..1 and 0..100 are mixed; bring all "
            "to one scale, or say --scale percent where all of them are per cent"
        )
    return 100.0


def check_limits(low: Floats, high: Floats, divisor: float, where: str) -> None:
    """Refuse intervals upside down, or on another scale than their values, which `divisor` brings to shares."""
    if (low > high).any():
        place = int(np.argmax(low > high))
        raise InputError(f"{where}: an interval from {low[place]:g} to {high[place]:g} stands upside down")
    known = high[np.isfinite(high)]
    largest = float(np.abs(known).max(initial=0.0))
    if len(known) and ((divisor == 1 and largest > _TOO_LARGE) or (divisor == 100 and largest <= 1)):
        raise InputError(f"{where}: low and high are not on the scale of value; bring them to one")
