"""The studies of a result folder as they were run, and the trials that each was turned into."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from afield.base.errors import DamagedError, InputError, nearest
from afield.base.files import write_text
from afield.study.folder.sealed import read_json, sealed, sealed_text


class StudyFiles:
    """`OUT/studies/<name>.json` and `OUT/plans/<name>.json`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, study: str, plan: Mapping[str, Any]) -> None:
        """Keep the study as it was run (JSON), and the trials that it was turned into; what stands there is left
        alone.
        """
        if "trials" in plan:
            plan = {**plan, "trials": dict(plan["trials"])}
        for path, text in ((self._plan(name), sealed_text(plan, compact=True)), (self._study(name), sealed(study))):
            if not (path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text):
                write_text(path, text)

    def names(self) -> list[str]:
        """The studies that were run here."""
        return sorted(path.stem for path in (self.root / "studies").glob("*.json"))

    def content(self, name: str) -> Mapping[str, Any]:
        """A study as it was run, as plain values. Raises StoreError where it is not what was written."""
        return read_json(self._study(name))

    def text(self, name: str) -> str:
        """The same as JSON."""
        return json.dumps(self.content(name))

    def choose(self, name: str | None) -> str:
        """The study of that name; without one the only study. Raises InputError where there is no such one, or a
        choice.
        """
        names = self.names()
        if not names:
            raise InputError(
                f"{self.root}: no study has been run here yet; begin with: afield run STUDY --out {self.root}"
            )
        if name is None and len(names) > 1:
            raise InputError(f"{self.root}: holds several studies; choose one with --study: {', '.join(names)}")
        if name is not None and name not in names:
            raise InputError(f"{self.root}: no study {name} was run here; {nearest(name, names)}")
        return name or names[0]

    def plans(self) -> list[str]:
        """Names of the studies that have a plan here."""
        return sorted(path.stem for path in (self.root / "plans").glob("*.json"))

    def plan(self, name: str) -> dict[str, Any]:
        """A plan as it was written. Raises StoreError where it is missing or not what was written."""
        path = self._plan(name)
        plan = read_json(path)
        searches = plan.get("searches")
        if not isinstance(searches, list) or not all(_is_search(search) for search in searches):
            raise DamagedError(f"{path}: damaged, it lists no searches; run the study again to make it anew")
        return plan

    def _study(self, name: str) -> Path:
        return self.root / "studies" / f"{name}.json"

    def _plan(self, name: str) -> Path:
        return self.root / "plans" / f"{name}.json"


def _is_search(search: object) -> bool:
    """Whether this is a search with its cells and their repeats."""
    if not isinstance(search, dict) or not all(
        isinstance(search.get(name), str) for name in ("name", "task", "backbone", "intervention")
    ):
        return False
    cells, repeats = search.get("cells"), search.get("repeats")
    return (
        isinstance(cells, list)
        and isinstance(repeats, list)
        and len(cells) == len(repeats)
        and all(isinstance(keys, list) and set(map(type, keys)) == {str} for keys in repeats)
        and all(keys[0] == cell for cell, keys in zip(cells, repeats, strict=True))
    )
