"""Faults of the surroundings: a full disk, a broken picture, a worker that dies."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import afield
from afield.analysis.answer import answer
from afield.base.errors import AfieldError, InputError, Stopped, StoreError
from afield.report.page import report
from afield.study.collecting.collect import load_record
from afield.study.engines import local
from afield.study.engines.local import LocalEngine
from afield.study.engines.slots import Slots
from afield.study.running.standing import Silent, Standing
from tests.fixtures.tiny import make_photos, study_text, tiny_study
from tests.study.helpers import assert_same, assert_tidy, table

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system: room for some checkpoints of the tiny study, not for all."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=22m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.long
def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_room(
    small_disk: Path, photos: Path, finished: Path
) -> None:
    study, out = tiny_study(photos), small_disk / "out"
    with pytest.raises(StoreError, match="no space left on the disk; free some and run the same command again"):
        afield.run_study(study, out, slots=2)
    subprocess.run(["mount", "-o", "remount,size=400m", str(small_disk)], check=True)
    assert afield.run_study(study, out, slots=2).complete
    assert_same(out, finished)
    assert_tidy(out)


class Reader(Silent):
    """Reads the result folder while images are prepared, as `afield status` does."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.states: list[str] = []

    def prepare(self, what: str, done: int, total: int) -> None:
        (search,) = load_record(self.out).searches
        self.states += [cell.state for cell in search.cells]


def test_a_truncated_picture_is_named_and_never_replaced(photos: Path, tmp_path: Path) -> None:
    pictures = Path(shutil.copytree(photos, tmp_path / "photos"))
    broken = pictures / "warm" / "004.png"
    broken.write_bytes(broken.read_bytes()[:200])
    reader = Reader(tmp_path / "out")
    with pytest.raises(InputError, match=r"warm/004\.png"):
        afield.run_study(tiny_study(pictures), tmp_path / "out", watch=reader)
    assert set(reader.states) == {"missing"}
    assert not list((tmp_path / "out").glob("trials/*/result.json"))


def test_a_truncated_picture_is_left_out_and_listed_where_the_study_says_so(photos: Path, tmp_path: Path) -> None:
    pictures = Path(shutil.copytree(photos, tmp_path / "photos"))
    broken = pictures / "warm" / "004.png"
    broken.write_bytes(broken.read_bytes()[:200])
    text = study_text(pictures, "grid", 1).replace("seeds = [0, 1]", 'seeds = [0]\nunreadable = "drop"')
    (tmp_path / "drop.toml").write_text(text)
    assert afield.run_study(tmp_path / "drop.toml", tmp_path / "out").complete
    record = load_record(tmp_path / "out")
    assert list(record.tasks[0].dropped) == ["warm/004.png"]
    assert sum(sum(counts.values()) for counts in record.tasks[0].counts.values()) == 39
    words = "1 image that cannot be read was left out: warm/004.png"
    assert any(warning.startswith(words) for part in answer(record).tasks for warning in part.warnings)
    assert words in report(tmp_path / "out").read_text(encoding="utf-8")


class Signaller(Silent):
    """Sends a signal to the youngest worker in the middle of its trial, so many times."""

    def __init__(self, number: signal.Signals, times: int = 1) -> None:
        self.number, self.times = number, times
        self.sent = 0
        self.said = list[str]()

    def say(self, words: str) -> None:
        self.said.append(words)

    def standing(self, standing: Standing) -> None:
        if self.sent == self.times or not standing.running:
            return
        worker = max(multiprocessing.active_children(), key=lambda child: child.pid or 0)
        assert worker.pid is not None
        os.kill(worker.pid, self.number)
        self.sent += 1
        time.sleep(0.2)


class Stopper(Signaller):
    """Freezes a worker, then stops the run."""

    def standing(self, standing: Standing) -> None:
        super().standing(standing)
        if self.sent:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send")
def test_a_worker_that_freezes_or_dies_harms_its_trial_alone(
    photos: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, out = tiny_study(photos), tmp_path / "out"
    monkeypatch.setattr(local, "_PATIENCE", 1.0)
    with pytest.raises(Stopped, match=r"work since its last whole epoch is lost: photos squeezenet1_1\S* scratch lr"):
        afield.run_study(study, out, slots=1, watch=Stopper(signal.SIGSTOP))
    # with one slot the trial that is tried again is the one that meets the second signal
    outcome = afield.run_study(study, out, slots=1, watch=Signaller(signal.SIGKILL, times=2))
    assert outcome.failed == 1
    (failure,) = load_record(out).failures
    assert "signal SIGKILL; out of memory is a frequent cause" in failure.reason
    assert failure.reason.endswith("(for the second time)")
    assert afield.run_study(study, out, slots=2, retry_failed=True).complete
    # while the cell was failed, another may have gone on in its place: the search cost more, and found the same
    found, expected = (table(folder).drop(columns="search_epochs") for folder in (out, finished))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert_tidy(out)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send")
def test_a_worker_that_dies_once_costs_nothing_but_time(photos: Path, finished: Path, tmp_path: Path) -> None:
    watch, out = Signaller(signal.SIGKILL), tmp_path / "out"
    assert afield.run_study(tiny_study(photos), out, slots=2, watch=watch).complete
    assert watch.sent == 1
    (words,) = [said for said in watch.said if "SIGKILL" in said]
    assert words.endswith("(fewer --slots need less). It is tried once again")
    assert_same(finished, out)
    assert_tidy(out)


@pytest.mark.parametrize("prepared", [False, True])
def test_a_script_without_a_main_guard_is_told_so(
    photos: Path, finished: Path, tmp_path: Path, prepared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both pools of processes import the script: the one that prepares images and the one that trains."""
    if not prepared:
        monkeypatch.setenv("AFIELD_CACHE", str(tmp_path / "cache"))
        photos = make_photos(tmp_path / "photos", 60)  # more than one process reads sooner than others start
    (tmp_path / "tiny.toml").write_text(study_text(photos))
    script = tmp_path / "script.py"
    script.write_text(f"import afield\nafield.run_study({str(tmp_path / 'tiny.toml')!r}, {str(tmp_path / 'out')!r})\n")
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    last = ended.stderr[ended.stderr.rindex("AfieldError: ") :]
    assert ("ended by exit code 1 before it could take a trial" if prepared else "before its first image") in last
    assert 'if __name__ == "__main__":' in last
    assert "memory" not in last
    assert "InputError: run_study was called while a worker process started" in ended.stderr


class _Unreadable:
    """What a job is to a worker of another version of afield."""

    def __reduce__(self) -> tuple[type[int], tuple[str]]:
        return int, ("no number",)


def test_a_job_that_a_worker_cannot_read_ends_the_run() -> None:
    with LocalEngine(Slots(1)) as engine:
        engine.submit(_Unreadable())  # type: ignore[arg-type]
        assert engine.events(60) == []  # it has come up
        with pytest.raises(AfieldError, match=r"a worker cannot read its job .*if afield was updated while"):
            engine.events(60)
