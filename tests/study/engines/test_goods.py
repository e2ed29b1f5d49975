"""What a job reads elsewhere: taken by path where the same lies there, else fetched once a machine."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from afield.backbones.weights import Weights
from afield.base.errors import StoreError
from afield.base.hashing import sha256_file
from afield.study.engines.goods import Goods, at_hand, goods_of, with_goods
from afield.study.engines.job import Job, SplitPaths
from afield.study.engines.node import Depot
from tests.fixtures.tiny import tiny_inputs, tiny_trial


class Fetched:
    """Fetches as a task does, and counts."""

    def __init__(self) -> None:
        self.calls = list[tuple[Path, int, int]]()

    def __call__(self, path: Path, start: int, size: int) -> bytes:
        self.calls.append((path, start, size))
        return Depot().read(path, start, size)


def a_file(folder: Path) -> Goods:
    path = folder / "there" / "weights.safetensors"
    path.parent.mkdir()
    path.write_bytes(b"0123456789")
    return Goods(path, sha256_file(path), {path.name: 10}, sha256_file(path))


def a_folder(folder: Path) -> Goods:
    path = folder / "there" / "c0ffee"
    path.mkdir(parents=True)
    (path / "index.npz").write_bytes(b"index")
    (path / "pixels.bin").write_bytes(b"pixels")
    return Goods(path, path.name, {"index.npz": 5, "pixels.bin": 6}, None)


@pytest.mark.parametrize("make", [a_file, a_folder])
def test_what_lies_there_is_taken_and_else_it_is_fetched_once(tmp_path: Path, make: Callable[[Path], Goods]) -> None:
    goods, fetched, shelf = make(tmp_path), Fetched(), tmp_path / "shelf"
    assert at_hand(goods, fetched, shelf, by_path=True) == goods.path
    assert not fetched.calls
    kept = at_hand(goods, fetched, shelf, by_path=False)
    assert kept != goods.path
    assert kept.name == goods.path.name
    calls = len(fetched.calls)
    assert at_hand(goods, fetched, shelf, by_path=False) == kept
    assert len(fetched.calls) == calls == len(goods.sizes)
    shown = {each.name: each.read_bytes() for each in (kept.iterdir() if kept.is_dir() else [kept])}
    there = goods.path.iterdir() if goods.path.is_dir() else [goods.path]
    assert shown == {each.name: each.read_bytes() for each in there}
    assert not list(shelf.glob(".afield-tmp-*"))


def test_a_path_from_here_is_read_by_who_works_elsewhere(
    photos: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `--out out/study` gives it: a cluster's processes have working directories of their own."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.parquet", "images"):
        Path(name).mkdir() if name == "images" else Path(name).write_bytes(b"rows")
    data, _ = tiny_inputs(photos, cache)
    split = SplitPaths(Path("a.parquet"), "validation", Path("images"))
    goods = goods_of(Job("train", tiny_trial(data), Path("out"), {"validation": split}, None))
    assert {path: each.path for path, each in goods.items()} == {
        Path("a.parquet"): tmp_path / "a.parquet",
        Path("images"): tmp_path / "images",
    }


def test_another_file_under_the_same_path_is_not_taken(tmp_path: Path) -> None:
    goods = a_file(tmp_path)
    there = tmp_path / "elsewhere"
    there.mkdir()
    (there / goods.path.name).write_bytes(b"9876543210")
    mine = Goods(there / goods.path.name, goods.name, goods.sizes, goods.sha256)
    fetch = Depot().read
    kept = at_hand(mine, lambda path, *what: fetch(goods.path, *what), tmp_path / "shelf", by_path=True)
    assert kept.read_bytes() == b"0123456789"
    with pytest.raises(StoreError, match="changed while it was sent"):
        at_hand(Goods(mine.path, "0" * 64, mine.sizes, "0" * 64), fetch, tmp_path / "shelf", by_path=True)
    assert [path.name for path in (tmp_path / "shelf").iterdir() if path.is_dir()] == [goods.name]


def test_several_workers_of_a_machine_fetch_once(tmp_path: Path) -> None:
    goods, fetched = a_folder(tmp_path), Fetched()
    threads = [
        Thread(target=at_hand, args=(goods, fetched, tmp_path / "shelf"), kwargs={"by_path": False}) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fetched.calls) == 2


def test_a_job_reads_the_same_from_goods_that_were_fetched(photos: Path, cache: Path, tmp_path: Path) -> None:
    data, splits = tiny_inputs(photos, cache)
    samples, folder, own = cache / "samples.parquet", splits["validation"].images.folder, tmp_path / "my_lab.py"
    own.write_text("value = 1\n")
    code = hashlib.sha256(own.read_bytes()).hexdigest()
    weights = tmp_path / "net.safetensors"
    weights.write_bytes(b"weights")
    trial = tiny_trial(data).model_copy(update={"extensions": (("my_lab", code), ("a_package", "0" * 64))})
    job = Job(
        "train", trial, tmp_path / "out", {"validation": SplitPaths(samples, "validation", folder)},
        Weights(weights, sha256_file(weights), "a test"), {"my_lab": str(own), "a_package": "a_package"},
    )  # fmt: skip
    goods = goods_of(job)
    assert goods.keys() == {samples, own, folder, weights}
    places = {path: at_hand(each, Depot().read, tmp_path / "shelf", by_path=False) for path, each in goods.items()}
    there = with_goods(job, places, tmp_path / "scratch")
    assert there.out == tmp_path / "scratch"
    assert there.extensions["a_package"] == "a_package"
    assert Path(there.extensions["my_lab"]).name == "my_lab.py"
    assert there.weights is not None
    assert there.weights.path.read_bytes() == b"weights"
    assert tmp_path / "shelf" in there.weights.path.parents
    mine, theirs = (each.splits["validation"].open() for each in (job, there))
    assert mine.table.equals(theirs.table)
    assert (mine.images.pixels == theirs.images.pixels).all()
