"""The chart of how much ImageNet accuracy tells against how far a task lies from ImageNet."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import pandas as pd
import vl_convert

from afield.base.files import write_text
from afield.report.charts import HEIGHT, INK, LINE, MUTED, WINNER, in_colours, layered

_WIDTH = 560
"""pixels"""


def distance_chart(table: pd.DataFrame) -> alt.LayerChart:
    """A point a task: metric points per ImageNet point with their interval over the distance from the reference.
    `table` is that of `analysis.distance_and_transfer.against_transfer`.
    """
    reference = table["reference"].iloc[0]
    across = alt.Axis(title=f"Frechet distance from {reference}, in spreads of its own images", grid=False)
    x = alt.X("spreads:Q", axis=across, scale=alt.Scale(zero=False, padding=24))
    y = alt.Y("slope:Q", axis=alt.Axis(title="metric points per point on ImageNet"))
    tooltip = [
        alt.Tooltip("task:N"),
        alt.Tooltip("metric:N"),
        alt.Tooltip("spreads:Q", title="distance", format=".2f"),
        alt.Tooltip("kid:Q", title="KID", format=".3g"),
        alt.Tooltip("slope:Q", format="+.2f"),
        alt.Tooltip("verdict:N"),
    ]
    base = alt.Chart(table).encode(tooltip=tooltip)
    none = alt.Chart(pd.DataFrame({"none": [0.0]})).mark_rule(color=LINE, strokeWidth=1.5).encode(y="none:Q")
    bars = base.mark_rule(color=MUTED, strokeWidth=1.5).encode(x=x, y=alt.Y("slope_low:Q"), y2="slope_high:Q")
    points = base.mark_point(filled=True, size=90, opacity=1, color=WINNER).encode(x=x, y=y)
    middle = float(table["spreads"].min() + table["spreads"].max()) / 2
    right = table["spreads"] > middle  # their names stay inside the plot
    names = [
        alt.Chart(table[~right]).mark_text(color=INK, align="left", dx=9, dy=-8),
        alt.Chart(table[right]).mark_text(color=INK, align="right", dx=-9, dy=-8),
    ]
    named = [each.encode(x=x, y=y, text="task:N") for each in names]
    return layered([none, bars, points, *named], HEIGHT)


def draw(table: pd.DataFrame, path: Path) -> None:
    """Write the chart as SVG, whole or not at all. Raises StoreError where that cannot be."""
    specification = in_colours(distance_chart(table).properties(width=_WIDTH).to_dict())
    write_text(path, vl_convert.vegalite_to_svg(specification))
