"""The answer's charts: functions of data frames that return Altair charts.

Colours are CSS variables (`var(--winner)`): the page defines them for light and dark, so a chart follows the reader's
choice without being drawn again. `in_colours` puts plain colours in their place for use outside the page.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from afield.report.labels import place_labels

INK, MUTED, LINE, WINNER, TIED, BEHIND = (
    f"var(--{name})" for name in ("ink", "muted", "line", "winner", "tied", "behind")
)
SERIES = [f"var(--series-{number})" for number in range(1, 7)]
COLOURS = {
    "ink": "#1c2127",
    "muted": "#5a636e",
    "line": "#d8dde3",
    "card": "#ffffff",
    "winner": "#0b5cad",
    "tied": "#0b7a66",
    "behind": "#8a5a1d",
    "warn": "#8f4a00",
    "series-1": "#0072b2",
    "series-2": "#c24e00",
    "series-3": "#00805f",
    "series-4": "#a8447f",
    "series-5": "#8a6000",
    "series-6": "#2f7ba8",
}
"""the light page's colours, safe for the common kinds of colour blindness; style.css has both sets"""

STANDINGS: dict[str, tuple[str, str]] = {
    "chosen": (WINNER, "diamond"),
    "ties with it": (TIED, "circle"),
    "behind it": (BEHIND, "triangle-down"),
    "better on test": (SERIES[3], "triangle-up"),
    "not ranked": (MUTED, "cross"),
    "pretraining helps": (TIED, "triangle-up"),
    "no clear difference": (MUTED, "circle"),
    "pretraining hurts": (BEHIND, "triangle-down"),
    "helps": (TIED, "triangle-up"),
    "hurts": (BEHIND, "triangle-down"),
    "transfers": (TIED, "triangle-up"),
    "weakly": (WINNER, "diamond"),
    "does not": (BEHIND, "triangle-down"),
    "cannot tell": (MUTED, "circle"),
}
"""colour and shape of where a backbone stands: against the chosen one, then against itself from scratch; of what an
intervention does; and of verdicts"""
NARROW, HEIGHT, _ROW = 290, 340, 48
"""width of a scatter plot on a phone, its height everywhere, and height of a row of intervals, pixels"""

CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif",
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "ticks": False,
        "grid": True,
        "gridColor": LINE,
        "gridWidth": 1,
        "labelColor": MUTED,
        "labelFontSize": 12,
        "labelPadding": 6,
        "titleColor": INK,
        "titleFontSize": 12,
        "titleFontWeight": 600,
        "titlePadding": 8,
    },
    "axisY": {
        "titleAngle": 0,
        "titleAlign": "left",
        "titleAnchor": "end",
        "titleX": 0,
        "titleY": -12,
        "titleBaseline": "bottom",
    },
    "axisX": {"grid": False, "labelFlush": False},
    "legend": {
        "orient": "top",
        "direction": "horizontal",
        "title": None,
        "labelColor": INK,
        "labelFontSize": 12,
        "symbolSize": 90,
        "symbolOpacity": 1,
        "columnPadding": 14,
    },
    "text": {"color": INK, "fontSize": 12},
    "rule": {"color": MUTED},
}
"""Look shared by all charts; the page hands it to Vega once."""


def layered(layers: Sequence[alt.Chart], height: float) -> alt.LayerChart:
    """Charts on one another, as wide as their place in the page."""
    chart: alt.LayerChart = alt.LayerChart(layer=list(layers), width="container", height=height)
    return chart


def in_colours(specification: dict[str, Any]) -> dict[str, Any]:
    """A chart's specification with the light page's colours for its variables, and the shared look put in."""
    text = json.dumps({**specification, "config": CONFIG})
    for name, colour in COLOURS.items():
        text = text.replace(f"var(--{name})", colour)
    result: dict[str, Any] = json.loads(text)
    return result


def _domain(
    values: Sequence[float], pad: float = 0.08, floor: float = -math.inf, ceiling: float = math.inf
) -> list[float]:
    low, high = min(values), max(values)
    room = (high - low) * pad or abs(high) * 0.05 or 1.0
    return [max(low - room, floor), min(high + room, ceiling)]


