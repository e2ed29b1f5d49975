"""The state of a folder changes with every file that tells of results, and with nothing else."""

import os
import shutil
import time
from pathlib import Path

import pytest

from afield.base.errors import StoreError
from afield.study.folder import folder_state
from afield.study.folder import index as index_module
from afield.study.folder.folder_state import FolderState, state_of
from afield.study.folder.index import Index
from afield.study.plan import Plan
from afield.study.split_view import TEST, SplitView
from afield.study.store import Store
from tests.study.helpers import said, train


@pytest.fixture(scope="module")
def made(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished training that is scored on two splits, long ago."""
    store = Store.create(tmp_path_factory.mktemp("made") / "out")
    store.write_study("tiny", plan.study.model_dump_json(), plan.content())
    trial = plan.searches[0].cells[0]
    train(store, trial, 3)
    for at in (TEST, SplitView("far", "plain")):
        store.scores.write(trial.key, at, said(trial))
        store.scores.seal(trial.key, at, {"key": trial.key})
    store.selections.write("tiny", plan.searches[0].name, [trial.key], trial.metric, "validation")
    for path in store.root.rglob("*"):
        about = path.stat()
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns - 10**11))
    return store.root


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "out"))


def state(out: Path, *, every_file: bool = True) -> FolderState:
    return state_of(out, Index(out), every_file=every_file)


def alter(path: Path) -> None:
    """Other bytes in place: neither the size nor the time of the folder changes."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_it_stays_while_nothing_changes(out: Path) -> None:
    assert state(out) == state(out)
    assert state(out, every_file=False) == state(out, every_file=False)


def test_a_folder_that_moved_is_in_the_same_state(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(out)
    moved = out.rename(out.with_name("elsewhere"))
    assert state(moved) == before
    monkeypatch.chdir(moved.parent)
    assert state(Path("elsewhere")) == before


@pytest.mark.parametrize("name", ["answers", "claims", "runs", "report.html", "report-other", "index.bin"])
def test_what_tells_nothing_of_results_leaves_it(out: Path, name: str) -> None:
    before = state(out)
    (out / name).mkdir() if name in ("answers", "claims", "runs") else (out / name).write_text("{}")
    if (out / name).is_dir():
        (out / name / "mine.json").write_text("{}")
    assert state(out).digest == before.digest


@pytest.mark.parametrize(
    "name",
    [
        "studies/tiny.json", "plans/tiny.json", "selections/*", "trials/*/trial.json", "trials/*/history.jsonl",
        "trials/*/predictions.parquet", "trials/*/result.json", "scores/*/predictions.parquet",
        "scores/*/far--plain/predictions.parquet", "scores/*/far--plain/result.json",
    ],
)  # fmt: skip
def test_a_file_that_was_altered_in_place_is_seen(out: Path, name: str) -> None:
    before = state(out).digest, state(out, every_file=False).digest
    (path,) = out.glob(name)
    alter(path)
    assert state(out).digest != before[0]
    beside = path.name in ("trial.json", "history.jsonl", "predictions.parquet")
    assert (state(out, every_file=False).digest == before[1]) == beside


@pytest.mark.parametrize(
    ("place", "what"),
    [
        *((place, "file") for place in ("trials/*", "scores/*", "scores/*/far--plain", "studies", "afield.json")),
        *((place, "folder") for place in ("trials", "trials/*", "scores", "scores/*", "studies", "afield.json")),
    ],
)
def test_what_comes_and_goes_is_seen(out: Path, place: str, what: str) -> None:
    before = state(out, every_file=False)
    (beside,) = out.glob(place)
    new = (beside if beside.is_dir() else out) / "new"
    if what == "folder":
        new.mkdir()
    (new / "result.json" if what == "folder" else new).write_text("{}")
    with_it = state(out, every_file=False)
    assert with_it.digest != before.digest
    shutil.rmtree(new) if what == "folder" else new.unlink()
    assert state(out, every_file=False).digest != with_it.digest


def test_the_index_changes_nothing_of_it(plan: Plan, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "WORTH", 0)
    before = state(out)
    store = Store.open(out)
    store.look(plan.searches[0].cells[0].key)
    store.scores.look(plan.searches[0].cells[0].key)
    store.index.keep()
    assert Index(out).known(f"trials/{plan.searches[0].cells[0].key}") is not None
    assert state(out) == before
    (out / "trials" / plan.searches[0].cells[0].key / "failure.json").write_text("{}")
    assert state(out).digest != before.digest


def test_afields_own_files_belong_to_it(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "afield" / "__init__.py"
    code.parent.mkdir()
    code.write_text("one = 1")
    monkeypatch.setattr(folder_state, "_CODE", code.parent)
    before = state(out)
    code.write_text("two = 2")
    assert state(out).digest != before.digest


def test_what_has_just_been_written_may_change_within_a_tick(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alter(out / "studies" / "tiny.json")
    assert not state(out).settled
    later = time.time_ns() + 10**10
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert state(out).settled


def test_a_folder_that_cannot_be_looked_at_is_named(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(place: object) -> None:
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(StoreError, match="trials: cannot be read"):
        state(out)
