"""The answer of a study and its page, kept beside it: a run that changed nothing need not work them out again.

What is kept counts only while no file of the folder, and none of afield itself, has changed since.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from afield.base.errors import DamagedError
from afield.study.folder.sealed import read_json, write_sealed

_DERIVED = ("answers", "claims", "runs", "index.bin")
"""what tells nothing of results; and the pages themselves"""
_BY_FOLDER = ("trials", "scores")
"""whose files come and go by renaming, which their folder's time tells, and are checked by whoever reads them"""


def answered(out: Path, study: str) -> str:
    """The answer of a study as text, with the place of its page, which is written anew unless it stands."""
    kept, state = out / "answers" / f"{study}.json", folder_state(out)
    if kept.exists():
        try:
            content = read_json(kept)
        except DamagedError:
            content = {}  # it is derived: made anew
        page = out / str(content.get("page"))
        if content.get("state") == state and page.is_file() and content.get("stamp") == _stamp(page):
            return _words(str(content["answer"]), page)

    from afield.analysis.answer import answer
    from afield.report.page import read_record, write_page

    record = read_record(out, study)
    page, text = write_page(record, out), answer(record).text()
    write_sealed(kept, {"state": state, "page": page.name, "stamp": _stamp(page), "answer": text})
    return _words(text, page)


def folder_state(out: Path) -> str:
    """A hash that changes whenever results in a folder do, or the code that reads them."""
    state = sha256()
    for line in (*_stamps(out), *_stamps(Path(__file__).parents[1])):
        state.update(line.encode(errors="surrogateescape"))
    return state.hexdigest()


def _stamps(folder: Path) -> Iterator[str]:
    """Of each file its path, size and time; of folders of trials and scores their times alone."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        if place == str(folder):
            folders[:] = [name for name in folders if name not in _DERIVED]
            names = [name for name in names if name not in _DERIVED and not name.startswith("report")]
        folders[:] = [name for name in folders if name != "__pycache__"]
        if Path(place).parent == folder and Path(place).name in _BY_FOLDER:
            yield from _times(place)
            folders.clear()
            continue
        for name in sorted(names):
            yield f"{place}/{name} {_stamp(Path(place, name))}\n"


def _times(place: str) -> Iterator[str]:
    """The time of each folder in a folder and, of scores, of those in it: further splits and views."""
    with os.scandir(place) as entries:
        found = sorted((entry.name, entry.stat().st_mtime_ns, entry.is_dir()) for entry in entries)
    for name, time, is_folder in found:
        yield f"{place}/{name} {time}\n"
        if is_folder and Path(place).name == "scores":
            yield from _times(f"{place}/{name}")


def _stamp(path: Path) -> list[int]:
    about = path.stat()
    return [about.st_size, about.st_mtime_ns]


def _words(answer: str, page: Path) -> str:
    return f"{answer}\n\nReport: {page}"
