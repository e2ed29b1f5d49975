"""A study under both protocols: how much better the paper's own looks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from afield.analysis.words import count, listing, signed, size_words
from afield.scoring.intervals import Interval
from afield.scoring.metrics import direction, in_points, metric_title
from afield.study.record import StudyRecord
from afield.study.study import Study
from afield.tasks.task import Protocol


@dataclass(frozen=True)
class ProtocolRow:
    """One backbone under both."""

    backbone: str
    clean: Interval
    """the metric on test, mean over seeds; the limits too, from test samples alone"""
    paper: Interval
    optimism: float
    """how much better `paper` looks, metric's own scale"""


@dataclass(frozen=True)
class BothProtocols:
    """One task's metric under the protocols `clean` and `paper`, of the backbones that both studies scored."""

    metric: str
    rows: tuple[ProtocolRow, ...]
    tested: dict[Protocol, tuple[int, int]]
    """test samples and clusters of each"""
    other: str
    """name of the other study"""
    words: str


def both_protocols(record: StudyRecord, task: str, intervention: str) -> BothProtocols | None:
    """Set a task's results under both protocols side by side; None where the folder has no study of the other, or no
    backbone was scored in both.

    The two test splits may share images and differ in others, so the difference has no interval.
    """
    if record.counterpart is None:
        return None
    leading, other = record.task(task).metric, record.counterpart
    tables = {
        record.study.study.protocol: _of(record.results, task, leading, intervention),
        other.study.study.protocol: _of(other.results, task, leading, intervention),
    }
    clean, paper = _means(tables["clean"]), _means(tables["paper"])
    sign = 1 if direction(leading) == "higher" else -1
    shared = [name for name in record.study.study.backbones if name in clean and name in paper]
    rows = tuple(
        ProtocolRow(name, clean[name], paper[name], sign * (paper[name].value - clean[name].value)) for name in shared
    )
    if not rows:
        return None
    by_test = bool((tables["paper"]["selected_on"] == "test").any())
    words = _words(rows, leading, by_test, tuple(_differing(record.study, other.study)))
    tested = {name: (int(table["n_test"].iloc[0]), int(table["n_clusters"].iloc[0])) for name, table in tables.items()}
    return BothProtocols(leading, rows, tested, other.study.study.name, words)


def _of(results: pd.DataFrame, task: str, metric: str, intervention: str) -> pd.DataFrame:
    if results.empty:
        return pd.DataFrame({"backbone": []})
    rows = (results["task"] == task) & (results["metric"] == metric) & (results["intervention"] == intervention)
    return results[rows]


def _means(rows: pd.DataFrame) -> dict[str, Interval]:
    """Value and limits by backbone, mean over seeds; a backbone without a number is left out."""
    found = {}
    for name, mine in rows.groupby("backbone", sort=False):
        value, low, high = (float(mine[column].mean(skipna=False)) for column in ("value", "low", "high"))
        if math.isfinite(value):
            found[str(name)] = Interval(value, low, high)
    return found


def _words(rows: tuple[ProtocolRow, ...], metric: str, by_test: bool, differing: tuple[str, ...]) -> str:
    """`by_test`: whether test itself chose under `paper`."""
    gaps = [row.optimism for row in rows]
    mean = float(np.mean(gaps))
    over = f"of {rows[0].backbone} was" if len(rows) == 1 else f"of {count(len(rows), 'backbone')} was on average"
    spread = f" (by backbone from {_gap(min(gaps), metric)} to {_gap(max(gaps), metric)})" if len(rows) > 1 else ""
    how = "worse" if mean < 0 else "better"
    chose = "There test itself chose recipes and epochs, which flatters, and" if by_test else "Its"
    also = f"; the studies also differ in {listing(differing)}" if differing else ""
    return (
        f"Under the protocol paper, {metric_title(metric)} {over} {size_words(mean, metric)} {how} than under "
        f"clean{spread}. {chose} splits and views of the images are others{also}."
    )


def _gap(value: float, metric: str) -> str:
    return signed(100 * value) if in_points(metric) else signed(value, 3)


def _differing(ours: Study, theirs: Study) -> Iterator[str]:
    """What the two studies do not share beside the protocol."""
    mine, other = ours.recipe.model_dump(), theirs.recipe.model_dump()
    yield from (key.replace("_", " ") for key in mine if mine[key] != other[key])
    if ours.search != theirs.search:
        yield "the search"
    if ours.study.seeds != theirs.study.seeds:
        yield "the seeds"
