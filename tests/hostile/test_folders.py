"""Result folders: of a finished one, spoilt. What reads it says the same as before, or names the file."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings

import afield
from afield.analysis.answer import answer
from afield.base.errors import AfieldError
from afield.study.collecting import collect
from afield.study.collecting.collect import load_record
from afield.study.folder import index
from afield.study.inspecting import state
from afield.study.inspecting.state import read_state
from tests.fixtures.tiny import tiny_study
from tests.hostile.mutations import FEW, MANY
from tests.hostile.spoils import KEYS, Spoil, pipe, resealed, restore, spoilt, write
from tests.study.helpers import assert_same, assert_tidy, table

pytestmark = pytest.mark.slow

few_or_many = pytest.mark.parametrize(
    "often", [pytest.param(FEW, id="few"), pytest.param(MANY, marks=pytest.mark.long, id="thousand")]
)
STANDING = ("afield.json", "numerics.toml", "test_reads.jsonl")
"""what no run makes anew, as it makes no rules of the verdict"""


@pytest.fixture
def out(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished folder with an index and answers that are kept, as old as it takes for both."""
    for each in (collect, index, state):
        monkeypatch.setattr(each, "WORTH", 0)
    folder = Path(shutil.copytree(finished, tmp_path / "out"))
    for path in (*folder.rglob("*"), folder):
        os.utime(path, ns=(path.stat().st_mtime_ns - 10**11,) * 2)
    afield.results(folder)
    read_state(folder)
    names = {path.name for path in folder.glob("answers/*/*")} | {path.name for path in folder.glob("index.bin")}
    assert names == {"index.bin", "status.json", "table.json", "table.parquet"}
    return folder


def said(read: Callable[[], str], *names: str) -> str | None:
    """What is read; None where it is refused in words that name one of these."""
    try:
        return read()
    except AfieldError as error:
        words = str(error)
        assert any(name in words for name in names), words
        assert len(words) < 20_000
        return None


def rows(out: Path) -> str:
    """The results table without its cost columns: who trained a network is in the file that a missing one was."""
    return table(out).to_csv(index=False)


@few_or_many
def test_of_a_spoilt_folder_the_same_is_said_or_the_file_is_named(often: settings, out: Path, finished: Path) -> None:
    kept = Path(shutil.copytree(out, out.with_name("kept")))
    files = [path for path in sorted(out.rglob("*")) if path.is_file() and path.name != "report.html"]
    expected, told = rows(out), answer(load_record(out)).text()

    @often
    @given(spoilt(files))
    def check(drawn: tuple[Path, Spoil]) -> None:
        path, spoil = drawn
        spoil(path)
        missing = not path.is_file()
        names = (path.name, path.parent.name, *([str(out)] if missing else []))
        try:
            found = said(lambda: rows(out), *names)
            lines = set((found or "").splitlines())
            assert found in (None, expected) or (missing and lines < set(expected.splitlines()))
            if found == expected and path.name != "test_reads.jsonl":  # which tells how often test was read
                assert said(lambda: answer(load_record(out)).text(), *names) in (None, told)
            said(lambda: json.dumps(read_state(out).as_json()), *names)
        finally:
            restore(path, kept / path.relative_to(out))

    check()
    assert rows(out) == expected


@few_or_many
def test_a_sealed_file_that_tells_of_something_else_is_refused_or_read(often: settings, out: Path) -> None:
    kept = Path(shutil.copytree(out, out.with_name("kept")))
    files = [path for path in sorted(out.rglob("*.json")) if path.read_bytes().startswith(b'{"seal"')]

    @often
    @given(resealed(files, KEYS))
    def check(drawn: tuple[Path, Spoil]) -> None:
        path, spoil = drawn
        spoil(path)
        names = (path.name, path.parent.name, str(out))
        try:
            said(lambda: rows(out), *names)
            said(lambda: answer(load_record(out)).text(), *names)
            said(lambda: json.dumps(read_state(out).as_json()), *names)
        finally:
            restore(path, kept / path.relative_to(out))

    check()


@pytest.mark.skipif(os.name != "posix", reason="no pipes among files")
def test_nothing_waits_for_a_pipe_in_the_place_of_a_file(out: Path) -> None:
    """Of each kind, where it is read at all."""
    kept = Path(shutil.copytree(out, out.with_name("kept")))
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    for path in {(path.relative_to(out).parts[0], path.name): path for path in files}.values():
        pipe(path)
        said(lambda: rows(out), path.name, path.parent.name, str(out))
        said(lambda: json.dumps(read_state(out).as_json()), path.name, path.parent.name, str(out))
        restore(path, kept / path.relative_to(out))


def test_a_run_makes_anew_what_was_spoilt(finished: Path, photos: Path, tmp_path: Path) -> None:
    """A file of each kind, in turn another way."""
    out = Path(shutil.copytree(finished, tmp_path / "out"))
    spoils = [write(b""), write(b'{"a":' * 10**5), Path.unlink]
    files = [
        path for path in sorted(out.rglob("*.*")) if path.is_file() and path.parent.name not in ("claims", "rules")
    ]
    kinds = {(path.relative_to(out).parts[0], path.name): path for path in files if path.name not in STANDING}
    for number, path in enumerate(kinds.values()):
        spoils[number % len(spoils)](path)
    assert afield.run_study(tiny_study(photos), out, slots=2).complete
    assert_same(finished, out)
    assert_tidy(out)
