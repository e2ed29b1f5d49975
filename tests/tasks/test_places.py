"""Where data lie."""

from pathlib import Path

import pytest

from afield.base.errors import InputError
from afield.tasks.places import data_folder, find_root


def test_the_folder_that_is_named_goes_before_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFIELD_DATA", str(tmp_path / "variable"))
    assert data_folder() == tmp_path / "variable"
    assert data_folder(tmp_path / "named") == tmp_path / "named"
    monkeypatch.delenv("AFIELD_DATA")
    assert data_folder().name == "afield"


def test_what_is_not_there_is_told_with_every_place_that_was_looked_at(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"moths: not found: below /\S+, none of one, two holds labels\.csv\. Buy it"):
        find_root("moths", tmp_path, ("one", "two"), "labels.csv", "Buy it")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "labels.csv").touch()
    assert find_root("moths", tmp_path, ("one", "two"), "labels.csv", "Buy it") == tmp_path / "two"


def test_the_folder_itself_is_named_where_it_was_looked_at(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"moths: not found: /\S+ itself does not hold a\.csv, and below it none of b, c"
    ):
        find_root("moths", tmp_path, ("b", "c", ""), "a.csv", "Buy it")
    with pytest.raises(InputError, match=r"moths: not found: below /\S+, b does not hold a\.csv\. Buy it"):
        find_root("moths", tmp_path, ("b",), "a.csv", "Buy it")
    with pytest.raises(InputError, match=r"moths: not found: /\S+ itself does not hold a\.csv\. Buy it"):
        find_root("moths", tmp_path, ("",), "a.csv", "Buy it")
