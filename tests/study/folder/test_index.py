"""The index saves reading, and never speaks against the files."""

import json
import os
import time
from itertools import accumulate
from pathlib import Path

import pytest

from afield.base.errors import DamagedError
from afield.study.folder import index as index_module
from afield.study.folder.index import Index
from afield.study.plan import Plan
from afield.study.split_view import TEST
from afield.study.store import Store
from tests.study.helpers import said, train


@pytest.fixture
def out(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a finished trial that is scored, a paused and a failed one, indexed."""
    monkeypatch.setattr(index_module, "WORTH", 0)
    store = Store.create(tmp_path / "out")
    cells = plan.searches[0].cells
    train(store, cells[0], 3)
    train(store, cells[1], 1)
    store.fail(cells[2].key, "diverged at step 3", "trace")
    store.scores.write(cells[0].key, TEST, said(cells[0]))
    store.scores.seal(cells[0].key, TEST, {"key": cells[0].key})
    for path in store.root.rglob("*"):
        long_ago(path)
    look(store, plan)
    store.index.keep()
    return store.root


def long_ago(path: Path) -> None:
    about = path.stat()
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns - 10**11))


def look(store: Store, plan: Plan) -> list[object]:
    keys = [cell.key for cell in plan.searches[0].cells]
    return [(store.look(key), store.scores.look(key)) for key in keys]


def direct(store: Store, plan: Plan) -> list[object]:
    keys = [cell.key for cell in plan.searches[0].cells]
    return [(store.read(key), store.scores.read(key)) for key in keys]


def test_it_says_what_the_files_say_without_reading_them(
    plan: Plan, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = direct(Store.open(out), plan)
    monkeypatch.setattr("afield.study.folder.trial_files.read_trial", lambda folder: pytest.fail(f"read {folder}"))
    monkeypatch.setattr("afield.study.folder.trial_files.read_score", lambda folder: pytest.fail(f"read {folder}"))
    seen = look(Store.open(out), plan)[:3]
    assert seen == expected[:3]
    assert seen[0][0].result["sha256"].keys() == {"trial.json", "history.jsonl", "predictions.parquet"}


@pytest.mark.parametrize("name", ["trial.json", "history.jsonl", "predictions.parquet", "result.json"])
@pytest.mark.parametrize("damage", ["altered", "cut", "gone"])
def test_a_file_that_changed_since_is_read_again(plan: Plan, out: Path, name: str, damage: str) -> None:
    store, key = Store.open(out), plan.searches[0].cells[0].key
    path = store.trial_folder(key) / name
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-2] if damage == "cut" else content[:-2] + b"??")
    if name == "result.json" and damage == "gone":
        assert store.look(key).result is None
    else:
        with pytest.raises(DamagedError, match="run the study again"):
            store.look(key)


def test_one_byte_of_the_same_size_is_noticed_by_its_time(plan: Plan, out: Path) -> None:
    store, key = Store.open(out), plan.searches[0].cells[0].key
    path = store.scores.folder(key) / "predictions.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedError, match="was altered or cut"):
        store.scores.look(key)
    assert not store.scores.holds(key, TEST)


def test_a_new_file_is_seen(plan: Plan, out: Path) -> None:
    store, (done, paused, failed, _) = Store.open(out), plan.searches[0].cells
    store.fail(done.key, "could not be scored", "trace")
    assert store.look(done.key).failure == {"reason": "could not be scored", "trace": "trace"}
    store.forget_failure(failed.key)
    assert store.look(failed.key).failure is None
    train(store, paused, 3)
    assert store.look(paused.key).result is not None


@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "another", "names", "results", "heads", "histories"])
def test_a_lost_or_damaged_index_costs_nothing_but_time(plan: Plan, out: Path, damage: str) -> None:
    path, expected = out / "index.bin", direct(Store.open(out), plan)
    content = bytearray(path.read_bytes())
    begin = content.index(b"\n") + 1
    lengths = [length for length, _ in json.loads(content[:begin])["parts"]] if begin else []
    ends = dict(zip(("names", "results", "heads", "histories"), accumulate(lengths), strict=True))
    if damage == "missing":
        path.unlink()
    elif damage in ("cut", "empty", "another"):
        path.write_bytes({"cut": bytes(content[:-8]), "empty": b"", "another": b'{"format": [0]}\n'}[damage])
    else:
        content[begin + ends[damage] - 4] ^= 1
        path.write_bytes(content)
    store = Store.open(out)
    assert look(store, plan) == expected
    store.index.keep()
    assert look(Store.open(out), plan) == expected


def test_files_of_this_moment_are_not_kept_for_they_may_change_within_a_tick(
    plan: Plan, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, key = Store.open(out), plan.searches[0].cells[0].key
    (out / "index.bin").unlink()
    monkeypatch.setattr(time, "time_ns", lambda: store.trial_folder(key).stat().st_mtime_ns + 10**9)
    store.look(key)
    store.index.keep()
    assert Index(out).known(f"trials/{key}") is None


def test_a_folder_that_cannot_be_written_does_without(plan: Plan, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (out / "index.bin").unlink()
    (out / "index.bin").mkdir()
    store, expected = Store.open(out), direct(Store.open(out), plan)
    assert look(store, plan) == expected
    store.index.keep()
    assert (out / "index.bin").is_dir()


def test_a_folder_that_moved_keeps_its_index(plan: Plan, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = out.rename(out.with_name("elsewhere"))
    expected = direct(Store.open(moved), plan)
    monkeypatch.setattr("afield.study.folder.trial_files.read_trial", lambda folder: pytest.fail(f"read {folder}"))
    assert look(Store.open(moved), plan)[:3] == expected[:3]
