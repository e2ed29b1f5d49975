"""Single test images, from the prepared ones that a machine's cache still has."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from afield.images.prepared import prepare
from afield.images.rule import evaluation_rule
from afield.report.page import read_record, render
from afield.study.images_of_test import PreparedTest, in_colours
from afield.study.store import Store


@pytest.fixture
def prepared(tmp_path):
    """Three images of one colour each, of which one is of training and one shows two samples."""
    names = ["a.png", "b.png", "c.png"]
    for place, name in enumerate(names):
        Image.new("RGB", (12, 10), (40 * place, 200, 10)).save(tmp_path / name)
    samples = pd.DataFrame(
        {
            "id": ["s0", "s1", "s2", "s3"],
            "image": ["a.png", "b.png", "c.png", "c.png"],
            "split": ["train", "test", "test", "test"],
            "label": [0, 0, 1, 1],
        }
    )
    samples.to_parquet(tmp_path / "samples.parquet")
    shown = ["b.png", "c.png"]
    rule = evaluation_rule(8, "bilinear")
    folder = prepare(tmp_path, shown, ["1" * 64, "2" * 64], rule, tmp_path / "cache", 1, lambda done, of: None)
    return PreparedTest(tmp_path / "samples.parquet", folder)


def test_each_sample_has_its_own_image(prepared):
    found = prepared.of({"s1", "s3", "s0", "unknown"})
    assert {name: pixels[4, 4].tolist() for name, pixels in found.items()} == {
        "s1": [40, 200, 10],
        "s3": [80, 200, 10],
    }
    assert found["s1"].shape == (8, 8, 3)


def test_prepared_images_of_another_state_of_the_data_are_not_taken_for_these(prepared):
    samples = pd.read_parquet(prepared.samples)
    samples.assign(split="test").to_parquet(prepared.samples)
    assert prepared.of({"s1"}) == {}


def test_further_channels_are_shown_as_colours():
    assert in_colours(np.arange(2 * 2 * 5, dtype=np.uint8).reshape(2, 2, 5)).tolist()[0][1] == [5, 6, 7]
    assert in_colours(np.array([[[9], [8]]], np.uint8)).tolist() == [[[9, 9, 9], [8, 8, 8]]]


def test_a_folder_notes_which_prepared_images_are_its_own(tmp_path):
    tasks = Store.create(tmp_path / "out").tasks
    assert tasks.prepared("moths", "0" * 64) is None
    for name in ("abc", "def"):
        tasks.note_prepared("moths", "0" * 64, tmp_path / "prepared" / name)
        assert tasks.prepared("moths", "0" * 64) == name
    before = (tasks.folder("moths", "0" * 64) / "prepared.json").stat().st_mtime_ns
    tasks.note_prepared("moths", "0" * 64, tmp_path / "prepared" / "def")
    assert (tasks.folder("moths", "0" * 64) / "prepared.json").stat().st_mtime_ns == before, "so that answers stand"


@pytest.mark.slow
def test_a_runs_page_shows_them_while_the_cache_has_them(finished, monkeypatch, tmp_path):
    record = read_record(finished)
    (task,) = record.tasks
    assert set(task.prepared.of(set(task.test_samples["id"]))) == set(task.test_samples["id"])
    page = render(record)
    assert ("data:image/jpeg" in page) == ("it is most wrong about" in page or "those that tie disagree" in page)
    monkeypatch.setenv("AFIELD_CACHE", str(tmp_path))
    assert read_record(finished).tasks[0].prepared is None
