"""One's own camera-trap annotations as a task: groups, classes, boxes; what else is said of the pictures."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from afield.base.errors import InputError
from afield.study.preparing.choose import choose_study
from afield.study.preparing.study_file import parse_study
from afield.tasks.builtin import find_task
from afield.tasks.data import load_task, split_samples
from afield.tasks.own.task import own_task
from afield.tasks.source import TaskSource, task_source
from afield.tasks.task import Task
from tests.fixtures.layouts import noise
from tests.fixtures.traps import annotation, image, table, write

COYOTE, CAT, EMPTY, CAR = 9, 16, 30, 33
BOX = "0.25 0.25 0.125 0.1"
"""the fixture's, of 2048x1494 pixels"""


def traps(folder: Path, categories: Sequence[int] = (COYOTE, CAT), locations: int = 10) -> Path:
    """Two pictures (a sequence) of each category at each location, of two classes at one, and a car and an empty one;
    below `photos`.
    """
    generator = np.random.default_rng(3)
    images: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []

    def add(name: str, location: int, *shown: int) -> None:
        images.append(image(name, name[:-2], location, file_name=f"photos\\{name}.jpg"))
        notes.extend(annotation(len(notes) + index, name, category) for index, category in enumerate(shown))
        noise(folder / "photos" / f"{name}.jpg", generator, (30, 40))

    for location in range(locations):
        for category in categories:
            for frame in range(2):
                add(f"{location}-{category}-{frame}", location, category)
    add("mixed-0", 0, COYOTE, CAT)
    add("empty-0", 0, EMPTY)
    add("empty-1", 1, EMPTY)
    add("bare-0", 1)
    return write(folder / "annotations.json", table(images, notes))


def detections(folder: Path, path: Path, boxes: dict[str, list[float]]) -> Path:
    """MegaDetector's results for the pictures: those boxes, of confidence 0.9, and for all others nothing."""
    names = sorted(file.name for file in (path.parent / "photos").iterdir())
    entries: list[dict[str, Any]] = [
        {
            "file": f"photos/{name}",
            "detections": [{"category": "1", "conf": 0.9, "bbox": boxes[name]}] if name in boxes else [],
        }
        for name in names
    ]
    return write(
        folder / "megadetector.json", {"images": entries, "detection_categories": {"1": "animal", "2": "person"}}
    )


def mine(path: Path, **keys: Any) -> Task:
    return own_task(task_source({"traps": str(path), **keys}), "mine")


def test_annotations_are_a_task_grouped_by_location(tmp_path: Path) -> None:
    task = find_task(str(traps(tmp_path)))
    assert (task.name, task.classes, task.metric) == ("annotations", ("cat", "coyote"), "auroc")
    data = load_task(task, "clean", tmp_path / "cache")
    assert len(data.table) == 40
    assert data.table.groupby("group")["split"].nunique().max() == 1
    assert data.table["group"].nunique() == 10
    assert data.table["image"].iloc[0] == "photos/0-16-0.jpg"
    assert "box" not in data.table
    assert (
        "pictures that are no samples: 1 without an annotation, 2 of empty alone, 1 of several classes"
        in task.card.source
    )
    assert choose_study(str(tmp_path / "annotations.json")).study.name == "annotations"


def test_columns_have_the_meanings_that_one_gives_them(tmp_path: Path) -> None:
    path = traps(tmp_path)
    task = mine(path, group="seq_id", unit="seq_id", subgroups=["location"], images=str(tmp_path))
    found = split_samples(task, "clean")
    assert found["group"].nunique() == 20
    assert (found["unit"] == found["group"]).all()
    assert set(found["location"]) == {str(place) for place in range(10)}
    assert "accuracy_by_unit" in task.metrics
    with pytest.raises(InputError, match=r"group: is site; pictures of traps are grouped by location or seq_id"):
        mine(path, group="site")
    with pytest.raises(InputError, match=r"annotations\.json: has no column site"):
        mine(path, unit="site")


def test_what_is_empty_is_a_class_only_where_it_is_named(tmp_path: Path) -> None:
    path = traps(tmp_path, (COYOTE, CAT, EMPTY, CAR))
    assert mine(path).classes == ("car", "cat", "coyote")
    assert mine(path, leave_out=["empty", "car"]).classes == ("cat", "coyote")
    named = mine(path, classes=["empty", "coyote", "cat", "car"])
    assert named.classes == ("empty", "coyote", "cat", "car")
    assert (named.samples(tmp_path)["label"] == 0).sum() == 22
    with pytest.raises(InputError, match="none is named van"):
        mine(path, leave_out=["van"])


def test_a_study_names_traps_beside_it(tmp_path: Path) -> None:
    traps(tmp_path / "data")
    text = """
    [study]
    name = "s"
    tasks = ["mine"]
    backbones = ["squeezenet1_1.caffe_in1k"]
    [tasks.mine]
    traps = "data/annotations.json"
    box = "box"
    [search.grid]
    learning_rate = [1e-3]
    """
    study = parse_study(text, "s.toml", tmp_path)
    task = find_task("mine", study.tasks)
    assert task.find(tmp_path) == (tmp_path / "data").resolve()
    assert set(split_samples(task, "clean")["box"]) == {BOX}


def test_boxes_are_the_annotations_or_the_detectors(tmp_path: Path) -> None:
    path = traps(tmp_path)
    grown = mine(path, box="box", margin=0.5)
    assert set(grown.samples(tmp_path)["box"]) == {"0.1875 0.2 0.25 0.2"}
    results = detections(tmp_path, path, {"0-9-0.jpg": [0.5, 0.5, 0.25, 0.25], "0-9-1.jpg": [0.9, 0.9, 0.1, 0.2]})
    task = mine(path, detections=str(results))
    boxes = task.samples(tmp_path).set_index("id")["box"]
    assert boxes["photos/0-9-0.jpg"] == "0.5 0.5 0.25 0.25"
    assert boxes["photos/0-9-1.jpg"] == "0.9 0.9 0.1 0.1"
    assert (boxes == "").sum() == 38
    assert "shown whole: 38 no animal of confidence 0.2 or more" in task.card.source
    assert set(mine(path, detections=str(results), confidence=0.95).samples(tmp_path)["box"]) == {""}


@pytest.mark.slow
def test_another_box_is_another_fingerprint(tmp_path: Path) -> None:
    path = traps(tmp_path)
    found = {
        load_task(mine(path, **keys), "clean", tmp_path / "cache").fingerprint
        for keys in ({}, {"box": "box"}, {"box": "box", "margin": 0.1})
    }
    assert len(found) == 3


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"label": "species"}, "label: cannot stand beside traps; its columns are location, seq_id, time and box"),
        ({"margin": 0.1}, "margin, confidence: are about boxes; name the column `box`, or `detections`"),
        ({"table": ["a.csv"]}, "give one of them, and not table and traps"),
    ],
)
def test_contradictions_are_refused(words: dict, complaint: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(complaint)):
        TaskSource.model_validate({"traps": "a.json", **words}, strict=False)


def test_pictures_without_any_class_are_no_task(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", table([image("a", "s", 1)], [annotation(0, "a", EMPTY)]))
    with pytest.raises(InputError, match=r"a\.json: no picture shows one class; 1 of empty alone"):
        mine(path)
