"""A slope over tasks: the same backbones on all of them, backbones and tasks both a sample of more.

    y[t, b] = a[t] + (slope + u[t]) x[b] + f[family of b] + d[b] + e[t, b]

a[t] is the level of a task, u[t] by how much its slope differs, f and d what a family and a backbone do on every task
alike, e the rest: a mixed model with backbones and tasks crossed. Because of f and d the slopes of the tasks err
together, so they are not independent studies that could be pooled. Their mean has two errors, whose margins are added
in quadrature, each with its own quantile of Student's t:

- backbones: the line through each backbone's mean over the tasks, whose scatter holds f, d and what is left of e, by
  `fits.line_intervals` as on one task: where families of several are told it is cluster-robust, be that wider or not
- tasks: the spread of the T slopes, T - 1 degrees of freedom; f and d move all slopes alike and are not in it

Margins so added hold at least as often as they say, whatever the two variances are (Banerjee 1960, Sankhya 22:357); e
counts in both, so they are rather too wide. Why no likelihood and no meta-analysis: docs/decisions/0011-over-tasks.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import f, t

from afield.analysis.fitting.axes import AxisName, placed
from afield.analysis.fitting.fits import least_squares_slope, line_intervals, no_line
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.points import groups_of
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.fitting.uncertainty import told
from afield.scoring.intervals import Interval
from afield.scoring.metric import Floats

Places = Sequence[int]
"""positions of tasks"""


@dataclass(frozen=True)
class Cells:
    """What the backbones that all of some tasks have reached on them."""

    tasks: tuple[str, ...]
    backbones: tuple[str, ...]
    groups: npt.NDArray[np.str_]
    """family of each backbone, [n]; its own name where that is unknown"""
    x: Floats
    """ImageNet accuracy, [n]"""
    y: Floats
    """the tasks' metrics, [tasks, n]"""
    errors: Floats
    """covariance of their errors, [tasks, n, n]; two tasks have other test samples, so nothing in common"""
    left_out: tuple[str, ...]
    """backbones that lack a task"""
    clusters: float = math.inf
    """of test samples, the fewest that a task has; infinite where no table tells"""

    @property
    def slopes(self) -> Floats:
        """Of each task by itself, [tasks]."""
        return least_squares_slope(np.broadcast_to(self.x, self.y.shape), self.y)


@dataclass(frozen=True)
class CrossedSlope:
    """A mean of slopes over tasks, or a difference of two such means."""

    r: Interval
    """of the backbones' means over the tasks with ImageNet accuracy"""
    here: Interval
    """on these very tasks, other backbones"""
    anywhere: Interval
    """on tasks like these; without limits where one side is a single task"""
    by_families: bool
    """families made it wider"""


def cells_of(fits: Sequence[TransferFit], axis: AxisName = "linear") -> Cells | None:
    """The backbones that all of the fits have, on the linear axis (metric points, ImageNet points) or on one of `AXES`.

    None without a task, a common backbone, or a place on that axis for each task.
    """
    if not fits:
        return None
    tables = [fit.points.set_index("backbone") for fit in fits]
    common = [name for name in tables[0].index if all(name in table.index for table in tables)]
    everyone = dict.fromkeys(name for table in tables for name in table.index)
    if not common:
        return None
    first = fits[0].points[fits[0].points["backbone"].isin(common)]
    seen = []
    for fit, table in zip(fits, tables, strict=True):
        mine = fit.observed.of(table.index.get_indexer(pd.Index(common)))
        there = mine.in_points() if axis == "linear" else placed(axis, mine, fit.n_test, fit.metric)
        if there is None:
            return None
        seen.append(there)
    return Cells(
        tasks=tuple(fit.task for fit in fits),
        backbones=tuple(str(name) for name in common),
        groups=groups_of(first).to_numpy(np.str_),
        x=seen[0].x,
        y=np.array([each.y for each in seen]),
        errors=np.array([each.errors for each in seen]),
        left_out=tuple(str(name) for name in everyone if name not in set(common)),
        clusters=min((each.clusters for each in seen if math.isfinite(each.clusters)), default=math.inf),
    )


