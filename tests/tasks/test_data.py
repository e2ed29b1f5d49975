import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from afield.base.errors import InputError
from afield.tasks.data import load_task
from afield.tasks.own.task import folder_task
from afield.tasks.task import Task
from tests.fixtures.images import class_folder


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return folder_task(class_folder(tmp_path / "photos", {"a": 10, "b": 10}))


def with_samples(task: Task, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Task:
    return replace(task, samples=lambda root: change(task.samples(root)))


def test_units_are_filled(task: Task, tmp_path: Path) -> None:
    plain = load_task(task, "clean", tmp_path).table
    assert plain["group"].equals(plain["id"].rename("group"))
    assert plain["cluster"].equals(plain["id"].rename("cluster"))
    assert plain["unit"].equals(plain["id"].rename("unit"))
    grouped = load_task(
        with_samples(task, lambda table: table.assign(group=table["id"] + "!")), "clean", tmp_path
    ).table
    assert grouped["cluster"].equals(grouped["group"].rename("cluster"))


def test_the_order_of_samples_changes_nothing(task: Task, tmp_path: Path) -> None:
    first = load_task(task, "clean", tmp_path)
    second = load_task(with_samples(task, lambda table: table[::-1]), "clean", tmp_path)
    assert first.fingerprint == second.fingerprint
    pd.testing.assert_frame_equal(first.table, second.table)


def test_the_fingerprint_holds_images_labels_and_splits_but_not_the_place(task: Task, tmp_path: Path) -> None:
    base = load_task(task, "clean", tmp_path).fingerprint
    moved = task.find(tmp_path).rename(tmp_path / "elsewhere")
    same = folder_task(moved)
    assert load_task(same, "clean", tmp_path).fingerprint == base
    relabelled = with_samples(same, lambda table: table.assign(label=1 - table["label"]))
    assert load_task(relabelled, "clean", tmp_path).fingerprint != base
    turned = {"train": "train", "validation": "test", "test": "validation"}
    other_split = replace(same, split=lambda table, protocol: same.split(table, protocol).map(turned))
    assert load_task(other_split, "clean", tmp_path).fingerprint != base
    image = moved / "a" / "0000.png"
    image.write_bytes(image.read_bytes() + b"\0")
    assert load_task(same, "clean", tmp_path).fingerprint != base


def test_hashes_are_kept_and_a_changed_file_is_read_again(task: Task, tmp_path: Path) -> None:
    root, cache = task.find(tmp_path), tmp_path / "cache"
    before = load_task(task, "clean", cache).hashes
    first, second = root / "a" / "0000.png", root / "a" / "0001.png"
    (store,) = (cache / "hashes").iterdir()
    written = store.stat().st_mtime_ns
    assert load_task(task, "clean", cache).hashes == before
    assert store.stat().st_mtime_ns == written
    # The same length and the same modification time do not hide a change.
    times = first.stat()
    changed = bytearray(first.read_bytes())
    changed[-1] ^= 1
    first.write_bytes(changed)
    os.utime(first, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = load_task(task, "clean", cache).hashes
    assert after["a/0000.png"] != before["a/0000.png"]
    assert after["a/0001.png"] == before["a/0001.png"]
    assert second.exists()


def test_a_spoilt_store_of_hashes_is_made_again(task: Task, tmp_path: Path) -> None:
    before = load_task(task, "clean", tmp_path / "cache").hashes
    (store,) = (tmp_path / "cache" / "hashes").iterdir()
    store.write_text('{"half')
    assert load_task(task, "clean", tmp_path / "cache").hashes == before
    assert load_task(task, "clean", tmp_path / "cache").hashes == before


def assign(**columns: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: table.assign(**columns)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop(columns="label"), "lack the column label"),
        (lambda table: table[:0], "holds no samples"),
        (lambda table: pd.concat([table, table[:1]]), r"id a/0000\.png: named more than once"),
        (assign(label=0.5), "column label: is float64; must be whole numbers"),
        (assign(label=2), r"20 samples \(a/0000\.png, .*\): label is no position in the 2 classes, 0 to 1"),
        (assign(label=-1), "label is no position"),
        (assign(group=None), r"column group: 20 rows .*must be text"),
        (assign(id=7), "column id: 20 rows"),
        (assign(unit="one site"), "unit one site: in more than one split"),
        (assign(image="a/0000.png"), r"image a/0000\.png: in more than one split"),
        (
            lambda table: table.assign(image=table["image"] + "?"),
            r"20 images .*: no such file in (.*), from where their paths count; the first was looked for at \1/.*; put",
        ),
        (lambda table: table.assign(image="../photos/../" + table["image"]), "20 images .*: path leaves"),
        (lambda table: table.assign(image="/etc/" + table["image"]), "20 images .*: path leaves"),
    ],
)
def test_samples_that_break_the_contract_are_named(
    task: Task, tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], words: str
) -> None:
    with pytest.raises(InputError, match=f"photos: .*{words}"):
        load_task(with_samples(task, change), "clean", tmp_path)


@pytest.mark.parametrize(
    ("split", "words"),
    [
        (lambda table: "training", "20 samples .*: in none of the splits train, validation, test"),
        (lambda table: "train", "the validation split is empty"),
        (lambda table: table["label"].map({0: "train", 1: "test"}), "the validation split is empty"),
        (
            lambda table: ["validation", "test"] + ["train"] * 8 + ["test"] * 10,
            "class b: no sample in the train split",
        ),
    ],
)
def test_splits_that_cannot_be_trained_on_are_named(
    task: Task, tmp_path: Path, split: Callable[[pd.DataFrame], Any], words: str
) -> None:
    broken = replace(task, split=lambda table, protocol: pd.Series(split(table), index=table.index))
    with pytest.raises(InputError, match=f"photos: .*{words}"):
        load_task(broken, "clean", tmp_path)


def test_classes_that_validation_or_test_lack_are_named(task: Task, tmp_path: Path) -> None:
    sides = ["validation", "test"] + ["train"] * 17 + ["test"]
    split = lambda table, protocol: pd.Series(sides, index=table.index)  # noqa: E731
    lacking = replace(task, metric="accuracy", split=split)
    assert load_task(lacking, "clean", tmp_path).absent() == {"validation": ("b",)}


def test_what_cannot_be_read_is_left_out_before_the_split_and_listed(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "photos", {"a": 20, "b": 21})
    task = folder_task(root)
    broken = task.samples(root)["image"].iloc[3]
    seen: list[list[str]] = []

    def unreadable(folder: Path, images: Sequence[str]) -> dict[str, str]:
        assert folder == root.resolve()
        seen.append(list(images))
        return {broken: "is empty"}

    data = load_task(task, "clean", tmp_path / "cache", None, unreadable)
    assert len(seen[0]) == 41
    assert dict(data.dropped) == {broken: "is empty"}
    assert broken not in set(data.table["image"])
    (root / broken).unlink()  # as if it had never been there
    assert load_task(folder_task(root), "clean", tmp_path / "cache").fingerprint == data.fingerprint


def test_too_many_broken_images_are_no_accident(tmp_path: Path) -> None:
    task = folder_task(class_folder(tmp_path / "photos", {"a": 20, "b": 20}))
    words = "photos: 40 of 40 images cannot be read, more than the 5% that may be left out .*; restore them"
    with pytest.raises(InputError, match=words):
        load_task(task, "clean", tmp_path, None, lambda folder, images: dict.fromkeys(images, "is empty"))
