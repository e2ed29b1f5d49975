"""A run that has nothing to do is known by what an earlier one left, while nothing has changed."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from afield.base.errors import DamagedError
from afield.study.collecting import collect
from afield.study.collecting.collect import results
from afield.study.inspecting import state
from afield.study.inspecting.state import read_state
from afield.study.preparing.study_file import parse_study
from afield.study.running import run
from afield.study.running.one_run import OneRun
from afield.study.running.run import run_study
from afield.study.running.standing import Silent
from afield.study.study import Study
from tests.fixtures.made import made_folder, planned
from tests.fixtures.tiny import study_text


class Listener(Silent):
    def __init__(self) -> None:
        self.words: list[str] = []

    def say(self, words: str) -> None:
        self.words.append(words)


def grid(photos: Path, rates: str = "1e-3, 1e-2") -> Study:
    text = study_text(photos, "grid", 1).replace("1e-4, 1e-3, 3e-3, 1e-2", rates)
    return parse_study(text, "tiny.toml")


def age(out: Path) -> None:
    """As old as it takes to see every change."""
    for path in (*out.rglob("*"), out):
        about = path.stat()
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns - 10**11))


@pytest.fixture(scope="module")
def idle(photos: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished folder in which a run has found nothing to do."""
    out = made_folder(planned(grid(photos), cache), tmp_path_factory.mktemp("made") / "out")
    age(out)
    assert run_study(grid(photos), out).complete
    age(out)
    assert run_study(grid(photos), out).complete  # the first wrote its plan anew
    assert (out / "answers" / "tiny" / "run.json").exists()
    return out


@pytest.fixture
def out(idle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(idle, tmp_path / "out"))


def is_thought_through(study: Study, out: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a run looks at its trials."""
    looked: list[object] = []

    def look(*given: Any) -> OneRun:
        looked.append(given)
        return OneRun(*given)

    monkeypatch.setattr(run, "OneRun", look)
    run_study(study, out, slots=1)
    return bool(looked)


def test_it_is_known_at_once_with_what_was_said(photos: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, again = Listener(), Listener()
    shutil.rmtree(out / "answers")
    outcome = run_study(grid(photos), out, watch=first)
    monkeypatch.setattr(run, "plan_of", lambda *_: pytest.fail("made a plan"))
    known = run_study(grid(photos), out, watch=again)
    assert (known.trained, known.epochs, known.failed, known.missing) == (0, 0, 0, 0)
    assert known.complete == outcome.complete
    assert known.state is not None
    assert again.words == [words for words in first.words if "slot" not in words]
    assert again.words


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["trials/*/predictions.parquet", "scores/*/predictions.parquet", "plans/tiny.json"])
def test_a_file_that_was_altered_in_place_is_found(
    photos: Path, out: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(next(out.glob(name)))
    monkeypatch.setattr(OneRun, "go", lambda *_: None)  # it would train anew
    assert is_thought_through(grid(photos), out, monkeypatch)


def other_rates(photos: Path) -> Study:
    return grid(photos, "1e-4, 1e-2")


def another_view(photos: Path) -> Study:
    study = grid(photos)
    return study.model_copy(update={"study": study.study.model_copy(update={"views": ("plain", "flips")})})


@pytest.mark.parametrize("changed", [other_rates, another_view])
def test_another_study_is_thought_through(
    photos: Path, out: Path, changed: Callable[[Path], Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OneRun, "go", lambda *_: None)
    assert is_thought_through(changed(photos), out, monkeypatch)


def test_other_images_are_found(photos: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = grid(photos)
    (task,) = study.study.tasks
    moved = Path(shutil.copytree(photos, tmp_path / Path(task).name)) if Path(task).exists() else None
    assert moved is not None
    there = study.model_copy(update={"study": study.study.model_copy(update={"tasks": (str(moved),)})})
    monkeypatch.setattr(OneRun, "go", lambda *_: None)
    assert is_thought_through(there, out, monkeypatch)


def test_failed_ones_are_tried_again_when_asked(photos: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    monkeypatch.setattr(OneRun, "forget_failures", lambda one_run: looked.append(one_run))
    run_study(grid(photos), out, retry_failed=True)
    assert looked


def keep(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let readers keep what they find, and nothing read the folder from then on."""
    for each in (collect, state):
        monkeypatch.setattr(each, "WORTH", 0)
    age(out)
    results(out)
    read_state(out)
    monkeypatch.setattr(collect, "search_records", lambda *_: pytest.fail("read the folder"))
    monkeypatch.setattr(state, "_look", lambda *_: pytest.fail("read the folder"))


def test_table_and_status_are_kept(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, found = results(out), read_state(out)
    keep(out, monkeypatch)
    pd.testing.assert_frame_equal(results(out), table, check_exact=True)
    assert read_state(out) == found


@pytest.mark.parametrize("name", ["trials/*/predictions.parquet", "trials/*/result.json"])
def test_what_is_kept_does_not_hide_damage(out: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patches:
        keep(out, patches)
    path = next(out.glob(name))
    spoil(path)
    with pytest.raises(DamagedError, match=re.escape(str(path))):
        results(out)
    if path.name == "result.json":
        assert any(str(path) in words for words in read_state(out).damaged)
