"""Data that Kaggle gives to its users alone: by the user's own client where it is set up, else step by step.

Nothing of the user's credentials is read here: the client finds them itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from afield.base.download import Progress
from afield.base.errors import InputError
from afield.tasks.getting.downloads import FromKaggle

_TOKENS = ("kaggle.json", "access_token", "credentials.json")
"""files in which the client keeps who its user is"""
_VARIABLES = (("KAGGLE_API_TOKEN",), ("KAGGLE_USERNAME", "KAGGLE_KEY"))
_LOG_IN = (
    "`kaggle auth login`, or save a token from https://www.kaggle.com/settings/api as ~/.kaggle/access_token (older "
    "clients: ~/.kaggle/kaggle.json)"
)
_LOOK = 0.5
"""seconds between two looks at how far the client is"""
_SHOWN = 500
"""letters of what the client says that a message shows"""


def lacking() -> str:
    """What the user's `kaggle` client still needs before it can be used; empty where it is set up."""
    if shutil.which("kaggle") is None:
        return "there is no command kaggle on the PATH"
    if any(all(os.environ.get(name) for name in names) for names in _VARIABLES):
        return ""
    if any((folder / name).is_file() for folder in _folders() for name in _TOKENS):
        return ""
    return "the command kaggle does not know its user yet"


def _folders() -> list[Path]:
    """Where the client looks for its user's token."""
    named = os.environ.get("KAGGLE_CONFIG_DIR")
    if named:
        return [Path(named).expanduser()]
    settings = os.environ.get("XDG_CONFIG_HOME")
    return [Path.home() / ".kaggle", (Path(settings) if settings else Path.home() / ".config") / "kaggle"]


def steps(task: str, wanted: Sequence[FromKaggle], data: Path, why: str) -> str:
    """How to get a task's archives from Kaggle, step by step; `why` the client is not asked."""
    rules = [f"accept the rules at {item.page}" for item in wanted if item.kind == "competitions"]
    by_hand = "; ".join(
        f"{item.file} from https://www.kaggle.com/{item.kind}/{item.name} into {data / item.folder}" for item in wanted
    )
    return "\n".join(
        (
            f"{task}: comes from Kaggle, which asks for an account of your own, and {why}. Step by step:",
            f"  1. {' and '.join(('make an account at https://www.kaggle.com', *rules))}",
            f"  2. pip install kaggle, and let it know you: {_LOG_IN}",
            f"  3. afield tasks fetch {task} --data {data}",
            f"Without the client, instead of 2: with a browser put {by_hand}; step 3 then unpacks it",
        )
    )


def bring(wanted: FromKaggle, folder: Path, progress: Progress) -> Path:
    """Let the user's client put an archive into a folder, or the rest of one that it began; gives its path.

    Raises InputError with what the client says, and what mends it.
    """
    command = shutil.which("kaggle")
    if command is None:
        raise InputError(f"{wanted.name}: {lacking()}; pip install kaggle")
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / wanted.file
    option = "-c" if wanted.kind == "competitions" else "-d"
    arguments = [command, wanted.kind, "download", option, wanted.name, "-p", str(folder), "-q"]
    with subprocess.Popen(  # noqa: S603 - the user's own client, with names of our own
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as client:
        try:
            said = _wait(client, archive, progress)
        finally:
            client.terminate()  # nothing where it has ended
    if client.returncode != 0 or not archive.is_file():
        raise InputError(
            f"{wanted.name}: the kaggle client did not bring it (exit code {client.returncode}): {_mend(wanted, said)}"
        )
    return archive


def _wait(client: subprocess.Popen[str], archive: Path, progress: Progress) -> str:
    """What the client says until it ends; meanwhile the progress is what is in its file."""
    while True:
        try:
            return client.communicate(timeout=_LOOK)[0]
        except subprocess.TimeoutExpired:
            if archive.is_file():
                progress(archive.stat().st_size, None)


def _mend(wanted: FromKaggle, said: str) -> str:
    """What the client said, and what helps."""
    words = " ".join(said.split()).rstrip(" .") or "it said nothing"
    words = words if len(words) <= _SHOWN else f"... {words[-_SHOWN:]}"  # what went wrong is said last
    if "403" in said and wanted.kind == "competitions":
        return f"{words}. Accept the rules at {wanted.page} as the user of the client, then run the same command again"
    if "401" in said or "Authentication required" in said:
        return f"{words}. Let the client know you: {_LOG_IN}"
    return f"{words}. What it brought so far is kept; run the same command again to go on"
