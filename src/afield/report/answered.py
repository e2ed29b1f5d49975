"""The answer of a study and its page, kept beside it: a run that changed nothing need not work them out again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from afield.study.folder.answers import Answers
from afield.study.folder.folder_state import FolderState, state_of
from afield.study.folder.index import Index


@dataclass(frozen=True)
class _Kept:
    page: str
    """its name in the folder"""
    stamp: tuple[int, ...]
    """its size and time"""
    answer: str


def answered(out: Path, study: str, state: FolderState | None = None) -> str:
    """The answer of a study as text, with the place of its page, which is written anew unless it stands. `state` is
    that of the folder where it is known already.
    """
    answers, now = Answers(out, study), state or state_of(out, Index(out))
    kept = answers.read("page", now, lambda told: _Kept(told["page"], tuple(told["stamp"]), told["answer"]))
    if kept is not None and (out / kept.page).is_file() and kept.stamp == _stamp(out / kept.page):
        return _words(kept.answer, out / kept.page)

    from afield.report.contents import contents
    from afield.report.page import read_record, write_page

    told = contents(read_record(out, study))
    page, text = write_page(told, out), told.found.text()
    answers.write("page", now, _Kept(page.name, _stamp(page), text))
    return _words(text, page)


def _stamp(page: Path) -> tuple[int, int]:
    about = page.stat()
    return about.st_size, about.st_mtime_ns


def _words(answer: str, page: Path) -> str:
    return f"{answer}\n\nReport: {page}"
