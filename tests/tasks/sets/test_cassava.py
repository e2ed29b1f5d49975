"""Cassava: Kaggle's layout, and the study's split of it from the table alone."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import afield
from afield.base.errors import InputError
from afield.report.page import report
from afield.tasks.data import load_task
from afield.tasks.sets.cassava import TASK, find, samples, split
from tests.fixtures import layouts
from tests.fixtures.tiny import scratch_study

COUNTS = (1087, 2189, 2386, 13158, 2577)
"""PAPER.md 2.5"""
TEST_COUNTS = [217, 437, 477, 2631, 515]


def published_table(folder: Path) -> pd.DataFrame:
    """A train.csv of the published class counts, without images, in an order that is that of neither name nor class."""
    generator = np.random.default_rng(5)
    labels = np.repeat(np.arange(5), COUNTS)
    generator.shuffle(labels)
    names = [f"{number}.jpg" for number in generator.choice(10**10, len(labels), replace=False)]
    table = pd.DataFrame({"image_id": names, "label": labels})
    table.to_csv(folder / "train.csv", index=False)
    return table


def test_the_study_s_split_is_a_fifth_of_each_class_drawn_in_the_order_of_the_table(tmp_path: Path) -> None:
    """Drawn here as the study's code is described: rows of the table, class by class (PAPER.md 2.5, 3.1)."""
    published = published_table(tmp_path)
    table = samples(tmp_path).sort_values("id", ignore_index=True)  # as load_task hands it over
    table["split"] = split(table, "paper")
    np.random.seed(414)
    expected: list[int] = []
    for label, count in enumerate(COUNTS):
        rows = [row for row, value in enumerate(published["label"]) if value == label]
        expected += np.random.choice(rows, count // 5, replace=False).tolist()
    test = table[table["split"] == "test"]
    assert set(test["id"]) == set(published["image_id"][expected])
    assert test.groupby("label").size().tolist() == TEST_COUNTS
    assert (len(test), (table["split"] == "train").sum()) == (4277, 17120)


@pytest.mark.slow
def test_clean_is_60_20_20_of_each_class_in_whatever_order_the_table_is(tmp_path: Path) -> None:
    published = published_table(tmp_path)
    table = samples(tmp_path)
    sides = dict(zip(table["id"], split(table, "clean"), strict=True))
    counts = pd.crosstab(table["label"], table["id"].map(sides))
    for side, share in {"train": 0.6, "validation": 0.2, "test": 0.2}.items():
        assert (counts[side] - share * np.array(COUNTS)).abs().max() < 1
    published[::-1].to_csv(tmp_path / "train.csv", index=False)
    turned = samples(tmp_path)
    assert dict(zip(turned["id"], split(turned, "clean"), strict=True)) == sides


@pytest.mark.parametrize("name", ["cassava", "cassava-leaf-disease-classification"])
def test_the_unpacked_competition_is_found_and_loaded_under_both_protocols(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    layouts.cassava(tmp_path / name)
    paper, clean = (load_task(TASK, protocol, tmp_path / "cache", tmp_path) for protocol in ("paper", "clean"))
    assert (paper.selection, clean.selection) == ("test", "validation")
    assert list(paper.counts()["test"].values()) == [count // 5 for count in layouts.CASSAVA_COUNTS]
    assert len(paper.table) == len(clean.table) == sum(layouts.CASSAVA_COUNTS)


def test_a_missing_table_is_told_with_the_way_to_get_it(tmp_path: Path) -> None:
    layouts.cassava(tmp_path)  # not in a folder of its name: another competition's train.csv is not taken for it
    with pytest.raises(InputError, match=r"cassava: not found: .*none of cassava, .*train\.csv.*kaggle competitions"):
        find(tmp_path)


def test_what_is_wrong_with_the_table_is_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "cassava" / "train.csv"
    path.parent.mkdir()
    layouts.cassava(path.parent)
    sound = path.read_text()
    first = sound.splitlines()[1]
    for text, words in (
        (sound.replace("image_id", "id_code"), "lacks the column image_id; it has id_code, label"),
        (sound.replace(first, f"{first[:-1]}5"), "column label, row 1: is '5'; must be one of 0, 1, 2, 3, 4"),
        (sound.replace(first, first[:-2]), "column label, row 1: is ''"),
        (sound + first + "\n", "named more than once"),
        ("image_id,label\n", "holds no samples"),
        (sound.replace(first, f'"{first}'), "cannot be read as a table"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=words):
            load_task(TASK, "clean", tmp_path / "cache", tmp_path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"train\.csv: cannot be read as a table"):
        load_task(TASK, "clean", tmp_path / "cache", tmp_path)


def test_images_that_are_listed_and_absent_are_named(tmp_path: Path) -> None:
    (tmp_path / "cassava").mkdir()
    root = layouts.cassava(tmp_path / "cassava")
    lost = sorted((root / "train_images").iterdir())[0]
    lost.unlink()
    with pytest.raises(InputError, match=f"image train_images/{lost.name}: no such file in {root}"):
        load_task(TASK, "paper", tmp_path / "cache", tmp_path)
    shutil.rmtree(root / "train_images")
    with pytest.raises(InputError, match=f"{sum(layouts.CASSAVA_COUNTS)} images .*no such file in {root}"):
        load_task(TASK, "paper", tmp_path / "cache", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("protocol", "chooses"), [("clean", "validation"), pytest.param("paper", "test", marks=pytest.mark.long)]
)
def test_a_study_runs_from_the_layout_to_the_report(tmp_path: Path, protocol: str, chooses: str) -> None:
    (tmp_path / "cassava").mkdir()
    layouts.cassava(tmp_path / "cassava")
    study = scratch_study("leaves", "cassava", protocol=protocol)
    assert afield.run_study(study, tmp_path / "out", data=tmp_path).complete
    assert set(afield.results(tmp_path / "out")["selected_on"]) == {chooses}
    assert "cassava" in report(tmp_path / "out").read_text(encoding="utf-8")
