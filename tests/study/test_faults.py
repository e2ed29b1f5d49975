"""Faults of the surroundings: a full disk, a broken picture, a worker that dies."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

import afield
from afield.base.errors import InputError, StoreError
from afield.study.collect import load_record
from afield.study.standing import Silent
from tests.fixtures.tiny import study_text, tiny_study
from tests.study.helpers import assert_same, assert_tidy, table

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
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


def test_a_truncated_picture_is_named_and_never_replaced(photos: Path, tmp_path: Path) -> None:
    pictures = Path(shutil.copytree(photos, tmp_path / "photos"))
    broken = pictures / "warm" / "004.png"
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(InputError, match=r"warm/004\.png"):
        afield.run_study(tiny_study(pictures), tmp_path / "out")
    assert not list((tmp_path / "out").glob("trials/*/result.json"))


class Killer(Silent):
    """Kills the first worker process it finds, once, in the middle of its trial."""

    def __init__(self) -> None:
        self.killed = False

    def standing(self, standing: object) -> None:
        running = getattr(standing, "running", ())
        if self.killed or not running:
            return
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        workers = [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
        os.kill(int(workers[-1]), signal.SIGKILL)
        self.killed = True
        time.sleep(0.2)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the worker through /proc")
def test_a_worker_that_dies_fails_its_trial_alone(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(study_text(photos, epochs=5))
    outcome = afield.run_study(tmp_path / "tiny.toml", tmp_path / "out", slots=2, watch=Killer())
    assert outcome.failed == 1
    (failure,) = load_record(tmp_path / "out").failures
    assert "signal SIGKILL" in failure.reason
    again = afield.run_study(tmp_path / "tiny.toml", tmp_path / "out", slots=2, retry_failed=True)
    assert again.complete
    afield.run_study(tmp_path / "tiny.toml", tmp_path / "undisturbed", slots=2)
    # while the cell was failed, another may have gone on in its place: the search cost more, and found the same
    tables = [table(tmp_path / name).drop(columns="search_epochs") for name in ("out", "undisturbed")]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
