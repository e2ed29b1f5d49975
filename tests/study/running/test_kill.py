"""Kills, stops and company: whatever happens to a run, the next one ends where an undisturbed one does.

The undisturbed one is `finished`: it trains 10 epochs, those of four cells in three rungs and of one repeat.
"""

import json
import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import afield
from afield.study.cut import Cut
from afield.study.folder.budget_files import KeptBudget
from afield.study.store import Store
from tests.fixtures.faults import faulty
from tests.fixtures.tiny import SEARCHES, searched_text, study_text
from tests.study.helpers import assert_same, assert_tidy, finish, run_apart, run_at_once, start, table

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("AFIELD_KILLS", "20"))
"""of each way to search, in the long test"""


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


def killed_runs(study: Path, out: Path, touches: Sequence[int]) -> int:
    """Runs on a folder, each killed before it touches the folder once more than so often, then one to the end; gives
    how many were killed, which are fewer where one ended first.
    """
    for kills, after in enumerate(touches):
        with faulty(out, after=after, killed=True):
            code = run_apart(study, out)
        if code == 0:
            return kills
        assert code == -signal.SIGKILL
    assert run_apart(study, out) == 0
    return len(touches)


def test_kills_change_nothing(study: Path, finished: Path, tmp_path: Path) -> None:
    """Early, in the search, and after what was chosen has begun its repeat."""
    assert killed_runs(study, tmp_path / "out", [20, 90, 60]) == 3
    assert_same(finished, tmp_path / "out")
    assert_tidy(tmp_path / "out")


@pytest.mark.long
@pytest.mark.parametrize("search", SEARCHES)
def test_many_kills_change_nothing(search: str, photos: Path, cache: Path, tmp_path: Path) -> None:
    """A touch makes a file, renames or removes one: what a kill can leave changes with these alone. Whoever touches,
    the command or its worker, all of them are killed. So many kills in all, in as many folders as it takes.
    """
    study, undisturbed = tmp_path / "tiny.toml", tmp_path / "undisturbed"
    study.write_text(searched_text(photos, search, "[3, 4]"))
    with faulty(undisturbed) as touches:
        assert afield.run_study(study, undisturbed, slots=1).complete
    moments, kills, folders = random.Random(search), 0, 0
    while kills < KILLS:
        folders += 1
        out = tmp_path / f"out{folders}"
        drawn = [moments.randrange(touches.stat().st_size // 2) for _ in range(KILLS - kills)]
        kills += killed_runs(study, out, drawn)
        assert_same(undisturbed, out)
        assert_tidy(out)
    print(f"{search}: {kills} kills in {folders} folders, {touches.stat().st_size} touches each where nobody kills")


@pytest.mark.long
def test_kills_and_the_end_of_a_budget_leave_what_it_cut(photos: Path, cache: Path, tmp_path: Path) -> None:
    study, folders = tmp_path / "tiny.toml", [tmp_path / "undisturbed", tmp_path / "out"]
    study.write_text(study_text(photos).replace("seeds =", 'budget = "9d"\nseeds ='))
    for folder in folders:
        cut = Cut(budget="9d", cells=(1, 3), of=4)
        Store.create(folder).budgets.first("tiny", KeptBudget("9d", cut))
    assert afield.run_study(study, folders[0], slots=1).complete
    short = tmp_path / "short.toml"
    short.write_text(study.read_text().replace("9d", "1s"))
    code, _, errors = finish(start(short, folders[1], slots=1))
    assert code == 130, errors
    assert "the budget of 1s is used" in errors
    assert killed_runs(study, folders[1], [20, 30, 40]) == 3
    assert_same(*folders)
    assert set(table(folders[1])["search_cells"]) == {2}


def test_stops_save_and_can_be_resumed(study: Path, finished: Path, tmp_path: Path) -> None:
    """The command itself, with workers as it starts them; Ctrl-C to a run is the engines' contract, too."""
    out = tmp_path / "out"
    process = start(study, out, slots=1)
    wait_for_epochs(out, 1)
    process.send_signal(signal.SIGTERM)
    code, _, errors = finish(process)
    assert code == 130, errors
    assert "everything is saved" in errors
    assert "Traceback" not in errors
    assert list(out.glob("trials/*/checkpoint.pt"))
    assert run_apart(study, out) == 0
    assert 0 < int((tmp_path / "out.epochs").read_text()) < 10, "it went on from what was saved"
    assert_same(finished, out)
    assert_tidy(out)


@pytest.mark.parametrize(
    ("number", "seconds"),
    [
        pytest.param(2, 0.0, id="two"),
        pytest.param(8, 0.0, id="eight", marks=pytest.mark.long),
        pytest.param(2, 0.02, id="two in a slow folder", marks=pytest.mark.long),
    ],
)
def test_runs_at_once_share_the_work(number: int, seconds: float, study: Path, finished: Path, tmp_path: Path) -> None:
    """In a slow folder each touch takes so many seconds, as over a network."""
    out = tmp_path / "out"
    with faulty(out, seconds=seconds):
        assert run_at_once(study, out, number) == [0] * number
    assert_shared(finished, out, sum(map(int, (tmp_path / "out.epochs").read_text().split())))


def assert_shared(finished: Path, out: Path, epochs: int) -> None:
    """No epoch was trained twice, and no network scored twice, by runs that trained so many in all."""
    assert epochs == epochs_done(finished)
    reads = [json.loads(line)["key"] for line in (out / "test_reads.jsonl").read_text().splitlines()]
    assert len(reads) == len(set(reads)) == 2
    assert_same(finished, out)
    assert_tidy(out)
