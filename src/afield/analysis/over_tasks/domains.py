"""Kornblith's way: accuracies as logits, averaged over tasks; and web-scraped tasks against real-world ones.

Kornblith, Shlens and Le 2019 (arXiv 1805.08974, section 3) put twelve data sets together so: the logit of each
accuracy, less the mean of its data set over the networks, averaged over data sets. Networks are then compared by what
they do everywhere, not by how hard a data set is. An error bar across data sets is that of what is left, with Morey's
correction (2008, Tutorials in Quantitative Methods for Psychology 4:61) for the mean that was taken out.

Whether ImageNet accuracy tells more of web-scraped tasks than of real-world ones is asked on the same footing: the same
backbones on both sides, the mean slope of each side, and their difference with the interval of `crossed.py`. The line
of the difference is through each backbone's difference of means, so that what backbones do on both sides cancels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from afield.analysis.fitting.axes import AxisName
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.over_tasks.crossed import Cells, cells_of, crossed_slope
from afield.analysis.tables.columns import ALL, LESS, REAL_WORLD, WEB_SCRAPED
from afield.analysis.words import capital, count, listing, signed
from afield.scoring.intervals import LEVEL

COLUMNS = ("axis", "domain", "tasks", "n", "slope", "low", "high", "these_low", "these_high", "r")
_ORDER = (WEB_SCRAPED, REAL_WORLD)


def adjusted_logits(fits: Sequence[TransferFit]) -> pd.DataFrame:
    """A row a backbone that all tasks have, highest first: backbone, imagenet_logit, value (mean over tasks of the
    metric's logit, less the task's mean over these backbones), error (standard error across tasks; NaN for one).

    Fits without a logit slope do not count. No rows without any, and none below two backbones.
    """
    cells = _on("logit", fits)
    if cells is None or len(cells.backbones) < 2:
        return pd.DataFrame(columns=["backbone", "imagenet_logit", "value", "error"])
    left = cells.y - cells.y.mean(axis=1, keepdims=True)
    tasks, n = left.shape
    spread = left.std(axis=0, ddof=1) if tasks > 1 else np.full(n, np.nan)
    table = pd.DataFrame(
        {
            "backbone": cells.backbones,
            "imagenet_logit": cells.x,
            "value": left.mean(axis=0),
            # Morey: the backbones are the conditions that each data set has all of
            "error": spread / math.sqrt(tasks) * math.sqrt(n / (n - 1)),
        }
    )
    return table.sort_values("value", ascending=False, ignore_index=True)


def domain_slopes(fits: Sequence[TransferFit], domains: Mapping[str, str], level: float = LEVEL) -> pd.DataFrame:
    """Mean slopes of the domains, and the difference of each two, on the linear axis (metric points per ImageNet point)
    and between logits. `fits`: one a task; `domains`: of each task.

    Columns: axis, domain (of a difference both, joined by " less "), tasks, n (backbones that have all tasks), slope,
    low, high (tasks like these), these_low, these_high (these very tasks), r (of the backbones' means). A domain with
    one task has no limits for tasks like it (NaN). The first row of an axis is that of all tasks; where there are not
    two domains it is the only one. An axis or a side without a line has no row.
    """
    rows = []
    for axis in ("linear", "logit"):
        cells = _on(axis, fits)
        if cells is None:
            continue
        sides: dict[str, list[int]] = {}
        for place, task in enumerate(cells.tasks):
            if task in domains:
                sides.setdefault(domains[task], []).append(place)
        names = sorted(sides, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
        asked = [(ALL, list(range(len(cells.tasks))), list[int]())]
        if len(names) > 1:
            asked += [(name, sides[name], []) for name in names]
        asked += [(f"{one}{LESS}{other}", sides[one], sides[other]) for one, other in combinations(names, 2)]
        for name, first, less in asked:
            found = crossed_slope(cells, level, first, less)
            if isinstance(found, str):
                continue
            limits = (found.anywhere.low, found.anywhere.high, found.here.low, found.here.high)
            known = [limit if math.isfinite(limit) else math.nan for limit in limits]
            size = len(first) + len(less)
            rows.append((axis, name, size, len(cells.backbones), found.here.value, *known, found.r.value))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def domain_words(slopes: pd.DataFrame) -> str:
    """The differences of a table of `domain_slopes` in sentences; empty where there is none."""
    told = []
    for row in slopes[slopes["domain"].str.contains(LESS, regex=False)].to_dict("records"):
        first, other = str(row["domain"]).split(LESS)
        scale = "points per ImageNet point" if row["axis"] == "linear" else "between logits"
        sides = slopes[slopes["axis"] == row["axis"]].set_index("domain")["slope"]
        seen = " and ".join(signed(float(sides[name]), 2) for name in (first, other) if name in sides.index)
        if math.isnan(row["low"]):
            limits = f"({signed(row['these_low'], 2)} to {signed(row['these_high'], 2)} on these very tasks)"
            ends = "one task alone does not stand for others"
        else:
            limits = f"({signed(row['low'], 2)} to {signed(row['high'], 2)})"
            more, less = row["low"] > 0, row["high"] < 0
            ends = (
                f"ImageNet accuracy tells {'more' if more else 'less'} of {first} tasks"
                if more or less
                else "whether ImageNet accuracy tells more of the one kind cannot be said"
            )
        told.append(
            f"{capital(first)} against {other}, {scale}, {count(int(row['n']), 'backbone')} on "
            f"{count(int(row['tasks']), 'task')}: {seen}, a difference of {signed(row['slope'], 2)} {limits}; {ends}."
        )
    return " ".join(told)


def off_the_logits(fits: Sequence[TransferFit]) -> str:
    """Which tasks have no place on logits, in words; empty where all have."""
    names = [fit.task for fit in fits if fit.logit_slope is None]
    return (
        f"Not on logits, for their metric is not within 0..1, or 0 or 1 somewhere: {listing(names)}." if names else ""
    )


def _on(axis: AxisName, fits: Sequence[TransferFit]) -> Cells | None:
    return cells_of([fit for fit in fits if axis == "linear" or fit.logit_slope is not None], axis)
