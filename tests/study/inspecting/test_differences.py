"""What differs between two results, each difference by its name."""

import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from afield.base.errors import DamagedError, InputError
from afield.base.files import write_json
from afield.study.folder.sealed import read_json, seal
from afield.study.inspecting import differences
from afield.study.inspecting.differences import Field, FolderDifferences, Value, compare_folders, compare_trainings
from afield.study.preparing.study_file import parse_study
from afield.study.split_view import TEST
from afield.study.store import Store
from afield.study.study import Study
from tests.fixtures.made import ABOUT, made_folder, planned
from tests.fixtures.tiny import study_text


def grid(photos: Path, *, seeds: str = "[0, 1]", epochs: int = 1) -> Study:
    text = study_text(photos, "grid", epochs).replace("seeds = [0, 1]", f"seeds = {seeds}")
    return parse_study(text.replace("1e-4, 1e-3, 3e-3, 1e-2", "1e-3, 1e-2"), "tiny.toml")


@pytest.fixture(scope="module")
def out(photos: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_folder(planned(grid(photos), cache), tmp_path_factory.mktemp("made") / "out")


def fields(found: FolderDifferences) -> dict[str, tuple[str, str]]:
    (group,) = found.groups
    return {field.name: (field.first, field.second) for field in group.fields}


def test_a_folder_and_its_copy_differ_by_nothing(out: Path, tmp_path: Path) -> None:
    found = compare_folders(out, Path(shutil.copytree(out, tmp_path / "copy")))
    assert (found.rows_in_first, found.rows_in_second, found.values) == (0, 0, ())
    assert found.rows_in_both > 2
    assert fields(found) == {}
    words = found.words()
    assert "2 pairs of trainings with one key, one platform and one machine" in words
    assert words.endswith("All values in both are the same.")


@pytest.mark.slow
def test_other_seeds_have_rows_of_their_own(out: Path, photos: Path, cache: Path, tmp_path: Path) -> None:
    other = made_folder(planned(grid(photos, seeds="[0, 2]"), cache), tmp_path / "other")
    found = compare_folders(out, other)
    assert found.rows_in_first == found.rows_in_second == found.rows_in_both
    assert fields(found) == {}, "what both have is the same trainings"
    assert f"{found.rows_in_second} rows in {other} alone" in found.words()


@pytest.mark.slow
def test_folders_without_a_row_in_common_are_said_to_have_none(
    out: Path, photos: Path, cache: Path, tmp_path: Path
) -> None:
    other = made_folder(planned(grid(photos, seeds="[2, 3]"), cache), tmp_path / "other")
    found = compare_folders(out, other)
    assert found.rows_in_both == 0
    assert found.apart == (Field("seed", "0, 1", "2, 3"),)
    words = found.words()
    assert "No row is in both, so there are no values to compare. Rows are paired by task, " in words
    assert re.search(r"seed +0, 1 +2, 3$", words)
    assert "are the same" not in words


@pytest.mark.slow
def test_another_key_of_the_recipe_is_named_and_the_values_follow(
    out: Path, photos: Path, cache: Path, tmp_path: Path
) -> None:
    other = made_folder(planned(grid(photos, epochs=2), cache), tmp_path / "other")
    found = compare_folders(out, other)
    assert fields(found) == {"recipe.epochs": ("1", "2")}
    assert found.values, "other trainings say something else"
    sizes = [abs(row.second - row.first) for row in found.values]
    assert sizes == sorted(sizes, reverse=True)
    words = found.words()
    assert "2 pairs of trainings differ by:" in words
    assert f"{found.values[0].first:.6g}" in words


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "about", "expected"),
    [
        ({"weights": "ab" * 32}, {}, {"weights": ("None", "ab" * 32)}),
        ({"data": "cd" * 10}, {}, {"data": None}),
        ({}, {"machine": "elsewhere"}, {"machine": (ABOUT["machine"], "elsewhere")}),
        ({}, {"platform": {"cpu": "imagined", "torch": "2.1"}}, {"platform.torch": ("2.0", "2.1")}),
        ({}, {"platform": {"cpu": "imagined"}}, {"platform.torch": ("2.0", "")}),
    ],
)
def test_weights_data_platform_and_machine_are_named(
    out: Path,
    photos: Path,
    cache: Path,
    tmp_path: Path,
    changed: dict[str, object],
    about: dict[str, Any],
    expected: dict[str, tuple[str, str] | None],
) -> None:
    found = fields(compare_folders(out, made_folder(planned(grid(photos), cache, **changed), tmp_path / "b", **about)))
    assert found.keys() == expected.keys()
    assert all(told is None or found[name] == told for name, told in expected.items())


