"""Commands on spoilt result folders of every kind of file: each says what it did, or names the file, and writes nowhere
else.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given, settings

from afield import cli
from afield.base.files import temporary_prefix
from afield.base.hashing import sha256_file
from afield.study.collecting import collect
from afield.study.folder import index
from afield.study.inspecting import state
from tests.hostile.mutations import FEW, MANY
from tests.hostile.rich import make_rich
from tests.hostile.test_folders import KEYS, resealed, restore, spoilt

pytestmark = pytest.mark.slow

few_or_many = pytest.mark.parametrize(
    "often",
    [
        pytest.param(settings(FEW, max_examples=8), id="few"),
        pytest.param(MANY, marks=[pytest.mark.long, pytest.mark.timeout(3600)], id="thousand"),
    ],
)
COMMANDS = ("status", "table", "diff", "diff trainings", "merge", "clean", "clean --yes", "predict", "report")
KEPT = ("out/index.bin", "out/answers/", "out/claims/")
"""what whoever reads a folder may keep in it"""
MORE_KEYS = (*KEYS, "training", "added", "reviewed", "beside", "extensions", "cut", "budget", "keys", "audited")
Drawn = tuple[Path, Callable[[Path], object]]
COMMAND = typer.main.get_command(cli.app)
"""what `cli.app` makes of itself each time that it is called, which takes longer than many a command"""
HASHES: dict[tuple[object, ...], str] = {}
"""of files: path, number, size and last touch to SHA-256"""


@pytest.fixture(scope="module")
def rich(photos: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFIELD_CACHE", str(cache))
        return make_rich(photos, tmp_path_factory.mktemp("rich") / "home", cache)


@pytest.fixture
def out(rich: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The rich folder with an index and answers that are kept, a copy of it beside, and something where hostile paths
    lead (`mutations.TEXTS`).
    """
    for each in (collect, index, state):
        monkeypatch.setattr(each, "WORTH", 0)
    folder = Path(shutil.copytree(rich, tmp_path / "here" / "out"))
    for path in (*folder.rglob("*"), folder):
        os.utime(path, ns=(path.stat().st_mtime_ns - 10**11,) * 2)
    for words in (["status", folder], ["table", folder]):
        assert asked(words)[0] == 0
    shutil.copytree(folder, tmp_path / "here" / "kept")
    elsewhere(folder).mkdir(parents=True)
    (elsewhere(folder) / "result.json").write_text("{}")
    return folder


def elsewhere(out: Path) -> Path:
    """A folder beside that no command may touch, and that would look like a result."""
    return out.with_name("etc") / "passwd"


@pytest.fixture
def picture(photos: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(next(photos.rglob("*.png")), tmp_path / "picture.png"))


def asked(words: list[object]) -> tuple[int, str, str]:
    """What a command ends with and says, run in this process."""
    said, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(errors):
        patch.setattr(sys, "argv", ["afield", *map(str, words)])
        patch.setattr(cli, "app", COMMAND)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return int(ended.value.code or 0), said.getvalue(), errors.getvalue()


def words_of(command: str, out: Path) -> list[object]:
    """A command line on that folder."""
    trainings = sorted(path.parent.name for path in out.with_name("kept").glob("trials/*/history.jsonl"))
    kept = sorted(path.parent.name for path in out.with_name("kept").glob("trials/*/weights.json"))
    return {
        "status": ["status", out, "--json"],
        "table": ["table", out, "--json"],
        "diff": ["diff", out, out.with_name("kept"), "--json"],
        "diff trainings": ["diff", out, *trainings[:2], "--json"],
        "merge": ["merge", out.with_name("kept"), out, "--to", out.with_name("new"), "--json"],
        "clean": ["clean", out, "--json"],
        "clean --yes": ["clean", out, "--yes", "--json"],
        "predict": ["predict", out, out.parents[1] / "picture.png", "--key", kept[0], "--json"],
        "report": ["report", out],
    }[command]  # fmt: skip


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


def check(command: str, out: Path, spoilt_file: Path) -> None:
    """Run a command on a folder that was spoilt in one file: it says something that a script can read, or names the
    file or the folder that it lies in; what it does not tell of stays as it is.
    """
    new, before = out.with_name("new"), files_of(out.parent)
    code, said, errors = asked(words_of(command, out))
    try:
        told = {} if code else read(command, out, said)
        if code:
            assert code in (1, 2)
            assert errors.startswith("error: "), errors
            assert len(errors) < 20_000
            assert any(name in errors for name in (spoilt_file.name, spoilt_file.parent.name, str(out))), errors
        assert new.exists() == (command == "merge" and code == 0)
        assert {path.name for path in out.parent.iterdir()} - {"new"} == {"out", "kept", "etc"}
        after = {name: content for name, content in files_of(out.parent).items() if not f"{name}/".startswith("new/")}
        waste = told["waste"] if command == "clean --yes" and code == 0 else []
        freed = tuple(str(Path(each["path"]).relative_to(out.parent).with_suffix("")) for each in waste)
        assert not any(".." in each for each in freed)
        gone = before.keys() - after.keys()
        assert all(name.startswith(freed) for name in gone), gone
        new_or_other = {name for name in after if before.get(name) != after[name]}
        written = ("out/report.html",) if command == "report" and code == 0 else ()
        assert all(name.startswith((*KEPT, *written)) for name in new_or_other), new_or_other
    finally:
        shutil.rmtree(new, ignore_errors=True)


def read(command: str, out: Path, said: str) -> dict[str, Any]:
    """What a command said that went well, read as a script would."""
    if command == "report":
        assert said == f"{out / 'report.html'}\n"
        assert "<script>alert(1)" not in (out / "report.html").read_text(encoding="utf-8")
        return {}
    told: dict[str, Any] = json.loads(said, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    return told


def restore_all(out: Path, path: Path) -> None:
    """Put back what was spoilt, and what a command took away."""
    kept = out.with_name("kept")
    if path.parent.is_dir():
        restore(path, kept / path.relative_to(out))
    if files_of(out) != files_of(kept):
        shutil.rmtree(out)
        shutil.copytree(kept, out)


@few_or_many
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_on_a_spoilt_folder_say_it_in_words(often: settings, command: str, out: Path, picture: Path) -> None:
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]

    @often
    @given(spoilt(files, str(elsewhere(out))))
    def spoil(drawn: Drawn) -> None:
        path, harm = drawn
        harm(path)
        try:
            check(command, out, path)
        finally:
            restore_all(out, path)

    spoil()


@few_or_many
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_on_sealed_files_that_tell_of_something_else(
    often: settings, command: str, out: Path, picture: Path
) -> None:
    @often
    @given(resealed(sorted(out.rglob("*.json")), MORE_KEYS))
    def spoil(drawn: Drawn) -> None:
        path, harm = drawn
        harm(path)
        try:
            check(command, out, path)
        finally:
            restore_all(out, path)

    spoil()


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_touch_nothing_that_a_link_in_a_trial_s_folder_names(command: str, out: Path, picture: Path) -> None:
    """In the place of each file that a training may have, and of one that a killed run was writing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 2**22 + 1)  # no process has this number
        half = f"{temporary_prefix()}x"
    folder = min(out.glob("trials/*/weights.json")).parent
    for name in (*sorted(path.name for path in folder.iterdir()), "checkpoint.pt", half):
        was = folder / name
        was.unlink(missing_ok=True)
        was.symlink_to(elsewhere(out))
        (folder / f"{half}x").touch()  # for the sake of which `clean` looks for what is half written there
        try:
            check(command, out, was)
        finally:
            shutil.rmtree(out)
            shutil.copytree(out.with_name("kept"), out)
