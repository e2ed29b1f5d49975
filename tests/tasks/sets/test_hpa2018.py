"""HPA 2018: four grey files an image or one stack, 28 labels, the study's split file and the split without it."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import afield
from afield.base.errors import InputError
from afield.images.decode import decode
from afield.report.page import report
from afield.tasks.data import load_task
from afield.tasks.sets.hpa2018 import CLASSES, RGBY, SPLIT_FILE, TASK, find, samples, split
from afield.tasks.task import LEFT_OUT
from tests.fixtures.hpa2018 import EACH, hpa2018, split_file
from tests.fixtures.tiny import scratch_study

COUNTS = (
    12885, 1254, 3621, 1561, 1858, 2513, 1008, 2822, 53, 45, 28, 1093, 688, 537, 1066, 21, 530, 210, 902, 1482, 172,
    3777, 802, 2965, 322, 8228, 328, 11,
)  # fmt: skip
"""images with each label (PAPER.md 2.3)"""
IMAGES = 31_072


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder with the competition unpacked in it."""
    data = tmp_path_factory.mktemp("data")
    (data / "hpa2018").mkdir()
    hpa2018(data / "hpa2018", stacks=True)
    return data


@pytest.fixture
def root(atlas: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(atlas / "hpa2018", tmp_path / "hpa2018")


@pytest.mark.slow
def test_both_layouts_give_the_same_pixels_and_labels(root: Path) -> None:
    files = samples(root)
    shutil.rmtree(root / "train")
    stacks = samples(root)
    assert files["image"].str.fullmatch(r"train/[0-9a-f-]{36}").all()
    assert stacks["image"].str.fullmatch(r"rgby/train/[0-9a-f-]{36}\.png").all()
    assert files.drop(columns="image").equals(stacks.drop(columns="image"))
    told = pd.read_csv(root / "train.csv", dtype=str).set_index("Id")["Target"]
    for name, vector in zip(files["id"], files["label"], strict=True):
        assert [place for place, has in enumerate(vector) if has] == sorted(map(int, set(told[name].split())))
        assert set(vector) <= {0, 1}


@pytest.mark.parametrize("task", [TASK, RGBY], ids=["hpa2018", "hpa2018_rgby"])
def test_yellow_is_the_fourth_channel_and_the_study_s_task_lacks_it(atlas: Path, task) -> None:
    root = atlas / "hpa2018"
    for image in samples(root)["id"][:3]:
        alone = [decode(root / "train" / f"{image}_{name}.png")[..., :1] for name in ("red", "green", "blue", "yellow")]
        expected = np.concatenate(alone[: task.reading.count], axis=2)
        assert np.array_equal(decode(root / "train" / image, task.reading), expected)
        assert np.array_equal(decode(root / "rgby" / "train" / f"{image}.png", task.reading), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hpa2018", "human-protein-atlas-image-classification"])
def test_the_unpacked_competition_is_found_and_split_under_both_protocols(
    root: Path, tmp_path: Path, name: str
) -> None:
    root.rename(tmp_path / name)
    paper, clean = (load_task(TASK, protocol, tmp_path / "cache", tmp_path) for protocol in ("paper", "clean"))
    assert (paper.selection, clean.selection) == ("test", "validation")
    total = 28 * EACH
    assert len(clean.table) == total
    sizes = clean.table["split"].value_counts()
    for side, share in (("train", 0.727), ("validation", 0.182), ("test", 0.091)):
        assert sizes[side] == pytest.approx(share * total, abs=6)
        assert min(clean.counts()[side].values()) > 0
    # What `paper` reports is what `clean` selects on; the third part is left out.
    assert set(paper.samples("test")["id"]) == set(clean.samples("validation")["id"])
    assert set(paper.samples("train")["id"]) == set(clean.samples("train")["id"])
    assert len(paper.table) == total - sizes["test"]


@pytest.mark.slow
def test_published_counts_are_divided_as_the_study_divided_them() -> None:
    """31,072 images with as many of each label as the competition has: each label's share comes right."""
    generator = np.random.default_rng(0)
    has = np.stack([generator.permutation(IMAGES) < count for count in COUNTS], axis=1)
    labels = [tuple(map(int, row)) for row in has]
    ids = [f"{number:05}" for number in range(IMAGES)]
    side = split(pd.DataFrame({"id": ids, "group": ids, "label": labels, "listed": ""}), "clean")
    sizes = side.value_counts()
    for name, published in (("train", 22_582), ("validation", 5_664), ("test", 2_826)):
        assert sizes[name] == pytest.approx(published, abs=30)
        expected = published / IMAGES * np.array(COUNTS)
        assert np.abs(has[(side == name).to_numpy()].sum(axis=0) - expected).max() < 30
    assert has[(side != "train").to_numpy()].sum(axis=0)[27] in (2, 3, 4)


@pytest.mark.slow
def test_the_study_s_split_file_is_used_where_it_lies(root: Path, tmp_path: Path) -> None:
    split_file(root)
    listed = pd.read_csv(root / SPLIT_FILE, dtype=str).set_index("Id")["Split"]
    clean = load_task(TASK, "clean", tmp_path / "cache", tmp_path).table.set_index("id")["split"]
    assert clean.sort_index().equals(
        listed.map({"train": "train", "val": "validation", "test_val": "test"})
        .sort_index()
        .rename("split")
        .rename_axis("id")
    )
    paper = load_task(TASK, "paper", tmp_path / "cache", tmp_path)
    assert set(paper.samples("test")["id"]) == set(listed.index[listed == "val"])
    assert paper.selection == "test"
    assert not set(paper.table["id"]) & set(listed.index[listed == "test_val"])


def test_what_is_wrong_is_told_in_words(root: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"hpa2018: not found: .*train\.csv.*kaggle competitions download -c human-pro"
    ):
        find(tmp_path / "elsewhere")
    sound, path = (root / "train.csv").read_text(), root / "train.csv"
    first = sound.splitlines()[1]
    name = first.split(",")[0]
    for text, words in (
        (sound.replace("Target", "target"), "lacks the column Target; it has Id, target"),
        (sound.replace(first, f"{name},3 28"), "column Target, row 1: is '28'; must be one of 0, 1"),
        (sound.replace(first, f"{name},"), "column Target, row 1: is empty; an image has at least one label"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=words):
            samples(root)
    path.write_text(sound)
    listed = split_file(root)
    whole = listed.read_text()
    lines = whole.splitlines()
    for text, words in (
        ("\n".join(lines[:-1]), rf"{SPLIT_FILE}: lacks 1 images of train\.csv, {lines[-1][:36]} first"),
        ("\n".join([*lines, lines[1]]), f"lists {name} more than once"),
        (whole.replace(",val", ",valid"), "column Split, row .*: is 'valid'.*must be one of train, val, test_val"),
    ):
        listed.write_text(text)
        with pytest.raises(InputError, match=words):
            samples(root)


@pytest.mark.slow
def test_a_file_that_is_missing_is_named_and_each_of_the_four_is_in_the_fingerprint(root: Path, tmp_path: Path) -> None:
    one, other = (load_task(task, "clean", tmp_path / "cache", tmp_path) for task in (TASK, RGBY))
    assert one.fingerprint != other.fingerprint
    image = one.table["image"][0]
    yellow = root / f"{image}_yellow.png"
    shutil.copy(root / f"{one.table['image'][1]}_yellow.png", yellow)
    assert load_task(TASK, "clean", tmp_path / "cache", tmp_path).fingerprint == one.fingerprint
    assert load_task(RGBY, "clean", tmp_path / "cache", tmp_path).fingerprint != other.fingerprint
    yellow.unlink()
    load_task(TASK, "clean", tmp_path / "cache", tmp_path)
    with pytest.raises(InputError, match=rf"{image}_yellow\.png: no such file in {root}"):
        load_task(RGBY, "clean", tmp_path / "cache", tmp_path)


@pytest.mark.slow
def test_groups_that_the_user_lists_stay_together(root: Path, tmp_path: Path) -> None:
    ids = samples(root)["id"]
    listed = pd.DataFrame({"Id": ids[:120], "group": [f"g{place % 40}" for place in range(120)]})
    listed.to_csv(root / "groups.csv", index=False)
    table = load_task(TASK, "clean", tmp_path / "cache", tmp_path).table
    assert table["group"].nunique() == 40 + len(ids) - 120
    assert (table.groupby("group")["split"].nunique() == 1).all()
    assert set(table["split"]) == {"train", "validation", "test"}


def test_the_task_of_four_channels_is_the_study_s_but_for_the_channel_that_it_lost() -> None:
    assert TASK.published is not None
    assert (TASK.published.channels, TASK.published.image_size) == ("BGR", 256)
    assert (TASK.reading.count, RGBY.reading.count) == (3, 4)
    assert LEFT_OUT not in set(split(pd.DataFrame({"id": ["a"], "listed": ["val"]}), "clean"))
    assert replace(RGBY, name="hpa2018", reading=TASK.reading, card=TASK.card) == TASK
    assert len(set(CLASSES)) == 28


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "protocol", "chooses"),
    [
        ("hpa2018", "clean", "validation"),
        pytest.param("hpa2018", "paper", "test", marks=pytest.mark.long),
        ("hpa2018_rgby", "paper", "test"),
    ],
)
def test_a_study_runs_from_the_layout_to_the_report(
    atlas: Path, tmp_path: Path, task: str, protocol: str, chooses: str
) -> None:
    study = scratch_study("cells", task, protocol=protocol)
    assert afield.run_study(study, tmp_path / "out", data=atlas).complete
    table = afield.results(tmp_path / "out")
    assert table["metric"].iloc[0] == "macro_f1_global"
    assert {"macro_f1_global", "macro_f1_per_class", "average_precision"} <= set(table["metric"])
    assert set(table["selected_on"]) == {chooses}
    assert "HPA 2018" in report(tmp_path / "out").read_text(encoding="utf-8")
    network = afield.load_network(tmp_path / "out")
    said = network.predict(atlas / "hpa2018" / "train")
    assert len(said) == 28 * EACH
    assert (
        network.trial.reading.count
        == network.images(atlas / "hpa2018" / "train" / samples(atlas / "hpa2018")["id"][0]).shape[1]
    )
