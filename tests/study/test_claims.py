"""Claims: one holder at a time, and a dead one is recognised without trusting anybody's clock."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from afield.study import claims
from afield.study.claims import Claims


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
        "import os, pathlib\nfrom afield.study.claims import Claims\n"
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
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
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


def _count(root: Path, done: Path) -> None:
    with Claims(root) as mine:
        for number in range(20):
            if mine.take(str(number)) and not (done / str(number)).exists():
                (done / str(number)).touch(exist_ok=False)


@pytest.mark.slow
def test_eight_at_once_never_hold_the_same(tmp_path: Path) -> None:
    (tmp_path / "done").mkdir()
    context = multiprocessing.get_context("fork" if os.name == "posix" else "spawn")
    runs = [context.Process(target=_count, args=(tmp_path / "root", tmp_path / "done")) for _ in range(8)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0] * 8
    assert len(list((tmp_path / "done").iterdir())) == 20
