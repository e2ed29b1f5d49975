"""What searches chose: the part of a result folder that is written before any test image of a choice is scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from afield.base.errors import DamagedError
from afield.study.folder.sealed import read_json, write_sealed


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

    def read(self, study: str, search: str) -> Sequence[str] | None:
        """The keys that a search chose; None where it has not ended. Raises DamagedError for an altered choice."""
        path = self._path(study, search)
        return _keys_of(path) if path.exists() else None

    def audited(self, study: str, search: str) -> Sequence[str]:
        """The keys that are scored beside a search's choice. Raises as `read` does."""
        path = self._path(study, search)
        return _keys_of(path, "audited") if path.exists() else ()

    def audited_keys(self) -> set[str]:
        """Keys of all trials that any study's audits in this folder score. Raises as `keys` does."""
        return {key for path in (self.root / "selections").glob("*.json") for key in _keys_of(path, "audited")}

    def keys(self) -> set[str]:
        """Keys of all trials that any study's searches in this folder chose, with their repeats. Raises DamagedError
        for an altered choice.
        """
        return {key for path in (self.root / "selections").glob("*.json") for key in _keys_of(path)}


def _keys_of(path: Path, which: Literal["keys", "audited"] = "keys") -> list[str]:
    keys = read_json(path).get(which, [] if which == "audited" else None)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise DamagedError(f"{path}: damaged, it names no trials; run the study again to make it anew")
    return keys
