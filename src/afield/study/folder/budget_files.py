"""The budgets of a result folder: what each study's first run under one cut, and how long its runs have taken.

OUT/budgets/<study>.json              the budget and the cut, written before anything is trained, and kept
OUT/budgets/<study>/<run>.json        seconds that one run has taken; their sum is what is used of the budget
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from afield.base.errors import DamagedError, InputError
from afield.base.files import write_json, write_text_once
from afield.study.cut import Cut
from afield.study.duration import seconds_of
from afield.study.folder.sealed import read_json, sealed_text, write_sealed

NOTED_EVERY = 10.0
"""seconds between two notes of how long a run has taken, so that a killed one loses no more"""
_MOST = 10**10
"""seconds that no run takes"""


@dataclass(frozen=True)
class KeptBudget:
    """What a folder holds of a study's budget."""

    budget: str
    cut: Cut | None
    """None where nothing had to be cut"""


class Budgets:
    """The budgets of a result folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, study: str) -> KeptBudget | None:
        """What was kept; None where no run had a budget. Raises DamagedError for what is no budget."""
        path = self._path(study)
        if not path.exists():
            return None
        mend = "remove it, and the next run with a budget settles it anew"
        content = read_json(path, mend)
        try:
            cut, budget = content["cut"], str(content["budget"])
            seconds_of(budget)
            return KeptBudget(budget, None if cut is None else Cut.model_validate(cut, strict=False))
        except (KeyError, ValidationError, InputError) as error:
            raise DamagedError(f"{path}: is no budget ({type(error).__name__}); {mend}") from error

    def first(self, study: str, kept: KeptBudget) -> KeptBudget:
        """Keep a study's first budget, and give it: of several runs at once that of the first to write it."""
        write_text_once(self._path(study), sealed_text(_plain(kept)))
        return self.read(study) or kept

    def lengthen(self, study: str, budget: str) -> None:
        """Let another budget take the place of the hours; the cut stays the first one's."""
        kept = self.read(study)
        if kept is not None and kept.budget != budget:
            write_sealed(self._path(study), _plain(KeptBudget(budget, kept.cut)))

    def used(self, study: str, apart: str = "") -> float:
        """Seconds that a study's runs have taken so far, one of them apart."""
        return sum(
            _seconds(path) for path in sorted((self.root / "budgets" / study).glob("*.json")) if path.stem != apart
        )

    def note(self, study: str, run: str, seconds: float) -> None:
        """Note how long a run has taken."""
        write_json(self.root / "budgets" / study / f"{run}.json", {"seconds": round(seconds, 1)})

    def _path(self, study: str) -> Path:
        return self.root / "budgets" / f"{study}.json"


def _seconds(path: Path) -> float:
    mend = "remove it: its hours are then not counted"
    seconds = read_json(path, mend).get("seconds")
    if isinstance(seconds, bool) or not (isinstance(seconds, int | float) and 0 <= seconds < _MOST):
        raise DamagedError(f"{path}: tells of no seconds; {mend}")
    return float(seconds)


def _plain(kept: KeptBudget) -> dict[str, object]:
    return {"budget": kept.budget, "cut": None if kept.cut is None else kept.cut.model_dump(mode="json")}


class Clock:
    """How much of a budget is used, while a run goes on."""

    def __init__(self, files: Budgets, study: str, run: str, budget: str) -> None:
        self.files, self.study, self.run, self.budget = files, study, run, budget
        self.seconds = seconds_of(budget)
        self._began = time.monotonic()
        self._noted = -NOTED_EVERY
        self._before = files.used(study, run)

    def used(self) -> float:
        """Seconds, of all runs of the study in the folder; those of runs beside this one as of its beginning."""
        return self._before + time.monotonic() - self._began

    def over(self) -> bool:
        """Whether the budget is used up; notes how long this run has taken, now and then."""
        now = time.monotonic() - self._began
        if now - self._noted >= NOTED_EVERY:
            self.note()
        return self._before + now >= self.seconds

    def note(self) -> None:
        """Note how long this run has taken."""
        self._noted = time.monotonic() - self._began
        self.files.note(self.study, self.run, self._noted)
