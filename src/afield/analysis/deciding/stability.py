"""Does the answer hang on the metric? The same backbones by another metric of the task: verdict, order, the best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from afield.analysis.deciding.choosing import below_the_best
from afield.analysis.fitting.association import kendall, overlapping_p
from afield.analysis.fitting.fits import correlation
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.over_tasks.side_by_side import Reply, leading_fits
from afield.analysis.words import count, listing, part_of
from afield.scoring.intervals import LEVEL
from afield.scoring.metrics import metric_title

_FEWEST = 4
_COLUMNS = [
    *("task", "metric", "other", "n", "verdict", "verdict_other", "same_verdict", "r", "r_other", "r_p"),
    *("tau", "tau_low", "tau_high", "best", "best_other", "same_best", "loss", "loss_low", "loss_high"),
]


def metric_dependence(fits: Sequence[TransferFit], results: pd.DataFrame | None = None) -> Reply:
    """Each further metric of a task beside its leading one, the first that the fits hold of it; a row each.

    Columns: task, metric (the leading one), other, n (backbones that have both), verdict, verdict_other, same_verdict,
    r and r_other (Pearson's with ImageNet accuracy), r_p (of both being the same, `association.overlapping_p`), tau
    (Kendall's tau-b between the two orders of the backbones) with tau_low and tau_high, best and best_other (on test),
    same_best, loss (what the best by the leading metric is below the best by the other, points of the other) with
    loss_low and loss_high (`choosing.below_the_best`: 0 among them says that both may be one and the same; NaN where
    the table tells no errors).

    `same_verdict` compares words: two verdicts on either side of a border may rest on nearly the same numbers, which r
    and `r_p` tell. Metrics that are better when lower have no fit and no row. `results` is not read.
    """
    pairs = [
        (leading, other)
        for leading in leading_fits(fits)
        for other in fits
        if other.task == leading.task and other is not leading
    ]
    table = pd.DataFrame([row for pair in pairs for row in _pair(*pair)], columns=_COLUMNS)
    apart = [other for leading, other in pairs if leading.observed.paired and not other.observed.paired]
    return Reply(table, " ".join([*_words(table), *([_independent(apart)] if apart and len(table) else [])]))


def _independent(apart: Sequence[TransferFit]) -> str:
    named = listing([f"{metric_title(fit.metric)} on {fit.task}" for fit in apart])
    return (
        f"Too few test images define {named} to tell how they move all backbones together: errors are those of the "
        "results table there, so intervals are rather too wide and verdicts rather too careful."
    )


def _pair(leading: TransferFit, other: TransferFit) -> Iterator[tuple[object, ...]]:
    both = leading.points.merge(other.points[["backbone", "value"]], on="backbone", suffixes=("", "_other"))
    if len(both) < _FEWEST:
        return
    x, y, z = (both[name].to_numpy(np.float64) for name in ("imagenet_top1", "value", "value_other"))
    tau = kendall(y, z)
    best, best_other = int(y.argmax()), int(z.argmax())
    place = pd.Index(other.points["backbone"]).get_indexer(both["backbone"])
    loss = below_the_best(100 * z, 1e4 * other.observed.of(place).errors, best)
    yield (
        *(leading.task, leading.metric, other.metric, len(both)),
        *(leading.verdict, other.verdict, leading.verdict == other.verdict),
        *(float(correlation(x, y)), float(correlation(x, z)), overlapping_p(x, y, z), tau.value, tau.low, tau.high),
        *(both["backbone"].iloc[best], both["backbone"].iloc[best_other], bool(z[best] >= z[best_other])),
        *(loss.value, loss.low, loss.high),
    )


def _words(table: pd.DataFrame) -> Iterator[str]:
    if table.empty:
        yield "Whether the answer hangs on the metric: no task has two metrics of four backbones or more."
        return
    for task, rows in table.groupby("task", sort=False):
        yield f"{task}: {_verdicts(rows)} {_orders(rows)}"
    shifted = table[table["r_p"] < 1 - LEVEL]
    if len(shifted):
        told = [
            f"{metric_title(str(row.other))} on {row.task} ({row.r:.2f}, {row.r_other:.2f})"
            for row in shifted.itertuples()
        ]
        yield f"r with ImageNet accuracy is another by {listing(told)}, {count(len(table), 'pair')} looked at."
    if not table["same_verdict"].all():
        yield "A point of one metric is not a point of another: verdicts may part where r and order hardly do."


def _verdicts(rows: pd.DataFrame) -> str:
    title, n, same = metric_title(str(rows["metric"].iloc[0])), len(rows), int(rows["same_verdict"].sum())
    others = rows[~rows["same_verdict"].astype(bool)]
    so = f", and so by {part_of(same, n, 'further metric') if n > 1 else metric_title(str(rows['other'].iloc[0]))}"
    by_verdict = others.groupby("verdict_other", sort=False)["other"].agg(list)
    turned = listing([f"{verdict} by {listing([*map(metric_title, names)])}" for verdict, names in by_verdict.items()])
    return f"{rows['verdict'].iloc[0]} by {title}{so if same else ''}{f', but {turned}' if turned else ''}."


def _orders(rows: pd.DataFrame) -> str:
    title, n, best = metric_title(str(rows["metric"].iloc[0])), len(rows), int(rows["same_best"].sum())
    low = rows.sort_values("tau", kind="stable").iloc[0]
    least = f"{metric_title(str(low['other']))} (tau {low['tau']:.2f})"
    if n == 1:
        return f"The best by {title} is {'' if best else 'not '}the best by {least}."
    return f"The best by {title} is the best by {part_of(best, n)}; the orders agree least with {least}."
