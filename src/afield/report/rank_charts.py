"""Who is alike over several tasks: mean ranks, and lines that join those who cannot be told apart."""

from __future__ import annotations

import altair as alt
import pandas as pd

from afield.report.charts import INK, MUTED, WINNER, layered

_ROW = 26
"""height of a backbone's row, pixels"""
_STEP = 0.045
"""from one joining line to the next, in shares of the ranks' range"""


def mean_rank_chart(rows: pd.DataFrame, single: pd.DataFrame, joined: pd.DataFrame) -> alt.LayerChart:
    """A row a backbone, best mean rank first: its rank on each task, the mean of these, and lines at the right that
    join backbones which the tasks cannot tell apart. The critical-difference diagram (Demsar 2006) turned upright, so
    that names fit and the tasks can be seen; what is joined is what shares a letter.

    `rows`: name, mean_rank. `single`: name, task, rank. `joined`: group (a letter), name; groups of two or more.
    """
    groups = list(dict.fromkeys(joined["group"]))
    last = float(len(rows))
    span = max(last - 1, 1.0)
    beyond = {group: last + span * (0.08 + _STEP * place) for place, group in enumerate(groups)}
    most = max([last, *beyond.values()]) + span * 0.05
    order = alt.Y(
        "name:N",
        sort=list(rows["name"]),
        axis=alt.Axis(title=None, labelLimit=150, grid=True, labelColor=INK),
        scale=alt.Scale(padding=0.5),
    )
    scale = alt.Scale(domain=[1 - span * 0.04, most], nice=False, zero=False)
    ticks = list(range(1, len(rows) + 1, max(1, -(-len(rows) // 10))))
    axis = alt.Axis(title="rank (1 is the best)", values=ticks, format="d", grid=False)
    at = alt.X("rank:Q", scale=scale, axis=axis)
    dots = alt.Chart(single).mark_point(filled=True, size=36, color=MUTED, opacity=0.45)
    told = [alt.Tooltip("name:N", title="backbone"), alt.Tooltip("task:N", title="task"), alt.Tooltip("rank:Q")]
    means = alt.Chart(rows).mark_point(filled=True, size=130, shape="diamond", color=WINNER, opacity=1)
    mean_told = [
        alt.Tooltip("name:N", title="backbone"),
        alt.Tooltip("mean_rank:Q", title="mean rank", format=".2f"),
        alt.Tooltip("letters:N", title="alike"),
    ]
    layers = [
        dots.encode(x=at, y=order, tooltip=told),
        means.encode(x=alt.X("mean_rank:Q", scale=scale), y=order, tooltip=mean_told),
    ]
    if groups:
        placed = joined.assign(at=[beyond[group] for group in joined["group"]])
        ends = alt.Chart(placed).encode(x=alt.X("at:Q", scale=scale), y=order, detail="group:N")
        layers += [
            ends.mark_line(color=INK, strokeWidth=3),
            ends.mark_point(filled=True, size=40, color=INK, opacity=1),
        ]
    return layered(layers, _ROW * len(rows))
