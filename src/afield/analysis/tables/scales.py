"""Shares 0..1 or per cent: which of them a column of numbers holds. Where that cannot be told it is refused."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from afield.analysis.words import count, listing
from afield.base.errors import InputError
from afield.scoring.metric import Floats
from afield.scoring.metrics import METRICS

Scale = Literal["share", "percent"]
_GAP = 10
"""times as large as the largest number within 1 the next one must be for both scales to be suspected in one column"""
_TOO_LARGE = 2.0
"""a column that ends between 1 and this is neither shares nor per cent as anybody would write them"""


def factor(
    values: Floats, where: str, said: Scale | None = None, *, signed: bool = True, sayable: bool = True
) -> float:
    """By what a column must be divided to become shares: 1, or 100 where it is per cent.

    `said`: what the user says of it, where that is `sayable` (of metrics, not of ImageNet accuracy). `signed`: whether
    values below 0 are possible, as kappa's are. Raises InputError for values out of range, and for a column that seems
    to hold both scales.
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
        say = "say --scale share or --scale percent, or mend" if sayable else "which is neither 0..1 nor per cent; mend"
        raise InputError(f"{where}: up to {largest:g}; {say} what is above 1")
    within, beyond = size[(size <= 1) & (size > 0)], size[size > 1]
    if len(within) and beyond.min() > _GAP * within.max():
        raise InputError(
            f"{where}: {within.max():g} and {beyond.min():g} stand in one column: 0..1 and 0..100 are mixed; bring all "
            f"to one scale{', or say --scale percent where all of them are per cent' if sayable else ''}"
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


def as_shares(
    rows: pd.DataFrame, where: str, said: Scale | None, notes: list[str]
) -> tuple[pd.DataFrame, dict[tuple[str, str], float]]:
    """Values and limits of a results table as shares, and the scale of each (task, metric): its own numbers a share.

    A metric has one over all of its tasks, else InputError; `notes` gets a sentence for what to mind.
    """
    scales: dict[tuple[str, str], float] = {}
    blocks = []
    for (task, metric), group in rows.groupby(["task", "metric"], sort=False):
        place = f"{where}: {metric} on {task}"
        low, high = (group[name].to_numpy(np.float64) for name in ("low", "high"))
        ranged = METRICS[str(metric)].range if metric in METRICS else (-1, 1)
        divisor = factor(group["value"].to_numpy(np.float64), place, said, signed=ranged[0] < 0)
        check_limits(low, high, divisor, place)
        scales[str(task), str(metric)] = divisor
        blocks.append(group.assign(**{name: group[name] / divisor for name in ("value", "low", "high")}))
    by_scale: dict[str, dict[float, str]] = {}
    for (task, metric), each in scales.items():
        by_scale.setdefault(metric, {}).setdefault(each, task)
    for metric, tasks in by_scale.items():
        if len(tasks) > 1:
            raise InputError(
                f"{where}: {metric} looks like per cent on {tasks[100.0]} and like shares 0..1 on {tasks[1.0]}; bring "
                "all to one scale, or say --scale percent where all of them are per cent"
            )
    if len(set(scales.values())) > 1:
        per_cent, shares_of = ([m for m, tasks in by_scale.items() if scale in tasks] for scale in (100.0, 1.0))
        notes.append(f"Per cent: {listing(per_cent)}. Shares 0..1: {listing(shares_of)}.")
    shares = pd.concat(blocks) if blocks else rows
    outside = (shares["value"] < shares["low"]) | (shares["value"] > shares["high"])
    if outside.any():
        named = listing(list(dict.fromkeys(shares.loc[outside, "task"])))
        notes.append(
            f"{count(int(outside.sum()), 'value')} outside of their own interval ({named}): of these intervals only "
            "the width is used, and it may be that of something else."
        )
    return shares, scales
