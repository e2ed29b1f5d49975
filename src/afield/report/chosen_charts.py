"""Charts of what the chosen one does: the metric in subgroups, and how sure it is against how often it is right."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from afield.report.charts import BEHIND, INK, MUTED, SERIES, TIED, WINNER, layered

AS_TRAINED, SCALED = "as trained", "after temperature scaling"
_SPACIOUS = 8
"""subgroups whose names and numbers have room in the chart"""
_ROW, _LINE = 42, 22
"""height of a row of intervals with and without room for that, pixels"""
JOINED = 10
"""samples that a bin needs to be joined to the next"""
_LEVEL = 4
"""classes whose names have room beside each other below a chart of confusions"""
_SQUARE = 320
"""height of the reliability chart, pixels"""


def subgroup_chart(rows: pd.DataFrame, whole: float, *, metric: str) -> alt.LayerChart:
    """One row a subgroup: the metric with its interval, and a line for all samples. Of a few subgroups the names stand
    above and the numbers at the right; of more than _SPACIOUS only the names, at the left.

    `rows`: name, value, low, high (these may be missing), words (the numbers as text), worse (whether clearly); drawn
    in the order given.
    """
    spacious = len(rows) <= _SPACIOUS
    ends = [whole, *rows["value"], *rows["low"].dropna(), *rows["high"].dropna()]
    room = (max(ends) - min(ends)) * 0.08 or 0.05
    scale = alt.Scale(domain=[min(ends) - room, max(ends) + room], nice=False, zero=False)
    order = alt.Y(
        "name:N",
        sort=list(rows["name"]),
        axis=None if spacious else alt.Axis(title=None, labelLimit=110, grid=False),
        scale=alt.Scale(paddingInner=0, paddingOuter=0.1),
    )
    axis = alt.Axis(title=f"{metric} on the test images", tickCount=6, grid=True)
    tooltip = [alt.Tooltip("name:N", title="subgroup"), alt.Tooltip("words:N", title=metric)]
    base = alt.Chart(rows).encode(y=order, tooltip=tooltip)
    colour = alt.Color("worse:N", scale=alt.Scale(domain=[False, True], range=[WINNER, BEHIND]), legend=None)
    shape = alt.Shape("worse:N", scale=alt.Scale(domain=[False, True], range=["circle", "triangle-down"]), legend=None)
    line = alt.Chart(pd.DataFrame({"whole": [whole]})).mark_rule(color=INK, strokeWidth=1.5)
    down = 7 if spacious else 0
    bars = base.mark_rule(strokeWidth=3, yOffset=down).encode(x=alt.X("low:Q", scale=scale), x2="high:Q", color=colour)
    marks = base.mark_point(filled=True, size=110 if spacious else 70, opacity=1, yOffset=down).encode(
        x=alt.X("value:Q", scale=scale), color=colour, shape=shape
    )
    layers = [line.encode(x=alt.X("whole:Q", scale=scale, axis=axis)), bars, marks]
    return layered([*layers, *(_named(base) if spacious else [])], (_ROW if spacious else _LINE) * len(rows))


def _named(base: alt.Chart) -> list[alt.Chart]:
    """Names above the bars, numbers at the right, each with a halo."""
    above: dict[str, Any] = {"baseline": "middle", "dy": -11}
    halo: dict[str, Any] = {**above, "stroke": "var(--card)", "strokeWidth": 5, "strokeJoin": "round", "aria": False}
    name: dict[str, Any] = {"align": "left", "fontWeight": 600, "limit": alt.ExprRef("max(width - 150, 90)")}
    left = base.encode(x=alt.value(2), text="name:N")
    right = base.encode(x=alt.value("width"), text="words:N")
    return [
        *(left.mark_text(**halo, **name), left.mark_text(**above, **name)),
        *(right.mark_text(**halo, align="right"), right.mark_text(**above, align="right", color=MUTED)),
    ]


def reliability_chart(bins: pd.DataFrame) -> alt.LayerChart:
    """Mean confidence of each bin against the share that is right; the diagonal is where they agree.

    `bins`: of (AS_TRAINED or SCALED), confidence, accuracy, n; without empty bins. Areas stand for the samples; a line
    joins bins of JOINED or more, since those of a few jump up and down.
    """
    least = float(bins["confidence"].min())
    across = [max(0.0, least - 0.04), 1.0]
    x = alt.X(
        "confidence:Q",
        scale=alt.Scale(domain=across, nice=False, zero=False),
        axis=alt.Axis(title="how sure it is (mean probability)", tickCount=6),
    )
    y = alt.Y(
        "accuracy:Q",
        scale=alt.Scale(domain=[0.0, 1.0], nice=False),
        axis=alt.Axis(title="share that is right", tickCount=5),
    )
    series = [name for name in (AS_TRAINED, SCALED) if name in set(bins["of"])]
    legend = alt.Legend(offset=30)
    colours, shapes = {AS_TRAINED: SERIES[1], SCALED: WINNER}, {AS_TRAINED: "circle", SCALED: "diamond"}
    colour = alt.Color("of:N", scale=alt.Scale(domain=series, range=[colours[name] for name in series]), legend=legend)
    shape = alt.Shape("of:N", scale=alt.Scale(domain=series, range=[shapes[name] for name in series]), legend=legend)
    size = alt.Size("n:Q", scale=alt.Scale(type="linear", domainMin=0, range=[24, 420]), legend=None)
    ends = pd.DataFrame({"confidence": across, "accuracy": across})
    diagonal = alt.Chart(ends).mark_line(color=MUTED, strokeDash=[4, 4], strokeWidth=1.5).encode(x=x, y=y)
    tooltip = [
        alt.Tooltip("of:N", title="probabilities"),
        alt.Tooltip("confidence:Q", title="mean probability", format=".3f"),
        alt.Tooltip("accuracy:Q", title="share that is right", format=".3f"),
        alt.Tooltip("n:Q", title="test images", format=",d"),
    ]
    base = alt.Chart(bins).encode(x=x, y=y, color=colour, tooltip=tooltip)
    lines = base.transform_filter(alt.datum.n >= JOINED).mark_line(strokeWidth=2, opacity=0.6)
    points = base.mark_point(filled=True, opacity=0.85).encode(shape=shape, size=size)
    return layered([diagonal, lines, points], _SQUARE)


def confusion_chart(cells: pd.DataFrame, classes: list[str]) -> alt.LayerChart:
    """A tile for each true class (down) and class that is said (across): shade is the share of the true class.

    `cells`: label, said, n, share; counts are written where there is room for them.
    """
    across = alt.X(
        "said:N",
        sort=classes,
        axis=alt.Axis(
            title="called", labelAngle=0 if len(classes) <= _LEVEL else -40, labelLimit=90, labelOverlap=False
        ),
    )
    down = alt.Y("label:N", sort=classes, axis=alt.Axis(title="is", labelLimit=110, grid=False))
    tooltip = [
        alt.Tooltip("label:N", title="is"),
        alt.Tooltip("said:N", title="called"),
        alt.Tooltip("n:Q", title="test images", format=","),
        alt.Tooltip("share:Q", title="share of the class", format=".1%"),
    ]
    base = alt.Chart(cells).encode(x=across, y=down, tooltip=tooltip)
    shade = alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.04, 0.75]), legend=None)
    right = alt.condition("datum.label == datum.said", alt.value(TIED), alt.value(BEHIND))
    layers = [base.mark_rect(stroke="var(--card)", strokeWidth=2).encode(color=right, opacity=shade)]
    if len(classes) <= _SPACIOUS:
        layers.append(base.mark_text().encode(text=alt.Text("n:Q", format=",")))
    return layered(layers, max(120, 26 * len(classes)))
