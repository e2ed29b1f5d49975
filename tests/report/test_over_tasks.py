"""Several tasks: the answers in one table, mean ranks, and who is alike; nothing of that for one task."""

import dataclasses
import json
import re

import pytest

from afield.analysis.answer import answer
from afield.analysis.ranking.mean_ranks import mean_ranks
from afield.analysis.ranking.pairs import Places
from afield.report.figures import Figures
from afield.report.over_tasks import over_section
from afield.report.page import render
from afield.report.sections import names_of
from tests.fixtures.records import joined, make_record
from tests.report.test_page import Reader

FAR_APART = {
    "squeezenet1_1.caffe_in1k": 0.4,
    "tf_efficientnet_lite0.in1k": 1.2,
    "tf_efficientnet_lite1.in1k": 2.2,
}


def study(tasks: int, **changes):
    """Without searches, which have sections of their own."""
    parts = {
        f"task{place}": make_record(
            strength=FAR_APART, simulation=place, n_test=200, metrics=["accuracy"], seeds=(0,), **changes
        )
        for place in range(tasks)
    }
    return dataclasses.replace(joined(**parts), searches=())


@pytest.fixture(scope="module")
def seven():
    return study(7)


@pytest.fixture(scope="module")
def shown_of_seven(seven):
    return section(seven)


def places_of(record) -> list[Places]:
    places = [part.ranking.places for part in answer(record).tasks if part.ranking and part.ranking.places]
    assert len(places) == 7
    return places


def section(record):
    found, figures = answer(record), Figures()
    return over_section(record, found, figures, names_of(record, found)), figures


@pytest.mark.slow
def test_every_task_has_a_line_and_every_backbone_its_mean_rank(seven, shown_of_seven):
    shown, _ = shown_of_seven
    assert [row.name for row in shown.answers.rows] == [f"task{place}" for place in range(7)]
    found = mean_ranks(places_of(seven))
    assert [row.id for row in shown.ranks.rows] == list(found.backbones)
    assert [row.cells[0] for row in shown.ranks.rows] == [f"{rank:.2f}" for rank in found.mean_rank]
    assert shown.ranks.heads[3:] == found.tasks
    assert found.ranks.mean(axis=1) == pytest.approx(found.mean_rank)
    assert found.ranks.shape == (3, 7)


@pytest.mark.slow
def test_the_picture_joins_those_who_share_a_letter(seven, shown_of_seven):
    shown, figures = shown_of_seven
    found = mean_ranks(places_of(seven))
    assert found.possible
    rows = [row for data in figures.all[shown.chart.id]["datasets"].values() for row in data if "group" in row]
    joined_pairs = {(row["group"], row["name"]) for row in rows}
    expected = {
        (letter, row.name)
        for row, letters in zip(shown.ranks.rows, found.letters, strict=True)
        for letter in letters
        if sum(letter in each for each in found.letters) > 1
    }
    assert joined_pairs == expected


@pytest.mark.slow
def test_too_few_tasks_have_a_reason_in_place_of_a_picture():
    shown, figures = section(study(2))
    assert shown.chart is None
    assert not figures.all
    assert "Two tasks cannot tell any two of three backbones apart" in " ".join(shown.words)
    assert [row.cells[1] for row in shown.ranks.rows] == ["-"] * 3


@pytest.mark.slow
def test_the_page_begins_with_all_tasks_where_there_are_several(html):
    page = render(study(2))
    text = "".join(Reader(page).text)
    assert text.index("All tasks at a glance") < text.index("The answer")
    assert "critical" not in json.dumps(re.findall(r'aria-label="([^"]*)"', page)).lower()
    assert "All tasks at a glance" not in "".join(Reader(html).text)


@pytest.mark.slow
def test_tasks_that_share_no_backbone_have_answers_and_no_ranks():
    record = study(2)
    lost = record.results[(record.results["task"] == "task0") | (record.results["backbone"] == "none")]
    shown, _ = section(dataclasses.replace(record, results=lost))
    assert shown.ranks is None
    assert [row.cells[0] for row in shown.answers.rows][1] == "nothing was ranked"
