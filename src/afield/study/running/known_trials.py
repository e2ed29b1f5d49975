"""What the files say of the trials of a plan, as they were last read. It changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from afield.base.errors import DamagedError
from afield.study.folder.trial_files import TrialFiles
from afield.study.searching.planned_search import Identity
from afield.study.split_view import TEST, SplitView
from afield.study.store import Store


@dataclass
class KnownTrials:
    """The trials that anything has asked about, by key."""

    store: Store
    scored_on: Mapping[str, tuple[SplitView, ...]]
    """of each task what its chosen networks are scored on"""
    damaged: Callable[[str, DamagedError], None]
    """is told of trials that fail their checksums"""
    files: dict[str, TrialFiles] = field(default_factory=dict)
    scored: set[str] = field(default_factory=set)
    """on all that a search of the plan asks of them"""
    on_test: set[str] = field(default_factory=set)
    """trials whose network is scored on plain test: all that an audit asks"""
    _going_on: set[str] = field(default_factory=set)
    """trials that need not begin again: their network is there or, under way, their checkpoint"""
    _searches: dict[str, set[Identity]] = field(default_factory=dict)

    def note(self, search: Identity, key: str) -> None:
        """From here on a trial is a search's, and known."""
        self._searches.setdefault(key, set()).add(search)
        if key not in self.files:
            self._read(key)

    def read_again(self, key: str) -> bool:
        """Read a trial's files again; whether that told anything new."""
        before = self._told(key)
        self._read(key)
        return self._told(key) != before

    def searches(self, key: str) -> set[Identity]:
        """The searches that a trial is a cell or a repeat of: several, where interventions are one and the same."""
        return self._searches.get(key, set())

    def reached(self, key: str) -> int:
        """Epochs of a trial that need not be trained again: none where its checkpoint or, once it is finished, its
        network has gone.
        """
        return len(self.files[key].history) if key in self._going_on else 0

    def has_failed(self, key: str) -> bool:
        """Whether its training, or the scoring of its network, ended in an error."""
        return self.files[key].failure is not None

    def lacks_score(self, key: str) -> bool:
        """Whether its score is missing and can still come."""
        return not self.has_failed(key) and key not in self.scored

    def holds_network(self, key: str) -> bool:
        """Whether a trial is finished and its network is there."""
        return self.files[key].result is not None and key in self._going_on

    def _read(self, key: str) -> None:
        try:
            files = self.store.look(key)
        except DamagedError as error:
            self.damaged(key, error)
            files, lacking = TrialFiles(), {TEST}  # scores of what is trained anew count for nothing
        else:
            lacking = self._lacking(key)
        goes_on = files.network if files.result is not None else files.checkpoint
        self.files[key] = files
        for holds, keys in (
            (TEST not in lacking, self.on_test),
            (not lacking, self.scored),
            (goes_on, self._going_on),
        ):
            (keys.add if holds else keys.discard)(key)

    def _lacking(self, key: str) -> set[SplitView]:
        """Test, and what else a search of the plan asks of the trial, as far as it is not scored."""
        wanted = {TEST} | {at for task, *_ in self.searches(key) for at in self.scored_on[task]}
        if not self.store.scores.holds_any(key):
            return wanted
        return {at for at in wanted if not self.store.scores.holds(key, at)}

    def _told(self, key: str) -> tuple[TrialFiles | None, bool, bool, bool]:
        return self.files.get(key), key in self.on_test, key in self.scored, key in self._going_on
