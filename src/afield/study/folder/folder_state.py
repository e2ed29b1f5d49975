"""The state of a result folder as one hash: another one whenever a file has changed that tells of results.

What was worked out from a whole folder may be kept (`answers.py`) and counts while the state is the one it was worked
out in. Sizes and times tell; no file is opened.
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from afield.base.errors import StoreError
from afield.study.folder.index import RESULT, SETTLED, Index

_DERIVED = ("answers", "claims", "runs", "index.bin")
"""what tells nothing of results; and the pages themselves"""
_CODE = Path(__file__).parents[2]
"""afield's own files"""


@dataclass(frozen=True)
class FolderState:
    """The state of a folder at one moment."""

    digest: str
    """SHA-256, of afield's own files too: what they work out changes with them"""
    settled: bool
    """whether every later change will be seen"""


def state_of(root: Path, index: Index, *, every_file: bool = True) -> FolderState:
    """The state of a folder now. Without `every_file` only the results of trainings and scores are looked at, and what
    lies beside them: quicker, for whoever reads nothing else of these. Raises StoreError where it cannot be looked at.
    """
    now, told = time.time_ns(), _Told()
    try:
        _add_folders(told, root, (*_all_in(root, "trials"), *_scores(root)), index, every_file)
        _add_files(told, root, apart=(*_DERIVED, "trials", "scores"))
        _add_files(told, _CODE)
    except OSError as error:
        raise StoreError(f"{error.filename}: cannot be read ({error.strerror or error})") from error
    return FolderState(told.digest(), max(told.times) < now - SETTLED)


class _Told:
    """What goes into the hash."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.lists: dict[tuple[str, ...], int] = {}
        """what lies in folders, each such list once"""
        self.numbers = array("q")
        """sizes, and numbers of lists"""
        self.times = array("q")
        """nanoseconds"""

    def digest(self) -> str:
        """SHA-256 of all of it."""
        text = repr((self.names, list(self.lists)))
        return sha256(text.encode(errors="surrogateescape") + self.numbers.tobytes() + self.times.tobytes()).hexdigest()


def _all_in(root: Path, within: str) -> list[str]:
    """What lies in a folder below the root, in order."""
    try:
        return [f"{within}/{name}" for name in sorted(os.listdir(f"{root}/{within}"))]  # noqa: PTH208
    except FileNotFoundError:
        return []  # there is none, or another run takes it away just now


def _scores(root: Path) -> Iterator[str]:
    """The folders of scores, each with those of further splits and views in it."""
    for folder in _all_in(root, "scores"):
        yield folder
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(f"{root}/{folder}") as entries:
            yield from sorted(f"{folder}/{entry.name}" for entry in entries if entry.is_dir(follow_symlinks=False))


def _add_folders(told: _Told, root: Path, folders: Sequence[str], index: Index, every_file: bool) -> None:
    """Folders of trainings and scores, each with its own time and those of the files in it."""
    above, stat, listed = f"{root}/", os.stat, index.listed
    for folder in folders:  # 30,000 of them, and 150,000 files: no Path, no call too many
        place = above + folder
        try:
            changed = stat(place).st_mtime_ns
            names = listed(folder, changed)
            if names is None:
                with os.scandir(place) as entries:
                    names = tuple(sorted(entry.name for entry in entries if entry.is_file()))
            if every_file:
                abouts = [stat(f"{place}/{name}") for name in names]
            else:
                abouts = [stat(f"{place}/{RESULT}")] if RESULT in names else []
        except (FileNotFoundError, NotADirectoryError):
            continue  # a file; or another run takes it away just now: what is left of it has another time
        told.names.append(folder)
        told.numbers.append(told.lists.setdefault(names, len(told.lists)))
        told.times.append(changed)
        for about in abouts:
            told.numbers.append(about.st_size)
            told.times.append(about.st_mtime_ns)


def _add_files(told: _Told, folder: Path, apart: Sequence[str] = ()) -> None:
    """All files below a folder but what is `apart` and, where something is, the pages."""
    for place, folders, names in os.walk(str(folder)):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        if apart and place == str(folder):
            folders[:] = [name for name in folders if name not in apart]
            names = [name for name in names if name not in apart and not name.startswith("report")]
        for name in sorted(names):
            try:
                about = os.stat(f"{place}/{name}")  # noqa: PTH116
            except FileNotFoundError:
                continue
            told.names.append(f"{place[len(str(folder)) :]}/{name}")
            told.numbers.append(about.st_size)
            told.times.append(about.st_mtime_ns)
