"""Kills, stops and company: whatever happens to a run, the next one ends where an undisturbed one does."""

import json
import random
import re
import signal
import time
from pathlib import Path

import pytest

from tests.fixtures.tiny import study_text
from tests.study.helpers import assert_same, assert_tidy, finish, kill_group, start

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "tiny.toml"
    path.write_text(study_text(photos, epochs=4))
    return path


@pytest.fixture(scope="module")
def undisturbed(study: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Folder and number of trainings of a run that nobody disturbs."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFIELD_CACHE", str(cache))
        code, said, errors = finish(start(study, out))
    assert code == 0, errors
    assert "Report: " in said
    return out, trained(errors)


def trained(errors: str) -> int:
    found = re.search(r"(\d+) trainings? done now", errors)
    assert found, errors
    return int(found[1])


def epochs_done(out: Path) -> int:
    return sum(len(path.read_text().splitlines()) for path in out.glob("trials/*/history.jsonl"))


def test_kill_at_random_moments_then_run_again(study: Path, undisturbed: tuple[Path, int], tmp_path: Path) -> None:
    """The study trains 12 epochs. Each run is killed a random while after it has come a little further."""
    whole, _ = undisturbed
    moments = random.Random(20261124)
    out = tmp_path / "out"
    for target in (0, 2, 4, 7, 9):
        process = start(study, out)
        until = time.monotonic() + 120
        while epochs_done(out) < target and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 2.0 if target == 0 else 0.4))
        assert process.poll() is None, "the run ended before it could be killed"
        kill_group(process)
    code, _, errors = finish(start(study, out))
    assert code == 0, errors
    assert_same(whole, out)
    assert_tidy(out)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_saves_within_seconds_and_can_be_resumed(
    study: Path, undisturbed: tuple[Path, int], tmp_path: Path, how: signal.Signals
) -> None:
    whole, _ = undisturbed
    out = tmp_path / "out"
    process = start(study, out)
    until = time.monotonic() + 60
    while not list(out.glob("trials/*/history.jsonl")) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(how)
    begun = time.monotonic()
    code, _, errors = finish(process)
    assert (code, time.monotonic() - begun < 15) == (130, True), errors
    assert "everything is saved" in errors
    assert "Traceback" not in errors
    assert list(out.glob("trials/*/checkpoint.pt"))
    code, _, errors = finish(start(study, out))
    assert code == 0, errors
    assert_same(whole, out)
    assert_tidy(out)


def test_two_runs_at_once_share_the_work(study: Path, undisturbed: tuple[Path, int], tmp_path: Path) -> None:
    whole, alone = undisturbed
    out = tmp_path / "out"
    runs = [start(study, out), start(study, out)]
    ended = [finish(run) for run in runs]
    assert [code for code, _, _ in ended] == [0, 0], ended
    assert sum(trained(errors) for _, _, errors in ended) == alone, "no training twice"
    reads = [json.loads(line)["key"] for line in (out / "test_reads.jsonl").read_text().splitlines()]
    assert len(reads) == len(set(reads)) == 2
    assert_same(whole, out)
    assert_tidy(out)
