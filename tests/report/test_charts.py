"""Charts compile, names keep apart, numbers read well."""

import json
import math
import re
from importlib import resources
from itertools import product

import altair
import pandas as pd
import pytest
import vl_convert
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.report import charts, words
from afield.report.figures import ROWS
from afield.report.labels import LINE, place_labels
from afield.report.rank_charts import mean_rank_chart
from afield.report.search_charts import curves_chart, landscape_chart, losses_chart
from afield.scoring.intervals import Interval

POINTS = pd.DataFrame(
    {
        "name": ["squeezenet1_1", "lite0", "lite2"],
        "family": ["SqueezeNet", "EfficientNet", "EfficientNet"],
        "imagenet_top1": [58.4, 74.8, 77.5],
        "train_seconds": [12.0, 65.0, 60.0],
        "params_m": [1.2, 4.7, 6.1],
        "value": [0.79, 0.81, 0.80],
        "low": [0.75, 0.78, 0.76],
        "high": [0.83, 0.84, 0.84],
        "seeds": [2, 2, 2],
        "standing": ["behind it", "chosen", "ties with it"],
    }
)
BAND = pd.DataFrame({"imagenet_top1": [58.4, 77.5], "value": [0.79, 0.81], "low": [0.7, 0.7], "high": [0.9, 0.9]})
CELLS = pd.DataFrame(
    {
        "learning_rate": [1e-4, 1e-3, 1e-2],
        "weight_decay": [1e-4] * 3,
        "value": [0.7, 0.8, math.nan],
        "epochs": [1, 3, 0],
        "state": ["stopped early", "chosen", "failed"],
    }
)
HISTORY = [
    {"trial": 0, "line": "seed 0", "epoch": [1, 2], "validation": [0.7, 0.8]},
    {"trial": 1, "line": "other recipes", "epoch": [1], "validation": [0.6]},
]
LOSSES = [
    {"trial": 0, "line": "seed 0", "of": of, "epoch": [1, 2], "loss": [0.6, 0.5]} for of in ("training", "validation")
]
AXES = {"learning_rate": (1e-4, 1e-3, 1e-2), "weight_decay": (1e-4,)}
GRID = pd.concat([CELLS, CELLS.assign(weight_decay=1e-3)], ignore_index=True)


def svg(chart: altair.LayerChart, rows: list[dict] | None = None) -> str:
    """Drawn; `rows` are those of a shape, which brings none of its own."""
    version = ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    specification = charts.in_colours(chart.properties(width=400).to_dict())
    if rows is not None:
        specification["datasets"] = {ROWS: json.loads(json.dumps(rows).replace("NaN", "null"))}
    return vl_convert.vegalite_to_svg(specification, vl_version=version)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("chart", "words_in_it"),
    [
        (charts.transfer_chart(POINTS, BAND, metric="accuracy", certain=False), ["squeezenet1_1", "ImageNet top-1"]),
        (charts.transfer_chart(POINTS, BAND.iloc[:0], metric="accuracy", certain=True), ["lite0"]),
        (charts.cost_chart(POINTS, metric="accuracy"), ["lite2", "one training takes"]),
        (charts.interval_chart(POINTS.assign(words="+1.0"), title="better", unit="points"), ["+1.0", "better"]),
        (
            mean_rank_chart(
                pd.DataFrame({"name": ["a", "b"], "mean_rank": [1.2, 1.8], "letters": ["a", "a"]}),
                pd.DataFrame({"name": ["a", "b"], "task": "moths", "rank": [1.0, 2.0]}),
                pd.DataFrame({"group": ["a", "a"], "name": ["a", "b"]}),
            ),
            ["rank (1 is the best)"],
        ),
    ],
)
def test_charts_draw_what_they_are_given(chart, words_in_it):
    assert_drawn(svg(chart), words_in_it)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("axes", "rows", "words_in_it"),
    [
        (AXES, CELLS, ["failed", "0.800", "learning rate"]),
        ({**AXES, "weight_decay": (1e-4, 1e-3)}, GRID, ["failed"]),
        (
            {"learning_rate": (1e-3,), "weight_decay": (0.0, 2.5e-4, 1e-3)},
            CELLS.assign(learning_rate=1e-3, weight_decay=[0.0, 2.5e-4, 1e-3]),
            ["failed", "0.800", "2.5e-4"],
        ),
    ],
)
def test_a_landscape_shows_every_cell(axes, rows, words_in_it):
    chart = landscape_chart(axes, metric="accuracy", domain=(0.6, 0.9))
    assert_drawn(svg(chart, rows.to_dict("records")), words_in_it)