def crossed_slope(cells: Cells, level: float, first: Places, less: Places = ()) -> CrossedSlope | str:
    """The mean slope over the tasks at those positions, less that over others; words where there is no line."""
    sides = [(1.0, list(first)), *([(-1.0, list(less))] if len(less) else [])]
    y = sum(sign * cells.y[tasks].mean(axis=0) for sign, tasks in sides)
    errors = sum(cells.errors[tasks].sum(axis=0) / len(tasks) ** 2 for _, tasks in sides)
    trouble = no_line(cells.x, np.asarray(y), "mean over the tasks")
    if trouble:
        return trouble
    seen = Observations(cells.x, np.asarray(y), np.asarray(errors), cells.groups, cells.clusters)
    _, alone = line_intervals(replace(seen, families=None), level)
    r, line = line_intervals(seen, level)
    reach = line.high - line.value
    over_tasks = [task_reach(cells.slopes[tasks], level) / math.sqrt(len(tasks)) for _, tasks in sides]
    return CrossedSlope(
        r=r,
        here=_around(line.value, reach),
        anywhere=_around(line.value, math.hypot(reach, *over_tasks)),
        by_families=reach > alone.high - alone.value,
    )


def task_reach(slopes: Floats, level: float) -> float:
    """How far one slope of so many tasks lies from the others' middle, to each side; infinite for one task alone."""
    if len(slopes) < 2:
        return math.inf
    return float(t.isf((1 - level) / 2, len(slopes) - 1) * slopes.std(ddof=1))


def _around(value: float, reach: float) -> Interval:
    return Interval(value, value - reach, value + reach)


def slopes_differ(cells: Cells) -> float:
    """P of equal slopes on all tasks: Hotelling's test of parallel lines, exact for normal errors however they differ
    and go together between tasks, of backbones that are independent. NaN below two tasks, where there are no more
    backbones than tasks, and where families of several are told, whose members err alike.

    With S the tasks' residual covariance on n - 2 degrees of freedom and C the T - 1 contrasts of slopes b,
    (Cb)' (C S C')^-1 (Cb) sum (x - mean)^2 is Hotelling's T squared (Mardia, Kent and Bibby 1979, section 6.3).
    """
    tasks, n = cells.y.shape
    if tasks < 2 or n <= tasks or told(cells.groups):
        return math.nan
    centred = cells.x - cells.x.mean()
    residual = cells.y - cells.y.mean(axis=1, keepdims=True) - cells.slopes[:, None] * centred
    between = np.diff(residual, axis=0)
    covariance = between @ between.T / (n - 2)
    contrasts = np.diff(cells.slopes)
    if np.linalg.matrix_rank(covariance) < tasks - 1:
        return math.nan
    squared = float(contrasts @ np.linalg.solve(covariance, contrasts) * (centred @ centred))
    return float(f.sf(squared * (n - tasks) / ((n - 2) * (tasks - 1)), tasks - 1, n - tasks))


def spread_beyond_noise(cells: Cells) -> float:
    """Standard deviation of the slopes between tasks, less what the scatter of the backbones does to them; 0 where it
    does all of it. On the axis of the cells.
    """
    tasks, n = cells.y.shape
    centred = cells.x - cells.x.mean()
    residual = cells.y - cells.y.mean(axis=1, keepdims=True) - cells.slopes[:, None] * centred
    apart = residual - residual.mean(axis=0)  # what is common to the tasks moves all slopes alike
    noise = (apart**2).sum() / (n - 2) / (tasks - 1) / (centred @ centred)
    return math.sqrt(max(0.0, float(cells.slopes.var(ddof=1) - noise)))
