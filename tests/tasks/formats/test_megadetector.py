"""MegaDetector's results: the best box of each picture, and how many have none."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afield.base.errors import InputError
from afield.tasks.formats.megadetector import with_detections
from tests.fixtures.traps import write

SAMPLES = pd.DataFrame({"id": ["1", "2", "3", "4", "5"], "image": [f"hill/{name}.jpg" for name in "abcda"]})
"""the last is a second sample of the first picture"""


def detection(category: str, conf: float, *box: float) -> dict[str, Any]:
    return {"category": category, "conf": conf, "bbox": list(box), "classifications": [["3", 0.9]]}


def results(folder: str = "hill/") -> dict[str, Any]:
    """As the format's page describes them: failures, videos, categories that nobody named, other people's pictures."""
    return {
        "info": {"format_version": "1.6", "detector": "md_v5a.0.0.pt"},
        "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
        "classification_categories": {"3": "bear"},
        "images": [
            {"file": f"{folder}a.jpg", "detections": [
                detection("1", 0.4, 0, 0, 1, 1), detection("1", 0.8, 0.5, 0.5, 0.25, 0.6),
                detection("2", 0.99, 0, 0, 1, 1), detection("7", 0.99, 0, 0, 1, 1), detection("1", 0.8, 0, 0, 0.5, 0.5),
            ]},
            {"file": f"{folder}b.jpg", "detections": [], "failure": None},
            {"file": f"{folder}c.jpg", "detections": None, "failure": "Failure image access"},
            {"file": f"{folder}d.jpg", "detections": [detection("1", 0.19, 0, 0, 1, 1)]},
            {"file": f"{folder}e.mp4", "frame_rate": 20, "frames_processed": [0], "detections": [
                {"category": "2", "conf": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4], "frame_number": 0}
            ]},
        ],
    }  # fmt: skip


@pytest.mark.parametrize("folder", ["hill/", "hill\\", "./hill/", "ABSOLUTE/hill/"])
def test_the_most_confident_box_is_taken_and_those_without_are_counted(tmp_path: Path, folder: str) -> None:
    path = write(tmp_path / "md.json", results(folder.replace("ABSOLUTE", tmp_path.as_posix())))
    boxed = with_detections(SAMPLES, path, tmp_path)
    assert boxed.table["box"].tolist()[1:4] == [None, None, None]
    for row in (0, 4):
        assert boxed.table["box"][row] == pytest.approx((0.5, 0.5, 0.25, 0.5))  # cut at the lower edge
    np.testing.assert_array_equal(boxed.table["box_confidence"], [0.8, np.nan, np.nan, np.nan, 0.8])
    assert boxed.table[["id", "image"]].equals(SAMPLES)
    assert dict(boxed.without) == {"the detector failed": 1, "no animal of confidence 0.2 or more": 2}


def test_confidence_and_category_are_the_user_s(tmp_path: Path) -> None:
    path = write(tmp_path / "md.json", results())
    assert with_detections(SAMPLES, path, confidence=0.1).table["box_confidence"][3] == 0.19
    assert with_detections(SAMPLES, path, category="person").table["box_confidence"][0] == 0.99
    with pytest.raises(InputError, match=r"md\.json: detection_categories: none is bear; they are animal, person, veh"):
        with_detections(SAMPLES, path, category="bear")


def test_pictures_that_were_not_looked_at_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "md.json", results("lake/"))
    with pytest.raises(
        InputError, match=r"images: lacks 4 of the pictures \(hill/a.jpg, hill/b.jpg, hill/c.jpg, \.\.\."
    ):
        with_detections(SAMPLES, path)
    content = results() | {"images": [{"file": name, "detections": []} for name in ("a.jpg", "./a.jpg")]}
    with pytest.raises(InputError, match=r"images\[1\]\.file: is a\.jpg for the second time"):
        with_detections(SAMPLES, write(path, content))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([{"file": "a.jpg", "detections": []}], "is not a file of MegaDetector's results: should be an object"),
        ({"images": []}, "detection_categories: is missing"),
        (
            results() | {"images": [{"file": "a.jpg", "detections": [detection("1", 1.5, 0, 0, 1, 1)]}]},
            r"images\[0\]\.detections\[0\]\.conf: should be less than or equal to 1",
        ),
        (
            results() | {"images": [{"file": "a.jpg", "detections": [detection("1", 0.5, 0, 0, 1)]}]},
            r"images\[0\]\.detections\[0\]\.bbox\[3\]: is missing",
        ),
    ],
)
def test_what_is_no_such_file_is_told(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(InputError, match=f"md.json: .*{words}.*megadetector-output-format"):
        with_detections(SAMPLES, write(tmp_path / "md.json", content))
