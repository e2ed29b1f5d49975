"""Tables: results that are analysed, and one's own samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from afield.analysis.analyse import analyse
from afield.tasks.own.task import own_task
from afield.tasks.source import TaskSource
from tests.hostile.mutations import FEW, MANY, few_or_many, refused_in_words, spoilt_bytes, spoilt_rows

RESULTS = [
    ["backbone", "imagenet_top1", "task", "metric", "value", "low", "high", "n_test", "seed", "family", "params_m"],
    *(
        f"b{i},{60 + 3 * i},t{j},accuracy,{0.5 + 0.03 * i + 0.01 * j:.2f},,,500,0,f{i % 3},{5 + i}".split(",")
        for i in range(7)
        for j in range(2)
    ),
]
SAMPLES = [
    ["path", "label", "split", "site", "share", "box"],
    *(
        f"{i % 4}.png,{'owl' if i % 2 else 'fox'},{('train', 'val', 'test')[i // 8]},s{i},1.5,0 0 9 9".split(",")
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
