"""Own folders: what becomes of a tree of images with nothing said about it."""

import pickle
from pathlib import Path

import pytest

from afield.base.errors import InputError
from afield.tasks.builtin import find_task
from afield.tasks.data import load_task
from afield.tasks.own.task import folder_task, own_task
from afield.tasks.source import TaskSource
from tests.fixtures.images import class_folder


def test_a_folder_becomes_a_task(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "photos", {"wolf": 10, "lynx": 20, "bear": 10})
    (root / "lynx" / "deeper").mkdir()
    (root / "lynx" / "0000.png").rename(root / "lynx" / "deeper" / "UPPER.PNG")
    task = find_task(str(root))
    assert (task.name, task.classes, task.metric) == ("photos", ("bear", "lynx", "wolf"), "accuracy")
    data = load_task(task, "clean", tmp_path / "cache")
    assert "lynx/deeper/UPPER.PNG" in set(data.table["id"])
    assert data.counts() == {
        "train": {"bear": 6, "lynx": 12, "wolf": 6},
        "validation": {"bear": 2, "lynx": 4, "wolf": 2},
        "test": {"bear": 2, "lynx": 4, "wolf": 2},
    }


def test_it_can_be_pickled(tmp_path: Path) -> None:
    task = folder_task(class_folder(tmp_path / "photos", {"a": 5, "b": 5}))
    again = pickle.loads(pickle.dumps(task))
    assert again.samples(again.find(tmp_path)).equals(task.samples(task.find(tmp_path)))


def test_the_leading_metric_suits_the_labels_and_says_why(tmp_path: Path) -> None:
    def proposed(name: str, counts: dict[str, int]) -> tuple[str, str]:
        task = own_task(TaskSource(folder=str(class_folder(tmp_path / name, counts)), flips=()))
        return task.metric, task.proposal

    two = ("auroc", "AUROC leads, because there are two classes")
    assert proposed("two", {"a": 16, "b": 5}) == two
    assert proposed("even", {"a": 15, "b": 5, "c": 5})[0] == "accuracy"
    metric, why = proposed("skewed", {"a": 16, "b": 5, "c": 5})
    assert metric == "macro_f1"
    assert "the largest class has more than 3 times the samples of the smallest" in why


def test_mirroring_is_told_unless_somebody_said_whether_labels_stay(tmp_path: Path) -> None:
    root = str(class_folder(tmp_path / "digits", {"2": 5, "5": 5}))
    assert own_task(TaskSource(folder=root)).proposal.endswith(
        "training mirrors images left to right, unless flips = [] forbids it"
    )
    assert "mirrors" not in own_task(TaskSource(folder=root, flips=("horizontal",))).proposal


def test_the_users_word_wins(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "photos", {"a": 5, "b": 5})
    source = TaskSource(folder=str(root), classes=("b", "a"), metric="accuracy", rare_below=3)
    task = own_task(source, "mine")
    assert (task.name, task.metric, task.classes) == ("mine", "accuracy", ("b", "a"))
    with pytest.raises(InputError, match="mine: metric map_11: does not fit these labels; those that do: accuracy"):
        own_task(source.model_copy(update={"metric": "map_11"}), "mine")
    with pytest.raises(InputError, match="is better when lower"):
        own_task(source.model_copy(update={"metric": "log_loss"}), "mine")


def test_hidden_files_are_skipped(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "photos", {"a": 5, "b": 5, ".git": 5})
    for litter in (".DS_Store", "a/._0001.png", "a/Thumbs.db", "a/.trash/x.png", "README.md", "__MACOSX/a"):
        (root / litter).parent.mkdir(exist_ok=True)
        (root / litter).write_bytes(b"litter")
    task = folder_task(root)
    assert task.classes == ("a", "b")
    assert len(task.samples(task.find(tmp_path))) == 10


