"""COCO Camera Traps JSON: what files say, in all the ways in which they say it, and what is wrong with others."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afield.base.errors import InputError
from afield.tasks.boxes import cut_box
from afield.tasks.data import load_task
from afield.tasks.formats import typed_json
from afield.tasks.formats.coco_traps import read_traps, traps_samples
from afield.tasks.own.task import own_task
from afield.tasks.source import TaskSource
from tests.fixtures.layouts import noise
from tests.fixtures.traps import annotation, image, table, write

BOX = (0.25, 0.25, 0.125, 0.1)
"""the fixture's default, of 2048x1494 pixels"""


def test_old_and_new_files_say_the_same(tmp_path: Path) -> None:
    """Older ones have numbers for ids and places and `date_captured`, newer ones text and `datetime`."""
    old = table([image("a", "s", 38) | {"id": 7}], [annotation(0, "a", 9) | {"image_id": 7.0, "category_id": 9.0}])
    new = table([image("a", "s", "38") | {"id": "7"}], [annotation(0, "7", 9)])
    new["images"][0]["datetime"] = new["images"][0].pop("date_captured")
    read = [read_traps(write(tmp_path / "traps.json", content)) for content in (old, new)]
    pd.testing.assert_frame_equal(read[0].images, read[1].images)
    pd.testing.assert_frame_equal(read[0].annotated(), read[1].annotated())
    row = read[0].annotated().iloc[0]
    assert (row["image_id"], row["location"], row["taken"]) == ("7", "38", "2012-05-23 03:20:59")
    assert row["box"] == pytest.approx(BOX)


def test_what_a_file_does_not_say_is_none(tmp_path: Path) -> None:
    images = [{"id": "a", "file_name": "a.jpg"}, image("b", "", 1, width=None), image("c", "s", 1)]
    notes = [
        annotation(0, "a", 9), annotation(1, "b", 9), annotation(2, "c", 9, None) | {"bbox": []},
        annotation(3, "c", 9, (3000, 10, 5, 5)), annotation(4, "c", 9, (-64, -10, 128, 3000)),
    ]  # fmt: skip
    path = tmp_path / "traps.json"
    text = json.dumps(table(images, notes)).replace('"seq_id": "s"', '"seq_id": NaN')
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())  # as editors on Windows begin files
    traps = read_traps(path)
    assert traps.images["location"].tolist() == [None, "1", "1"]
    assert traps.images["seq_id"].tolist() == [None, None, None]
    boxes = traps.annotations["box"].tolist()
    assert boxes == [None, None, None, None, (0.0, 0.0, 0.03125, 1.0)]


def test_a_box_is_cut_at_the_edges() -> None:
    assert cut_box((0.5, 0.5, 1, 1)) == (0.5, 0.5, 0.5, 0.5)
    assert cut_box((0.5, 0.5, 0, 0.1)) is None
    assert cut_box((1.5, 0.5, 1, 1)) is None
    assert cut_box((-2, 0, 1, 1)) is None


def changed(**parts: Any) -> dict[str, Any]:
    return table([image("a", "s", 1), image("b", "s", 1)], [annotation(0, "a", 9)]) | parts


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "is not a COCO Camera Traps file: should be an object"),
        ({"images": []}, "annotations: is missing; categories: is missing"),
        (changed(images=[image("a", "s", 1), {"id": "b"}]), "images[1].file_name: is missing"),
        (changed(images=[image("a", "s", 1) | {"id": ""}]), "images[0].id: must not be empty"),
        (changed(images=[image("a", "s", 1) | {"id": True}]), "images[0].id: should be a valid string"),
        (changed(images=[image("a", "s", 1) | {"id": 0.5}]), "images[0].id: should be a valid string"),
        (changed(images=[image("a", "s", 1, width=0)]), "images[0].width: should be greater than 0"),
        (changed(images=[image("a", "s", 1), image("a", "s", 1)]), "images[1].id: is a for the second time"),
        (changed(annotations=[annotation(0, "c", 9)]), "annotations[0].image_id: is c, which no image has"),
        (
            changed(annotations=[annotation(0, "a", 2)]),
            "annotations[0].category_id: is 2; the file's categories are 1,",
        ),
        (
            changed(annotations=[annotation(0, "a", 9) | {"category_id": "coyote"}]),
            "annotations[0].category_id: should",
        ),
        (changed(annotations=[annotation(0, "a", 9, (1, 2))]), "annotations[0].bbox"),
        (
            changed(annotations=[{}] * 9),
            "annotations[0].image_id: is missing; annotations[0].category_id: is missing; ",
        ),
        (changed(annotations=[{}] * 9), "; and 15 more. See https://lila.science/coco-camera-traps"),
        (changed(categories=[{"id": 9, "name": "x"}] * 2), "categories[1].id: is 9 for the second time"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, content: object, words: str) -> None:
    path = write(tmp_path / "traps.json", content)
    with pytest.raises(InputError, match=f"{re.escape(str(path))}: .*{re.escape(words)}"):
        read_traps(path)


