"""On which tasks does ImageNet accuracy tell more? What tasks differ by, beside how it transfers to them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.over_tasks.side_by_side import Reply, leading_fits
from afield.analysis.words import count

_OF_TASKS = {"classes": "number of classes", "n_train": "training images", "n_test": "test images"}
_FEWEST = 3
"""tasks that a rank correlation takes"""


def between_tasks(fits: Sequence[TransferFit], results: pd.DataFrame) -> Reply:
    """What tasks differ by beside how ImageNet accuracy transfers to them: shown, since so few tasks prove nothing.

    Columns: task, metric, n (backbones), r, slope, low, high (metric points per ImageNet point), logit_slope, level
    (mean of the values), classes, n_train, n_test, domain; NaN or empty where the table does not tell. In the order of
    the slope.
    """
    rows = [row for fit in leading_fits(fits) for row in _task(fit, results)]
    names = [*("task", "metric", "n", "r", "slope", "low", "high", "logit_slope", "level"), *_OF_TASKS, "domain"]
    table = pd.DataFrame(rows, columns=names).sort_values("slope", ascending=False, ignore_index=True)
    told = [name for name in _OF_TASKS if table[name].nunique() > 2]
    if len(table) < _FEWEST or not told:
        return Reply(table, "Number of classes, size of the training set and the like: too few tasks tell of them.")
    ranks = [f"{_OF_TASKS[name]} {table['slope'].corr(table[name], method='spearman'):.2f}" for name in told]
    return Reply(
        table,
        f"Over {count(len(table), 'task')} the slope goes with (Spearman's rho): {', '.join(ranks)}. That describes "
        "these tasks; so few prove nothing of others.",
    )


def _task(fit: TransferFit, results: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """The row of a task; none without a fit."""
    slope, r = fit.normalised_slope, fit.pearson_r
    if slope is None or r is None:
        return
    rows = results[(results["task"] == fit.task) & (results["metric"] == fit.metric)]
    logits = fit.logit_slope.value if fit.logit_slope else math.nan
    numbers = [float(rows[name].max()) if name in rows else math.nan for name in _OF_TASKS]
    domain = str(rows["domain"].iloc[0]) if "domain" in rows else ""
    level = float(fit.points["value"].mean())
    yield fit.task, fit.metric, fit.n, r.value, slope.value, slope.low, slope.high, logits, level, *numbers, domain
