"""Tables: results that are analysed, and one's own samples."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from afield.analysis.analyse import analyse
from afield.tasks.own.task import own_task
from afield.tasks.source import TaskSource
from tests.hostile.mutations import FEW, MANY, few_or_many, refused_in_words, spoilt_bytes, spoilt_numbers, spoilt_rows

RESULTS = [
    ["backbone", "imagenet_top1", "task", "metric", "value", "low", "high", "n_test", "seed", "family", "params_m"],
    *(
        f"b{i},{60 + 3 * i},t{j},accuracy,{0.5 + 0.03 * i + 0.01 * j:.2f},,,500,0,f{i % 3},{5 + i}".split(",")
        for i in range(7)
        for j in range(2)
    ),
]
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of a case that fails
SAMPLES = [
    ["path", "label", "split", "site", "share", "box"],
    *(
        f"{i % 4}.png,{'owl' if i % 2 else 'fox'},{('train', 'val', 'test')[i // 8]},s{i},1.5,0 0 0.9 0.9".split(",")
        for i in range(24)
    ),
]


@pytest.mark.parametrize(
    "often",
    [
        pytest.param(settings(FEW, max_examples=12), id="few"),
        pytest.param(MANY, marks=[pytest.mark.slow, pytest.mark.long], id="thousand"),
    ],
)
def test_spoilt_results_are_refused_in_words_or_analysed(often: settings, tmp_path: Path) -> None:
    path = tmp_path / "results.csv"

    @often
    @given(spoilt_rows(RESULTS))
    def check(text: str) -> None:
        path.write_text(text, encoding="utf-8")
        refused_in_words(lambda: analyse(path), "results.csv")

    check()


@pytest.mark.slow
@few_or_many
def test_spoilt_files_are_no_tables(often: settings, tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    content = "\n".join(",".join(row) for row in RESULTS[:4]).encode()

    @often
    @given(spoilt_bytes(content), st.sampled_from(["utf-8", "utf-16"]))
    def check(content: bytes, encoding: str) -> None:
        path.write_bytes(content if encoding == "utf-8" else content.decode("latin-1").encode(encoding))
        refused_in_words(lambda: analyse(path), "results.csv")

    check()


@few_or_many
def test_spoilt_samples_are_refused_in_words_or_are_a_task(often: settings, tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    for number in range(4):
        Image.fromarray(np.full((12, 12, 3), number, np.uint8)).save(tmp_path / f"{number}.png")
    source = TaskSource(
        table=(str(path),), path="path", label="label", split="split", group="site", weight="share", box="box"
    )

    @often
    @given(spoilt_rows(SAMPLES))
    def check(text: str) -> None:
        path.write_text(text, encoding="utf-8")
        refused_in_words(lambda: own_task(source), "samples")

    check()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["0.png", "1.png", "2.png", "3.png", "samples.csv"]


def _parquet() -> bytes:
    stream = io.BytesIO()
    pd.DataFrame(SAMPLES[1:], columns=SAMPLES[0]).astype({"share": float}).to_parquet(stream)
    return stream.getvalue()


def _traps() -> bytes:
    images = [
        {"id": f"i{n}", "file_name": f"{n}.png", "location": n, "seq_id": f"s{n}", "width": 12, "height": 12,
         "datetime": f"2024-05-{n + 1:02} 10:00:00"}
        for n in range(24)
    ]  # fmt: skip
    notes = [{"id": n, "image_id": f"i{n}", "category_id": 1 + n % 2, "bbox": [1, 2, 5.5, 6]} for n in range(24)]
    categories = [{"id": 1, "name": "owl"}, {"id": 2, "name": "fox"}]
    return json.dumps({"images": images, "annotations": notes, "categories": categories}).encode()


def _detections() -> bytes:
    found = [{"category": "1", "conf": 0.9, "bbox": [0.1, 0.2, 0.5, 0.25]}]
    images = [{"file": f"{n}.png", "detections": found if n else []} for n in range(24)]
    return json.dumps({"images": images, "detection_categories": {"1": "animal"}}).encode()


@pytest.mark.slow
@few_or_many
@pytest.mark.parametrize("form", ["parquet", "traps", "detections"])
def test_spoilt_files_of_other_forms_are_refused_in_words_or_are_a_task(
    often: settings, form: str, tmp_path: Path
) -> None:
    for number in range(24):
        Image.fromarray(np.full((12, 12, 3), number, np.uint8)).save(tmp_path / f"{number}.png")
    contents = {"samples.parquet": _parquet(), "traps.json": _traps(), "detections.json": _detections()}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    spoilt = {"parquet": "samples.parquet", "traps": "traps.json", "detections": "detections.json"}[form]
    columns: dict[str, Any] = {"path": "path", "split": "split", "group": "site", "weight": "share", "box": "box"}
    source = (
        TaskSource(table=(str(tmp_path / spoilt),), **columns)
        if form == "parquet"
        else TaskSource(
            traps=str(tmp_path / "traps.json"),
            box="box",
            detections=str(tmp_path / "detections.json") if form == "detections" else None,
        )
    )
    assert own_task(source).classes == ("fox", "owl")

    @often
    @given(st.one_of(spoilt_bytes(contents[spoilt]), spoilt_numbers(contents[spoilt])))
    def check(content: bytes) -> None:
        (tmp_path / spoilt).write_bytes(content)
        refused_in_words(lambda: own_task(source), tmp_path.name)

    check()
