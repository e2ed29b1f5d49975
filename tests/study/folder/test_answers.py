"""What was worked out of a folder is kept for one state of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from afield.study.folder.answers import Answers
from afield.study.folder.folder_state import FolderState
from afield.study.folder.sealed import write_sealed


@dataclass(frozen=True)
class Found:
    done: int
    names: tuple[str, ...]


def found(told: Mapping[str, Any]) -> Found:
    return Found(int(told["done"]), tuple(told["names"]))


FOUND = Found(3, ("a", "b"))
NOW, LATER = FolderState("a" * 64, settled=True), FolderState("b" * 64, settled=True)


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    return Answers(tmp_path, "tiny")


def test_it_is_read_in_the_state_it_was_written_in(answers: Answers) -> None:
    assert answers.read("status", NOW, found) is None
    answers.write("status", NOW, FOUND)
    assert answers.read("status", NOW, found) == FOUND
    assert answers.read("status", LATER, found) is None
    assert answers.read("page", NOW, found) is None


def test_a_table_comes_back_as_it_was(answers: Answers) -> None:
    table = pd.DataFrame(
        {
            "backbone": ["a", "b"], "why": pd.Series([None, None], dtype=object),
            "year": pd.array([2015, None], "Int64"), "value": [0.1 + 0.2, float("nan")], "n": [1, 2],
        }
    )  # fmt: skip
    answers.write_table("table", NOW, table)
    found = answers.read_table("table", NOW)
    assert found is not None
    pd.testing.assert_frame_equal(found, table, check_exact=True)
    assert answers.read_table("table", LATER) is None


@pytest.mark.parametrize("damage", ["altered", "another shape", "no json"])
def test_one_that_was_damaged_counts_for_nothing(answers: Answers, tmp_path: Path, damage: str) -> None:
    answers.write("status", NOW, FOUND)
    path = tmp_path / "answers" / "tiny" / "status.json"
    changed = {"altered": path.read_text().replace("3", "4"), "another shape": "[]", "no json": "{"}
    path.write_text(changed[damage])
    assert answers.read("status", NOW, found) is None


@pytest.mark.parametrize("told", [None, [], {}, {"done": "three", "names": []}, {"done": 3, "names": 5}])
def test_one_of_another_shape_counts_for_nothing(answers: Answers, tmp_path: Path, told: object) -> None:
    write_sealed(tmp_path / "answers" / "tiny" / "status.json", {"state": NOW.digest, "told": told})
    assert answers.read("status", NOW, found) is None


def test_a_table_that_was_damaged_counts_for_nothing(answers: Answers, tmp_path: Path) -> None:
    answers.write_table("table", NOW, pd.DataFrame({"n": [1, 2]}))
    path = tmp_path / "answers" / "tiny" / "table.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    assert answers.read_table("table", NOW) is None
    path.unlink()
    assert answers.read_table("table", NOW) is None


def test_a_folder_that_cannot_be_written_does_without(answers: Answers, tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("in the way")
    answers.write("status", NOW, FOUND)
    answers.write_table("table", NOW, pd.DataFrame({"n": [1, 2]}))
    assert answers.read("status", NOW, found) is None
