"""The search's charts: what each recipe reached, and how the trainings went."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import altair as alt

from afield.report.charts import INK, MUTED, SERIES, TIED, WINNER, layered
from afield.report.figures import ROWS

STATES = ("chosen", "trained to the end", "stopped early")
"""of a cell that has a value; one without is told by its own word, e.g. "failed"."""
_HEIGHT = 190
_FEW = 10
"""values that an axis gives a place each"""
_POWER = 10
"""by which the largest value of a logarithmic axis exceeds the smallest at least"""
_SMALL = 0.01
"""a value below it is written with a power of ten, as in text (words.plain)"""
_COLOURS = alt.Scale(domain=list(STATES), range=[WINNER, INK, MUTED])
_SHAPES = alt.Scale(domain=list(STATES), range=["diamond", "circle", "circle"])


def landscape_chart(axes: Mapping[str, Sequence[float]], *, metric: str, domain: Sequence[float]) -> alt.LayerChart:
    """Selecting metric of every cell of one search: a line over one searched key, a grid of tiles over two; where there
    are more, a tile shows the chosen one of its cells or else their best.

    Its data are ROWS: a column a searched key, value (None where the cell failed), epochs, state (one of STATES, or why
    there is no value). `domain`: the metric's range, shared by the charts of a task.
    """
    free = [key for key, values in axes.items() if len(values) > 1] or list(axes)[:1]
    tooltip = _tooltip(axes, metric)
    if len(free) > 1:
        return _tiles(free, axes, tooltip, domain)
    return _profile(free[0], axes, tooltip, domain, metric)


def _name(key: str) -> str:
    return key.replace("_", " ")


def _spreads(values: Sequence[float]) -> bool:
    """Whether a key's values lie over powers of ten, and not within one (or at 0, which has no logarithm)."""
    return min(values) > 0 and (len(set(values)) == 1 or max(values) >= _POWER * min(values))


def _format(values: Sequence[float]) -> str:
    """How the values of a key are written: with a power of ten where some are small."""
    return "~e" if any(0 < abs(value) < _SMALL for value in values) else "~g"


def _tooltip(axes: Mapping[str, Sequence[float]], metric: str) -> list[alt.Tooltip]:
    return [
        *(alt.Tooltip(f"{key}:Q", title=_name(key), format=_format(values)) for key, values in axes.items()),
        alt.Tooltip("value:Q", title=metric, format=".3f"),
        alt.Tooltip("epochs:Q", title="epochs trained"),
        alt.Tooltip("state:N", title="state"),
    ]


def _cells() -> alt.Chart:
    return alt.Chart(alt.NamedData(name=ROWS))


def _profile(
    key: str,
    axes: Mapping[str, Sequence[float]],
    tooltip: list[alt.Tooltip],
    domain: Sequence[float],
    metric: str,
) -> alt.LayerChart:
    name, values = _name(key), list(axes[key])
    if _spreads(values):
        x = alt.X(
            f"{key}:Q",
            scale=alt.Scale(type="log", domain=[min(values), max(values)], padding=26, nice=False),
            axis=alt.Axis(title=f"{name} (logarithmic)", values=values, format=_format(values)),
        )
    else:
        x = alt.X(f"{key}:O", axis=alt.Axis(title=name, format=_format(values), labelAngle=0))
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=list(domain), nice=False, zero=False),
        axis=alt.Axis(title=metric, tickCount=4, format=".2f"),
    )
    valued = _cells().transform_filter("isValid(datum.value)")
    lost = _cells().transform_filter("!isValid(datum.value)").mark_text(color="var(--warn)", fontWeight=600)
    lost = lost.encode(x=x, y=alt.value(_HEIGHT - 14), text="state:N")
    line = valued.mark_line(color=MUTED, strokeWidth=1.5, opacity=0.5).encode(x=x, y=y)
    points = _points(valued.encode(x=x, y=y, tooltip=tooltip))
    words = valued.mark_text(dy=-15).encode(x=x, y=y, text=alt.Text("value:Q", format=".3f"))
    return layered([line, *points, words, lost], _HEIGHT)


def _points(cells: alt.Chart) -> list[alt.Chart]:
    """The cells as points: hollow those that were stopped early, above them the others, the chosen one as a diamond."""
    marked = cells.encode(shape=alt.Shape("state:N", scale=_SHAPES, legend=None))
    part = marked.transform_filter(alt.datum.state == "stopped early")
    part = part.mark_point(size=90, filled=False, fill="var(--card)", strokeWidth=2, opacity=1)
    whole = marked.transform_filter(alt.datum.state != "stopped early").mark_point(size=130, filled=True, opacity=1)
    colour = alt.Color("state:N", scale=_COLOURS, legend=None)
    return [part.encode(stroke=alt.value(MUTED)), whole.encode(color=colour)]


