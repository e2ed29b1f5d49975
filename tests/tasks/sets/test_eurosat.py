"""EuroSAT: both roots, packed and unpacked, and the study's split from the file names alone."""

import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import afield
from afield.base.errors import InputError
from afield.images.decode import decode, decode_channels
from afield.report.page import report
from afield.tasks.builtin import find_task
from afield.tasks.data import load_task
from afield.tasks.sets.eurosat import ALL, ALL_BANDS, BANDS, CLASSES, LOCATED, MS, TASK, find, split
from afield.tasks.show import list_splits
from tests.fixtures.eurosat import bands_tiles
from tests.fixtures.shared import shared
from tests.fixtures.tiny import scratch_study

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


@pytest.mark.slow
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
    listed = list_splits(find_task("eurosat"), "paper", tmp_path)
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


@pytest.fixture(scope="module")
def bands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with tiles of all bands."""
    data = tmp_path_factory.mktemp("bands")
    bands_tiles(data / "eurosat" / "EuroSAT_MS")
    return data


@pytest.mark.slow
@pytest.mark.parametrize(
    ("archive", "inside"),
    [
        ("EuroSATallBands", "ds/images/remote_sensing/otherDatasets/sentinel_2/tif"),
        ("EuroSAT_MS", "EuroSAT_MS"),
    ],
)
def test_both_archives_of_all_bands_are_found_packed_and_unpacked(tmp_path: Path, archive: str, inside: str) -> None:
    folder = bands_tiles(tmp_path / "tree" / inside, count=2, towns=3, side=8)
    unpacked = tmp_path / "unpacked" / "eurosat"
    shutil.copytree(tmp_path / "tree", unpacked)
    assert find(tmp_path / "unpacked", ALL_BANDS) == unpacked / inside
    packed = tmp_path / "packed"
    packed.mkdir()
    with zipfile.ZipFile(packed / f"{archive}.zip", "w") as target:
        for path in sorted(folder.rglob("*.tif")):
            target.write(path, path.relative_to(tmp_path / "tree"))
    one, other = (load_task(MS, "clean", tmp_path, tmp_path / data) for data in ("packed", "unpacked"))
    assert one.fingerprint == other.fingerprint
    assert len(one.table) == 60
    tiles(tmp_path / "packed" / "2750")
    assert load_task(MS, "clean", tmp_path, packed).root == one.root, "three bands beside it change nothing"


def test_bands_are_scaled_as_stated(bands: Path) -> None:
    path = bands / "eurosat" / "EuroSAT_MS" / "River" / "River_1.tif"
    stored = decode_channels(path).astype(np.float64)
    assert stored.shape == (64, 64, 13)
    visible = decode(path, MS.reading)
    red_green_blue = stored[..., [3, 2, 1]]
    assert np.array_equal(visible, np.floor((1 + red_green_blue * 254 / 2750).clip(0, 255) + 0.5))
    assert (visible[red_green_blue == 0] == 1).all()
    assert (visible[red_green_blue >= 2750] == 255).all()
    everything, channels = decode(path, ALL.reading), ALL.reading.channels
    assert channels
    assert everything.shape == (64, 64, 13)
    assert np.array_equal(everything[..., :3], visible)
    assert [BANDS[place] for place in channels[:5]] == ["B04", "B03", "B02", "B01", "B05"]
    assert sorted(channels) == list(range(13))
    near_infrared = channels.index(BANDS.index("B8A"))
    assert np.array_equal(everything[..., near_infrared], np.floor(stored[..., 12] * 255 / 6500 + 0.5))


@pytest.mark.slow
def test_tiles_of_all_bands_are_split_as_those_of_three() -> None:
    three = names()
    all_bands = three.assign(id=three["id"].str.replace(".jpg", ".tif"))
    assert split(all_bands, "clean").equals(split(three, "clean"))


@pytest.mark.slow
def test_a_split_by_location_keeps_a_square_on_one_side(bands: Path, tmp_path: Path) -> None:
    data = load_task(LOCATED, "clean", tmp_path, bands)
    assert data.table["group"].nunique() == 6
    assert {cell.split("/")[0] for cell in data.table["group"]} == {"32632", "32633"}
    assert (data.table.groupby("group")["split"].nunique() == 1).all()
    assert data.table["cluster"].equals(data.table["group"])
    assert data.table["split"].value_counts().to_dict() == {"train": 200, "validation": 50, "test": 50}
    apart = load_task(MS, "clean", tmp_path, bands).table
    assert apart["group"].equals(apart["id"])
    tile = bands / "eurosat" / "EuroSAT_MS" / "Forest" / "Forest_1.tif"
    whole = tile.read_bytes()
    tile.write_bytes(whole[:60])
    try:
        with pytest.raises(InputError, match=r"Forest_1\.tif: "):
            load_task(LOCATED, "clean", tmp_path, bands)
    finally:
        tile.write_bytes(whole)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["eurosat_bands", "eurosat_by_location"])
def test_a_study_runs_from_all_bands_to_the_report(bands: Path, tmp_path: Path, task: str) -> None:
    assert afield.run_study(scratch_study("land", task), tmp_path / "out", data=bands).complete
    assert set(afield.results(tmp_path / "out")["task"]) == {task}
    assert "EuroSAT" in report(tmp_path / "out").read_text(encoding="utf-8")
    network = afield.load_network(tmp_path / "out")
    folder = bands / "eurosat" / "EuroSAT_MS" / "River"
    assert len(network.predict(folder)) == 30
    assert network.images(folder).shape[1] == (13 if task == "eurosat_bands" else 3)


@pytest.mark.slow
def test_studies_under_both_protocols_stand_side_by_side_in_the_report(tmp_path: Path) -> None:
    tiles(tmp_path / "2750", count=15)
    out = tmp_path / "out"
    for protocol in ("clean", "paper"):
        assert afield.run_study(
            scratch_study(f"land-{protocol}", "eurosat", protocol=protocol), out, data=tmp_path
        ).complete
    page = report(out, "land-clean").read_text(encoding="utf-8")
    assert "Both protocols" in page
    assert "The other study of this folder is land-paper." in page
    assert afield.load_record(out, "land-paper").task("eurosat").selection == "test"


@pytest.mark.slow
@pytest.mark.long
def test_the_published_images_are_27000_in_the_published_classes(tmp_path: Path) -> None:
    with tarfile.open(shared("data/EuroSAT.tar.xz")) as archive:
        archive.extractall(tmp_path, filter="data")
    data = load_task(TASK, "paper", tmp_path / "cache", tmp_path)
    assert data.table.groupby("label").size().tolist() == list(COUNTS)
    assert sum(data.counts()["train"].values()) == 21_600
    assert data.table["id"].equals(names()["id"])
