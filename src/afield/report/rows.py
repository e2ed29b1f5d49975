"""Lines of the tables in the page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of a table, all text."""

    name: str
    id: str
    standing: str
    cells: tuple[str, ...]
    warning: str = ""
