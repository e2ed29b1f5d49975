"""Does the average over the other real-world tasks explain what ImageNet accuracy leaves open?

The study says so (Fang et al., arXiv 2301.04644, its summary); its own regression is not known here. For each task, two
regressions over backbones, one within the other: value ~ ImageNet, and value ~ ImageNet + the mean over the *other*
tasks, each standardised, the task itself never among them. Partial F asks whether the mean adds anything; the error of
backbones left out, whether it helps to predict one more.

A mean over tasks that bends against ImageNet accuracy as the task itself does would seem to explain something where
only the line was wrong. So the same is asked on logits, and beyond a spline of ImageNet accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit

from afield.analysis.fitting.axes import placed
from afield.analysis.fitting.curves import spline_column
from afield.analysis.fitting.fits import critical_correlation
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.regression import (
    clearly_less,
    groups_left_out,
    inflation,
    left_out,
    nested,
    p_by_family,
    root_mean_square,
    well_told,
)
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.over_tasks.side_by_side import Reply, SideBySide, side_by_side
from afield.analysis.student import holm
from afield.analysis.words import capital, count, listing, part_of, signed
from afield.scoring.intervals import LEVEL
from afield.scoring.metric import Floats

FEWEST = 6
"""backbones: with fewer, three coefficients leave under three degrees of freedom"""
FEW = 12
"""degrees of freedom below which it is said what could have shown at all"""
INFLATED = 5
"""variance inflation from which two explanations are called hard to tell apart"""
_COLUMNS = [
    *("task", "metric", "base", "n", "freedom", "others", "r2_imagenet", "r2_others", "r2_both", "gain", "f", "p"),
    *("p_holm", "family_p", "family_p_holm", "error_imagenet", "error_others", "error_both", "better"),
    *("family_error_imagenet", "family_error_both", "inflation"),
]


@dataclass(frozen=True)
class _Base:
    """ImageNet accuracy as columns beside the constant, and a task's values on the same axis."""

    name: str
    columns: Floats
    y: Floats
    back: bool
    """whether y is on logits, and errors must be brought back to points"""

    def points(self, without: Floats) -> Floats:
        """Errors of predictions in metric points."""
        if not self.back:
            return 100 * without
        result: Floats = 100 * (expit(self.y) - expit(self.y - without))
        return result


def beyond_imagenet(fits: Sequence[TransferFit], results: pd.DataFrame | None = None) -> Reply:
    """Nested regressions of each task's leading metric, three rows a task: beyond a line of ImageNet accuracy (`base`:
    line), a line between logits (logit; only where all values of all tasks have one), and a natural cubic spline
    (spline).

    Columns: task, metric, base, n (backbones that have every task), freedom (n less all coefficients), others (tasks in
    the mean), r2_imagenet, r2_others (the mean alone), r2_both, gain (r2_both - r2_imagenet), f and p (partial F of the
    mean; Fisher 1922, any textbook), p_holm (over the tasks of a base), family_p and family_p_holm (the same where
    members of a family err alike, `regression.p_by_family`; NaN where no families are told), error_imagenet,
    error_others and error_both (root mean square of left-out backbones, metric points), better (by more than two
    standard errors of the mean gain in squared error), family_error_imagenet and family_error_both (the same with whole
    families left out; NaN where no family has two members), inflation (of either coefficient's variance by the other, 1
    / (1 - R2)).

    F takes backbones for independent; where those of one family err alike its p is too small, and family_p is the one
    to read. No rows below two tasks or six backbones that have all of them; `words` says so. A constant task is in no
    mean and has no rows. `results`: the table behind the fits, whose column `domain`, where it has one, keeps web-
    scraped tasks out of the mean.
    """
    table = side_by_side(fits, results)
    trouble = _trouble(table)
    if trouble:
        return Reply(pd.DataFrame(columns=_COLUMNS), trouble)
    rows = [row for fit in table.fits for row in _of_task(table, fit)]
    found = pd.DataFrame(rows, columns=[name for name in _COLUMNS if not name.endswith("p_holm")])
    for name in ("p", "family_p"):
        found[f"{name}_holm"] = found.groupby("base")[name].transform(lambda p: holm(p.tolist()))
    found = found[_COLUMNS]
    return Reply(found, " ".join(_words(table, found)))


def _trouble(table: SideBySide) -> str:
    tasks, n = table.values.shape[1], len(table.values)
    head = "Whether other tasks explain what ImageNet accuracy does not"
    if tasks < 2:
        return f"{head}: that takes two tasks or more."
    if n < FEWEST:
        return (
            f"{head}: that takes {count(FEWEST, 'backbone')} that have every task, and here {n} have; choose tasks "
            "that more of them share."
        )
    if not well_told(np.column_stack([np.ones(n), table.imagenet])):
        return f"{head}: all backbones have the same ImageNet accuracy."
    return ""


def _of_task(table: SideBySide, fit: TransferFit) -> Iterator[dict[str, object]]:
    linear = table.others(fit.task)
    if linear is None:
        return
    others = len(table.others_of(fit.task))
    on_logits = _logits(table)
    for base in _bases(table, fit, on_logits):
        mean = on_logits.others(fit.task) if base.name == "logit" and on_logits is not None else linear
        row = None if mean is None else _row(table, base, mean)
        if row is not None:
            yield {"task": fit.task, "metric": fit.metric, "base": base.name, "others": others, **row}


