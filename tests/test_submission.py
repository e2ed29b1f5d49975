"""A study's networks answer competitions on images that nobody has labelled here."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import afield
from afield.base.errors import InputError
from afield.cli import main
from afield.study.collecting.collect import load_record
from afield.submission import submission
from tests.fixtures import layouts
from tests.fixtures.tiny import scratch_study

pytestmark = pytest.mark.slow
TESTS = {"aptos2019": ["00c4", "00a1", "00b9"], "cassava": ["9.jpg", "2216849948.jpg"]}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two competitions as Kaggle packs them, with their unlabelled images."""
    folder = tmp_path_factory.mktemp("competitions")
    generator = np.random.default_rng(31)
    for name, make, column, ending in (
        ("aptos2019", layouts.aptos2019, "id_code", ".png"),
        ("cassava", layouts.cassava, "image_id", ""),
    ):
        (folder / name).mkdir()
        make(folder / name)
        for image in TESTS[name]:
            layouts.noise(folder / name / "test_images" / f"{image}{ending}", generator)
        rows = "\n".join([f"{column},any", *(f"{image},4" for image in TESTS[name])])
        (folder / name / "sample_submission.csv").write_text(rows)
    return folder


@pytest.fixture(scope="module")
def out(data: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of both, run once: its result folder."""
    folder = tmp_path_factory.mktemp("study") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFIELD_CACHE", str(cache))
        assert afield.run_study(scratch_study("both", "aptos2019", "cassava"), folder, data=data).complete
    return folder


def test_each_image_is_answered_once_in_order_by_the_task_s_own_winner(out: Path, data: Path) -> None:
    keys = {search.task: search.repeats[0].key for search in load_record(out).searches}
    told: list[tuple[int, int]] = []
    for name, columns in (("aptos2019", ["id_code", "diagnosis"]), ("cassava", ["image_id", "label"])):
        told.clear()
        rows = submission(name, out, data=data, progress=lambda *both: told.append(both))
        assert list(rows.columns) == columns
        assert rows[columns[0]].tolist() == TESTS[name]
        network = afield.load_network(out, keys[name])
        ending = ".png" if name == "aptos2019" else ""
        said = network.predict([data / name / "test_images" / f"{image}{ending}" for image in TESTS[name]])
        assert [network.classes[number] for number in rows[columns[1]]] == said["predicted"].tolist()
        assert told == [(len(TESTS[name]), len(TESTS[name]))]
        pd.testing.assert_frame_equal(rows, submission(name, out, key=keys[name], data=data))


def test_a_network_of_another_task_is_refused(out: Path, data: Path) -> None:
    keys = {search.task: search.repeats[0].key for search in load_record(out).searches}
    with pytest.raises(
        InputError, match=rf"{keys['cassava']}: was trained on cassava, not on aptos2019: its classes are others"
    ):
        submission("aptos2019", out, key=keys["cassava"], data=data)


def test_a_study_of_other_tasks_is_refused(finished: Path, data: Path) -> None:
    with pytest.raises(InputError, match=r"its study is of photos, not of cassava, so it has no network"):
        submission("cassava", finished, data=data)


def test_an_image_that_cannot_be_read_is_named(out: Path, data: Path, request: pytest.FixtureRequest) -> None:
    image = data / "cassava" / "test_images" / "9.jpg"
    sound = image.read_bytes()
    request.addfinalizer(lambda: image.write_bytes(sound))
    image.write_bytes(sound[:100])
    with pytest.raises(InputError, match=r"1 of 2 images cannot be used:\n.*9\.jpg"):
        submission("cassava", out, data=data)


def test_the_command_writes_the_file(
    out: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "submission.csv"

    def submit(name: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["afield", "submit", name, str(out), "--to", str(to), "--data", str(data)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().err

    assert submit("aptos2019") == (0, f"3 images answered in {to}\n")
    lines = to.read_text().splitlines()
    assert lines[0] == "id_code,diagnosis"
    assert [line.split(",")[0] for line in lines[1:]] == TESTS["aptos2019"]
    code, said = submit("eurosat")
    assert code == 2
    assert "has no competition" in said
