"""Run commands on a spoilt result folder, and see what lies in and beside it before and after."""

from __future__ import annotations

import io
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from afield import cli
from afield.base.hashing import sha256_file
from tests.hostile.mutations import FEW, MANY
from tests.hostile.spoils import KEYS, Spoil, restore

few_or_many = pytest.mark.parametrize(
    "often",
    [
        pytest.param(settings(FEW, max_examples=8), id="few"),
        pytest.param(MANY, marks=[pytest.mark.long, pytest.mark.timeout(3600)], id="thousand"),
    ],
)
KEPT = ("out/index.bin", "out/answers/", "out/claims/")
"""what whoever reads a folder may keep in it"""
MORE_KEYS = (*KEYS, "training", "added", "reviewed", "beside", "extensions", "cut", "budget", "keys", "audited")
COMMAND = typer.main.get_command(cli.app)
"""what `cli.app` makes of itself each time that it is called, which takes longer than many a command"""
HASHES: dict[tuple[object, ...], str] = {}
"""of files: path, number, size and last touch to SHA-256"""


def elsewhere(out: Path) -> Path:
    """A folder beside that no command may touch, and that would look like a result."""
    return out.with_name("etc") / "passwd"


def asked(words: list[object]) -> tuple[int, str, str]:
    """What a command ends with and says, run in this process."""
    said, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(errors):
        patch.setattr(sys, "argv", ["afield", *map(str, words)])
        patch.setattr(cli, "app", COMMAND)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return int(ended.value.code or 0), said.getvalue(), errors.getvalue()


def files_of(folder: Path) -> dict[str, str]:
    """All that lies in a folder: what each thing is, and of files and links what they hold."""
    return {str(path.relative_to(folder)): _content(path) for path in folder.rglob("*")}


def _content(path: Path) -> str:
    about = path.lstat()
    if stat.S_ISLNK(about.st_mode):
        return f"link to {path.readlink()}"
    if stat.S_ISREG(about.st_mode):
        return _hash(path, about)
    return "folder" if stat.S_ISDIR(about.st_mode) else "neither file nor folder"


def _hash(path: Path, about: os.stat_result) -> str:
    """The SHA-256 of a file, which is known of one that nothing has touched since: nobody can set the time of the last
    touch that the system keeps. A touch of this very second may be followed by one of the same time.
    """
    touched = path, about.st_ino, about.st_size, about.st_ctime_ns
    if touched in HASHES:
        return HASHES[touched]
    found = sha256_file(path)
    if os.name == "posix" and time.time() - about.st_ctime > 1:
        HASHES[touched] = found
    return found


def restore_all(out: Path, path: Path) -> None:
    """Put back what was spoilt, and what a command took away."""
    kept = out.with_name("kept")
    if path.parent.is_dir():
        restore(path, kept / path.relative_to(out))
    if files_of(out) != files_of(kept):
        shutil.rmtree(out)
        shutil.copytree(kept, out)


def try_each(
    often: settings, drawn: st.SearchStrategy[tuple[Path, Spoil]], out: Path, look: Callable[[Path], object]
) -> None:
    """Spoil the folder in one file after another, and each time look at it and put it back."""

    @often
    @given(drawn)
    def spoil(drawn: tuple[Path, Spoil]) -> None:
        path, harm = drawn
        harm(path)
        try:
            look(path)
        finally:
            restore_all(out, path)

    spoil()