def _bases(table: SideBySide, fit: TransferFit, on_logits: SideBySide | None) -> Iterator[_Base]:
    ones, x = np.ones(len(table.values)), table.imagenet
    y = table.values[fit.task].to_numpy(np.float64)
    yield _Base("line", np.column_stack([ones, x]), y, back=False)
    if on_logits is not None:
        yield _Base(
            "logit",
            np.column_stack([ones, on_logits.imagenet]),
            on_logits.values[fit.task].to_numpy(np.float64),
            back=True,
        )
    yield _Base("spline", np.column_stack([ones, x, spline_column(x)]), y, back=False)


def _logits(table: SideBySide) -> SideBySide | None:
    """All of it between logits; None where a task has none."""
    imagenet, columns, n = table.imagenet, {}, len(table.imagenet)
    for fit in table.fits:
        values = table.values[fit.task].to_numpy(np.float64)
        seen = Observations(table.imagenet, values, np.zeros((n, n)))
        points = placed("logit", seen, fit.n_test, fit.metric)
        if points is None:
            return None
        imagenet, columns[fit.task] = points.x, points.y
    return replace(table, imagenet=imagenet, values=pd.DataFrame(columns, index=table.values.index))


def _row(table: SideBySide, base: _Base, mean: Floats) -> dict[str, object] | None:
    found = nested(base.columns, mean[:, None], base.y)
    if found is None:
        return None
    ones = np.ones(len(mean))
    designs = (base.columns, np.column_stack([ones, mean]), np.column_stack([base.columns, mean]))
    alone, by_others, both = (base.points(left_out(design, base.y)[1]) for design in designs)
    gains = alone**2 - both**2
    by_family = [math.nan, math.nan]
    groups = np.where(table.families == "", np.array([*table.values.index], dtype=object), table.families)
    if len(np.unique(groups)) < len(groups):
        without = (groups_left_out(design, base.y, groups) for design in (designs[0], designs[2]))
        by_family = [root_mean_square(base.points(errors)) for errors in without]
    return {
        "n": len(mean),
        "family_p": p_by_family(base.columns, mean, base.y, groups.tolist()),
        "freedom": found.freedom,
        "r2_imagenet": found.r2,
        "r2_others": float(np.corrcoef(mean, base.y)[0, 1]) ** 2,
        "r2_both": found.r2_larger,
        "gain": found.gain,
        "f": found.f,
        "p": found.p,
        "error_imagenet": root_mean_square(alone),
        "error_others": root_mean_square(by_others),
        "error_both": root_mean_square(both),
        "better": clearly_less(gains),
        "family_error_imagenet": by_family[0],
        "family_error_both": by_family[1],
        "inflation": inflation(mean, base.columns),
    }


def _words(table: SideBySide, found: pd.DataFrame) -> Iterator[str]:
    line, against = (found[found["base"] == base] for base in ("line", "spline"))
    if line.empty:
        yield "The mean over the other tasks: no task varies enough for a regression."
        return
    n, tasks, others = int(line["n"].iloc[0]), len(line), int(line["others"].max())
    mean = "the other task" if others == 1 else f"the mean over the other {count(others, 'task')}"
    yield (
        f"Beyond ImageNet accuracy {mean} explains variance on {part_of(_clear(line), tasks, 'task')} (partial F, Holm "
        f"over tasks; {count(n, 'backbone')}): R2 gains {_range(line['gain'])}. The error of a backbone left out falls "
        f"on {part_of(_falls(line), tasks)}, clearly on {part_of(int(line['better'].sum()), tasks)} (medians over "
        f"tasks: {line['error_imagenet'].median():.1f} and {line['error_both'].median():.1f} points)."
    )
    if len(against):
        yield (
            "Beyond a spline of ImageNet accuracy, lest it be no more than a bend of the line: on "
            f"{part_of(_clear(against), len(against))}."
        )
    by_family = line.dropna(subset=["family_error_both"])
    if len(by_family):
        told, allowing = by_family.dropna(subset=["family_p"]), ""
        if len(told):
            clear = part_of(_clear(told, "family_"), len(told))
            allowing = f"allowing that families err alike, it is clear on {clear} (CR2, Holm); "
        yield (
            f"F takes backbones for independent, which those of one family are not: {allowing}with whole families left "
            f"out the error falls on {part_of(_falls(by_family, 'family_'), len(by_family))}."
        )
    yield from _cautions(table, line)


def _cautions(table: SideBySide, line: pd.DataFrame) -> Iterator[str]:
    freedom = int(line["freedom"].min())
    if freedom < FEW:
        least = critical_correlation(freedom + 2)
        yield (
            f"{capital(count(freedom, 'degree'))} of freedom: only a partial correlation above {least:.2f} would show "
            "on a task looked at alone."
        )
    hard = line.loc[line["inflation"] >= INFLATED, "task"].tolist()
    if hard:
        yield (
            f"On {listing(hard)} ImageNet accuracy and the mean go together so closely (variance inflated "
            f"{INFLATED} times or more) that which of them explains cannot be told well."
        )
    scraped = [fit.task for fit in table.fits if fit.task not in table.counted]
    if scraped:
        yield f"In no mean, being web-scraped: {listing(scraped)}."
    left = [fit.task for fit in table.fits if fit.task not in set(line["task"])]
    if left:
        yield f"Without {listing(left)}, where all backbones are equal or nothing is left to explain."
    if table.lacking:
        yield table.lacking


def _clear(rows: pd.DataFrame, by: str = "") -> int:
    return int((rows[f"{by}p_holm"] < 1 - LEVEL).sum())


def _falls(rows: pd.DataFrame, left_out: str = "") -> int:
    return int((rows[f"{left_out}error_both"] < rows[f"{left_out}error_imagenet"]).sum())


def _range(values: pd.Series) -> str:
    low, middle, high = (signed(float(each), 2) for each in (values.min(), values.median(), values.max()))
    return middle if low == high else f"{low} to {high} (median {middle})"
