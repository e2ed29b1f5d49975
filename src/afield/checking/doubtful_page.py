"""Doubtful labels as one page of HTML without any outside reference: each picture with its label and the suggestion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from afield.base.errors import InputError
from afield.base.files import write_text
from afield.checking.doubtful import Doubt, Doubts
from afield.checking.page import render_page, thumbnail
from afield.images.rule import full_rule, prepare_file

SHOWN = 400
"""pictures of the page, the most doubtful first; the list has them all"""
_SIDE = 144
"""pixels of a thumbnail's longer side"""


@dataclass(frozen=True)
class Case:
    """A doubtful label with its picture as an address that holds its bytes, empty where it cannot be read."""

    doubt: Doubt
    picture: str


def write_doubts(doubts: Doubts, path: Path) -> None:
    """Write the page. Raises StoreError where the path cannot be written."""
    write_text(path, render_doubts(doubts))


def render_doubts(doubts: Doubts) -> str:
    """The whole page; equal lists of equal images give equal pages. All text is escaped, and a content security policy
    forbids whatever does not lie in the page itself.
    """
    cases = [Case(doubt, _picture(doubts, doubt)) for doubt in doubts.found[:SHOWN]]
    return render_page("doubtful.html.j2", "check.css", doubts=doubts, cases=cases)


def _picture(doubts: Doubts, doubt: Doubt) -> str:
    try:
        pixels, _ = prepare_file(doubts.root / doubt.image, full_rule(), doubts.reading, doubt.box)
    except InputError:
        return ""  # the page says so in its place
    return thumbnail(pixels, _SIDE)
