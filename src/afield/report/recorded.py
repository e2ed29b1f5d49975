"""Tables of the backbones: all that was recorded, every pair of them, and both protocols side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from afield.analysis.clusters import rests_on
from afield.analysis.protocols import BothProtocols
from afield.analysis.ranking.compare import Ranking
from afield.analysis.ranking.pairs import Places
from afield.report import words
from afield.report.rows import Row
from afield.scoring.intervals import Interval
from afield.scoring.metrics import METRICS, in_points, metric_title
from afield.study.record import StudyRecord


@dataclass(frozen=True)
class Table:
    """A table of the page with its caption and heads."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]


def metric_table(record: StudyRecord, ranking: Ranking, names: Mapping[str, str]) -> Table | None:
    """A row a metric, a column a backbone in the ranking's order; None where nothing was ranked."""
    if not ranking.rows:
        return None
    table = record.results
    table = table[(table["task"] == ranking.task) & (table["intervention"] == ranking.intervention)]
    rows, reasons = [], dict[str, None]()
    task = record.task(ranking.task)
    for metric in dict.fromkeys((*task.metrics, *record.study.study.metrics)):
        of_metric = table[table["metric"] == metric]
        cells = []
        for ranked in ranking.rows:
            mine = of_metric[of_metric["backbone"] == ranked.backbone]
            value, low, high = (float(mine[column].mean(skipna=False)) for column in ("value", "low", "high"))
            # one number, one interval: that of the ranking, where seeds count too
            shown = ranked.test if metric == ranking.metric else Interval(value, low, high)
            cells.append(words.with_interval(shown))
        notes = ["leading"] if metric == ranking.metric else []
        notes += ["lower is better"] if (of_metric["direction"] == "lower").any() else []
        reasons |= dict.fromkeys(of_metric["why"])
        rows.append(Row(_title(of_metric, metric), metric, ", ".join(notes), tuple(cells)))
    caption = (
        f"Mean over seeds, in brackets 95\u00a0% intervals from {rests_on(ranking.n_test, ranking.n_clusters)}; "
        "that of the leading metric counts the seeds too"
    ) + "".join(f". No value of {why}" for why in reasons if why)
    return Table(caption, ("metric", *(names[ranked.backbone] for ranked in ranking.rows)), tuple(rows))


def places_table(places: Places, names: Mapping[str, str]) -> Table | None:
    """A row a backbone, best on test first: its rank, those that it may have, and its letters; None below two."""
    if len(places.places) < 2:
        return None
    rows = tuple(
        Row(
            names.get(place.backbone, place.backbone),
            place.backbone,
            "",
            (
                words.with_interval(place.test),
                str(place.rank),
                f"{place.best_rank} to {place.worst_rank}",
                place.letters,
            ),
        )
        for place in places.places
    )
    caption = (
        f"By {metric_title(places.metric)} on test, which chose nothing. Two that share a letter cannot be told apart. "
        f"Letters and possible ranks hold together at 95\u00a0% for all {len(places.pairs)} pairs (Bonferroni)"
    )
    return Table(caption, ("backbone", f"{metric_title(places.metric)} on test", "rank", "may rank", "alike"), rows)


def protocol_table(both: BothProtocols, names: Mapping[str, str]) -> Table:
    """A row a backbone: the metric under `clean`, under `paper`, and by how much `paper` looks better."""
    scale, digits = (100.0, 1) if in_points(both.metric) else (1.0, 3)
    rows = tuple(
        Row(
            names.get(row.backbone, row.backbone),
            row.backbone,
            "",
            (
                words.with_interval(row.clean),
                words.with_interval(row.paper),
                words.signed(row.optimism * scale, digits),
            ),
        )
        for row in both.rows
    )
    title = metric_title(both.metric)
    unit = words.difference_unit(both.metric)
    clean, paper = (rests_on(*both.tested[name]) for name in ("clean", "paper"))
    caption = (
        f"Test {title}, mean over seeds, in brackets 95\u00a0% intervals from test images alone: {clean} under clean, "
        f"{paper} under paper; differences in {unit}, positive where paper looks better"
    )
    return Table(caption, ("backbone", "under clean", "under paper", "optimism of paper"), rows)


def _title(rows: pd.DataFrame, metric: str) -> str:
    """The metric's name; of one that scores units how many there are."""
    title = metric_title(metric)
    if metric in METRICS and METRICS[metric].scores == "units" and len(rows):
        return f"{title} ({int(rows['n_test'].iloc[0]):,} units)"
    return title
