"""The section on interventions: there where a study has some, with each line in words."""

import dataclasses
import json
import re

import pytest

from afield.analysis.ranking.interventions import interventions_of
from afield.report import words
from afield.report.page import render
from afield.study.record import StudyRecord
from tests.fixtures.records import make_record
from tests.report.test_page import EVIL, Reader


@pytest.fixture(scope="module")
def varied() -> StudyRecord:
    """Without its searches, which have sections of their own."""
    record = make_record(interventions={"larger": 0.6, "gem": 0.0}, n_test=200, metrics=["accuracy"])
    return dataclasses.replace(record, searches=())


def section(html: str) -> str:
    """The text between its heading and the next."""
    text = " ".join("".join(Reader(html).text).split())
    return text.split(" Interventions Against plain", 1)[1].split("What the chosen one does", 1)[0]


@pytest.mark.slow
def test_every_line_stands_in_the_table_and_the_leading_ones_in_the_chart(varied: StudyRecord) -> None:
    html = render(varied)
    said = section(html)
    for line in interventions_of(varied, "elpv"):
        assert words.difference(line.difference, "accuracy") in said
    assert "mean of four backbones" in said
    specifications = json.loads(re.search(r'id="specifications">(.*?)</script>', html, re.S)[1])
    (chart,) = [each for each in specifications.values() if "Difference to plain" in each["description"]]
    names = {row["name"] for rows in chart["datasets"].values() for row in rows if "name" in row}
    assert names == {"scratch (squeezenet1_1)", "larger", "gem"}


def test_a_study_whose_only_control_is_from_scratch_has_no_such_section(html: str) -> None:
    assert "Interventions" not in "".join(Reader(html).text)


@pytest.mark.slow
def test_what_has_no_interval_is_in_the_table_alone(varied: StudyRecord) -> None:
    others = varied.predictions["key"].str.contains("larger|gem")
    said = section(render(dataclasses.replace(varied, predictions=varied.predictions[~others])))
    assert "(no interval)" in said
    assert "from the results table" in said
    assert "nan" not in said.lower()


@pytest.mark.slow
def test_names_of_interventions_stay_text(varied: StudyRecord) -> None:
    head = varied.study.study.model_copy(update={"interventions": ("plain", "scratch", "larger", EVIL)})
    study = varied.study.model_copy(
        update={"study": head, "interventions": {**varied.study.interventions, EVIL: {"epochs": 5}}}
    )
    results = varied.results.replace({"intervention": {"gem": EVIL}})
    page = Reader(render(dataclasses.replace(varied, study=study, results=results)))
    assert len(page.all("script")) == 5
    assert EVIL in "".join(page.text)
