"""Where a study stands in a result folder, from its files alone: what is finished, paused, failed and missing.

It reads no table and imports neither pandas nor torch: `afield status` is there in a second, of 30,000 trainings too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from afield.base.errors import DamagedError
from afield.study.folder.answers import Answers
from afield.study.folder.folder_state import state_of
from afield.study.folder.index import RESULT, WORTH, Index
from afield.study.folder.mark import check_mark
from afield.study.folder.sealed import read_lines
from afield.study.folder.selections import Selection, Selections
from afield.study.folder.study_files import StudyFiles
from afield.study.folder.trial_files import FAILURE, HISTORY, look_at_score, look_at_trial

State = Literal["finished", "paused", "failed", "missing"]


@dataclass(frozen=True)
class SearchState:
    """What one search has come to: counts of its trainings, those of the chosen recipe's repeats among them."""

    task: str
    backbone: str
    intervention: str
    finished: int
    paused: int
    failed: int
    missing: int
    scored: int
    """networks of the chosen recipe that are scored on test"""
    seeds: int
    """networks that there will be of it; none where it lost a race"""
    ended: bool
    """whether it has chosen"""
    audited: int
    """networks that are scored on test though they were not chosen, for the audit of the search"""
    to_audit: int
    """of these in all; none before it has chosen, and without an audit"""


@dataclass(frozen=True)
class FailedTraining:
    """A training that ended in an error, or a network that could not be scored."""

    key: str
    task: str
    backbone: str
    intervention: str
    seed: int
    reason: str


@dataclass(frozen=True)
class FailureGroup:
    """Failures of one cause: their reasons are the same, numbers and paths apart."""

    example: str
    """the reason of the first"""
    trainings: tuple[FailedTraining, ...]


@dataclass(frozen=True)
class StudyState:
    """Where a study stands."""

    study: str
    test_reads: int
    searches: tuple[SearchState, ...]
    again: int
    """trainings that a search counts though one before it does: interventions may come to the same recipe"""
    failures: tuple[FailureGroup, ...]
    damaged: tuple[str, ...]
    """words for each result that is not what was written; the next run makes it anew"""
    notes: tuple[str, ...]
    """words on tasks whose splits lack classes"""
    more: bool
    """whether ensembles, folds, soups, a budget or shards make more to say, which the whole record tells"""

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        plain = asdict(self)
        del plain["more"]
        return plain

    @staticmethod
    def restored(told: Mapping[str, Any]) -> StudyState:
        """What `asdict` made plain values of. Raises KeyError or TypeError for those of something else."""
        failures = (
            FailureGroup(group["example"], tuple(FailedTraining(**each) for each in group["trainings"]))
            for group in told["failures"]
        )
        searches = (SearchState(**each) for each in told["searches"])
        lists = {"damaged": tuple(told["damaged"]), "notes": tuple(told["notes"])}
        return StudyState(**{**told, **lists, "searches": tuple(searches), "failures": tuple(failures)})


def read_state(out: Path, study: str | None = None) -> StudyState:
    """Look at a study in a result folder; `study` names it where the folder holds several. It looks at which files
    there are and at results; whether another file of a result was altered, those find out who read it. What was found
    is kept for the next look. Raises InputError for a folder that is not ours and StoreError for a plan that cannot be
    read.
    """
    check_mark(out)
    files, index = StudyFiles(out), Index(out)
    name = files.choose(study)
    answers, now = Answers(out, name), state_of(out, index, every_file=False)
    kept = answers.read("status", now, StudyState.restored)
    if kept is not None:
        return kept
    state = _look(out, name, files, index)
    index.keep()
    if now.settled and not state.damaged and sum(search.finished for search in state.searches) > WORTH:
        answers.write("status", now, state)
    return state


def _look(out: Path, name: str, files: StudyFiles, index: Index) -> StudyState:
    study_file: Mapping[str, Any] = {}
    damaged: list[str] = []
    try:
        study_file = files.content(name)
    except DamagedError as error:
        damaged.append(str(error))
    plan, look = files.plan(name), _Look(out, index, race=study_file.get("search", {}).get("method") == "race")
    searches = [look.search(name, search) for search in plan["searches"]]
    return StudyState(
        study=name,
        test_reads=len(read_lines(out / "test_reads.jsonl")),
        searches=tuple(searches),
        again=look.again,
        failures=by_cause(look.failures.values()),
        damaged=tuple(dict.fromkeys([*damaged, *look.damaged])),
        notes=tuple(f"{task}: {words}" for task, told in plan.get("absent", {}).items() for words in told),
        more=any(study_file.get(part) for part in _MORE) or any((out / "shards" / name).glob("*.json")),
    )


