"""What searches chose: the part of a result folder that is written before any test image of a choice is scored."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afield.base.errors import DamagedError
from afield.study.folder.sealed import read_json, write_sealed

_KEY = re.compile(r"[0-9a-z]{1,64}")
"""of a trial, as of its folder: `afield clean` removes folders by what stands here, and none that lies elsewhere"""


@dataclass(frozen=True)
class Selection:
    """What a search chose."""

    keys: Sequence[str]
    """of the trials, the search's own seed first; none where every cell failed"""
    audited: Sequence[str]
    """of the cells that an audit scores beside them"""


class Selections:
    """The choices of a result folder: `OUT/selections/<study>--<search>.json`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(
        self, study: str, search: str, keys: Sequence[str], metric: str, split: str, audited: Sequence[str] = ()
    ) -> bool:
        """Write what a search chose by that metric on that split: the trials, the search's own seed first; none where
        every cell failed. With it the cells that an audit will score, where there is one. A choice that stands there
        already is left alone; gives whether this one is new.
        """
        path = self._path(study, search)
        chosen = keys[0] if keys else None
        content = {"chosen": chosen, "keys": list(keys), "selected_on": split, "metric": metric}
        content |= {"audited": list(audited)} if audited else {}
        if self._holds(path, content):
            return False
        write_sealed(path, content)
        return True

    def _path(self, study: str, search: str) -> Path:
        return self.root / "selections" / f"{study}--{search}.json"

    def _holds(self, path: Path, content: Mapping[str, Any]) -> bool:
        try:
            return path.exists() and read_json(path) == content
        except DamagedError:
            return False

    def read(self, study: str, search: str) -> Selection | None:
        """What a search chose; None where it has not ended. Raises DamagedError for an altered choice."""
        path = self._path(study, search)
        return _read(path) if path.exists() else None

    def together(self) -> tuple[frozenset[str], frozenset[str]]:
        """Keys of all trials that any study's searches in this folder chose, with their repeats, and of all that audits
        score beside them. Raises DamagedError for an altered choice.
        """
        found = [_read(path) for path in (self.root / "selections").glob("*.json")]
        chosen, audited = (each.keys for each in found), (each.audited for each in found)
        return frozenset[str]().union(*chosen), frozenset[str]().union(*audited)


def _read(path: Path) -> Selection:
    content = read_json(path)
    return Selection(_keys(path, content.get("keys")), _keys(path, content.get("audited", [])))


def _keys(path: Path, keys: object) -> list[str]:
    if not isinstance(keys, list) or not all(isinstance(key, str) and _KEY.fullmatch(key) for key in keys):
        raise DamagedError(f"{path}: damaged, it names no trials; run the study again to make it anew")
    return keys