@pytest.mark.slow
def test_of_more_than_two_keys_a_tile_shows_the_chosen_recipe_or_else_the_best():
    axes = {"learning_rate": (1e-4, 1e-3), "layer_decay": (0.5, 1.0), "mixup": (0.0, 0.2)}
    values = iter([0.71, 0.72, 0.73, None, 0.75, 0.74, 0.77, 0.76])
    rows = [
        {**dict(zip(axes, point, strict=True)), "value": next(values), "epochs": 1, "state": "stopped early"}
        for point in product(*axes.values())
    ]
    rows[5]["state"] = "chosen"
    drawn = svg(landscape_chart(axes, metric="accuracy", domain=(0.6, 0.9)), rows)
    assert_drawn(drawn, ["0.720", "0.730", "0.740", "0.770", "layer decay", ">0.5<", ">1e-4<"])
    assert not any(f">{value}<" in drawn for value in ("0.710", "0.750", "0.760"))


@pytest.mark.slow
def test_trainings_are_drawn_from_a_row_each():
    drawn = svg(curves_chart(["seed 0"], metric="accuracy", domain=(0.6, 0.9), epochs=2), HISTORY)
    assert_drawn(drawn, ["epoch"])
    assert drawn.count('aria-roledescription="point"') == 3
    assert_drawn(svg(losses_chart(["seed 0"], epochs=30), LOSSES), ["cross-entropy"])


def assert_drawn(drawn, words_in_it):
    assert "var(--" not in drawn
    assert "NaN" not in drawn
    for word in words_in_it:
        assert word in drawn


def test_a_seed_has_the_colour_of_its_place_in_the_study_even_where_others_lack():
    history = [{**HISTORY[0], "line": "seed 2"}]
    chart = curves_chart(["seed 0", "seed 10", "seed 2"], metric="accuracy", domain=(0.6, 0.9), epochs=2)
    assert charts.COLOURS["series-3"] in svg(chart, history)


def test_the_front_holds_what_nobody_beats():
    drawn = charts.cost_chart(POINTS, metric="accuracy").to_dict()
    front = next(rows for rows in drawn["datasets"].values() if set(rows[0]) == {"train_seconds", "value"})
    assert [row["train_seconds"] for row in front] == [12.0, 60.0, 65.0]


spots = st.tuples(st.integers(0, 290), st.integers(0, 340))


@pytest.mark.slow
@given(st.lists(spots, min_size=1, max_size=4, unique=True))
@settings(max_examples=100, deadline=None)
def test_few_names_never_lie_on_each_other(places):
    texts = [f"backbone_{index}" for index in range(len(places))]
    x, y = zip(*places, strict=True)
    placed = place_labels(x, y, texts, width=290, height=340)
    length = len(texts[0]) * 6.3
    boxes = []
    for a, b, at in zip(x, y, placed, strict=True):
        left = a + at.dx - {"left": 0, "center": length / 2, "right": length}[at.align]
        boxes.append((left, b + at.dy))
    for index, (left, middle) in enumerate(boxes):
        for other_left, other_middle in boxes[:index]:
            assert abs(left - other_left) >= length or abs(middle - other_middle) >= LINE


@pytest.mark.parametrize(
    ("value", "metric", "text"),
    [
        (Interval(-0.0044, -0.01, 0.0111), "accuracy", "\u22120.4 (\u22121.0 to +1.1)"),
        (Interval(0.0, -0.0001, 0.0002), "accuracy", "0.0 (0.0 to 0.0)"),
        (Interval(-0.25, -0.5, 0.125), "log_loss", "\u22120.250 (\u22120.500 to +0.125)"),
        (Interval(math.nan, math.nan, math.nan), "auroc", "not defined"),
    ],
)
def test_differences_are_told_in_points_where_the_metric_is_a_share(value, metric, text):
    assert words.difference(value, metric) == text


def test_names_are_short_only_where_that_is_enough():
    assert words.short_names(["a.x", "b.x", "b.y", ".z"]) == {"a.x": "a", "b.x": "b.x", "b.y": "b.y", ".z": ".z"}


def test_colours_outside_the_page_are_those_of_its_light_side():
    style = resources.files("afield.report").joinpath("style.css").read_text(encoding="utf-8")
    light, dark = (dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", part)) for part in style.split("@media")[:2])
    assert {name: light[name] for name in charts.COLOURS} == charts.COLOURS
    assert set(light) == set(dark)