@pytest.mark.slow
def test_other_numbers_under_equal_keys_are_told_apart_from_other_trainings(
    out: Path, photos: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = made_folder(planned(grid(photos), cache), tmp_path / "other", luck=1)
    found = compare_folders(out, other)
    assert fields(found) == {}
    monkeypatch.setattr(differences, "_SHOWN", 5)
    words = found.words()
    assert f"and {len(found.values) - 5} more with smaller differences" in words
    assert "All values" not in words


def test_a_training_that_is_missing_in_one_folder_has_its_rows_in_the_other_alone(out: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(out, tmp_path / "other"))
    lost = next((other / "scores").iterdir()).name
    shutil.rmtree(other / "scores" / lost)
    shutil.rmtree(other / "trials" / lost)
    found = compare_folders(out, other)
    assert found.rows_in_first > 0
    assert found.rows_in_second == 0
    assert sum(group.pairs for group in found.groups) <= 1


def test_two_trainings_of_one_folder(out: Path) -> None:
    first, second = sorted(path.name for path in (out / "scores").iterdir())
    found = compare_trainings(out, first, second)
    assert [field.name for field in found.fields] == ["seed"]
    told = {value.name: value for value in found.values}
    assert told["epochs"] == Value("epochs", 1, 1)
    assert sorted([told["validation"].first or 0, told["validation"].second or 0]) == pytest.approx([0.12, 0.5])
    words = found.words()
    assert words.startswith("what  first  second\nseed")
    assert first in words
    same = compare_trainings(out, first, first)
    assert same.fields == ()
    assert same.words().startswith("Key fields, platform and machine are the same.")


def test_a_training_that_was_stopped_has_no_numbers_yet(out: Path, photos: Path, cache: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(out, tmp_path / "copy"))
    first, second = sorted(path.name for path in (copy / "scores").iterdir())
    (copy / "trials" / second / "result.json").unlink()
    found = compare_trainings(copy, first, second)
    assert {value.second for value in found.values} == {None}
    assert "platform.torch" in {field.name for field in found.fields}


def test_a_key_that_is_not_there_is_told_with_the_nearest(out: Path) -> None:
    key = next((out / "scores").iterdir()).name
    wrong = ("0" if key[0] != "0" else "1") + key[1:]
    with pytest.raises(InputError, match=f"no training {wrong} here; did you mean {key}"):
        compare_trainings(out, wrong, key)


@pytest.mark.parametrize("finished", [True, False])
def test_a_training_whose_file_tells_of_another_one_is_named(out: Path, tmp_path: Path, finished: bool) -> None:
    copy = Path(shutil.copytree(out, tmp_path / "copy"))
    first, second = sorted(path.name for path in (copy / "scores").iterdir())
    folder = copy / "trials" / first
    result = read_json(folder / "result.json")
    (folder / "result.json").unlink()
    write_json(folder / "trial.json", {**read_json(folder / "trial.json"), "seed": 7})
    if finished:
        seal(folder, list(result.pop("sha256")), result)
    with pytest.raises(DamagedError, match=rf"{first}/trial\.json: tells of another training; remove the folder"):
        compare_trainings(copy, first, second)
    with pytest.raises(InputError, match=r"no training \.\./trials/"):
        compare_trainings(copy, f"../trials/{second}", second)


@pytest.mark.slow
def test_a_value_that_one_alone_defines_is_a_difference(out: Path, tmp_path: Path) -> None:
    """Of a test split with one class no area under the curve is defined."""
    other = Path(shutil.copytree(out, tmp_path / "other"))
    store = Store.open(other)
    key = next((other / "scores").iterdir()).name
    path = store.scores.folder(key) / "predictions.parquet"
    table = pd.read_parquet(path)
    table["label"] = 0
    table.to_parquet(path, index=False)
    store.scores.seal(key, TEST, {"key": key, "platform": ABOUT["platform"]})
    found = compare_folders(out, other)
    auroc = [row for row in found.values if row.metric == "auroc"]
    assert len(auroc) == 1
    assert auroc[0].second != auroc[0].second
    assert "All values in both are the same" not in found.words()
