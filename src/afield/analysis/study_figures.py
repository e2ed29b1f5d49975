"""The study's own figures beside those found here, each with how sure it is that the study has it.

`study_figures.csv`: `sure` is `read` where the figure was read in a public source; all others are recollected, since
the study's text was not at hand, and unverified: nothing may rest on them.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import pandas as pd

from afield.analysis.fitting.fits import line_intervals, no_line
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.over_tasks.side_by_side import Reply, leading_fits
from afield.analysis.words import count, listing
from afield.scoring.intervals import LEVEL, Interval

CUT = 70.0
"""per cent on ImageNet: the study's figures are of backbones above it"""
READ = "read"
_COLUMNS = [
    *("task", "metric", "figure", "published_low", "published_high", "sure", "own", "low", "high", "n", "within"),
    "source",
]


@dataclass(frozen=True)
class StudyFigure:
    """One figure of the study."""

    task: str
    figure: str
    """`r` (Pearson's with ImageNet accuracy) or `slope` (metric points per ImageNet point)"""
    low: float
    """the figure itself, or what it is not below"""
    high: float
    sure: str
    """`read`, or that it is recollected and unverified"""
    source: str


@cache
def study_figures() -> tuple[StudyFigure, ...]:
    """All of them, in the file's order."""
    text = resources.files("afield.analysis").joinpath("study_figures.csv").read_text(encoding="utf-8")
    return tuple(
        StudyFigure(row["task"], row["figure"], float(row["low"]), float(row["high"]), row["sure"], row["source"])
        for row in csv.DictReader(text.splitlines())
    )


def published_beside_own(fits: Sequence[TransferFit], results: pd.DataFrame | None = None) -> Reply:
    """The study's r and slope of each task that stands here under the same name, beside one's own of backbones above
    70 % on ImageNet, a row a figure.

    Columns: task, metric (one's own leading one), figure, published_low and published_high (equal where it is one
    number), sure (`read`, or recollected and unverified), own with low and high (95 %, as in `fit_transfer`; NaN below
    three such backbones), n, within (whether one's own interval reaches the published figure), source. `within` says
    little with few backbones: a wide interval reaches anything. Other backbones, recipes, splits and seeds are no fault
    of either side. `results` is not read.
    """
    leading = {fit.task: fit for fit in leading_fits(fits)}
    rows = [_row(figure, leading[figure.task]) for figure in study_figures() if figure.task in leading]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    return Reply(table, " ".join(_words(table)))


def _row(figure: StudyFigure, fit: TransferFit) -> tuple[object, ...]:
    above = fit.observed.of(fit.observed.x > CUT)
    own = Interval(math.nan, math.nan, math.nan)
    if not no_line(above.x, above.y, ""):
        r, slope = line_intervals(above, LEVEL)
        own = r if figure.figure == "r" else slope.scaled(100)
    within = own.low <= figure.high and figure.low <= own.high  # False where there is no interval
    head = (fit.task, fit.metric, figure.figure, figure.low, figure.high, figure.sure)
    return (*head, own.value, own.low, own.high, len(above.x), within, figure.source)


def _words(table: pd.DataFrame) -> Iterator[str]:
    if table.empty:
        names = listing(list(dict.fromkeys(figure.task for figure in study_figures())))
        yield f"The study's own figures: none of its tasks is here ({names})."
        return
    read = table[table["sure"] == READ]
    told = [
        f"{row['figure']} on {row['task']} {row['published_low']:.2f}, here {row['own']:.2f} "
        f"({row['low']:.2f} to {row['high']:.2f})"
        for _, row in read.dropna(subset=["own"]).iterrows()
    ]
    if told:
        yield f"The study's figures above {CUT:g} % on ImageNet that were read in a public source: {'; '.join(told)}."
    unread = len(table) - len(read)
    if unread:
        yield (
            f"{count(unread, 'figure').capitalize()} beside one's own here {'is' if unread == 1 else 'are'} "
            "recollected and unverified: nothing may rest on them."
        )
    if table["own"].isna().any():
        few = list(dict.fromkeys(table.loc[table["own"].isna(), "task"]))
        yield f"Too few backbones above {CUT:g} % for figures of one's own on {listing(few)}."
