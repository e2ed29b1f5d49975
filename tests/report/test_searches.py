"""What the page says of searches: what was added, what each backbone got, what being the best of several is worth."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from afield.report.contents import contents
from afield.report.fairness import fairness_section
from afield.report.figures import Figures
from afield.report.page import render
from afield.report.search_charts import best_of_chart, scatter_chart
from afield.report.search_words import notes_on
from afield.report.searches import SearchSection, search_sections
from afield.study.record import StudyRecord
from tests.fixtures.records import make_record

NAME = "squeezenet1_1.caffe_in1k"


def with_choice(record: StudyRecord, **changes: Any) -> StudyRecord:
    search = type(record.study.search).model_validate({**record.study.search.model_dump(), **changes})
    return replace(record, study=record.study.model_copy(update={"search": search}))


@pytest.fixture(scope="module")
def grown() -> StudyRecord:
    """A finished grid of three recipes of one backbone, to which `extend` has added a fourth."""
    record = make_record(strength={NAME: 1.3}, seeds=(0,), n_test=60)
    plain = record.searches[0]
    like = plain.cells[1]
    cells = [
        replace(like, key=key, recipe={**like.recipe, "learning_rate": rate}, validation=value, state="finished")
        for key, rate, value in (("a", 1e-4, 0.6), ("b", 1e-3, 0.7), ("c", 1e-2, 0.8), ("d", 0.1, 0.82))
    ]
    luck = np.random.default_rng(0).normal(0, 0.02, (4, 400))
    search = replace(
        plain, cells=tuple(cells), chosen="d", finalists=("a", "b", "c", "d"), generations=(3, 1), asked=(3, 3, 3, 3),
        axes={**plain.axes, "learning_rate": (1e-4, 1e-3, 1e-2, 0.1)}, borders=("learning_rate",),
    )  # fmt: skip
    record = with_choice(record, method="grid", extend=True)
    resampled = {cell.key: np.array([cell.validation]) + row for cell, row in zip(cells, luck, strict=True)}
    return replace(record, searches=(search, *record.searches[1:]), resampled_cells=resampled)


def section(record: StudyRecord, figures: Figures) -> SearchSection:
    return search_sections(record, "elpv", "accuracy on validation", figures, {})[0]


@pytest.mark.slow
def test_what_was_added_and_what_the_best_of_several_is_worth_are_told(grown: StudyRecord) -> None:
    figures = Figures()
    told = section(grown, figures)
    assert "4 recipes; 1 of them added in 1 step from what came before: learning rate 0.1" in told.notes
    assert "being the best of the 4 that were trained to the end flatters the chosen one on validation by" in told.notes
    assert "at the border of the grid" in told.warning, "it still lies at an end of what was tried"
    assert told.best_of is not None
    assert "One recipe at random reaches 0.700 on average, the best of 2 0.767, of all 3 0.800" in told.best_of.reading
    rows = figures.all[told.best_of.id]["rows"]
    assert [row["recipes"] for row in rows] == [1, 2, 3]
    assert all(row["low"] < row["expected"] < row["high"] for row in rows)


@pytest.mark.parametrize("loss", ["cross-entropy", "my_losses:hardest_half"])
def test_what_took_a_part_of_a_batch_for_the_whole_is_told(grown: StudyRecord, loss: str) -> None:
    search = grown.searches[0]
    cells = tuple(replace(cell, recipe={**cell.recipe, "loss": loss}) for cell in search.cells)
    said = notes_on(replace(search, cells=cells, micro_batch=4))[-1]
    assert "4 images of a batch computed at once: BatchNorm, where the network has it" in said
    assert ("my_losses:hardest_half, where it looks at other images of the batch, looked at so many" in said) == (
        ":" in loss
    )


@pytest.mark.slow
def test_what_each_backbone_got_is_a_table_and_what_differs_a_warning(grown: StudyRecord) -> None:
    found = fairness_section(grown, "elpv", {NAME: "squeezenet"})
    assert found is not None
    assert found.alike, "each intervention has one backbone here"
    assert found.table.rows[0].cells == ("4", "3 + 1", "12", "5", "0")
    many = make_record(seeds=(0,), n_test=60)
    unlike = fairness_section(many, "elpv", {})
    assert unlike is not None
    assert not unlike.alike, "a recipe of one backbone failed"
    page = render(many)
    assert "recipes failed, so that the best is one of fewer" in page
    assert "What each backbone got" in page


@pytest.mark.slow
def test_drawn_recipes_are_points_not_tiles(grown: StudyRecord) -> None:
    drawn = with_choice(
        grown, method="random", extend=False, grid={}, trials=3, space={"learning_rate": {"low": 1e-4, "high": 0.1}}
    )
    figures = Figures()
    told = section(replace(drawn, searches=(replace(grown.searches[0], borders=()),)), figures)
    assert told.warning == ""
    assert told.landscape is not None
    page = render(drawn)
    assert "Every backbone was searched alike" in page
    assert "learning rate in [1e-4, 0.1] was chosen by full training of 3 random draws" in page
    two = {"learning_rate": (1e-4, 1e-3), "weight_decay": (0.0, 1e-4)}
    chart = scatter_chart(two, metric="accuracy", domain=(0, 1)).to_dict()
    assert [layer["encoding"]["y"]["field"] for layer in chart["layer"]] == ["weight_decay"] * 4
    spread = {"label_smoothing": (0.01, 0.1, 0.3), "learning_rate": (1e-4, 1e-2)}
    drawn_as = scatter_chart(spread, metric="accuracy", domain=(0, 1), evenly=["label_smoothing"]).to_dict()
    scales = {axis: drawn_as["layer"][0]["encoding"][axis]["scale"]["type"] for axis in ("x", "y")}
    assert scales == {"x": "linear", "y": "log"}
    assert best_of_chart(metric="accuracy", recipes=30).to_dict()["layer"]


@pytest.mark.slow
def test_a_study_that_searches_nothing_says_so(grown: StudyRecord) -> None:
    still = with_choice(grown, extend=False, grid={})
    assert fairness_section(still, "elpv", {}) is None
    assert "Nothing was searched" in render(still)
    assert contents(still).tasks[0].fairness is None
