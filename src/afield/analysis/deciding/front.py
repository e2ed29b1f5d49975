"""Quality against cost: which backbones no other beats in both. Of costs that were measured or counted, alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.over_tasks.side_by_side import Reply, leading_fits
from afield.analysis.tables.facts import ENOUGH, facts_of, over_seeds
from afield.analysis.words import listing
from afield.scoring.intervals import LEVEL
from afield.scoring.metric import Floats

COSTS = {
    "train_seconds": "training time",
    "predict_ms": "time of a prediction",
    "predict_mb": "memory of a prediction",
    "params_m": "parameters",
    "gmacs": "multiply-adds",
}
"""columns, each in words: seconds of one training of the chosen recipe; milliseconds, and megabytes on the device, of
one image alone (all three measured, mean over seeds); millions; billions an image"""
MEASURED = ("train_seconds", "predict_ms", "predict_mb")
_COLUMNS = ["task", "metric", "cost", "backbone", "amount", "value", "on_front", "beaten_by", "clear"]


def fronts(fits: Sequence[TransferFit], results: pd.DataFrame) -> Reply:
    """Each task's leading metric against each of `COSTS` that is known of more than half of the backbones, a row each,
    the cheapest first.

    Columns: task, metric, cost, backbone, amount (of the cost), value (the metric on test), on_front (no other is as
    cheap and as good, and better in one of both), beaten_by (the best of those that are as cheap; empty on the front),
    clear (whether one that is as cheap is better by more than the errors of test samples and seeds leave open, at
    95 % over all pairs; never where the table tells no errors). Backbones whose cost is not known have no row.

    What was measured counts where one machine did everything that it is held against.
    """
    rows = [row for fit in leading_fits(fits) for row in _of_fit(fit, results)]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    return Reply(table, " ".join(_words(table, results)))


def _of_fit(fit: TransferFit, results: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    names = fit.points["backbone"].tolist()
    facts = facts_of(results, names)
    amounts = {name: facts[name] for name in ("params_m", "gmacs")}
    amounts |= {name: _measured(name, fit, results, names) for name in MEASURED}
    for cost in COSTS:
        amount = amounts[cost].to_numpy(np.float64)
        known = np.flatnonzero(np.isfinite(amount) & (amount > 0))
        known = known[np.argsort(amount[known], kind="stable")]
        if len(known) > max(1, ENOUGH * len(names)):
            seen = fit.observed.of(known)
            parts = _against_all(amount[known], seen.y, seen.errors)
            for place, index in enumerate(known):
                on_front, beaten_by, clear = parts[place]
                by = "" if beaten_by is None else names[known[beaten_by]]
                yield fit.task, fit.metric, cost, names[index], amount[index], seen.y[place], on_front, by, clear


def _against_all(amount: Floats, values: Floats, errors: Floats) -> list[tuple[bool, int | None, bool]]:
    """Of each: whether it is on the front, who beats it most, whether clearly."""
    n = len(values)
    reach = float(norm.isf((1 - LEVEL) / (n * (n - 1))))  # Bonferroni, two-sided, over all pairs
    variances = np.diag(errors)
    found: list[tuple[bool, int | None, bool]] = []
    for place in range(n):
        beats = (amount <= amount[place]) & (values >= values[place])
        beats &= (amount < amount[place]) | (values > values[place])
        if not beats.any():
            found.append((True, None, False))
            continue
        error = np.sqrt(np.maximum(variances + variances[place] - 2 * errors[place], 0))
        clear = beats & (error > 0) & (values - values[place] > reach * error)
        found.append((False, int(np.where(beats, values, -np.inf).argmax()), bool(clear.any())))
    return found


def _measured(name: str, fit: TransferFit, results: pd.DataFrame, names: list[str]) -> pd.Series:
    """Mean over seeds; NaN where one has none, and of all where several machines were at work."""
    rows = results[(results["task"] == fit.task) & (results["metric"] == fit.metric)]
    if name not in rows or _machines(rows) > 1:
        return pd.Series(np.nan, index=names)
    return pd.Series(over_seeds(rows, name, names), index=names)


def _machines(rows: pd.DataFrame) -> int:
    return int(rows["machine"].nunique()) if "machine" in rows else 0


def _on_all(rows: pd.DataFrame, column: str) -> list[str]:
    """The backbones of which a column is true on every task, the cheapest first."""
    always = rows.groupby("backbone")[column].all() & (rows.groupby("backbone").size() == rows["task"].nunique())
    amounts = rows.groupby("backbone")["amount"].mean()
    return [str(name) for name in amounts[always].sort_values(kind="stable").index]


def _words(table: pd.DataFrame, results: pd.DataFrame) -> Iterator[str]:
    if table.empty and results["backbone"].nunique() < 2:
        yield "Quality against cost: that takes two backbones, and here is one."
    elif table.empty:
        yield f"Quality against cost: no cost is known of more than half of them ({', '.join(COSTS)})."
    for cost, rows in table.groupby("cost", sort=False):
        tasks = rows["task"].nunique()
        unbeaten, beaten = (_on_all(rows, column) for column in ("on_front", "clear"))
        on_any, on_every = (" on any task", " on every task") if tasks > 1 else ("", "")
        front = f"nothing as cheap does better than {listing(unbeaten)}{on_any}"
        front = front if unbeaten else "none is on every front"
        clearly = f"; clearly beaten by one as cheap{on_every}: {listing(beaten)}" if beaten else ""
        yield f"By {COSTS[str(cost)]}, {front}{clearly}."
    if _machines(results) > 1:
        yield "Costs measured on several machines are not held against each other."
