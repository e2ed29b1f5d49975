"""CIFAR: pictures from bytes and from Python 2's pickles, packed and unpacked; nothing of a pickle is executed."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from afield.base.errors import InputError
from afield.base.files import TEMPORARY
from afield.tasks.builtin import TASKS
from tests.fixtures import web

MAKERS = {
    "cifar10": (web.make_cifar10, web.make_cifar10_pickles),
    "cifar100": (web.make_cifar100, web.make_cifar100_pickles),
}
ARCHIVES = {
    "cifar-10-batches-bin": "cifar-10-binary.tar.gz", "cifar-10-batches-py": "cifar-10-python.tar.gz",
    "cifar-100-binary": "cifar-100-binary.tar.gz", "cifar-100-python": "cifar-100-python.tar.gz",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_bytes_and_pickles_packed_and_unpacked_give_the_same_pictures(tmp_path: Path, name: str) -> None:
    tables: list[pd.DataFrame] = []
    for make, place, packed in zip((*MAKERS[name], *MAKERS[name]), ("", name, name, ""), (0, 1, 0, 1), strict=True):
        data = tmp_path / str(len(tables))
        folder = make(data / place)
        if packed:
            web.pack(folder, folder.parent / ARCHIVES[folder.name])
        root = TASKS[name].find(data)
        assert root == data / place / f"{name}-png"
        assert not [path for path in data.rglob("*") if path.name.startswith(TEMPORARY)]
        table = TASKS[name].samples(root)
        tables.append(table.assign(bytes=[(root / image).read_bytes() for image in table["image"]]))
    assert all(table.equals(tables[0]) for table in tables[1:])


def test_pixels_and_labels_are_those_of_the_batches(tmp_path: Path) -> None:
    """A record by hand: red, green, blue, each row by row (the publishers' description of the binary version)."""
    web.make_cifar10(tmp_path)
    root = TASKS["cifar10"].find(tmp_path)
    content = (tmp_path / "cifar-10-batches-bin" / "data_batch_2.bin").read_bytes()
    label, red, blue = content[3073], content[3074 + 5 * 32 + 7], content[3074 + 2048 + 5 * 32 + 7]  # its second record
    table = TASKS["cifar10"].samples(root).set_index("id")
    row = table.loc["train/00005"]  # five batches of four pictures: the sixth is the second of batch 2
    assert row["label"] == label
    with Image.open(root / row["image"]) as image:
        pixels = np.asarray(image)
    assert pixels.shape == (32, 32, 3)
    assert (pixels[5, 7, 0], pixels[5, 7, 2]) == (red, blue)


def test_cifar100_takes_the_fine_classes(tmp_path: Path) -> None:
    web.make_cifar100(tmp_path)
    table = TASKS["cifar100"].samples(TASKS["cifar100"].find(tmp_path))
    assert table.groupby("official")["label"].value_counts().unique().tolist() == [1, 2]
    assert table["image"].str.contains("/aquarium_fish/").sum() == 3


def test_pictures_are_made_once(tmp_path: Path) -> None:
    folder = web.make_cifar10(tmp_path)
    root = TASKS["cifar10"].find(tmp_path)
    for path in folder.iterdir():
        path.unlink()
    assert TASKS["cifar10"].find(tmp_path) == root


class Attack:
    """Unpickled by the ordinary reader, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (self.folder,)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _foreign_class(path: Path) -> None:
    path.write_bytes(bytes([10]) + path.read_bytes()[1:])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda root: _cut(root / "test_batch.bin"),
            r"batch test_batch\.bin cannot be read \(has 30729 bytes, no mult",
        ),
        (lambda root: (root / "data_batch_3.bin").write_bytes(b""), r"data_batch_3\.bin cannot be read \(has 0 bytes"),
        (lambda root: (root / "data_batch_3.bin").unlink(), r"data_batch_3\.bin cannot be read .*Download"),
        (lambda root: _foreign_class(root / "data_batch_1.bin"), "has a picture of class 10; there are 10"),
    ],
)
def test_bytes_that_are_no_batch_are_told(tmp_path: Path, spoil: Callable[[Path], object], words: str) -> None:
    spoil(web.make_cifar10(tmp_path))
    with pytest.raises(InputError, match=words):
        TASKS["cifar10"].find(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cifar-10-batches-bin"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no pickle", "test_batch cannot be read"),
        (pickle.dumps({"labels": [1]}, protocol=2), r"cannot be read \('data'\)"),
        (pickle.dumps({"labels": [1], "data": b"few"}, protocol=2), "cannot be read"),
        (web.python2_batch("labels", [1, 2], web.cifar_pictures([1], 0)), "its data are no 3072 bytes a picture"),
        (web.python2_batch("labels", [-1], web.cifar_pictures([1], 0)), "its labels are no list of numbers"),
    ],
)
def test_pickles_that_are_no_batch_are_told(tmp_path: Path, content: bytes, words: str) -> None:
    (web.make_cifar10_pickles(tmp_path) / "test_batch").write_bytes(content)
    with pytest.raises(InputError, match=words):
        TASKS["cifar10"].find(tmp_path)


def test_a_pickle_that_asks_for_anything_else_is_refused_and_not_run(tmp_path: Path) -> None:
    attack = pickle.dumps({"labels": Attack(tmp_path / "made"), "data": 1}, protocol=2)
    (web.make_cifar10_pickles(tmp_path) / "data_batch_1").write_bytes(attack)
    with pytest.raises(InputError, match=r"it asks for (posix|nt)\.mkdir; only numpy arrays are admitted"):
        TASKS["cifar10"].find(tmp_path)
    assert not (tmp_path / "made").exists()


def test_an_archive_that_is_damaged_or_another_is_told(tmp_path: Path) -> None:
    archive = web.pack(web.make_cifar10(tmp_path), tmp_path / "cifar-10-binary.tar.gz")
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    with pytest.raises(InputError, match=r"cifar-10-binary\.tar\.gz: its batch data_batch_\d\.bin cannot be read"):
        TASKS["cifar10"].find(tmp_path)
    other = web.pack(web.make_cifar100(tmp_path), tmp_path / "cifar-100-binary.tar.gz")
    other.replace(archive)
    with pytest.raises(InputError, match=r"data_batch_1\.bin' not found"):
        TASKS["cifar10"].find(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cifar-10-binary.tar.gz"]
