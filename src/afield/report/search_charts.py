"""The search's charts: what each recipe reached, and how the trainings went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from afield.report.charts import INK, MUTED, SERIES, TIED, WINNER, layered

NAMES = {"learning_rate": "learning rate", "weight_decay": "weight decay"}
STATES = ("chosen", "trained to the end", "stopped early")
"""of a cell that has a value; one without is told by its own word, e.g. "failed"."""
_HEIGHT = 190
_COLOURS = alt.Scale(domain=list(STATES), range=[WINNER, INK, MUTED])
_SHAPES = alt.Scale(domain=list(STATES), range=["diamond", "circle", "circle"])


def landscape_chart(
    cells: pd.DataFrame, axes: Mapping[str, Sequence[float]], *, metric: str, domain: Sequence[float]
) -> alt.LayerChart:
    """Selecting metric of every cell of one search: a line over one searched key, a grid of tiles over two.

    `cells`: a column a searched key, value (None where the cell failed), epochs, state (one of STATES, or why there is
    no value). `domain`: the metric's range, shared by the charts of a task.
    """
    free = [key for key, values in axes.items() if len(values) > 1] or list(axes)[:1]
    tooltip = [
        *(alt.Tooltip(f"{key}:Q", title=NAMES.get(key, key), format="~e") for key in axes),
        alt.Tooltip("value:Q", title=metric, format=".3f"),
        alt.Tooltip("epochs:Q", title="epochs trained"),
        alt.Tooltip("state:N", title="state"),
    ]
    return (
        _tiles(cells, free, tooltip, domain)
        if len(free) > 1
        else _profile(cells, free[0], axes, tooltip, domain, metric)
    )


def _profile(
    cells: pd.DataFrame,
    key: str,
    axes: Mapping[str, Sequence[float]],
    tooltip: list[alt.Tooltip],
    domain: Sequence[float],
    metric: str,
) -> alt.LayerChart:
    name = NAMES.get(key, key)
    if min(axes[key]) > 0:
        x = alt.X(
            f"{key}:Q",
            scale=alt.Scale(type="log", domain=[min(axes[key]), max(axes[key])], padding=26, nice=False),
            axis=alt.Axis(title=f"{name} (logarithmic)", values=list(axes[key]), format="~e"),
        )
    else:  # no logarithm of 0
        x = alt.X(f"{key}:O", axis=alt.Axis(title=name, format="~e", labelAngle=0))
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=list(domain), nice=False, zero=False),
        axis=alt.Axis(title=metric, tickCount=4, format=".2f"),
    )
    valued = cells[cells["value"].notna()]
    lost = alt.Chart(cells[cells["value"].isna()]).mark_text(color="var(--warn)", fontWeight=600)
    lost = lost.encode(x=x, y=alt.value(_HEIGHT - 14), text="state:N")
    line = alt.Chart(valued).mark_line(color=MUTED, strokeWidth=1.5, opacity=0.5).encode(x=x, y=y)
    points = alt.Chart(valued).encode(x=x, y=y, tooltip=tooltip, shape=alt.Shape("state:N", scale=_SHAPES, legend=None))
    colour = alt.Color("state:N", scale=_COLOURS, legend=None)
    whole = (
        points.transform_filter(alt.datum.state != "stopped early")
        .mark_point(size=130, filled=True, opacity=1)
        .encode(color=colour)
    )
    part = points.transform_filter(alt.datum.state == "stopped early")
    part = part.mark_point(size=90, filled=False, fill="var(--card)", strokeWidth=2, opacity=1).encode(
        stroke=alt.value(MUTED)
    )
    words = alt.Chart(valued).mark_text(dy=-15).encode(x=x, y=y, text=alt.Text("value:Q", format=".3f"))
    return layered([line, part, whole, words, lost], _HEIGHT)


def _tiles(
    cells: pd.DataFrame, free: Sequence[str], tooltip: list[alt.Tooltip], domain: Sequence[float]
) -> alt.LayerChart:
    across, down = free[0], free[1]
    x = alt.X(f"{across}:O", axis=alt.Axis(title=NAMES.get(across, across), format="~e", labelAngle=0))
    y = alt.Y(f"{down}:O", sort="descending", axis=alt.Axis(title=NAMES.get(down, down), format="~e", grid=False))
    shade = alt.Opacity("value:Q", scale=alt.Scale(domain=list(domain), range=[0.05, 0.5]), legend=None)
    base = alt.Chart(cells).encode(x=x, y=y, tooltip=tooltip)
    tiles = base.mark_rect(color=TIED, stroke="var(--card)", strokeWidth=2).encode(opacity=shade)
    frame = base.transform_filter(alt.datum.state == "chosen").mark_rect(filled=False, stroke=WINNER, strokeWidth=3)
    colour = alt.condition(alt.datum.state == "stopped early", alt.value(MUTED), alt.value(INK))
    words = base.transform_calculate(text="isValid(datum.value) ? format(datum.value, '.3f') : datum.state")
    words = words.mark_text().encode(text="text:N", color=colour)
    return layered([tiles, frame, words], 34 * cells[down].nunique())


def curves_chart(
    history: pd.DataFrame, lines: Sequence[str], *, metric: str, domain: Sequence[float], epochs: int
) -> alt.LayerChart:
    """Selecting metric by epoch: the chosen recipe under each seed strong, the search's other cells faint.

    `history`: trial, line (one of `lines` or "other recipes"), epoch, validation. `lines`: "seed 0", ...; their order
    gives the colours.
    """
    y = alt.Y(
        "validation:Q",
        scale=alt.Scale(domain=list(domain), nice=False, zero=False),
        axis=alt.Axis(title=metric, tickCount=4, format=".2f"),
    )
    others = history[history["line"] == "other recipes"]
    chosen = history[history["line"] != "other recipes"]
    tooltip = [
        alt.Tooltip("line:N", title="training"),
        alt.Tooltip("epoch:Q", title="epoch"),
        alt.Tooltip("validation:Q", title=metric, format=".3f"),
    ]
    x = _epochs(epochs)
    faint = (
        alt.Chart(others)
        .mark_line(color=MUTED, opacity=0.45, strokeWidth=1.2, point=_dots(20, MUTED))
        .encode(x=x, y=y, detail="trial:N")
    )
    strong = (
        alt.Chart(chosen)
        .mark_line(strokeWidth=2.4, point=_dots(50))
        .encode(x=x, y=y, detail="trial:N", color=_lines(lines))
    )
    return layered([faint.encode(tooltip=tooltip), strong.encode(tooltip=tooltip)], _HEIGHT)


def losses_chart(history: pd.DataFrame, lines: Sequence[str], *, epochs: int) -> alt.LayerChart:
    """Cross-entropy by epoch of the chosen recipe: training dashed, validation solid.

    `history`: trial, line (one of `lines`), epoch, loss, of ("training" or "validation").
    """
    base = alt.Chart(history).encode(
        x=_epochs(epochs),
        y=alt.Y("loss:Q", scale=alt.Scale(zero=False), axis=alt.Axis(title="cross-entropy", tickCount=4)),
        detail=["trial:N", "of:N"],
        tooltip=[
            alt.Tooltip("line:N", title="training"),
            alt.Tooltip("of:N", title="loss on"),
            alt.Tooltip("epoch:Q", title="epoch"),
            alt.Tooltip("loss:Q", title="cross-entropy", format=".3f"),
        ],
    )
    dashes = alt.StrokeDash(
        "of:N", scale=alt.Scale(domain=["training", "validation"], range=[[5, 4], [1, 0]]), legend=None
    )
    chart = base.mark_line(strokeWidth=2, point=_dots(30)).encode(color=_lines(lines), strokeDash=dashes)
    return layered([chart], _HEIGHT)


def _epochs(epochs: int) -> alt.X:
    step = max(1, -(-epochs // 6))
    values = sorted({1, epochs, *range(step, epochs + 1, step)}) if epochs > 6 else list(range(1, epochs + 1))
    scale = alt.Scale(domain=[1, max(epochs, 2)], nice=False, zero=False, padding=8)
    return alt.X("epoch:Q", scale=scale, axis=alt.Axis(title="epoch", values=values, format="d"))


def _lines(lines: Sequence[str]) -> alt.Color:
    colours = [SERIES[place % len(SERIES)] for place in range(len(lines))]
    return alt.Color("line:N", scale=alt.Scale(domain=list(lines), range=colours), legend=None)


def _dots(size: int, colour: str | None = None) -> alt.OverlayMarkDef:
    dots = alt.OverlayMarkDef(size=size, filled=True)
    return alt.OverlayMarkDef(size=size, filled=True, color=colour) if colour else dots
