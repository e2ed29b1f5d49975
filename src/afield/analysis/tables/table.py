"""Somebody's table of results, read and checked, as the results table that fits are made of.

Whatever would give a number that looks fine and is not is refused by name; whatever is left out is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from afield.analysis.fitting.points import FROM_PRETRAINED, LEADING
from afield.analysis.tables.columns import (
    ALL,
    FACT_NUMBERS,
    LESS,
    REAL_WORLD,
    WEB_SCRAPED,
    and_more,
    apart,
    as_text,
    has,
    named,
    numbers,
)
from afield.analysis.tables.directions import directed
from afield.analysis.tables.facts import in_millions
from afield.analysis.tables.imagenet import with_imagenet
from afield.analysis.tables.scales import Scale, as_shares
from afield.analysis.words import capital, count, listing
from afield.base.cells import read_cells
from afield.base.errors import InputError, nearest
from afield.scoring.metric import Floats

_ROUNDED = 5e-4
_PLACE = ["task", "metric", "backbone", "seed"]


@dataclass(frozen=True, kw_only=True)
class TableChoice:
    """How a table is to be read, and what of it counts."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """name in the results table -> the table's own; several joined by + make one"""
    values: Sequence[str] = ()
    """columns of numbers: each a task, or where the table names tasks a metric"""
    metric: str | None = None
    """what the values are, where no column says so"""
    imagenet: str | Path | None = None
    """another table that holds ImageNet accuracies, which go before the table's own. Read with the same `columns`; one
    that a table of the two lacks counts for the other alone"""
    tasks: Sequence[str] = ()
    """these alone; empty: all"""
    without: Sequence[str] = ()
    """backbones to leave out"""
    above: float | None = None
    """backbones alone whose ImageNet accuracy, per cent, is more than this"""
    mean: bool = False
    """add the mean over the tasks as one more, of backbones that have them all"""
    scale: Scale | None = None
    """whether all values are shares or per cent; None: as they look"""
    intervention: str = "plain"


@dataclass(frozen=True)
class ReadTable:
    """A results table and what became of the one that it was read from."""

    rows: pd.DataFrame
    """values, low and high as shares; imagenet_top1 in per cent"""
    scales: Mapping[tuple[str, str], float]
    """(task, metric) -> the table's own numbers a share: 1, or 100 for per cent"""
    notes: tuple[str, ...]
    """what was left out, joined or assumed, a sentence each"""
    no_tasks: frozenset[str] = frozenset()
    """names under `task` that are no task of their own: means over tasks, and ImageNet itself"""
    domains: Mapping[str, str] = field(default_factory=dict)
    """task -> its domain, where the table says it"""


def read_table(source: str | Path | pd.DataFrame, choice: TableChoice | None = None) -> ReadTable:
    """Read a CSV file, or take a data frame, as a results table (docs/result_folder.md).

    Needed are a backbone and a value a row. What lacks is filled in: the task is the file's name, the metric the name
    of the value's column, ImageNet accuracy and family the catalogue's, seed 0, intervention plain. Raises InputError
    for all that cannot be read without a guess.
    """
    asked = choice or TableChoice()
    where = "table" if isinstance(source, pd.DataFrame) else str(source)
    text = as_text(source) if isinstance(source, pd.DataFrame) else read_cells(Path(source), strip=True)
    choice = replace(asked, columns=_own_columns(asked, text))
    rows = _filled(named(text, where, choice.columns, choice.values), where, source, choice)
    notes: list[str] = []
    rows = _leading(rows, where, choice.intervention, notes)
    rows = _without_missing(rows, where, notes)
    rows = with_imagenet(rows, _imagenet_table(asked), where, notes)
    rows = _chosen(rows, where, choice, notes)
    rows = in_millions(rows, notes)
    rows = directed(rows, where, notes)
    _refuse_twice(rows, where, [name for name in text.columns if name != choice.columns.get("value", "value")])
    rows, scales = as_shares(rows, where, choice.scale, notes)
    tasks, itself, domains = set(rows["task"]), _imagenet_itself(rows), _domains(rows, where)
    if choice.mean:
        rows, scales = _with_mean(rows, scales, itself, where, notes)
    no_tasks = {task for task, _ in itself} | (set(rows["task"]) - tasks)
    return ReadTable(rows.reset_index(drop=True), scales, tuple(map(capital, notes)), frozenset(no_tasks), domains)


