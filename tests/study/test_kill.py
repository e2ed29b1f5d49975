"""Kills, stops and company: whatever happens to a run, the next one ends where an undisturbed one does.

The undisturbed one is `finished`: it trains 10 epochs, those of four cells in three rungs and of one repeat.
"""

import json
import random
import re
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import afield
from tests.fixtures.tiny import study_text
from tests.study.helpers import assert_same, assert_tidy, finish, kill_group, start

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "tiny.toml"
    path.write_text(study_text(photos))
    return path


def epochs_done(out: Path) -> int:
    return sum(len(path.read_text().splitlines()) for path in out.glob("trials/*/history.jsonl"))


def wait_for_epochs(out: Path, target: int) -> None:
    until = time.monotonic() + 120
    while epochs_done(out) < target and time.monotonic() < until:
        time.sleep(0.01)


def kill_again_and_again(study: Path, out: Path, targets: Sequence[int], moments: random.Random) -> None:
    """Kill a run a random while after it has come to so many epochs, start it again, and so on; let the last one end.

    One trial at a time: each start imports torch in every worker.
    """
    for target in targets:
        process = start(study, out, slots=1)
        wait_for_epochs(out, target)
        time.sleep(moments.uniform(0, 2.0 if target == 0 else 0.3))
        if process.poll() is not None:
            break  # it ended before it could be killed
        kill_group(process)
    code, said, errors = finish(start(study, out, slots=1))
    assert code == 0, errors
    assert "Report: " in said


def test_kill_at_random_moments_then_run_again(study: Path, finished: Path, tmp_path: Path) -> None:
    """Each run is killed a random while after it has come a little further."""
    kill_again_and_again(study, tmp_path / "out", (0, 5), random.Random(20261124))
    assert_same(finished, tmp_path / "out")
    assert_tidy(tmp_path / "out")


@pytest.mark.long
@pytest.mark.parametrize("method", ["grid", "halving"])
def test_twenty_kills_change_nothing(method: str, photos: Path, cache: Path, tmp_path: Path) -> None:
    study = tmp_path / "tiny.toml"
    study.write_text(study_text(photos, method))
    assert afield.run_study(study, tmp_path / "undisturbed", slots=2).complete
    epochs = epochs_done(tmp_path / "undisturbed")
    moments = random.Random(20261129)
    targets = sorted(moments.randrange(epochs) for _ in range(20))
    kill_again_and_again(study, tmp_path / "out", targets, moments)
    assert_same(tmp_path / "undisturbed", tmp_path / "out")
    assert_tidy(tmp_path / "out")


def test_stops_save_and_can_be_resumed(study: Path, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for how in (signal.SIGINT, signal.SIGTERM):
        process = start(study, out, slots=1)
        wait_for_epochs(out, epochs_done(out) + 1)
        process.send_signal(how)
        code, _, errors = finish(process)
        assert code == 130, errors
        assert "everything is saved" in errors
        assert "Traceback" not in errors
        assert list(out.glob("trials/*/checkpoint.pt"))
    code, _, errors = finish(start(study, out, slots=1))
    assert code == 0, errors
    assert_same(finished, out)
    assert_tidy(out)


def test_two_runs_at_once_share_the_work(study: Path, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    runs = [start(study, out, slots=1), start(study, out, slots=1)]
    ended = [finish(run) for run in runs]
    assert [code for code, _, _ in ended] == [0, 0], ended
    found = [re.search(r"done now \((\d+) epochs?\)", errors) for _, _, errors in ended]
    assert sum(int(item[1]) for item in found if item) == epochs_done(finished), "no epoch twice"
    reads = [json.loads(line)["key"] for line in (out / "test_reads.jsonl").read_text().splitlines()]
    assert len(reads) == len(set(reads)) == 2
    assert_same(finished, out)
    assert_tidy(out)
