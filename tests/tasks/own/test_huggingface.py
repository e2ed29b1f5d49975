"""Saved datasets of Hugging Face as tasks: classes, splits, columns; what is no such dataset."""

import importlib.util
import io
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from afield.base.errors import InputError
from afield.study.preparing.choose import choose_study
from afield.tasks.builtin import find_task
from afield.tasks.data import load_task, split_samples
from afield.tasks.own.task import own_task
from afield.tasks.source import TaskSource, task_source

if importlib.util.find_spec("datasets") is None:
    pytest.skip("the extra hf is not installed: pip install 'afield[hf]'", allow_module_level=True)

CLASSES = ["owl", "fox"]


@pytest.fixture(autouse=True)
def _quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets import disable_progress_bars

    disable_progress_bars()
    monkeypatch.setenv("AFIELD_CACHE", str(tmp_path / "cache"))


def picture(value: int, kind: str = "PNG") -> dict[str, Any]:
    stream = io.BytesIO()
    Image.fromarray(np.full((9, 8, 3), value, np.uint8)).save(stream, kind)
    return {"bytes": stream.getvalue(), "path": None}


def dataset(rows: int, first: int = 0, **columns: Any) -> Any:
    """Pictures whose colour is their number, with a class of owl and fox in turn, a site and further columns."""
    from datasets import ClassLabel, Dataset, Features, List, Value
    from datasets import Image as Pictures

    numbers = range(first, first + rows)
    content: dict[str, list] = {
        "picture": [picture(number) for number in numbers],
        "species": [number % 2 for number in numbers],
        "site": [number // 4 for number in numbers],
    }
    features: dict[str, Any] = {
        "picture": Pictures(), "species": ClassLabel(names=CLASSES), "site": Value("int64"),
        "seen": List(ClassLabel(names=["tail", "wing", "beak"])), "other": Pictures(), "place": Value("string"),
        "count": List(Value("int64")),
    }  # fmt: skip
    content |= columns
    return Dataset.from_dict(content, features=Features({name: features[name] for name in content}))


def saved(folder: Path, found: Any) -> Path:
    found.save_to_disk(str(folder))
    return folder


def splits(**parts: int) -> Any:
    from datasets import DatasetDict

    starts = np.cumsum([0, *parts.values()])
    return DatasetDict({name: dataset(rows, int(start)) for (name, rows), start in zip(parts.items(), starts)})  # noqa: B905


@pytest.mark.slow
def test_a_saved_dataset_with_splits_is_a_task(tmp_path: Path) -> None:
    task = find_task(str(saved(tmp_path / "beasts", splits(train=12, validation=4, test=4))))
    assert (task.name, task.classes, task.metric) == ("beasts", ("owl", "fox"), "auroc")
    data = load_task(task, "clean", tmp_path / "cache")
    assert data.counts() == {
        "train": {"owl": 6, "fox": 6}, "validation": {"owl": 2, "fox": 2}, "test": {"owl": 2, "fox": 2},
    }  # fmt: skip
    for row in data.table.itertuples():  # every picture under its own label, bytes as they were saved
        content = (data.root / row.image).read_bytes()
        value = int(np.asarray(Image.open(io.BytesIO(content)))[0, 0, 0])
        assert content == picture(value)["bytes"]
        assert row.label == value % 2
    study = choose_study(str(tmp_path / "beasts"))
    assert (study.study.name, study.study.tasks) == ("beasts", (str(tmp_path / "beasts"),))


def test_without_splits_they_are_drawn_and_columns_have_their_meaning(tmp_path: Path) -> None:
    place = saved(tmp_path / "beasts", dataset(60, place=[f"valley {row % 10}" for row in range(60)]))
    task = own_task(task_source({"huggingface": str(place), "group": "place", "subgroups": ["site"]}), "mine")
    found = split_samples(task, "clean")
    assert task.name == "mine"
    assert found["split"].nunique() == 3
    assert found.groupby("place" if "place" in found else "group")["split"].nunique().max() == 1
    assert set(found["site"]) == {str(row // 4) for row in range(60)}


def test_a_list_of_classes_is_several_labels(tmp_path: Path) -> None:
    place = saved(tmp_path / "birds", dataset(30, seen=[[0, 2], [1], []] * 10))
    task = own_task(TaskSource(huggingface=str(place), label="seen"))
    assert (task.target, task.classes) == ("labels", ("tail", "wing", "beak"))
    assert set(split_samples(task, "clean")["label"]) == {(1, 0, 1), (0, 1, 0), (0, 0, 0)}
    with pytest.raises(InputError, match="ordinal: grades in an order are one class a sample"):
        own_task(TaskSource(huggingface=str(place), label="seen", ordinal=True))


@pytest.mark.slow
def test_another_way_of_splitting_takes_the_place_of_the_datasets(tmp_path: Path) -> None:
    place = saved(tmp_path / "beasts", splits(train=40, test=20))
    table = split_samples(own_task(TaskSource(huggingface=str(place), folds=3)), "clean")
    assert table["split"].value_counts().to_dict() == {"train": 20, "validation": 20, "test": 20}
    table = split_samples(own_task(TaskSource(huggingface=str(place))), "clean")  # validation is drawn from train
    assert table["split"].value_counts().to_dict() == {"train": 32, "validation": 8, "test": 20}


def test_files_are_made_once_and_anew_after_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = saved(tmp_path / "beasts", dataset(20))
    source = TaskSource(huggingface=str(place))
    first = own_task(source)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "datasets", None)  # what is in the cache needs no library
        again = own_task(source)
    assert first.find(tmp_path) == again.find(tmp_path)
    pd.testing.assert_frame_equal(first.samples(first.find(tmp_path)), again.samples(again.find(tmp_path)))
    shutil.rmtree(place)
    saved(place, dataset(20, 20))
    assert own_task(source).find(tmp_path) != first.find(tmp_path)
    assert not list((tmp_path / "cache" / "huggingface").glob(".afield-tmp-*"))


def test_without_the_library_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = saved(tmp_path / "beasts", dataset(20))
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"is not installed: pip install 'afield\[hf\]'"):
        own_task(TaskSource(huggingface=str(place)))


@pytest.mark.slow
def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    def complaint(found: Any, **words: Any) -> str:
        place = saved(tmp_path / f"set{len(list(tmp_path.iterdir()))}", found)
        with pytest.raises(InputError) as caught:
            own_task(task_source({"huggingface": str(place), **words}))
        assert not list((tmp_path / "cache" / "huggingface").glob(".afield-tmp-*"))
        return str(caught.value)

    assert "has a split extra; its splits must be train" in complaint(splits(train=10, extra=10))
    assert "row 3: column picture: holds no image" in complaint(
        dataset(4, picture=[picture(0), picture(1), None, picture(3)])
    )
    assert "has 2 columns of images (picture, other); name one of them with `path`" in complaint(
        dataset(4, other=[picture(9)] * 4)
    )
    assert "has no column other of images; those that it has: picture" in complaint(dataset(4), path="other")
    assert "has no column kind; known: site, species" in complaint(dataset(4), label="kind")
    assert "row 2: has no label (1 such row)" in complaint(dataset(4, species=[0, None, 1, 0]))
    assert "fox: 1 class without any sample" in complaint(dataset(6, species=[0] * 6))
    assert "has no column count" in complaint(dataset(20, count=[[1]] * 20), group="count")  # a list is no group


def test_what_is_no_saved_dataset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match=r"photos: is no dataset that Hugging Face's datasets saved"):
        own_task(TaskSource(huggingface=str(tmp_path / "photos")))
    place = saved(tmp_path / "beasts", dataset(20))
    next(place.glob("*.arrow")).write_bytes(b"no arrow")
    with pytest.raises(InputError, match=r"beasts: cannot be read as a saved dataset .*; save it again"):
        own_task(TaskSource(huggingface=str(place)))
