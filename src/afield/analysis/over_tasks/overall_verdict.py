"""Does better on ImageNet mean better over all tasks? One slope, one verdict, and whether one answer holds for all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.fitting.uncertainty import told
from afield.analysis.fitting.verdict import Verdict, judge
from afield.analysis.over_tasks.crossed import (
    Cells,
    cells_of,
    crossed_slope,
    slopes_differ,
    spread_beyond_noise,
    task_reach,
)
from afield.analysis.over_tasks.side_by_side import leading_fits
from afield.analysis.words import capital, count, listing, p_words, signed, spelled
from afield.scoring.intervals import LEVEL, Interval
from afield.scoring.metrics import metric_title
from afield.study.record import StudyRecord
from afield.study.verdict_rule import FEWEST_TASKS

LEADING_METRICS = "leading metrics"
"""stands for the metric where each task has its own"""


LEADS: dict[Verdict, str] = {
    "transfers": "Over these tasks, better on ImageNet meant better",
    "weakly": "Over these tasks, better on ImageNet meant a little better, perhaps too little to matter",
    "does not": "Over these tasks, better on ImageNet did not mean better",
    "cannot tell": "Whether better on ImageNet means better over tasks like these cannot be said",
}
"""each verdict as a sentence, without its full stop"""


@dataclass(frozen=True)
class OverallVerdict:
    """One slope over several tasks. Without a line the intervals are None."""

    metric: str
    """that of all tasks, or `LEADING_METRICS`"""
    tasks: tuple[str, ...]
    n: int
    """backbones that have all of these tasks; no others count"""
    slopes: pd.DataFrame
    """a row a task: task, slope (metric points per ImageNet point, of these backbones), lowest first"""
    slope: Interval | None
    """mean of the slopes; where it would lie with other backbones and other tasks like these"""
    here: Interval | None
    """the same, on these very tasks"""
    another: Interval | None
    """what these backbones would show on one more task like these; limits not known below two tasks"""
    spread: float | None
    """standard deviation of the slopes between tasks, less what scatter does to them"""
    differ_p: float | None
    """of equal slopes on all tasks; None where there are too few backbones to ask, and where families are told"""
    by_families: bool
    """families made the interval wider"""
    families_told: bool
    """families of several backbones are told"""
    left_out: tuple[str, ...]
    """backbones that lack a task"""
    smallest_slope: float
    verdict: Verdict
    reason: str
    """why, in words with numbers"""

    @property
    def words(self) -> str:
        """The verdict and its reason in sentences."""
        return f"{LEADS[self.verdict]}. {self.reason}"


def overall_verdict(fits: Sequence[TransferFit], level: float = LEVEL) -> OverallVerdict | None:
    """One verdict over the tasks of those fits, one fit a task; None below two tasks.

    The mean of the tasks' slopes, each task alike, of the backbones that all tasks have, with the interval of
    `crossed.py`: backbones and tasks are both a sample. The rule is that of a task (`verdict.judge`), with r that of
    the backbones' means; below three tasks it is `cannot tell`. `another` is Student's t with T - 1 degrees of freedom,
    `differ_p` Hotelling's, `spread` the square root of the tasks' variance component by analysis of variance, which in
    balanced data is that of restricted maximum likelihood.
    """
    if len(fits) < 2:
        return None
    metrics = {fit.metric for fit in fits}
    cells = cells_of(fits)
    without = OverallVerdict(
        metric=metrics.pop() if len(metrics) == 1 else LEADING_METRICS,
        tasks=tuple(fit.task for fit in fits),
        n=0 if cells is None else len(cells.backbones),
        slopes=pd.DataFrame({"task": pd.Series(dtype=str), "slope": pd.Series(dtype=np.float64)}),
        slope=None,
        here=None,
        another=None,
        spread=None,
        differ_p=None,
        by_families=False,
        families_told=cells is not None and told(cells.groups) > 0,
        left_out=() if cells is None else cells.left_out,
        smallest_slope=fits[0].smallest_slope,
        verdict="cannot tell",
        reason=f"{capital(count(len(fits), 'task'))}: no backbone has them all.",
    )
    if cells is None:
        return without
    everyone = range(len(fits))
    found, narrow = (crossed_slope(cells, each, everyone) for each in (level, 2 * level - 1))
    if isinstance(found, str) or isinstance(narrow, str):
        return replace(without, reason=f"{found}{_lacking(cells)}")
    differ = slopes_differ(cells)
    reach = task_reach(cells.slopes, level) * math.sqrt(1 + 1 / len(fits))
    mean = found.here.value
    verdict, words = judge(
        len(cells.backbones), found.r, found.anywhere, narrow.anywhere, fits[0].smallest_slope, cells.groups
    )
    if len(fits) < FEWEST_TASKS:
        verdict, words = "cannot tell", f"no verdict is given below {spelled(FEWEST_TASKS)} tasks"
    overall = replace(
        without,
        slopes=pd.DataFrame({"task": cells.tasks, "slope": cells.slopes}).sort_values("slope", ignore_index=True),
        slope=found.anywhere,
        here=found.here,
        another=Interval(mean, mean - reach, mean + reach),
        spread=spread_beyond_noise(cells),
        differ_p=None if math.isnan(differ) else differ,
        by_families=found.by_families,
        verdict=verdict,
    )
    near = [fit.task for fit in fits if fit.ceiling is not None]
    ceiling = f" Near the ceiling, where slopes in points must be small: {listing(near)}." if near else ""
    return replace(overall, reason=" ".join(_sentences(overall, words, level)) + ceiling + _lacking(cells))


def overall_of_study(record: StudyRecord, fits: Sequence[TransferFit]) -> OverallVerdict | None:
    """The same of a study, from the fits of its tasks' leading metrics; others among `fits` do not count.

    Folds and parts of one data set are no further tasks: the first of them in the study's order stands for all.
    """
    leading = {task.name: task.metric for task in record.tasks}
    by_data: dict[str, TransferFit] = {}
    again = []
    for fit in fits:
        if leading.get(fit.task) != fit.metric:
            continue
        if by_data.setdefault(record.study.data_of(fit.task), fit) is not fit:
            again.append(fit.task)
    found = overall_verdict(tuple(by_data.values()))
    if found is None or not again:
        return found
    return replace(found, reason=f"{found.reason} Of data that count already: {listing(again)}.")


def fits_over(found: OverallVerdict, fits: Sequence[TransferFit]) -> list[TransferFit]:
    """Those of the fits that a verdict is over, one a task; where each task has its own metric the first of each."""
    mine = [fit for fit in fits if fit.task in found.tasks and found.metric in (fit.metric, LEADING_METRICS)]
    return list(leading_fits(mine))


def _sentences(found: OverallVerdict, words: str, level: float) -> Iterator[str]:
    """The numbers, the verdict's words, and whether one answer holds for all tasks."""
    if found.slope is None or found.here is None or found.another is None:
        return
    title = "their metrics" if found.metric == LEADING_METRICS else metric_title(found.metric)
    limits = _limits(found.slope)
    if found.by_families:
        bounded = math.isfinite(found.here.low)
        limits = f"{limits}, for backbones of one family err alike" if bounded else "no limits: families alone differ"
    yield (
        f"{capital(count(len(found.tasks), 'task'))}, {count(found.n, 'backbone')} that have them all: a point more on "
        f"ImageNet went with {signed(found.slope.value, 2)} points of {title} on average over tasks like these "
        f"({limits}); {words}."
    )
    low, high = found.slopes.iloc[0], found.slopes.iloc[-1]
    seen = f"from {signed(low['slope'], 2)} on {low['task']} to {signed(high['slope'], 2)} on {high['task']}"
    if found.differ_p is None:
        why = "where backbones of one family err alike" if found.families_told else "of so few backbones"
        yield f"Whether the tasks differ in it cannot be asked {why} ({seen})."
    elif found.differ_p < 1 - level:
        yield (
            f"It is not one answer: the tasks differ in it ({p_words(found.differ_p)}; {seen}), and on one more task "
            f"like these the same backbones might show {_limits(found.another)}."
        )
    else:
        yield f"That the tasks differ in it is not shown ({p_words(found.differ_p)}; {seen})."
    if math.isfinite(found.here.low) and found.here.high - found.here.low < 0.8 * (found.slope.high - found.slope.low):
        yield f"Of these very tasks it is known better: {_limits(found.here)}."


def _limits(interval: Interval) -> str:
    return f"{signed(interval.low, 2)} to {signed(interval.high, 2)}"


def _lacking(cells: Cells) -> str:
    return f" Left out, for they lack a task: {listing(cells.left_out)}." if cells.left_out else ""