def _tiles(
    free: Sequence[str], axes: Mapping[str, Sequence[float]], tooltip: list[alt.Tooltip], domain: Sequence[float]
) -> alt.LayerChart:
    across, down = free[0], free[1]
    x = alt.X(f"{across}:O", axis=alt.Axis(title=_name(across), format=_format(axes[across]), labelAngle=0))
    y = alt.Y(
        f"{down}:O",
        sort="descending",
        axis=alt.Axis(title=_name(down), format=_format(axes[down]), grid=False),
    )
    shade = alt.Opacity("value:Q", scale=alt.Scale(domain=list(domain), range=[0.05, 0.5]), legend=None)
    cells = _cells() if len(free) == 2 else _best_of_each(_cells(), across, down)
    base = cells.encode(x=x, y=y, tooltip=tooltip)
    tiles = base.mark_rect(color=TIED, stroke="var(--card)", strokeWidth=2).encode(opacity=shade)
    frame = base.transform_filter(alt.datum.state == "chosen").mark_rect(filled=False, stroke=WINNER, strokeWidth=3)
    colour = alt.condition(alt.datum.state == "stopped early", alt.value(MUTED), alt.value(INK))
    words = base.transform_calculate(text="isValid(datum.value) ? format(datum.value, '.3f') : datum.state")
    words = words.mark_text().encode(text="text:N", color=colour)
    return layered([tiles, frame, words], 34 * len(axes[down]))


def _best_of_each(cells: alt.Chart, across: str, down: str) -> alt.Chart:
    """Of the cells that share a tile the chosen one, or else the best."""
    ranked = cells.transform_calculate(first="datum.state == 'chosen' ? 1 : 0").transform_window(
        place="row_number()",
        groupby=[across, down],
        sort=[alt.SortField("first", order="descending"), alt.SortField("value", order="descending")],
    )
    return ranked.transform_filter("datum.place == 1")


def scatter_chart(
    axes: Mapping[str, Sequence[float]], *, metric: str, domain: Sequence[float], evenly: Collection[str] = ()
) -> alt.LayerChart:
    """Selecting metric of every cell of a search whose cells were drawn: over one key as points, over two as points
    whose colour is the deeper the better.

    Its data and `domain` are those of `landscape_chart`; the keys in `evenly` were drawn as they stand, so that their
    axes are no logarithms.
    """
    free = [key for key, values in axes.items() if len(values) > 1] or list(axes)[:1]
    tooltip = _tooltip(axes, metric)
    x = alt.X(**_drawn_axis(free[0], axes[free[0]], log=free[0] not in evenly))
    valued = _cells().transform_filter("isValid(datum.value)")
    lost = _cells().transform_filter("!isValid(datum.value)").mark_text(color="var(--warn)", fontWeight=600)
    if len(free) > 1:
        y = alt.Y(**_drawn_axis(free[1], axes[free[1]], log=free[1] not in evenly, order="descending"))
        shade = alt.Opacity("value:Q", scale=alt.Scale(domain=list(domain), range=[0.1, 1]), legend=None)
        points = valued.mark_point(size=150, filled=True, color=TIED).encode(x=x, y=y, tooltip=tooltip, opacity=shade)
        frame = valued.transform_filter(alt.datum.state == "chosen")
        frame = frame.mark_point(size=260, filled=False, stroke=WINNER, strokeWidth=3, opacity=1).encode(x=x, y=y)
        words = frame.mark_text(dy=-17).encode(x=x, y=y, text=alt.Text("value:Q", format=".3f"))
        return layered([points, frame, words, lost.encode(x=x, y=y, text="state:N")], _HEIGHT)
    height = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=list(domain), nice=False, zero=False),
        axis=alt.Axis(title=metric, tickCount=4, format=".2f"),
    )
    points = _points(valued.encode(x=x, y=height, tooltip=tooltip))
    return layered([*points, lost.encode(x=x, y=alt.value(_HEIGHT - 14), text="state:N")], _HEIGHT)


def _drawn_axis(key: str, values: Sequence[float], *, log: bool, order: str = "ascending") -> dict[str, Any]:
    """What an axis of drawn values is made of: logarithmic where that is asked for and they spread over powers of ten,
    and a place each, in that order, for the few that 0 is one of.
    """
    name, log, how = _name(key), log and _spreads(values), _format(values)
    if min(values) <= 0 and len(set(values)) <= _FEW:
        return {"shorthand": f"{key}:O", "axis": alt.Axis(title=name, format=how, labelAngle=0), "sort": order}
    scale = alt.Scale(type="log" if log else "linear", domain=[min(values), max(values)], padding=18, nice=False)
    axis = alt.Axis(title=f"{name} (logarithmic)" if log else name, tickCount=5, format=how)
    return {"shorthand": f"{key}:Q", "scale": scale, "axis": axis}