def test_train_val_and_test_folders_are_the_splits(tmp_path: Path) -> None:
    for name, images in (("train", 6), ("val", 2), ("test", 3)):
        class_folder(tmp_path / "photos" / name, {"wolf": images, "lynx": images})
    data = load_task(folder_task(tmp_path / "photos"), "clean", tmp_path / "cache")
    assert {split: sum(counts.values()) for split, counts in data.counts().items()} == {
        "train": 12, "validation": 4, "test": 6,
    }  # fmt: skip
    assert set(data.samples("test")["image"].str.split("/").str[0]) == {"test"}


def test_validation_is_drawn_from_training_where_there_is_none(tmp_path: Path) -> None:
    for name, images in (("Train", 10), ("Test", 3)):
        class_folder(tmp_path / "photos" / name, {"wolf": images, "lynx": images})
    data = load_task(folder_task(tmp_path / "photos"), "clean", tmp_path / "cache")
    assert {split: sum(counts.values()) for split, counts in data.counts().items()} == {
        "train": 16, "validation": 4, "test": 6,
    }  # fmt: skip
    assert set(data.samples("validation")["image"].str.split("/").str[0]) == {"Train"}


def test_splits_without_test_are_refused(tmp_path: Path) -> None:
    for name in ("train", "val"):
        class_folder(tmp_path / "photos" / name, {"wolf": 6, "lynx": 6})
    with pytest.raises(InputError, match="photos: the test split is empty"):
        load_task(folder_task(tmp_path / "photos"), "clean", tmp_path / "cache")


def test_what_cannot_be_a_task_is_refused_with_the_mend(tmp_path: Path) -> None:
    def refused(path: Path, words: str) -> None:
        with pytest.raises(InputError, match=words) as caught:
            folder_task(path)
        assert path.name in str(caught.value)

    refused(tmp_path / "nowhere", "no such folder")
    refused(class_folder(tmp_path / "one", {"a": 5}), "at least two classes; it holds 1")
    refused(class_folder(tmp_path / "few", {"a": 5, "b": 4}), r"b \(4\): fewer than the 5 images that a class needs")
    loose = class_folder(tmp_path / "loose", {"a": 5, "b": 5})
    (loose / "a" / "0000.png").rename(loose / "stray.png")
    refused(loose, "stray.png: lies beside the class folders")
    other = class_folder(tmp_path / "other", {"a": 5, "b": 5})
    (other / "a" / "0000.png").rename(other / "a" / "photo.heic")
    refused(other, "photo.heic: is not an image that can be read")
    (other / "a" / "photo.heic").rename(other / "a" / "Photo.XML")  # an annotation
    refused(other, r"a \(4\): fewer than the 5")
    linked = class_folder(tmp_path / "linked", {"a": 5, "b": 5})
    (linked / "a" / "more").symlink_to(other / "b")
    refused(linked, "more: is a link to a folder")
    (linked / "a" / "more").unlink()
    (linked / "c").symlink_to(other)
    refused(linked, "c: is a link to a folder")
    (class_folder(tmp_path / "empty", {"a": 5, "b": 5}) / "c").mkdir()
    refused(tmp_path / "empty", "c: a class folder that holds no image")


def test_a_split_of_another_name_is_not_taken_for_a_class(tmp_path: Path) -> None:
    for name in ("train", "holdout"):
        class_folder(tmp_path / "photos" / name, {"wolf": 6, "lynx": 6})
    with pytest.raises(InputError, match="holdout: holds the folders lynx, wolf as train does"):
        folder_task(tmp_path / "photos")
    class_folder(tmp_path / "vehicles" / "train", {"day": 6, "night": 6})
    class_folder(tmp_path / "vehicles" / "car", {"2023": 6, "2024": 6})
    assert folder_task(tmp_path / "vehicles").classes == ("car", "train")


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "photos", {"a": 5, "b": 5})
    secret = tmp_path / "secret.png"
    (root / "a" / "0000.png").rename(secret)
    (root / "a" / "0000.png").symlink_to(secret)
    with pytest.raises(InputError, match=r"photos: image a/0000\.png: path leaves "):
        load_task(folder_task(root), "clean", tmp_path / "cache")


def test_the_nearest_task_is_offered() -> None:
    with pytest.raises(InputError, match="did you mean elpv"):
        find_task("elvp")
