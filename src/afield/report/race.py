"""A race for the page: how far each backbone came, as a chart and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from afield.analysis.searches.races import Race, Runner, race_words
from afield.report import words
from afield.report.charts import INK, MUTED, WINNER, layered
from afield.report.figures import ROWS, Figure, Figures
from afield.report.recorded import Table
from afield.report.rows import Row

_HEIGHT = 280
_STANDINGS = ("won", "in the race", "dropped out")
_NAMED = 8
"""lines beyond which those that dropped out are told by tooltip and table alone"""


@dataclass(frozen=True)
class RaceSection:
    """The chart, and the same in figures."""

    chart: Figure | None
    table: Table


def race_section(race: Race, figures: Figures, names: Mapping[str, str], metric: str) -> RaceSection:
    """How a race went; `metric` is what chose, e.g. "accuracy on validation"."""
    return RaceSection(_chart(race, figures, names, metric), _table(race, names, metric))


def race_chart(rungs: Sequence[int], *, metric: str) -> alt.LayerChart:
    """The best recipe of each backbone that is still in a race, by epoch: a line ends where its backbone dropped out.

    Its data are ROWS, one a backbone: name, standing (one of `_STANDINGS`), epoch and best, both lists, end and last
    (epoch and value at the line's end), and label, what stands there.
    """
    scale = alt.Scale(domain=[1, max(rungs[-1], 2)], nice=False, zero=False, padding=8)
    x = alt.X("epoch:Q", scale=scale, axis=alt.Axis(title="epoch", values=list(rungs), format="d"))
    y = alt.Y("best:Q", scale=alt.Scale(zero=False), axis=alt.Axis(title=metric, tickCount=5, format=".2f"))
    colour = alt.Color("standing:N", scale=alt.Scale(domain=list(_STANDINGS), range=[WINNER, INK, MUTED]), legend=None)
    tooltip = [
        alt.Tooltip("name:N", title="backbone"),
        alt.Tooltip("standing:N", title="standing"),
        alt.Tooltip("epoch:Q", title="epoch"),
        alt.Tooltip("best:Q", title=metric, format=".3f"),
    ]
    rows = alt.Chart(alt.NamedData(name=ROWS))
    lines = rows.transform_flatten(["epoch", "best"]).mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=24))
    lines = lines.encode(x=x, y=y, detail="name:N", color=colour, tooltip=tooltip)
    ends = rows.encode(x=alt.X("end:Q", scale=scale), y=alt.Y("last:Q", scale=alt.Scale(zero=False)), color=colour)
    in_front = ends.transform_filter(alt.datum.standing != _STANDINGS[2]).mark_text(align="right", dx=-6, dy=-12)
    behind = ends.transform_filter(alt.datum.standing == _STANDINGS[2]).mark_text(align="left", dx=9)
    points = ends.mark_point(size=110, filled=True, opacity=1).encode(
        shape=alt.Shape(
            "standing:N",
            scale=alt.Scale(domain=list(_STANDINGS), range=["diamond", "circle", "cross"]),
            legend=None,
        )
    )
    return layered([lines, points, in_front.encode(text="label:N"), behind.encode(text="label:N")], _HEIGHT)


def _standing(race: Race, runner: Runner) -> str:
    if runner.backbone == race.winner:
        return _STANDINGS[0]
    front = race.winner is None and runner.reached == race.runners[0].reached
    return _STANDINGS[1] if front else _STANDINGS[2]


def _chart(race: Race, figures: Figures, names: Mapping[str, str], metric: str) -> Figure | None:
    trained = [runner for runner in race.runners if runner.best]
    if not trained:
        return None
    rows: list[dict[str, Any]] = [
        {
            "name": names.get(runner.backbone, runner.backbone),
            "standing": _standing(race, runner),
            "epoch": list(range(1, runner.reached + 1)),
            "best": [round(value, 4) for value in runner.best],
            "end": runner.reached,
            "last": round(runner.best[-1], 4),
        }
        for runner in trained
    ]
    for row in rows:
        named = len(rows) <= _NAMED or row["standing"] != _STANDINGS[2]
        row["label"] = row["name"] if named else ""
    listed = "; ".join(
        f"{row['name']} {words.number(row['last'], 3)} after {row['end']} ({row['standing']})" for row in rows
    )
    return figures.add_like(
        ("race", metric, race.rungs),
        lambda: race_chart(race.rungs, metric=metric),
        rows,
        name=f"race {race.intervention}",
        alt=f"{metric} of the best recipe of each backbone that was still in the race, by epoch: {listed}.",
        reading=f"A line ends with a cross where the race went on without its backbone. {race_words(race)}",
    )


def _table(race: Race, names: Mapping[str, str], metric: str) -> Table:
    heads = ("backbone", *(f"recipes at {rung}" for rung in race.rungs), "best reached", "epochs trained", "time")
    caption = (
        f"Those that came furthest first. The best reached is {metric} of its best recipe that was still in the race; "
        "after fewer epochs it says less"
    )
    return Table(caption, heads, tuple(_row(race, runner, names) for runner in race.runners))


def _row(race: Race, runner: Runner, names: Mapping[str, str]) -> Row:
    best = f"{words.number(runner.best[-1], 3)} after {runner.reached}" if runner.best else "-"
    cells = (
        *(str(number) if number else "-" for number in runner.cells),
        best,
        f"{runner.spent:,}",
        words.seconds(runner.seconds),
    )
    standing = _standing(race, runner)
    return Row(names.get(runner.backbone, runner.backbone), runner.backbone, standing, cells)
