"""The rule of the verdict: all that could be turned afterwards, so that it is settled and hashed before test is read.

`afield run` registers it in the result folder before the first score; who reads the folder is told whether the verdicts
in front of them are by that rule or by another. It enters no key: a verdict shapes no training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afield.base.errors import DamagedError
from afield.base.hashing import digest
from afield.scoring.intervals import LEVEL
from afield.study.folder.sealed import read_json, write_sealed
from afield.study.study import Study
from afield.study.verdict_rule import FEWEST_BACKBONES, FEWEST_TASKS, RULE_VERSION


def rule_of(study: Study, leading: Mapping[str, str], smallest_slope: float | None = None) -> dict[str, Any]:
    """The rule of a study as plain values; `leading`: its tasks' leading metrics. Another smallest slope may stand in
    place of the study's own.
    """
    head = study.study
    return {
        "version": RULE_VERSION,
        "smallest_slope": study.verdict.smallest_slope if smallest_slope is None else smallest_slope,
        "level": LEVEL,
        "fewest_backbones": FEWEST_BACKBONES,
        "fewest_tasks": FEWEST_TASKS,
        "leading": dict(sorted(leading.items())),
        "split": "test",
        "view": "plain",
        "interventions": list(head.interventions),
        "backbones": sorted(head.backbones),
        "seeds": sorted(head.seeds),
        "protocol": head.protocol,
    }


@dataclass(frozen=True)
class RegisteredRule:
    """A rule as a run wrote it down."""

    rule: Mapping[str, Any]
    hash: str
    """the first 20 digits of the SHA-256 of the rule"""
    test_reads: int
    """how often networks had been scored on test in this folder before"""

    @staticmethod
    def of(rule: Mapping[str, Any], test_reads: int = 0) -> RegisteredRule:
        """A rule with its hash."""
        return RegisteredRule(rule, digest(dict(rule)), test_reads)

    @property
    def whole(self) -> bool:
        """Whether it is what was written: the hash is still its own."""
        try:
            return self.hash == digest(dict(self.rule))
        except ValueError:
            return False  # no rule holds what is infinite


class RegisteredRules:
    """The rules of a result folder: `OUT/rules/<study>.json`, the first of a study first; none is ever taken out."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def register(self, study: str, rule: Mapping[str, Any], test_reads: int) -> None:
        """Write down a rule, unless it stands there already."""
        known, new = self.read(study), RegisteredRule.of(rule, test_reads)
        if all(new.hash != each.hash for each in known):
            rows = [*known, new]
            plain = [{"rule": dict(each.rule), "hash": each.hash, "test_reads": each.test_reads} for each in rows]
            write_sealed(self._path(study), {"registered": plain})

    def read(self, study: str) -> tuple[RegisteredRule, ...]:
        """What was registered; nothing in a folder of an older afield. Raises DamagedError for what is no table."""
        path = self._path(study)
        if not path.exists():
            return ()
        content = read_json(path, "without it nobody can say what was settled before test was read")
        try:
            return tuple(
                RegisteredRule(dict(each["rule"]), str(each["hash"]), int(each["test_reads"]))
                for each in content["registered"]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedError(
                f"{path}: is no table of rules ({type(error).__name__}: {error}); restore it, or remove it: then "
                "nobody can say what was settled before test was read"
            ) from error

    def _path(self, study: str) -> Path:
        return self.root / "rules" / f"{study}.json"


def changed_keys(first: Mapping[str, Any], second: Mapping[str, Any]) -> Sequence[str]:
    """Which settings of two rules differ."""
    return [key for key in {**first, **second} if first.get(key) != second.get(key)]
