"""What the terminal says of plans and records."""

import dataclasses
from pathlib import Path

import pandas as pd

from afield.study.describe import describe_plan, describe_record, markdown
from afield.study.numerics import settle_numerics
from afield.study.plan import make_plan
from tests.fixtures.records import make_record
from tests.fixtures.tiny import tiny_study


def test_a_plan_names_the_classes_that_splits_lack(photos: Path, cache: Path, tmp_path: Path) -> None:
    study = tiny_study(photos)
    plan = make_plan(study, settle_numerics(study.numerics, None), cache)
    (data,) = plan.tasks.values()
    table = data.table[(data.table["split"] == "train") | (data.table["label"] == 0)]
    lacking = dataclasses.replace(plan, tasks={data.task.name: dataclasses.replace(data, table=table)})
    said = describe_plan(lacking, tmp_path / "out")
    assert "photos: No test image is of warm: the results say nothing of it" in said
    assert "photos: No validation image is of warm: epochs and recipes are chosen without it." in said
    assert "is of" not in describe_plan(plan, tmp_path / "out")


def test_a_status_names_them_too() -> None:
    record = make_record()
    counts = {**record.tasks[0].counts, "test": {"functional": 312, "defective": 0}}
    lacking = dataclasses.replace(record, tasks=(dataclasses.replace(record.tasks[0], counts=counts),))
    words = "elpv: No test image is of defective: the results say nothing of it"
    assert words in describe_record(lacking, Path("out"))
    assert words not in describe_record(record, Path("out"))


def test_a_table_leaves_empty_what_is_not_known() -> None:
    table = pd.DataFrame({"name": ["a|b"], "value": [float("nan")], "year": pd.array([None], dtype="Int64")})
    assert markdown(table).splitlines()[-1] == "| a\\|b |  |  |"


def test_a_status_before_the_first_epoch_says_so() -> None:
    record = make_record()
    blank = tuple(
        dataclasses.replace(
            search,
            cells=tuple(dataclasses.replace(cell, state="missing", history=()) for cell in search.cells),
            chosen=None,
            repeats=(),
        )
        for search in record.searches
    )
    begun = dataclasses.replace(record, searches=blank, failures=(), results=record.results.iloc[:0], test_reads=0)
    assert "No epoch has ended yet" in describe_record(begun, Path("out"))
    assert "No epoch has ended yet" not in describe_record(record, Path("out"))
