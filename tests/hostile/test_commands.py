"""Commands on spoilt result folders of every kind of file: each says what it did, or names the file, and writes nowhere
else.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from afield.base.files import temporary_prefix
from tests.hostile.commands import KEPT, MORE_KEYS, asked, elsewhere, few_or_many, files_of, try_each
from tests.hostile.spoils import resealed, spoilt

pytestmark = pytest.mark.slow

COMMANDS = (
    "status", "table", "diff", "diff trainings", "merge", "clean", "clean --yes", "predict", "predict as one", "report"
)  # fmt: skip


@pytest.fixture
def picture(photos: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(next(photos.rglob("*.png")), tmp_path / "picture.png"))


def words_of(command: str, out: Path) -> list[object]:
    """A command line on that folder."""
    trainings = sorted(path.parent.name for path in out.with_name("kept").glob("trials/*/history.jsonl"))
    kept = sorted(path.parent.name for path in out.with_name("kept").glob("trials/*/weights.json"))
    joined = sorted(path.name for path in out.with_name("kept").glob("joined/*"))
    return {
        "status": ["status", out, "--json"],
        "table": ["table", out, "--json"],
        "diff": ["diff", out, out.with_name("kept"), "--json"],
        "diff trainings": ["diff", out, *trainings[:2], "--json"],
        "merge": ["merge", out.with_name("kept"), out, "--to", out.with_name("new"), "--json"],
        "clean": ["clean", out, "--json"],
        "clean --yes": ["clean", out, "--yes", "--json"],
        "predict": ["predict", out, out.parents[1] / "picture.png", "--key", kept[0], "--json"],
        "predict as one": ["predict", out, out.parents[1] / "picture.png", "--key", joined[0], "--json"],
        "report": ["report", out],
    }[command]  # fmt: skip


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


@few_or_many
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_on_a_spoilt_folder_say_it_in_words(often: settings, command: str, out: Path, picture: Path) -> None:
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]

    try_each(often, spoilt(files, str(elsewhere(out))), out, lambda path: check(command, out, path))


@few_or_many
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_on_sealed_files_that_tell_of_something_else(
    often: settings, command: str, out: Path, picture: Path
) -> None:
    try_each(often, resealed(sorted(out.rglob("*.json")), MORE_KEYS), out, lambda path: check(command, out, path))


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