def _standing_scale(points: pd.DataFrame, offset: int = 34) -> tuple[alt.Color, alt.Shape]:
    """Colour and shape of the standings that occur; `offset` is the room between legend and plot."""
    present = [standing for standing in STANDINGS if standing in set(points["standing"])]
    colours = alt.Scale(domain=present, range=[STANDINGS[standing][0] for standing in present])
    shapes = alt.Scale(domain=present, range=[STANDINGS[standing][1] for standing in present])
    legend = alt.Legend(offset=offset)
    return alt.Color("standing:N", scale=colours, legend=legend), alt.Shape("standing:N", scale=shapes, legend=legend)


def _named(points: pd.DataFrame, x: str, domains: tuple[list[float], list[float]], log_x: bool = False) -> pd.DataFrame:
    """The points with the offsets of their labels."""

    def across(value: float) -> float:
        low, high, at = (math.log(v) if log_x else v for v in (*domains[0], value))
        return (at - low) / (high - low) * NARROW

    def down(value: float) -> float:
        return (1 - (value - domains[1][0]) / (domains[1][1] - domains[1][0])) * HEIGHT

    placed = place_labels(
        [across(value) for value in points[x]],
        [down(value) for value in points["value"]],
        list(points["name"]),
        width=NARROW,
        height=HEIGHT,
        bars=[(down(high), down(low)) for low, high in zip(points["low"], points["high"], strict=True)],
    )
    return points.assign(dx=[p.dx for p in placed], dy=[p.dy for p in placed], align=[p.align for p in placed])


def _scatter(points: pd.DataFrame, x: alt.X, y: dict[str, Any], tooltip: list[alt.Tooltip]) -> list[alt.Chart]:
    """Error bars, points and their names."""
    colour, shape = _standing_scale(points)
    base = alt.Chart(points).encode(x=x, tooltip=tooltip)
    bars = base.mark_rule(strokeWidth=2, opacity=0.7).encode(y=alt.Y("low:Q", **y), y2="high:Q", color=colour)
    marks = base.mark_point(filled=True, size=140, opacity=1).encode(y=alt.Y("value:Q", **y), color=colour, shape=shape)
    offsets: dict[str, Any] = {side: alt.ExprRef(f"datum.{side}") for side in ("dx", "dy", "align")}
    text = alt.Chart(points).encode(x=x, y=alt.Y("value:Q", **y), text="name:N")
    halo = text.mark_text(
        baseline="middle", stroke="var(--card)", strokeWidth=4, strokeJoin="round", opacity=0.85, aria=False, **offsets
    )
    names = text.mark_text(baseline="middle", **offsets)
    return [bars, halo, marks, names]


def transfer_chart(points: pd.DataFrame, band: pd.DataFrame, *, metric: str, certain: bool) -> alt.LayerChart:
    """ImageNet top-1 (per cent) against the task's metric, with the fit and its band.

    `points`: name, family, imagenet_top1, value, low, high, seeds, standing (one of STANDINGS). `band`: imagenet_top1,
    value, low, high; may be empty. The line is dashed unless `certain`.
    """
    across = _domain(list(points["imagenet_top1"]), pad=0.1)
    down = _domain([*points["low"], *points["high"]])
    axis = alt.Axis(title="ImageNet top-1 (per cent)", tickCount=8)
    x = alt.X("imagenet_top1:Q", axis=axis, scale=alt.Scale(domain=across, nice=False, zero=False))
    y: dict[str, Any] = {
        "scale": alt.Scale(domain=down, nice=False, zero=False),
        "axis": alt.Axis(title=f"{metric} on the test images", tickCount=5),
    }
    tooltip = [
        alt.Tooltip("name:N", title="backbone"),
        alt.Tooltip("family:N", title="family"),
        alt.Tooltip("imagenet_top1:Q", title="ImageNet top-1", format=".1f"),
        *_value_tooltips(metric),
        alt.Tooltip("seeds:Q", title="seeds"),
        alt.Tooltip("standing:N", title="against the chosen"),
    ]
    layers: list[alt.Chart] = []
    if len(band):
        base = alt.Chart(band).encode(x=x)
        layers.append(base.mark_area(color=MUTED, opacity=0.16, clip=True).encode(y=alt.Y("low:Q", **y), y2="high:Q"))
        dash = [1, 0] if certain else [6, 5]
        layers.append(
            base.mark_line(color=MUTED, strokeWidth=2, strokeDash=dash, clip=True).encode(y=alt.Y("value:Q", **y))
        )
    named = _named(points, "imagenet_top1", (across, down))
    return layered([*layers, *_scatter(named, x, y, tooltip)], HEIGHT)


