"""Claims: one holder at a time, and a dead one is recognised without trusting anybody's clock."""

import errno
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from afield.base import files
from afield.base.errors import StoreError
from afield.base.process import machine
from afield.study.running import claims
from afield.study.running.claims import Claims
from afield.study.running.one_run import bury_killed
from afield.study.store import Store


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    with Claims(tmp_path) as one, Claims(tmp_path) as other:
        assert one.take("a")
        assert one.take("a"), "its holder may ask again"
        assert not other.take("a")
        one.release("a")
        assert other.take("a")


def test_leaving_lets_go_of_everything(tmp_path: Path) -> None:
    with Claims(tmp_path) as one:
        one.take("a")
    assert not list(tmp_path.rglob("*.json"))


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import os, pathlib\nfrom afield.study.running.claims import Claims\n"
        f"claims = Claims(pathlib.Path({str(tmp_path)!r})).__enter__()\nclaims.take('a')\nos._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert json.loads((tmp_path / "claims" / "a.json").read_text())["run"]
    with Claims(tmp_path) as one:
        assert one.take("a")


def test_a_later_process_of_the_same_number_is_not_the_holder(tmp_path: Path) -> None:
    with Claims(tmp_path) as holder, Claims(tmp_path) as other:
        holder.take("a")
        path = tmp_path / "runs" / f"{holder.name}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "start": "1"}))
        assert other.take("a")


def test_a_run_on_another_machine_is_gone_when_its_counter_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    (tmp_path / "runs").mkdir()
    far = tmp_path / "runs" / "far.json"
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "a.json").write_text('{"run": "far"}')

    def beat(counter: int) -> None:
        far.write_text(json.dumps({"machine": "elsewhere", "process": 1, "start": "1", "counter": str(counter)}))

    with Claims(tmp_path) as one:
        beat(1)
        assert not one.take("a")
        now[0] += claims.STALE - 1
        beat(2)
        assert not one.take("a"), "it lives: the counter moved"
        now[0] += claims.STALE - 1
        assert not one.take("a")
        now[0] += 2
        assert one.take("a")


@pytest.mark.parametrize("jump", [-86_400.0, 366 * 86_400.0])
def test_no_clock_on_the_wall_tells_who_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    now = time.time()
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "b.json").write_text('{"run": "gone"}')
    with Claims(tmp_path) as holder, Claims(tmp_path) as other:
        holder.take("a")
        monkeypatch.setattr(time, "time", lambda: now + jump)
        for path in tmp_path.rglob("*.json"):
            os.utime(path, (now - jump, now - jump))
        assert not other.take("a")
        assert other.at_work() == [holder.name]
        assert other.take("b")


def test_letting_go_of_what_another_run_has_by_now_leaves_it(tmp_path: Path) -> None:
    with Claims(tmp_path) as one, Claims(tmp_path) as other:
        one.take("a")
        one._file(one.name).unlink()  # another machine took this run for dead, while it was frozen
        assert other.take("a")
        one.release("a")
        assert not Claims(tmp_path).take("a"), "the other still holds it"


def test_holding_for_a_while_gives_back_what_was_not_ours_before(tmp_path: Path) -> None:
    with Claims(tmp_path) as one, Claims(tmp_path) as other:
        one.take("mine")
        with one.held("mine", "free") as ours:
            assert ours
            assert not other.take("free")
        assert other.take("free")
        assert not other.take("mine")
        with one.held("mine", "free") as ours:
            assert not ours
        assert not one.take("free")


def counter(path: Path) -> int:
    return int(json.loads(path.read_text())["counter"])


def wait(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_the_heart_beats_on_after_a_beat_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT", 0.005)
    with Claims(tmp_path) as one:
        path = tmp_path / "runs" / f"{one.name}.json"
        path.unlink()
        path.mkdir()  # every write fails now
        time.sleep(0.05)
        path.rmdir()
        wait(path.is_file)
        before = counter(path)
        wait(lambda: counter(path) > before)


def test_a_folder_without_locks_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(handle: int, operation: int) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(StoreError, match=r"\.lock: this file system has no locks .* on another file system"),
        Claims(tmp_path),
    ):
        pass