def best_of_chart(*, metric: str, recipes: int) -> alt.LayerChart:
    """The best of n recipes at random, on average over which they are, with its band.

    Its data are ROWS: recipes (1 to `recipes`), expected, low and high (None where there is no band).
    """
    step = max(1, -(-recipes // 8))
    values = sorted({1, recipes, *range(step, recipes + 1, step)})
    x = alt.X(
        "recipes:Q",
        scale=alt.Scale(domain=[1, recipes], nice=False, zero=False, padding=8),
        axis=alt.Axis(title="recipes tried", values=values, format="d"),
    )
    y = alt.Y("expected:Q", scale=alt.Scale(zero=False), axis=alt.Axis(title=metric, tickCount=4, format=".2f"))
    tooltip = [
        alt.Tooltip("recipes:Q", title="recipes"),
        alt.Tooltip("expected:Q", title="best of them", format=".3f"),
        alt.Tooltip("low:Q", title="from", format=".3f"),
        alt.Tooltip("high:Q", title="to", format=".3f"),
    ]
    band = _cells().transform_filter("isValid(datum.low)").mark_area(color=TIED, opacity=0.15)
    line = _cells().mark_line(color=INK, strokeWidth=2, point=_dots(40, INK)).encode(x=x, y=y, tooltip=tooltip)
    return layered([band.encode(x=x, y=alt.Y("low:Q", scale=alt.Scale(zero=False)), y2="high:Q"), line], _HEIGHT)


def audit_chart(keys: Sequence[str], *, metric: str, domain: Sequence[float]) -> alt.LayerChart:
    """Every audited cell of one search by what it reached on validation and on test, the chosen one as a diamond; on
    the dashed line both are the same.

    Its data are ROWS: the searched `keys`, validation, test, state (one of STATES). `domain`: the range of both axes.
    """
    scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    x = alt.X("validation:Q", scale=scale, axis=alt.Axis(title=metric, tickCount=4, format=".2f"))
    y = alt.Y("test:Q", scale=scale, axis=alt.Axis(title="the same on test", tickCount=4, format=".2f"))
    tooltip = [
        *(alt.Tooltip(f"{key}:Q", title=_name(key), format="~g") for key in keys),
        alt.Tooltip("validation:Q", title="validation", format=".3f"),
        alt.Tooltip("test:Q", title="test", format=".3f"),
        alt.Tooltip("state:N", title="state"),
    ]
    ends = _cells().transform_aggregate(low="min(validation)", high="max(validation)")
    ends = ends.transform_fold(["low", "high"], as_=["end", "same"])
    line = ends.mark_line(color=MUTED, strokeDash=[5, 4])
    line = line.encode(x=alt.X("same:Q", scale=scale), y=alt.Y("same:Q", scale=scale))
    return layered([line, *_points(_cells().encode(x=x, y=y, tooltip=tooltip))], _HEIGHT)


def curves_chart(lines: Sequence[str], *, metric: str, domain: Sequence[float], epochs: int) -> alt.LayerChart:
    """Selecting metric by epoch: the chosen recipe under each seed strong, the search's other cells faint.

    Its data are ROWS, one a training: trial, line (one of `lines` or "other recipes"), epoch and validation, both
    lists. The order of `lines`, "seed 0", ..., gives the colours.
    """
    y = alt.Y(
        "validation:Q",
        scale=alt.Scale(domain=list(domain), nice=False, zero=False),
        axis=alt.Axis(title=metric, tickCount=4, format=".2f"),
    )
    tooltip = [
        alt.Tooltip("line:N", title="training"),
        alt.Tooltip("epoch:Q", title="epoch"),
        alt.Tooltip("validation:Q", title=metric, format=".3f"),
    ]
    every = _cells().transform_flatten(["epoch", "validation"])
    base = every.encode(x=_epochs(epochs), y=y, detail="trial:N", tooltip=tooltip)
    faint = base.transform_filter(alt.datum.line == "other recipes")
    faint = faint.mark_line(color=MUTED, opacity=0.45, strokeWidth=1.2, point=_dots(20, MUTED))
    strong = base.transform_filter(alt.datum.line != "other recipes")
    strong = strong.mark_line(strokeWidth=2.4, point=_dots(50)).encode(color=_lines(lines))
    return layered([faint, strong], _HEIGHT)


def losses_chart(lines: Sequence[str], *, epochs: int) -> alt.LayerChart:
    """Cross-entropy by epoch of the chosen recipe: training dashed, validation solid.

    Its data are ROWS, two a training: trial, line (one of `lines`), of ("training" or "validation"), epoch and loss,
    both lists.
    """
    base = (
        _cells()
        .transform_flatten(["epoch", "loss"])
        .encode(
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