def cost_chart(points: pd.DataFrame, *, metric: str, higher: bool = True) -> alt.LayerChart:
    """Seconds of one training (logarithmic) against the metric, with the front that nobody beats in both.

    `points`: name, train_seconds, params_m, value, low, high, standing. `higher`: whether higher is better.
    """
    ends = _domain([math.log(value) for value in points["train_seconds"]], pad=0.12)
    across, down = [math.exp(end) for end in ends], _domain([*points["low"], *points["high"]])
    x = alt.X(
        "train_seconds:Q",
        scale=alt.Scale(type="log", domain=across, nice=False),
        axis=alt.Axis(
            title="one training takes (seconds, logarithmic)", tickCount=5, format="~s" if across[1] > 5000 else "~r"
        ),
    )
    y: dict[str, Any] = {
        "scale": alt.Scale(domain=down, nice=False, zero=False),
        "axis": alt.Axis(title=f"{metric} on the test images", tickCount=5),
    }
    tooltip = [
        alt.Tooltip("name:N", title="backbone"),
        alt.Tooltip("train_seconds:Q", title="seconds", format=",.1f"),
        alt.Tooltip("params_m:Q", title="parameters (millions)", format=".2f"),
        *_value_tooltips(metric),
    ]
    front = alt.Chart(_front(points, higher)).mark_line(
        interpolate="step-after", color=MUTED, strokeDash=[3, 4], strokeWidth=1.5
    )
    layers = [
        front.encode(x=x, y=alt.Y("value:Q", **y)),
        *_scatter(_named(points, "train_seconds", (across, down), True), x, y, tooltip),
    ]
    return layered(layers, HEIGHT)


def interval_chart(rows: pd.DataFrame, *, title: str, unit: str) -> alt.LayerChart:
    """One row a backbone or an intervention: a difference with its interval around zero, names above, numbers at the
    right.

    `rows`: name, value, low, high (in `unit`), words (the numbers as text), standing; drawn in the order given.
    """
    across = _domain([0.0, *rows["low"], *rows["high"]])
    colour, shape = _standing_scale(rows, offset=10)
    order = alt.Y("name:N", sort=list(rows["name"]), axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0.1))
    scale = alt.Scale(domain=across, nice=False, zero=False)
    sign = "datum.value == 0 ? '0' : format(datum.value, '+~r')"
    axis = alt.Axis(title=title, tickCount=6, grid=True, labelExpr=sign)
    tooltip = [alt.Tooltip("name:N", title="what"), alt.Tooltip("words:N", title=unit)]
    base = alt.Chart(rows).encode(y=order, tooltip=tooltip)
    zero = alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(color=INK, strokeWidth=1.5)
    line: dict[str, Any] = {"baseline": "middle", "dy": -13}
    halo: dict[str, Any] = {**line, "stroke": "var(--card)", "strokeWidth": 5, "strokeJoin": "round", "aria": False}
    name: dict[str, Any] = {"align": "left", "fontWeight": 600, "limit": alt.ExprRef("max(width - 140, 90)")}
    left = base.encode(x=alt.value(2), text="name:N")
    right = base.encode(x=alt.value("width"), text="words:N")
    names = [left.mark_text(**halo, **name), left.mark_text(**line, **name)]
    numbers = [right.mark_text(**halo, align="right"), right.mark_text(**line, align="right", color=MUTED)]
    bars = base.mark_rule(strokeWidth=3, yOffset=7).encode(
        x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q", color=colour
    )
    marks = base.mark_point(filled=True, size=120, opacity=1, yOffset=7).encode(
        x=alt.X("value:Q", scale=scale), color=colour, shape=shape
    )
    layers = [zero.encode(x=alt.X("zero:Q", scale=scale)), bars, marks, *names, *numbers]
    return layered(layers, _ROW * len(rows))


def _front(points: pd.DataFrame, higher: bool = True) -> pd.DataFrame:
    """The points that no cheaper one equals or beats, cheapest first."""
    ordered = points.sort_values(["train_seconds", "value"], ascending=[True, not higher])
    best = ordered["value"].cummax() if higher else ordered["value"].cummin()
    return ordered[(ordered["value"] == best) & ~best.duplicated()][["train_seconds", "value"]]


def _value_tooltips(metric: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("value:Q", title=metric, format=".3f"),
        alt.Tooltip("low:Q", title="95\u00a0% from", format=".3f"),
        alt.Tooltip("high:Q", title="95\u00a0% to", format=".3f"),
    ]
