"""The studies of a result folder as they were run, and the trials that each was turned into."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from afield.base.errors import InputError, StoreError, nearest
from afield.base.files import keep_text
from afield.study.folder.agreement import disagreements, disagreements_of_searches
from afield.study.folder.sealed import read_json, sealed, sealed_text
from afield.study.folder.shapes import StoredPlan, StoredSearches, StoredStudy, check_shape, misfit


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
            keep_text(path, text)

    def names(self) -> list[str]:
        """The studies that were run here."""
        return sorted(path.stem for path in (self.root / "studies").glob("*.json"))

    def content(self, name: str) -> Mapping[str, Any]:
        """A study as it was run, as plain values. Raises StoreError where it is not what was written."""
        content = read_json(self._study(name))
        check_shape(self._study(name), content, StoredStudy)
        return content

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

    def plan(self, name: str, *, whole: bool = False) -> dict[str, Any]:
        """A plan as it was written, checked as far as its searches go, or as a `whole`. Raises StoreError where it is
        missing, not what was written, or does not agree with itself.
        """
        path = self._plan(name)
        plan = read_json(path)
        check_shape(path, plan, StoredPlan if whole else StoredSearches)
        words = next(disagreements(plan) if whole else disagreements_of_searches(plan), None)
        if words is not None:
            raise misfit(path, words)
        return plan

    def makes_soups(self, name: str) -> bool:
        """Whether a study averages networks; one that cannot be read may."""
        try:
            return bool(self.content(name)["soups"])
        except (StoreError, KeyError):
            return True

    def _study(self, name: str) -> Path:
        return self.root / "studies" / f"{name}.json"

    def _plan(self, name: str) -> Path:
        return self.root / "plans" / f"{name}.json"
