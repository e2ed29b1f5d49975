"""The mark of a result folder: afield.json says that it is ours, and in which format."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from afield.base.errors import InputError
from afield.base.files import write_json
from afield.study.folder.sealed import read_json

MARK = {"format": 3, "made_by": "afield"}


def write_mark(root: Path) -> None:
    """Mark a folder as ours."""
    write_json(root / "afield.json", MARK)


def is_marked(root: Path) -> bool:
    """Whether a folder is marked."""
    return (root / "afield.json").is_file()


def check_mark(root: Path) -> None:
    """Raise InputError for a folder that is not ours or has another format, or in which what readers write (kept
    answers) would lie elsewhere.
    """
    mark = root / "afield.json"
    if not mark.is_file():
        raise InputError(
            f"{root}: no result folder of afield (it has no afield.json); give the folder that `afield run --out` wrote"
        )
    found = read_json(mark, f"let it hold {json.dumps(MARK)} again").get("format")
    if found != MARK["format"]:
        newer = isinstance(found, int) and found > int(str(MARK["format"]))
        mend = (
            "install that version, or run the study into a new folder" if newer else "run the study into a new folder"
        )
        raise InputError(
            f"{mark}: made by {'a newer' if newer else 'another'} version of afield (format {found}, this one reads "
            f"{MARK['format']}); {mend}"
        )
    with suppress(OSError):  # there are none, or none that can be read
        answers = root / "answers"
        if answers.is_symlink():
            raise _is_link(answers)
        _refuse_links_in(_in(answers))


def refuse_links(root: Path) -> None:
    """Raise InputError for a link in a result folder (which itself may be one): what is written through it would lie
    elsewhere. Files of trials and scores are written beside and renamed, which takes a link's place.
    """
    _refuse_links_in(_entries(root))


def refuse_links_within(folder: Path) -> None:
    """The same of all that lies in a folder and in its folders, however deep: asked only by who removes something."""
    folders = [str(folder)] if folder.is_dir() else []
    while folders:
        entries = _in(folders.pop())
        _refuse_links_in(entries)
        folders += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]


def refuse_link_at(path: Path) -> None:
    """Raise InputError where a folder of a result folder, or what is to become one, is a link."""
    if path.is_symlink():
        raise _is_link(path)


def _refuse_links_in(entries: Iterable[os.DirEntry[str]]) -> None:
    for entry in entries:  # 100,000 of them: no Path, and no question to the system
        if entry.is_symlink():
            raise _is_link(entry.path)


def _is_link(path: str | Path) -> InputError:
    return InputError(
        f"{path}: is a link, and a result folder holds none: what is written there would lie elsewhere. "
        "Put what it names in its place, or let --out itself be a link"
    )


def _entries(root: Path) -> Iterator[os.DirEntry[str]]:
    """All that may be written through: what lies in the folder and its folders, and folders within those of scores."""
    for entry in _in(root):
        yield entry
        for inner in _in(entry.path) if entry.is_dir(follow_symlinks=False) else ():
            yield inner
            deeper = entry.name in ("scores", "joined", "tasks") and inner.is_dir(follow_symlinks=False)
            yield from _in(inner.path) if deeper else ()


def _in(folder: str | Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)