def test_what_a_killed_run_of_another_machine_left_goes_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    store = Store.create(tmp_path / "out")
    (store.root / "runs").mkdir()
    (store.root / "claims").mkdir()
    about = {"machine": "elsewhere", "process": 1, "start": "1", "counter": "7"}
    (store.root / "runs" / "far.json").write_text(json.dumps(about))
    (store.root / "claims" / "a.json").write_text('{"run": "far"}')
    with monkeypatch.context() as there:
        there.setattr(files, "machine", lambda: "elsewhere")
        left = store.root / f"{files.temporary_prefix()}half.json"
        left.touch()
    with Claims(store.root) as one:
        mine = store.root / f"{files.temporary_prefix()}half.json"
        mine.touch()
        bury_killed(one, store)
        assert left.exists(), "it may live: it was asked about for the first time"
        now[0] += claims.STALE + 1
        (store.root / "runs" / "near.json").write_text(json.dumps({**about, "counter": "8"}))
        bury_killed(one, store)
        assert not (store.root / "runs" / "far.json").exists()
        assert not (store.root / "claims" / "a.json").exists()
        assert left.exists(), "another run of that machine lives"
        now[0] += claims.STALE + 1
        bury_killed(one, store)
        assert not left.exists()
        assert mine.exists()


def test_a_line_read_in_the_instant_of_a_beat_is_no_death(tmp_path: Path) -> None:
    with Claims(tmp_path) as holder, Claims(tmp_path) as other:
        holder.take("a")
        (tmp_path / "runs" / f"{holder.name}.json").write_text('{"machine": ')
        assert not other.take("a")


@pytest.mark.parametrize(
    "content",
    [
        '["run"]',
        '{"a":' * 10**5,
        '{"machine": MINE, "start": "1"}',
        '{"machine": MINE, "start": "1", "process": "x"}',
        '{"machine": MINE, "start": "1", "process": -1}',
        '{"machine": MINE, "start": "1", "process": 1000000000000000000000000000000}',
        '{"machine": ["MINE"], "counter": []}',
    ],
)
def test_files_that_no_run_writes_hold_nothing_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    content = content.replace("MINE", json.dumps(machine()))
    for folder, name in (("runs", "other"), ("claims", "a"), ("claims", "b")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.json").write_text(content)
    (tmp_path / "claims" / "c.json").write_text('{"run": "other"}')
    now = time.monotonic()
    with Claims(tmp_path) as one:
        assert one.take("a")
        one.take("c")
        monkeypatch.setattr(time, "monotonic", lambda: now + 100)
        assert one.take("c")
        assert one.gone() == ["other"]
        assert one.machines(["other"]) <= {machine()}
        one.bury("other")
    assert [path.name for path in tmp_path.rglob("*.json")] == ["b.json"]


@pytest.mark.skipif(os.name != "posix", reason="no pipes among files")
def test_a_pipe_in_the_place_of_a_run_or_a_claim_is_named(tmp_path: Path) -> None:
    """It may stand for a run that is at work, and nobody waits for what it says."""
    for name in ("runs/other.json", "claims/a.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        os.mkfifo(tmp_path / name)
        with Claims(tmp_path) as one:
            ask: Callable[[], object] = one.gone if name.startswith("runs") else partial(one.take, "a")
            with pytest.raises(StoreError, match=rf"{name}: cannot be read \(.*\); remove it if no run is at work"):
                ask()
            (tmp_path / name).unlink()
            ask()


def _count(root: Path, done: Path) -> None:
    with Claims(root) as mine:
        for number in range(20):
            if mine.take(str(number)) and not (done / str(number)).exists():
                (done / str(number)).touch(exist_ok=False)


@pytest.mark.slow
def test_eight_at_once_never_hold_the_same(tmp_path: Path) -> None:
    (tmp_path / "done").mkdir()
    context: Any = multiprocessing.get_context("fork" if os.name == "posix" else "spawn")
    runs = [context.Process(target=_count, args=(tmp_path / "root", tmp_path / "done")) for _ in range(8)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0] * 8
    assert len(list((tmp_path / "done").iterdir())) == 20
