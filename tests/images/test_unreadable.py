from pathlib import Path

import numpy as np
import pytest

from afield.base.errors import InputError, Stopped
from afield.base.reading import Range, Reading
from afield.images.unreadable import unreadable
from tests.fixtures.odd_images import QUARTERS, png


def quiet(done: int, total: int) -> None:
    pass


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for index in range(6):
        (folder / f"{index}.png").write_bytes(png(QUARTERS))
    (folder / "1.png").write_bytes(png(QUARTERS)[:100])
    (folder / "4.png").write_bytes(b"")
    return folder


NAMES = [f"{index}.png" for index in range(6)]


@pytest.mark.parametrize("processes", [1, 2])
def test_all_of_them_are_found_with_their_reasons(root: Path, tmp_path: Path, processes: int) -> None:
    found = unreadable(root, NAMES, tmp_path / "cache", processes, quiet)
    assert list(found) == ["1.png", "4.png"]
    assert found["1.png"].startswith("is damaged (")
    assert found["4.png"] == "is empty; restore the image or drop it"


def test_only_what_is_new_is_read_again(root: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    def count(done: int, total: int) -> None:
        told.append((done, total))

    before = unreadable(root, NAMES, tmp_path / "cache", 1, count)
    assert told[-1] == (6, 6)
    told.clear()
    assert unreadable(root, NAMES, tmp_path / "cache", 1, count) == before
    assert told == []
    (root / "4.png").write_bytes(png(QUARTERS))
    (root / "5.png").write_bytes(b"text")
    found = unreadable(root, NAMES, tmp_path / "cache", 1, count)
    assert list(found) == ["1.png", "5.png"]
    assert told[-1] == (2, 2)
    # Another range may read what this one does not.
    (root / "0.png").write_bytes(png(np.full((1, 1, 1), 900), 16))
    assert "nearly black" in unreadable(root, NAMES, tmp_path / "cache", 1, quiet)["0.png"]
    stated = Reading(Range(0, 1000))
    assert list(unreadable(root, NAMES, tmp_path / "cache", 1, quiet, stated)) == ["1.png", "5.png"]


def test_of_an_image_of_several_files_the_broken_one_is_named_and_each_is_watched(tmp_path: Path) -> None:
    pair = Reading(channels=(0, 1), files=("_a.png", "_b.png"))
    for name in ("1_a.png", "1_b.png", "2_a.png", "2_b.png"):
        (tmp_path / name).write_bytes(png(QUARTERS[..., :1]))
    (tmp_path / "2_b.png").write_bytes(b"")
    found = unreadable(tmp_path, ["1", "2"], tmp_path / "cache", 1, quiet, pair)
    assert found == {"2": "_b.png: is empty; restore the image or drop it"}
    (tmp_path / "2_b.png").write_bytes(png(QUARTERS[..., :1]))
    assert unreadable(tmp_path, ["1", "2"], tmp_path / "cache", 1, quiet, pair) == {}
    (tmp_path / "1_b.png").unlink()
    with pytest.raises(InputError, match=r"1_b\.png: cannot be read \(No such file"):
        unreadable(tmp_path, ["1", "2"], tmp_path / "cache", 1, quiet, pair)


def test_a_stop_keeps_what_was_found(root: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise Stopped("stopped")

    with pytest.raises(Stopped):
        unreadable(root, NAMES, tmp_path / "cache", 1, stop)
    rest: list[int] = []
    unreadable(root, NAMES, tmp_path / "cache", 1, lambda done, total: rest.append(total))
    assert rest == [3, 3, 3]


def test_what_cannot_be_opened_now_is_never_called_unreadable(root: Path, tmp_path: Path) -> None:
    (root / "2.png").unlink()
    with pytest.raises(InputError, match=r"2\.png: cannot be read"):
        unreadable(root, NAMES, tmp_path / "cache", 1, quiet)
    (root / "2.png").mkdir()
    with pytest.raises(InputError, match=r"2\.png: cannot be read \(Is a directory\)"):
        unreadable(root, NAMES, tmp_path / "cache", 1, quiet)


def test_a_damaged_store_is_made_again(root: Path, tmp_path: Path) -> None:
    before = unreadable(root, NAMES, tmp_path / "cache", 1, quiet)
    (store,) = (tmp_path / "cache" / "unreadable").iterdir()
    store.write_text("{")
    assert unreadable(root, NAMES, tmp_path / "cache", 1, quiet) == before
