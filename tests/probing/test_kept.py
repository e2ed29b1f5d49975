"""Files that trainings share: made once, whole, and never believed unread."""

import multiprocessing
from functools import partial
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from afield.base.errors import Stopped, StoreError
from afield.base.hashing import digest
from afield.probing.kept import kept

ABOUT = {"images": "some"}


def never() -> bool:
    return False


def make(marks: Path) -> dict[str, torch.Tensor]:
    """Leave a mark, so that one can count who made."""
    with (marks / "made").open("a") as stream:
        stream.write("x")
    return {"features": torch.arange(6, dtype=torch.float32).view(2, 3).t()}


def want(folder: Path) -> list[float]:
    return kept(folder, ABOUT, partial(make, folder.parent), never)["features"].flatten().tolist()


def test_what_was_made_is_found_again(tmp_path: Path) -> None:
    first = kept(tmp_path / "c", ABOUT, partial(make, tmp_path), never)
    again = kept(tmp_path / "c", ABOUT, partial(make, tmp_path), never)
    assert torch.equal(first["features"], again["features"])
    assert (tmp_path / "made").read_text() == "x"
    kept(tmp_path / "c", {"images": "others"}, partial(make, tmp_path), never)
    assert (tmp_path / "made").read_text() == "xx"


@pytest.mark.slow
def test_of_several_processes_one_makes_it(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        found = pool.map(want, [tmp_path / "c"] * 3)
    assert found[0] == found[1] == found[2]
    assert (tmp_path / "made").read_text() == "x"


@pytest.mark.parametrize("how", ["cut", "changed"])
def test_a_damaged_file_is_named_with_the_mend(tmp_path: Path, how: str) -> None:
    kept(tmp_path / "c", ABOUT, partial(make, tmp_path), never)
    path = tmp_path / "c" / f"{digest(ABOUT)}.safetensors"
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data if how == "changed" else data[:-4])
    with pytest.raises(StoreError, match=r"safetensors: .*delete the file, it is made again"):
        kept(tmp_path / "c", ABOUT, partial(make, tmp_path), never)


@pytest.mark.slow
def test_who_waits_for_another_can_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    asked = iter([False, False, True])
    with (
        FileLock(tmp_path / "c" / f"{digest(ABOUT)}.lock"),
        pytest.raises(Stopped, match=r"run the same command again"),
    ):
        kept(tmp_path / "c", ABOUT, partial(make, tmp_path), lambda: next(asked))
    assert not (tmp_path / "made").exists()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"c.*could not be written"):
        kept(tmp_path / "c" / "d", ABOUT, partial(make, tmp_path), never)


def test_a_failed_making_leaves_nothing_and_is_tried_again(tmp_path: Path) -> None:
    def fail() -> dict[str, torch.Tensor]:
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        kept(tmp_path / "c", ABOUT, fail, never)
    assert not list((tmp_path / "c").glob("*.safetensors"))
    kept(tmp_path / "c", ABOUT, partial(make, tmp_path), never)
