"""What stands behind a verdict: each analysis with a line of its own, and nothing where there is no fit."""

import dataclasses

import pytest

from afield.analysis.answer import answer
from afield.analysis.details import DETAILS
from afield.analysis.fitting.curves import CURVES_FROM
from afield.analysis.fitting.subsets import leave_out
from afield.backbones.sets import PAPER
from afield.report.behind import behind
from afield.report.figures import Figures
from afield.report.page import render
from tests.fixtures.records import make_record
from tests.report.test_page import Reader


@pytest.fixture(scope="module")
def record():
    strength = {name: 0.6 + 0.07 * place for place, name in enumerate(PAPER[:10])}
    made = make_record(strength=strength, n_test=200, metrics=["accuracy"], seeds=(0,))
    return dataclasses.replace(made, searches=())


@pytest.fixture(scope="module")
def fit(record):
    return answer(record).tasks[0].fit


@pytest.mark.slow
def test_every_analysis_has_a_line_and_the_numbers_of_its_table(fit):
    figures = Figures()
    parts = {part.title: part for part in behind(fit, figures, {}, "accuracy")}
    assert all(part.words and all(line.endswith(".") for line in part.words) for part in parts.values())
    cuts = parts["Above a cut of ImageNet accuracy"]
    sweep = DETAILS["cuts"](fit)
    assert [row.cells[0] for row in cuts.table.rows] == [str(n) for n in sweep["n"]]
    assert cuts.table.rows[0].name == "all"
    assert cuts.chart.id in figures.all
    assert "+" not in cuts.table.rows[0].cells[2]
    without = parts["Without one backbone, or one family"]
    assert [row.name for row in without.table.rows] == list(leave_out(fit.points, "backbone")["left_out"])
    assert [row.name for row in parts["Is it a straight line?"].table.rows] == ["line", "spline", "saturating"]
    assert [row.name for row in parts["By ranks and pairs"].table.rows] == ["Pearson", "Spearman", "Kendall"]
    assert "four studies of five" in parts["What so many backbones could have shown"].words[0]
    for part in parts.values():
        cells = [cell for row in (part.table.rows if part.table else ()) for cell in row.cells]
        assert "nan" not in " ".join(cells).lower()


@pytest.mark.slow
def test_a_cut_that_turns_the_verdict_is_told(fit):
    turned = dataclasses.replace(fit, verdict="does not")
    words = behind(turned, Figures(), {}, "accuracy")[0].words[0]
    assert "The verdict would be" in words
    assert "Choosing a cut is choosing a result." in words


@pytest.mark.slow
def test_few_backbones_have_no_curves_and_fewer_have_nothing(fit):
    few = answer(make_record(n_test=200, metrics=["accuracy"])).tasks[0].fit
    assert few is not None
    parts = {part.title: part for part in behind(few, Figures(), {}, "accuracy")}
    assert parts["Is it a straight line?"].table is None
    assert f"that takes {CURVES_FROM} backbones" in parts["Is it a straight line?"].words[0]
    assert behind(dataclasses.replace(few, slope=None), Figures(), {}, "accuracy") == ()


@pytest.mark.slow
def test_it_is_folded_below_the_scatter(record):
    page = render(record)
    assert "The same question, put in other ways" in "".join(Reader(page).text)
    part = page[page.index("The same question, put in other ways") :]
    assert part.index("Above a cut of ImageNet accuracy") < part.index("The backbones")
