"""CCT-20: LILA's files, the published splits, and what each protocol makes of annotations, sequences and places."""

import json
from pathlib import Path

import pytest

import afield
from afield.base.errors import InputError
from afield.report.page import report
from afield.tasks.builtin import find_task
from afield.tasks.data import TaskData, load_task
from afield.tasks.sets.cct20 import CATEGORIES, IMAGES, TASK, find
from afield.tasks.show import list_splits
from afield.tasks.task import Protocol
from tests.fixtures import traps
from tests.fixtures.tiny import scratch_study

OTHER_CAMERAS = {
    "paper": {"trans-validation": 29, "trans-test": 35},
    "clean": {"trans-validation": 26, "trans-test": 32},
}
"""samples of the fixture"""
ORDER = [1, 3, 5, 6, 7, 8, 9, 10, 11, 16, 21, 33, 34, 51, 99]
"""PAPER.md 2.1"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    traps.cct20(tmp_path / "data" / "CCT-20")
    return tmp_path / "data"


def sizes(loaded: TaskData) -> dict[str, int]:
    return {str(split): n for split, n in loaded.table["split"].value_counts().items()}


def test_the_classes_are_the_study_s_in_its_order() -> None:
    assert list(CATEGORIES) == ORDER
    assert TASK.classes == tuple(traps.CATEGORIES[category] for category in ORDER)


def test_paper_takes_each_annotation_as_a_sample(data: Path, tmp_path: Path) -> None:
    loaded = load_task(TASK, "paper", tmp_path, data)
    assert loaded.selection == "validation"
    # 15 classes with two pictures each, two boxes of one class, two of different ones; outside train also an animal
    # beside an annotation as empty; in validation the pictures of train's sequences.
    assert sizes(loaded) == {"train": 34, "validation": 35 + traps.SHARED, "test": 35, **OTHER_CAMERAS["paper"]}
    train = loaded.samples("train")
    assert train["image"].nunique() == 32
    pair = train[train["unit"] == "train-seq-pair"]
    assert pair["id"].tolist() == ["train-030-23d2-11e8", "train-030-23d2-11e8#2"]
    assert pair["image"].unique().tolist() == ["eccv_18_all_images_sm/train-030-23d2-11e8.jpg"]
    mixed = train[train["unit"] == "train-seq-mixed"]
    assert [TASK.classes[label] for label in mixed["label"]] == ["coyote", "cat"]  # they contradict each other
    assert set(loaded.samples("validation")["unit"]) & set(train["unit"])


@pytest.mark.slow
def test_clean_takes_each_image_once_and_no_sequence_twice(data: Path, tmp_path: Path) -> None:
    loaded = load_task(TASK, "clean", tmp_path, data)
    assert sizes(loaded) == {"train": 31, "validation": 32, "test": 32, **OTHER_CAMERAS["clean"]}
    table = loaded.table
    assert table["image"].is_unique
    assert (table["image"] == "eccv_18_all_images_sm/" + table["id"] + ".jpg").all()  # ids are the images'
    assert not table["unit"].str.endswith(("mixed", "empty", "bare")).any()
    both = table[table["unit"].str.endswith("both")]
    assert [TASK.classes[label] for label in both["label"]] == 4 * ["coyote"]  # the animal counts, not `empty`
    assert table.groupby("unit")["split"].nunique().max() == 1
    cis = table[table["split"].isin(["train", "validation", "test"])]
    assert cis["cluster"].equals(cis["unit"].rename("cluster"))
    assert set(cis["location"]) == {"38", "61"}
    assert loaded.absent() == {"trans-validation": ("badger", "deer", "fox")}


@pytest.mark.slow
def test_without_annotations_as_samples_paper_keeps_all_else(data: Path, tmp_path: Path) -> None:
    annotations, images = (load_task(task, "paper", tmp_path / task.name, data) for task in (TASK, IMAGES))
    # a second box less, and both rows of a picture of two classes; the pictures of train's sequences stay
    assert (
        sizes(images)
        == {name: size - 3 for name, size in sizes(annotations).items() if name not in OTHER_CAMERAS["paper"]}
        | OTHER_CAMERAS["clean"]
    )
    assert images.table["image"].is_unique
    assert set(images.samples("validation")["unit"]) & set(images.samples("train")["unit"])
    assert images.task.published == annotations.task.published
    clean = [load_task(task, "clean", tmp_path / task.name, data).table for task in (TASK, IMAGES)]
    assert clean[0].equals(clean[1])


@pytest.mark.parametrize("protocol", ["clean", "paper"])
def test_other_cameras_are_further_test_splits(data: Path, tmp_path: Path, protocol: Protocol) -> None:
    loaded = load_task(TASK, protocol, tmp_path, data)
    assert TASK.extra_splits == ("trans-validation", "trans-test")
    assert loaded.selection == "validation"
    places = loaded.table.groupby("split")["location"].agg(lambda column: sorted(set(column)))
    assert places["train"] == places["test"] == ["38", "61"]
    assert (places["trans-validation"], places["trans-test"]) == (["125"], ["0", "7", "90"])
    other = loaded.samples("trans-test")
    assert set(other["cluster"]) == {"camera 0", "camera 7", "camera 90"}  # other cameras are what intervals are about


def test_the_splits_are_listed_without_the_images(data: Path) -> None:
    for image in (data / "CCT-20" / "eccv_18_all_images_sm").iterdir():
        image.unlink()
    listed = list_splits(find_task("cct20"), "clean", data)
    assert listed.columns.tolist() == ["id", "split", "label", "group"]
    assert (
        listed["split"].value_counts().to_dict() == {"train": 31, "validation": 32, "test": 32} | OTHER_CAMERAS["clean"]
    )


@pytest.mark.parametrize("root", ["cct20", "CCT-20", "caltechcameratraps", "."])
def test_it_is_found_wherever_the_archives_were_unpacked(tmp_path: Path, root: str) -> None:
    (tmp_path / root / "eccv_18_annotation_files").mkdir(parents=True)
    assert find(tmp_path) == tmp_path / root


def test_where_it_is_not_found_it_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cct20: not found: .*eccv_18_annotation_files.*eccv_18_annotations\.tar\.gz"):
        find(tmp_path)


def test_what_is_not_the_published_file_is_told_in_words(data: Path, tmp_path: Path) -> None:
    path = data / "CCT-20" / "eccv_18_annotation_files" / "cis_test_annotations.json"
    sound = json.loads(path.read_text())
    foreign = sound | {"categories": [*sound["categories"], {"id": 97, "name": "lizard"}]}
    foreign["annotations"] = [*sound["annotations"], traps.annotation(99, sound["images"][0]["id"], 97)]
    nowhere = sound | {"images": [sound["images"][0] | {"location": None}, *sound["images"][1:]]}
    for content, words in (
        (foreign, "has annotations of the category 97, none of CCT-20's"),
        (nowhere, "image cis_test-000-23d2-11e8 has no location"),
        (sound | {"images": sound["images"][1:]}, r"annotations\[0\]\.image_id: is cis_test-000-23d2-11e8, which no"),
    ):
        traps.write(path, content)
        with pytest.raises(InputError, match=f"cis_test_annotations.json: .*{words}.*Run `afield tasks fetch cct20`"):
            load_task(TASK, "clean", tmp_path, data)
    path.unlink()
    with pytest.raises(InputError, match=r"cis_test_annotations\.json: cannot be read \(No such file"):
        load_task(TASK, "clean", tmp_path, data)


def test_a_camera_of_training_in_trans_is_refused(data: Path, tmp_path: Path) -> None:
    path = data / "CCT-20" / "eccv_18_annotation_files" / "trans_test_annotations.json"
    content = json.loads(path.read_text())
    content["images"][0]["location"] = 61
    traps.write(path, content)
    with pytest.raises(InputError, match=r"cct20: .*camera 61 is in a file of trans and in one of train or cis"):
        load_task(TASK, "clean", tmp_path, data)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["clean", "paper"])
def test_a_study_runs_from_the_layout_to_the_report(data: Path, tmp_path: Path, protocol: str) -> None:
    assert afield.run_study(scratch_study("animals", "cct20", protocol=protocol), tmp_path / "out", data=data).complete
    table = afield.results(tmp_path / "out")
    assert set(table["split"]) == {"test", "trans-validation", "trans-test"}
    assert set(table["selected_on"]) == {"validation"}
    assert "accuracy_by_unit" in set(table["metric"])
    page = report(tmp_path / "out").read_text(encoding="utf-8")
    assert "CCT-20" in page
    assert "trans-test" in page
