"""Whether higher or lower is better, of metrics that somebody else named."""

from __future__ import annotations

import re

import pandas as pd

from afield.analysis.words import listing
from afield.base.errors import InputError
from afield.scoring.metrics import METRICS

_LOWER = {
    *("brier", "perplexity", "rmse", "mae", "mse", "nll", "ece", "fpr", "fpr95", "eer", "fid"),
    *("entropy", "cost", "distance"),
}
"""words of a metric's name that say that lower is better, where nothing else says it"""
_LOWER_ENDS = ("err", "error", "errors", "loss", "losses")
"""ends of such words: `top1err`, `logloss`"""


def directed(rows: pd.DataFrame, where: str, notes: list[str]) -> pd.DataFrame:
    """The rows of metrics that are better when higher, column `direction` filled in; others are passed over by name.

    A metric of which neither the table nor `METRICS` says it is judged by its name, and `notes` says so. Raises
    InputError for a direction that is unknown or contradicts `METRICS`, and where nothing is better when higher.
    """
    for said in set(rows["direction"]) - {"", "higher", "lower"}:
        raise InputError(f'{where}: direction {said} is unknown; it is "higher" or "lower"')
    unsaid = rows["direction"] == ""
    rows = rows.assign(direction=[d or _direction(m) for d, m in zip(rows["direction"], rows["metric"], strict=True)])
    for (metric, said), group in rows.groupby(["metric", "direction"]):
        if metric in METRICS and METRICS[str(metric)].direction != said:
            raise InputError(f"{where}: {metric} ({group['task'].iloc[0]}): the table says that {said} is better")
    lower = rows["direction"] == "lower"
    if lower.any():
        names = listing(list(dict.fromkeys(rows.loc[lower, "metric"])))
        words = f"{names}: lower is better there, which no verdict reads"
        if lower.all():
            raise InputError(
                f"{where}: {words}. Of an error rate give 1 - value under another name; where higher is better after "
                "all, say so in a column direction"
            )
        notes.append(f"{words}; passed over.")
    if guessed := [name for name in dict.fromkeys(rows.loc[unsaid & ~lower, "metric"]) if name not in METRICS]:
        notes.append(f"taken as better when higher: {listing(guessed)}; a column direction would say otherwise.")
    return rows[~lower]


def _direction(metric: str) -> str:
    """By its own definition, or by the words of its name.

    >>> [_direction(name) for name in ("FID", "top1err", "error(%)", "test/errors", "mean_error_free", "overlap")]
    ['lower', 'lower', 'lower', 'lower', 'higher', 'higher']
    """
    if metric in METRICS:
        return METRICS[metric].direction
    words = re.split(r"[^a-z0-9]+", metric.lower())
    if "free" in words:
        return "higher"
    return "lower" if any(word in _LOWER or word.endswith(_LOWER_ENDS) for word in words) else "higher"
