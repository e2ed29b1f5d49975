import pickle
from pathlib import Path

import pytest

from afield.base.errors import InputError
from afield.tasks.builtin import find_task
from afield.tasks.data import load_task
from afield.tasks.own import folder_task
from tests.fixtures.images import class_folder


def test_a_folder_becomes_a_task(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "photos", {"wolf": 10, "lynx": 20})
    (root / "lynx" / "deeper").mkdir()
    (root / "lynx" / "0000.png").rename(root / "lynx" / "deeper" / "UPPER.PNG")
    task = find_task(str(root))
    assert (task.name, task.classes, task.metric) == ("photos", ("lynx", "wolf"), "accuracy")
    data = load_task(task, "clean", tmp_path / "cache")
    assert "lynx/deeper/UPPER.PNG" in set(data.table["id"])
    assert data.counts() == {
        "train": {"lynx": 12, "wolf": 6},
        "validation": {"lynx": 4, "wolf": 2},
        "test": {"lynx": 4, "wolf": 2},
    }


def test_it_can_be_pickled(tmp_path: Path) -> None:
    task = folder_task(class_folder(tmp_path / "photos", {"a": 5, "b": 5}))
    again = pickle.loads(pickle.dumps(task))
    assert again.samples(again.find(tmp_path)).equals(task.samples(task.find(tmp_path)))


def test_macro_f1_leads_where_classes_are_far_from_equal(tmp_path: Path) -> None:
    assert folder_task(class_folder(tmp_path / "even", {"a": 15, "b": 5})).metric == "accuracy"
    skewed = folder_task(class_folder(tmp_path / "skewed", {"a": 16, "b": 5}))
    assert skewed.metric == "macro_f1"
    assert "Macro F1 leads: the largest class has more than 3 times" in skewed.card.application


def test_hidden_files_are_skipped(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "photos", {"a": 5, "b": 5, ".git": 5})
    for litter in (".DS_Store", "a/._0001.png", "a/Thumbs.db", "a/.trash/x.png", "README.md"):
        (root / litter).parent.mkdir(exist_ok=True)
        (root / litter).write_bytes(b"litter")
    task = folder_task(root)
    assert task.classes == ("a", "b")
    assert len(task.samples(task.find(tmp_path))) == 10


def test_what_cannot_be_a_task_is_refused_with_the_mend(tmp_path: Path) -> None:
    def refused(path: Path, words: str) -> None:
        with pytest.raises(InputError, match=words) as caught:
            folder_task(path)
        assert str(path) in str(caught.value)

    refused(tmp_path / "nowhere", "no such folder")
    refused(class_folder(tmp_path / "one", {"a": 5}), "at least two classes; it holds 1")
    refused(class_folder(tmp_path / "few", {"a": 5, "b": 4}), "holds 4 of the 5 images that a class needs")
    refused(class_folder(tmp_path / "splits", {"train": 5, "test": 5}), "its folders are splits")
    loose = class_folder(tmp_path / "loose", {"a": 5, "b": 5})
    (loose / "a" / "0000.png").rename(loose / "stray.png")
    refused(loose, "stray.png: lies beside the class folders")
    other = class_folder(tmp_path / "other", {"a": 5, "b": 5})
    (other / "a" / "0000.png").rename(other / "a" / "photo.heic")
    refused(other, "photo.heic: is not an image that can be read")
    linked = class_folder(tmp_path / "linked", {"a": 5, "b": 5})
    (linked / "a" / "more").symlink_to(other / "b")
    refused(linked, "more: is a link to a folder")


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