def test_what_is_no_json_or_too_much_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "traps.json"
    with pytest.raises(InputError, match=r"traps\.json: cannot be read \(No such file.*\)"):
        read_traps(path)
    for content in (b'{"images": [', b"\xff\xfe", b"", b"[" * 100_000):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"traps\.json: is not a COCO Camera Traps file: Invalid JSON"):
            read_traps(path)
    write(path, changed())
    monkeypatch.setattr(typed_json, "LARGEST", 100)
    with pytest.raises(InputError, match=r"traps\.json: has .* GB, more than the .* GB that a COCO Camera Traps file"):
        read_traps(path)


def own() -> dict[str, Any]:
    """Pictures of one's own: two of one class, one of two, an empty one, one without annotation, a corrupt one."""
    images = [
        image("a", "s1", "hill", file_name="hill\\a.jpg"),
        image("b", "s2", "hill", file_name="hill/b.jpg", date_captured=None),
        image("mixed", "s2", "hill"), image("empty", "s3", "lake"), image("bare", "s4", "lake"),
        image("bad", "s4", "lake", corrupt=True),
    ]  # fmt: skip
    notes = [
        annotation(0, "a", 9, (0, 0, 10, 10)), annotation(1, "a", 9, (1024, 0, 1024, 747)),
        annotation(2, "b", 11, None), annotation(3, "b", 30, None), annotation(4, "mixed", 9),
        annotation(5, "mixed", 11), annotation(6, "empty", 30, None), annotation(7, "bad", 9),
    ]  # fmt: skip
    return table(images, notes)


def test_own_pictures_become_samples_and_the_others_are_counted(tmp_path: Path) -> None:
    samples = traps_samples(write(tmp_path / "traps.json", own()))
    rows = samples.table
    assert rows.columns.tolist() == ["id", "image", "label", "group", "time", "location", "seq_id", "box"]
    assert rows["id"].tolist() == rows["image"].tolist() == ["hill/a.jpg", "hill/b.jpg"]
    assert rows["label"].tolist() == ["coyote", "bird"]
    assert rows["group"].tolist() == ["hill", "hill"]
    assert rows["box"].tolist() == [(0.5, 0.0, 0.5, 0.5), None]
    assert dict(samples.left_out) == {
        "marked as corrupt": 1, "without an annotation": 1, "of empty alone": 1, "of several classes": 1,
    }  # fmt: skip
    assert rows["time"].tolist() == ["2012-05-23 03:20:59", ""]
    assert traps_samples(tmp_path / "traps.json", group="seq_id").table["group"].tolist() == ["s1", "s2"]


def test_a_user_says_what_else_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "traps.json", own())
    samples = traps_samples(path, leave_out=("empty", "bird"))
    assert samples.table["label"].tolist() == ["coyote", "coyote"]  # the one of two classes is a coyote's now
    assert samples.left_out["of empty or bird alone"] == 2
    with pytest.raises(InputError, match=r"categories: none is named brid, which is to be left out; they are badger,"):
        traps_samples(path, leave_out=("brid",))


def test_a_file_without_annotations_has_no_samples(tmp_path: Path) -> None:
    samples = traps_samples(write(tmp_path / "traps.json", table([image("a", "s", 1)], [])))
    assert len(samples.table) == 0
    assert dict(samples.left_out) == {"without an annotation": 1}


def test_what_has_no_place_cannot_be_grouped_by_it(tmp_path: Path) -> None:
    content = own()
    content["images"][1]["location"] = None
    path = write(tmp_path / "traps.json", content)
    with pytest.raises(InputError, match=r"1 images \(hill/b\.jpg, .*no location to be grouped by; .* group by seq_id"):
        traps_samples(path)
    content["images"][1]["file_name"] = content["images"][0]["file_name"]
    with pytest.raises(InputError, match=r"images\[1\]\.file_name: is hill\\a\.jpg for the second time"):
        traps_samples(write(path, content))


def test_own_pictures_become_a_task_by_way_of_a_table(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    images = [image(f"{number}", f"s{number // 2}", f"place {number // 4}") for number in range(80)]
    notes = [annotation(number, entry["id"], (9, 11)[number % 2]) for number, entry in enumerate(images)]
    for entry in images:
        noise(tmp_path / "pictures" / entry["file_name"], generator, (16, 12))
    samples = traps_samples(write(tmp_path / "traps.json", table(images, notes)))
    samples.table.drop(columns="box").to_csv(tmp_path / "samples.csv", index=False)
    source = TaskSource(
        table=(str(tmp_path / "samples.csv"),), images=str(tmp_path / "pictures"), path="image", group="group",
        unit="seq_id", subgroups=("location",),
    )  # fmt: skip
    data = load_task(own_task(source), "clean", tmp_path / "cache")
    assert data.task.classes == ("bird", "coyote")
    assert data.table["split"].value_counts().to_dict() == {"train": 48, "validation": 16, "test": 16}
    assert data.table.groupby("location")["split"].nunique().max() == 1
    assert "accuracy_by_unit" in data.task.metrics