def _filled(rows: pd.DataFrame, where: str, source: object, choice: TableChoice) -> pd.DataFrame:
    """All columns that a fit needs, numbers as numbers."""
    if "metric" in rows and choice.metric is not None:
        raise InputError(f"{where}: --metric {choice.metric}, though its column metric says what the values are")
    metric = choice.metric or choice.columns.get("value", "value")
    defaults = {
        "task": Path(where).stem if isinstance(source, str | Path) else "task",
        "metric": metric,
        "family": "",
        "imagenet_top1": "",
        "low": "",
        "high": "",
        "n_test": "",
        "direction": "",
        "seed": "0",
        "intervention": choice.intervention,
        "initialisation": "pretrained",
    }
    rows = rows.assign(**{name: value for name, value in defaults.items() if name not in rows})
    for name in ("backbone", "task", "metric"):
        empty = np.flatnonzero(rows[name] == "")
        if len(empty):
            raise InputError(f"{where}: row {empty[0] + 1}: column {choice.columns.get(name, name)} is blank")
    for name in ("value", "low", "high", "imagenet_top1", "n_test", *(name for name in FACT_NUMBERS if name in rows)):
        rows[name] = numbers(rows[name], f"{where}: column {choice.columns.get(name, name)}")
    return rows


def _leading(rows: pd.DataFrame, where: str, intervention: str, notes: list[str]) -> pd.DataFrame:
    """Rows of single pretrained networks on test, plain, under that intervention; what else there is, counted."""
    wanted = {**LEADING, "initialisation": FROM_PRETRAINED, "intervention": (intervention,)}
    for column, leading in wanted.items():
        if column not in rows:
            continue
        fits = rows[column].isin(leading)
        others = sorted(set(rows.loc[~fits, column]))
        if not fits.any() and len(rows):
            mend = " or --intervention NAME" if column == "intervention" else ""
            raise InputError(
                f"{where}: no row whose {column} is {' or '.join(leading)}, only {listing(others)}; "
                f"rename them there{mend}"
            )
        if others:
            notes.append(f"{count(int((~fits).sum()), 'row')} whose {column} is {listing(others)} left out.")
        rows = rows[fits]
    return rows


def _without_missing(rows: pd.DataFrame, where: str, notes: list[str]) -> pd.DataFrame:
    lacking = rows["value"].isna()
    if lacking.all():
        raise InputError(f"{where}: no row has a value")
    if lacking.any():
        names = listing(list(dict.fromkeys(rows.loc[lacking, "backbone"])))
        notes.append(f"{count(int(lacking.sum()), 'row')} without a value left out ({names}).")
    return rows[~lacking]


def _imagenet_table(choice: TableChoice) -> pd.DataFrame | None:
    """Columns backbone and imagenet_top1 (numbers) of the other table."""
    if choice.imagenet is None:
        return None
    path = Path(choice.imagenet)
    text = read_cells(path, strip=True)
    own = {name: column for name, column in choice.columns.items() if has(text, column)}
    if "imagenet_top1" in own or "imagenet_top1" in text:
        own["value"] = own.get("imagenet_top1", "imagenet_top1")
    if "value" not in own and "value" not in text:
        raise InputError(
            f"{path}: has no column imagenet_top1; say which one it is (--columns imagenet_top1=NAME); there are: "
            f"{', '.join(text.columns)}"
        )
    found = named(text, str(path), {name: own[name] for name in own if name in ("backbone", "value")}, ())
    found = pd.DataFrame({"backbone": found["backbone"], "imagenet_top1": numbers(found["value"], str(path))}).dropna()
    twice = found.loc[found["backbone"].duplicated(keep=False), "backbone"]
    if len(twice):
        pair = text.loc[twice.index[twice == twice.iloc[0]]].drop(columns=own.get("value", "value"))
        raise InputError(
            f"{path}: {twice.iloc[0]} stands {len(pair)} times{and_more(twice.nunique() - 1)}. "
            f"{apart(pair, pair.columns)} Keep one a backbone, or join what tells them apart (--columns "
            "backbone=NAME+OTHER)"
        )
    return found.assign(where=str(path))


def _own_columns(choice: TableChoice, text: pd.DataFrame) -> dict[str, str]:
    """Names for the table itself: not those of columns that the ImageNet table alone has."""
    if choice.imagenet is None:
        return dict(choice.columns)
    other = read_cells(Path(choice.imagenet), strip=True)
    return {name: column for name, column in choice.columns.items() if has(text, column) or not has(other, column)}


