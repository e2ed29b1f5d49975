"""EuroSAT: both roots, packed and unpacked, and the study's split from the file names alone."""

import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from afield.base.errors import InputError
from afield.tasks.data import load_task
from afield.tasks.eurosat import CLASSES, TASK, find, split
from afield.tasks.show import list_splits
from tests.fixtures.shared import shared

COUNTS = (3000, 3000, 3000, 2500, 2500, 2000, 2500, 3000, 2500, 3000)
"""PAPER.md 2.6"""


def tiles(folder: Path, count: int = 6) -> Path:
    """The original layout with a few tiles a class."""
    generator = np.random.default_rng(1)
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for number in range(1, count + 1):
            pixels = generator.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{name}_{number}.jpg")
    return folder


def names(counts: tuple[int, ...] = COUNTS) -> pd.DataFrame:
    """A table of that many file names a class, as `load_task` sorts them."""
    rows = [
        (f"{name}/{name}_{number}.jpg", label)
        for label, (name, count) in enumerate(zip(CLASSES, counts, strict=True))
        for number in range(1, count + 1)
    ]
    return pd.DataFrame(rows, columns=["id", "label"]).sort_values("id", ignore_index=True)


@pytest.mark.parametrize("root", ["2750", "EuroSAT_RGB"])
@pytest.mark.parametrize("place", ["", "eurosat"])
def test_both_roots_are_found_packed_and_unpacked(tmp_path: Path, root: str, place: str) -> None:
    folder = tiles(tmp_path / "tree" / root)
    unpacked = tmp_path / "unpacked" / place
    shutil.copytree(folder, unpacked / root)
    assert find(tmp_path / "unpacked") == unpacked / root
    packed = tmp_path / "packed" / place
    packed.mkdir(parents=True)
    with zipfile.ZipFile(packed / "EuroSAT.zip", "w") as archive:
        for path in sorted(folder.rglob("*.jpg")):
            archive.write(path, path.relative_to(tmp_path / "tree"))
    one, other = (load_task(TASK, "clean", tmp_path, tmp_path / data) for data in ("packed", "unpacked"))
    assert one.fingerprint == other.fingerprint
    assert len(one.table) == 60


def test_without_the_data_it_says_where_it_looked_and_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"eurosat: not found: .*eurosat/2750,.*zenodo\.org/records/7711810"):
        find(tmp_path)
    folder = tiles(tmp_path / "2750", count=1)
    shutil.rmtree(folder / "River")
    with pytest.raises(InputError, match="2750/River: no such folder"):
        load_task(TASK, "clean", tmp_path, tmp_path)


def test_the_study_s_split_is_a_fifth_of_each_class_drawn_by_one_stream() -> None:
    """Drawn here as the study's code is described: positions in the sorted list, class by class (PAPER.md 2.6)."""
    table = names()
    table["split"] = split(table, "paper")
    np.random.seed(42)
    expected: list[int] = []
    first = 0
    for count in COUNTS:
        expected += np.random.choice(range(first, first + count), count // 5, replace=False).tolist()
        first += count
    assert set(table.index[table["split"] == "test"]) == set(expected)
    assert len(expected) == 5400
    by_class = table[table["split"] == "test"].groupby("label").size().tolist()
    assert by_class == [600, 600, 600, 500, 500, 400, 500, 600, 500, 600]
    # which names: AnnualCrop_10 stands second in the sorted list
    assert table["id"][:3].tolist() == [f"AnnualCrop/AnnualCrop_{n}.jpg" for n in (1, 10, 100)]


def test_under_paper_test_selects_and_under_clean_validation(tmp_path: Path) -> None:
    tiles(tmp_path / "2750", count=10)
    paper, clean = (load_task(TASK, protocol, tmp_path, tmp_path) for protocol in ("paper", "clean"))
    assert (paper.selection, clean.selection) == ("test", "validation")
    assert paper.samples("validation").equals(paper.samples("test"))
    assert len(paper.samples("test")) == 20
    assert not set(clean.samples("validation")["id"]) & set(clean.samples("test")["id"])
    assert paper.fingerprint != clean.fingerprint


def test_splits_are_listed_from_the_file_names_alone(tmp_path: Path) -> None:
    tiles(tmp_path / "2750", count=5)
    for path in (tmp_path / "2750").rglob("*.jpg"):
        path.write_bytes(b"")
    listed = list_splits("eurosat", "paper", tmp_path)
    assert list(listed.columns) == ["id", "split", "label", "group"]
    assert listed["split"].value_counts().to_dict() == {"train": 40, "test": 10}
    assert listed["id"][0] == "AnnualCrop/AnnualCrop_1.jpg"


def test_under_paper_an_image_that_is_dropped_changes_no_other_s_split(tmp_path: Path) -> None:
    tiles(tmp_path / "2750", count=10)
    whole = load_task(TASK, "paper", tmp_path, tmp_path).table
    gone = whole["image"][0]
    rest = load_task(TASK, "paper", tmp_path, tmp_path, lambda root, images: {gone: "is cut"}).table
    assert rest["id"].tolist() == whole["id"][1:].tolist()
    assert rest["split"].tolist() == whole["split"][1:].tolist()


@pytest.mark.slow
def test_the_published_images_are_27000_in_the_published_classes(tmp_path: Path) -> None:
    with tarfile.open(shared("data/EuroSAT.tar.xz")) as archive:
        archive.extractall(tmp_path, filter="data")
    data = load_task(TASK, "paper", tmp_path / "cache", tmp_path)
    assert data.table.groupby("label").size().tolist() == list(COUNTS)
    assert sum(data.counts()["train"].values()) == 21_600
    assert data.table["id"].equals(names()["id"])
