"""The table of what stands beside the ranking: further test splits, views, ensembles, joined folds, soups."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from afield.analysis.ranking.compare import Ranking
from afield.report import words
from afield.report.recorded import Table
from afield.report.rows import Row
from afield.scoring.intervals import Interval
from afield.scoring.metrics import metric_title
from afield.study.record import StudyRecord

_PLACE = ["backbone", "intervention", "kind", "joined", "split", "view"]
_WHAT = {"ensemble": "ensemble {}", "folds": "all folds of {}", "soup": "soup {}"}


def further_table(record: StudyRecord, ranking: Ranking, names: Mapping[str, str]) -> Table | None:
    """A row a backbone (or those of an ensemble), split and view, mean over seeds; None without any such score."""
    parents = {parent for parent, tasks in record.study.folds.items() if ranking.task in tasks}
    table = record.further
    table = table[table["task"].isin({ranking.task, *parents}) & (table["metric"] == ranking.metric)]
    if table.empty:
        return None
    rows = [
        _row(record, {name: str(rows[name].iloc[0]) for name in _PLACE}, rows, names)
        for _, rows in table.groupby(_PLACE, sort=False)
    ]
    caption = (
        f"{metric_title(ranking.metric)}, mean over seeds, in brackets 95\u00a0% intervals from the images of the "
        "split alone. To compare: of single networks the same ones on test, plain; of what is joined the mean of its "
        "members, of soups that of the chosen networks. Nothing here chose anything, and none of it is in the fit. On "
        "new images: afield predict, given a view or the key of such a row (afield table)"
    )
    return Table(caption, ("backbone", "what", "value", "to compare"), tuple(rows))


def _row(record: StudyRecord, place: Mapping[str, str], rows: pd.DataFrame, names: Mapping[str, str]) -> Row:
    backbones = place["backbone"].split(" + ")
    shown = f"{place['split']}, {place['view']}"
    what = _WHAT[place["kind"]].format(place["joined"]) + f" on {shown}" if place["joined"] else shown
    notes = "" if place["intervention"] == "plain" else place["intervention"]
    cells = (what, words.with_interval(_mean(rows)), _compared(record, place, rows))
    return Row(" + ".join(names.get(name, name) for name in backbones), place["backbone"], notes, cells)


def _mean(rows: pd.DataFrame) -> Interval:
    value, low, high = (float(rows[column].mean(skipna=False)) for column in ("value", "low", "high"))
    return Interval(value, low, high)


def _compared(record: StudyRecord, place: Mapping[str, str], rows: pd.DataFrame) -> str:
    """What the row is to be held against, in words."""
    single = [record.results, record.further[record.further["joined"] == ""]]
    table = pd.concat([part for part in single if len(part)], ignore_index=True)
    table = table[table["metric"] == rows["metric"].iloc[0]]
    table = table[table["backbone"].isin(place["backbone"].split(" + "))]
    table = table[table["intervention"].isin(place["intervention"].split(" + "))]
    split, view = (place["split"], place["view"]) if place["joined"] else ("test", "plain")
    table = table[(table["split"] == split) & (table["view"] == view)]
    tasks = record.study.folds.get(place["joined"], ()) if place["kind"] == "folds" else (rows["task"].iloc[0],)
    table = table[table["task"].isin(tasks)]
    if place["kind"] == "ensemble":
        choice = record.study.ensembles[place["joined"]]
        table = table if choice.seeds is None else table[table["seed"].isin(choice.seeds)]
        return words.number(float(table["value"].mean()), 3)
    if place["kind"] == "soup" and "seeds" not in record.study.soups[place["joined"]].over:
        table = table if rows["seed"].isna().any() else table[table["seed"].isin(rows["seed"])]
    return words.number(float(table["value"].mean()), 3) if place["joined"] else words.with_interval(_mean(table))
