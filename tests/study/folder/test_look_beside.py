"""A look at a folder by another process gives what one's own gives."""

import subprocess
import sys
from pathlib import Path

import pytest

from afield.study.folder import look_beside as module
from afield.study.folder.folder_state import state_of
from afield.study.folder.index import Index
from afield.study.folder.look_beside import look_beside


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is worth a process."""
    monkeypatch.setattr(module, "WORTH", 0)
    (tmp_path / "out" / "trials" / "a").mkdir(parents=True)
    (tmp_path / "out" / "trials" / "a" / "result.json").write_text("{}")
    return tmp_path / "out"


def test_it_is_the_same_state(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "state_of", lambda *_: pytest.fail("looked itself"))
    with look_beside(out) as state:
        assert state().digest == state_of(out, Index(out)).digest


@pytest.mark.parametrize("python", ["", "/bin/false"])
def test_where_no_process_could_it_looks_itself(out: Path, python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", python)
    with look_beside(out) as state:
        assert state().digest == state_of(out, Index(out)).digest


def test_a_small_folder_is_not_worth_a_process(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORTH", 1)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("began a process"))
    with look_beside(out) as state:
        assert state().digest == state_of(out, Index(out)).digest


def test_what_ends_the_block_ends_the_look(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    with pytest.raises(ValueError, match="the data are not there"), look_beside(out):
        raise ValueError("the data are not there")