def _chosen(rows: pd.DataFrame, where: str, choice: TableChoice, notes: list[str]) -> pd.DataFrame:
    """The tasks and backbones that were asked for."""
    for column, wanted in (("task", choice.tasks), ("backbone", choice.without)):
        for name in wanted:
            if name not in set(rows[column]):
                raise InputError(f"{where}: has no {column} {name}; {nearest(name, set(rows[column]))}")
    if choice.tasks:
        rows = rows[rows["task"].isin(choice.tasks)]
    rows = rows[~rows["backbone"].isin(choice.without)]
    if rows.empty:
        raise InputError(f"{where}: no row is left of those that were asked for")
    if choice.above is not None:
        within = rows["imagenet_top1"] > choice.above
        below = rows.loc[~within, "backbone"].nunique()
        if not within.any():
            raise InputError(f"{where}: no backbone has more than {choice.above:g} % on ImageNet")
        notes.append(f"{count(below, 'backbone')} of {choice.above:g} % on ImageNet or less left out, as asked.")
        rows = rows[within]
    return rows


def _refuse_twice(rows: pd.DataFrame, where: str, columns: Sequence[str]) -> None:
    """Two rows of one cell are two sizes of one weight, two seeds, or a slip: only the user knows."""
    twice = rows[rows.duplicated(_PLACE, keep=False)]
    if twice.empty:
        return
    one = twice.iloc[0]
    pair = twice[(twice[_PLACE] == one[_PLACE]).all(axis=1)]
    cells = twice.groupby(_PLACE).ngroups
    raise InputError(
        f"{where}: {one['backbone']} stands {len(pair)} times for {one['metric']} on {one['task']}"
        f"{and_more(cells - 1)}. {apart(pair, columns)} Keep one a backbone; or, where they are "
        "repetitions, name the column of their seeds (--columns seed=NAME); or, where they count as backbones of their "
        "own, join what tells them apart (--columns backbone=NAME+OTHER)"
    )


def _with_mean(
    rows: pd.DataFrame,
    scales: Mapping[tuple[str, str], float],
    itself: Set[tuple[str, str]],
    where: str,
    notes: list[str],
) -> tuple[pd.DataFrame, dict[tuple[str, str], float]]:
    """One more task a metric: the mean over its tasks, of the backbones that have all of them. A task that is ImageNet
    itself is not among them, for it would be held against itself.
    """
    blocks, further = [rows], dict(scales)
    for task, _ in itself:
        notes.append(f"{task}: its values are the ImageNet accuracies themselves; left out of the mean.")
    others = rows[[place not in itself for place in zip(rows["task"], rows["metric"], strict=True)]]
    for metric, group in others.groupby("metric", sort=False):
        cells = group.pivot_table(index="backbone", columns="task", values="value", aggfunc="mean")
        if cells.shape[1] < 2:
            continue
        whole = cells.dropna()
        name = f"mean of {cells.shape[1]} tasks"
        if len(whole) < len(cells):
            lacking = listing([str(each) for each in cells.index.difference(whole.index)])
            notes.append(f"{name}: without {lacking}, which lack a task.")
        about = group.drop_duplicates("backbone").set_index("backbone").loc[whole.index].reset_index()
        mean: Floats = whole.mean(axis=1).to_numpy(np.float64)
        blocks.append(about.assign(task=name, value=mean, low=np.nan, high=np.nan, n_test=np.nan, seed="0"))
        further[name, str(metric)] = float(max(scales[str(task), str(metric)] for task in cells.columns))
    if len(blocks) == 1:
        raise InputError(f"{where}: --mean: no metric has two tasks{' beside ImageNet' if itself else ''}")
    return pd.concat(blocks), further


def _domains(rows: pd.DataFrame, where: str) -> dict[str, str]:
    """Each task's domain; none where the table has no such column, or the cell is blank."""
    if "domain" not in rows:
        return {}
    said = rows.loc[rows["domain"] != "", ["task", "domain"]].drop_duplicates()
    for task in said.loc[said["task"].duplicated(), "task"]:
        named = listing(said.loc[said["task"] == task, "domain"].tolist())
        raise InputError(f"{where}: {task} has several values of domain ({named}); a task has one")
    for name in dict.fromkeys(said["domain"]):
        meant = "-".join(str(name).lower().replace("_", " ").split())
        if meant in (WEB_SCRAPED, REAL_WORLD) and name != meant:
            raise InputError(f"{where}: domain {name}: write {meant}")
        if LESS in f" {name} " or name == ALL:
            raise InputError(f"{where}: domain {name}: that name stands for something else in the tables; rename it")
    return dict(zip(said["task"], said["domain"], strict=True))


def _imagenet_itself(rows: pd.DataFrame) -> set[tuple[str, str]]:
    """Each task and metric whose values are the ImageNet accuracies, up to a tenth of a point that was rounded away."""
    return {
        (str(task), str(metric))
        for (task, metric), group in rows.groupby(["task", "metric"], sort=False)
        if np.allclose(group["value"], group["imagenet_top1"] / 100, rtol=0, atol=_ROUNDED)
    }