def by_cause(failures: Iterable[FailedTraining]) -> tuple[FailureGroup, ...]:
    """Failures in groups of one cause, the largest first."""
    groups: dict[str, list[FailedTraining]] = {}
    for failure in failures:
        groups.setdefault(cause_of(failure.reason), []).append(failure)
    ordered = sorted(groups.values(), key=lambda group: -len(group))
    return tuple(FailureGroup(group[0].reason, tuple(group)) for group in ordered)


_MORE = ("ensembles", "folds", "soups", "cut")
"""tables of a study that joins networks or was cut by a budget"""
_PATH = re.compile(r"(?:[A-Za-z]:)?[\w.~-]*[/\\][^\s'\",;:()\[\]]+")
_NUMBER = re.compile(r"(?<![A-Za-z_])[-+]?\d[\d.,_]*(?:[eE][-+]?\d+)?")


def cause_of(reason: str) -> str:
    """A reason without its numbers and paths.

    >>> cause_of("loss is nan at step 17") == cause_of("loss is nan at step 4")
    True
    >>> cause_of("/a/b.png: cannot be read") == cause_of("/c/d/e.png: cannot be read")
    True
    """
    return _NUMBER.sub("#", _PATH.sub("PATH", reason))


class _Look:
    """One look at all trials of a study."""

    def __init__(self, root: Path, index: Index, *, race: bool) -> None:
        self.root, self.index, self.selections, self.race = root, index, Selections(root), race
        self.failures: dict[str, FailedTraining] = {}
        self.damaged: list[str] = []
        self.again = 0
        self._counted: set[str] = set()

    def search(self, study: str, search: Mapping[str, Any]) -> SearchState:
        """What a search has come to."""
        seeds: Sequence[int] = search.get("seeds") or range(len(search["repeats"][0]))
        selection = self._selection(study, search)
        chosen = None if selection is None else selection.keys
        of_cell = dict(zip(search["cells"], search["repeats"], strict=True))
        repeats = of_cell[chosen[0]] if chosen and chosen[0] in of_cell else []
        ended = chosen is not None and (not chosen or bool(repeats))
        to_audit = [key for key in selection.audited if key in search["cells"]] if selection and ended else []
        scored = {key for key in (*repeats, *to_audit) if self._is_scored(key)}
        wanted = {*repeats, *to_audit} - scored
        states = Counter[State]()
        keys = dict.fromkeys([*search["cells"], *repeats])
        self.again += len(self._counted & keys.keys())
        self._counted |= keys.keys()
        for key in keys:
            state, reason = self._state(key, wanted=key in wanted)
            states[state] += 1
            if reason is not None:
                seed = seeds[repeats.index(key)] if key in repeats else seeds[0]
                who = search["task"], search["backbone"], search["intervention"]
                self.failures.setdefault(key, FailedTraining(key, *who, seed, reason))
        counts = {name: states[name] for name in ("finished", "paused", "failed", "missing")}
        return SearchState(
            search["task"], search["backbone"], search["intervention"], **counts,
            scored=len(scored.intersection(repeats)),
            seeds=len(repeats if self.race and ended else search["repeats"][0]), ended=ended,
            audited=len(scored.intersection(to_audit)), to_audit=len(to_audit),
        )  # fmt: skip

    def _selection(self, study: str, search: Mapping[str, Any]) -> Selection | None:
        try:
            return self.selections.read(study, search["name"])
        except DamagedError as error:
            self.damaged.append(str(error))
            return None

    def _state(self, key: str, *, wanted: bool) -> tuple[State, str | None]:
        """What a training has come to, and the reason where it failed: one that is finished fails only whoever still
        wants something of it.
        """
        names = self.index.names(f"trials/{key}")
        if names is not None and FAILURE not in names and (RESULT in names or HISTORY not in names):
            return "finished" if RESULT in names else "missing", None
        try:
            files = look_at_trial(self.root, self.index, key)
        except DamagedError as error:
            self.damaged.append(str(error))
            return "missing", None
        reason = None if files.failure is None else files.failure["reason"]
        if files.result is not None:
            return "finished", reason if wanted else None
        return "failed" if reason is not None else "paused" if files.history else "missing", reason

    def _is_scored(self, key: str) -> bool:
        names = self.index.names(f"scores/{key}")
        if names is not None:
            return RESULT in names
        try:
            return look_at_score(self.root, self.index, f"scores/{key}") is not None
        except DamagedError as error:
            self.damaged.append(str(error))
            return False
