"""The further questions of a whole study, as the page folds them."""

from dataclasses import replace

import pytest

from afield.analysis.analyse import Analysis
from afield.analysis.answer import answer
from afield.analysis.described import together
from afield.analysis.questions import QUESTIONS, TITLES
from afield.analysis.study_fits import fit_study, told_rows
from afield.report.page import render
from afield.report.questions import questions
from afield.study.record import StudyRecord
from tests.fixtures.records import make_record, on_tasks


def test_every_question_has_a_title() -> None:
    assert set(TITLES) == set(QUESTIONS)


@pytest.mark.slow
def test_a_study_is_asked_what_the_command_asks_and_the_rest_is_told_why() -> None:
    record = on_tasks(
        {
            task: make_record(simulation=place, n_test=200, metrics=("accuracy", "macro_f1"), seeds=(0,))
            for place, task in enumerate(("solar", "moths", "cells"))
        }
    )
    parts = questions(record, [part.ranking for part in answer(record).tasks])
    printed = together(Analysis(fit_study(record, 0.1), {}, (), results=told_rows(record)))
    asked = {part.title: part for part in parts[:-1]}
    assert set(asked) >= {TITLES[name] for name in ("regret", "rules", "fronts", "metrics", "tasks")}
    for part in parts:
        for words in part.words:
            assert words in printed
    assert parts[-1].title == "What this study cannot be asked"
    table = asked[TITLES["tasks"]].table
    assert table is not None
    assert {row.name for row in table.rows} == {"solar", "moths", "cells"}
    page = render(record)
    assert '<a href="#questions">Further questions</a>' in page
    assert "nan" not in "".join(cell for part in asked.values() for row in part.table.rows for cell in row.cells)


def test_where_nothing_pretrained_was_scored_nothing_is_asked(record: StudyRecord) -> None:
    scratch = record.results[record.results["initialisation"] == "scratch"]
    assert len(scratch)
    alone = replace(record, results=scratch)
    assert questions(alone, [part.ranking for part in answer(alone).tasks]) == ()


@pytest.mark.slow
def test_of_a_single_backbone_each_reason_stands_once() -> None:
    record = make_record(strength={"squeezenet1_1.caffe_in1k": 1.0}, n_test=60, metrics=("accuracy",), seeds=(0,))
    (untold,) = questions(record, [part.ranking for part in answer(record).tasks])
    assert untold.title == "What this study cannot be asked"
    assert len(untold.words) == len(set(untold.words)) == len(QUESTIONS) - 1, "what two rules cost is one sentence"
    assert "Quality against cost: that takes two backbones, and here is one." in untold.words
