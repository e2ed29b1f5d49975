"""The ledger: what there is of a plan's trials, and what is missing next. It reads; it changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from afield.base.errors import DamagedError
from afield.study.plan import Plan, PlannedSearch
from afield.study.search import Ask, Chosen, Seen, ask
from afield.study.store import Store, TrialFiles
from afield.trial import Trial


@dataclass(frozen=True)
class Want:
    """A piece of work that could begin now."""

    kind: Literal["train", "score"]
    search: PlannedSearch
    trial: Trial
    until: int
    """epochs to bring the trial to"""


class Ledger:
    """What the files say of each trial of a plan; `damaged` is told of trials that fail their checksums."""

    def __init__(self, plan: Plan, store: Store, damaged: Callable[[str, DamagedError], None]) -> None:
        self.plan, self.store = plan, store
        self._damaged = damaged
        self.searches: dict[str, PlannedSearch] = {}
        """each trial's search by the trial's key, for the grids and for every repeat that could be chosen"""
        for search in plan.searches:
            for cell in range(len(search.cells)):
                self.searches.update(dict.fromkeys((trial.key for trial in search.repeats(cell)), search))
        self.files: dict[str, TrialFiles] = {}
        self.scored: set[str] = set()
        for key in self.searches:
            self.reload(key)

    def reload(self, key: str) -> bool:
        """Read a trial's files again; whether that told anything new."""
        before = (self.files.get(key), key in self.scored)
        try:
            self.files[key] = self.store.read(key)
        except DamagedError as error:
            self._damaged(key, error)
            self.files[key] = TrialFiles()
        try:
            is_scored = self.store.read_score(key) is not None
        except DamagedError:
            is_scored = False  # its network is there: it is scored again, over what is damaged
        self.scored = self.scored | {key} if is_scored else self.scored - {key}
        return before != (self.files[key], is_scored)

    def seen(self, key: str) -> Seen:
        """What the search needs to know of a trial."""
        files = self.files[key]
        return Seen(files.history, files.failure is not None)

    def failed(self) -> list[str]:
        """Keys of the failed trials."""
        return [key for key, files in self.files.items() if files.failure is not None]

    def chosen(self, search: PlannedSearch) -> tuple[Trial, ...]:
        """The chosen recipe under every seed; nothing while the search goes on, or where every cell failed."""
        step = self._step(search)
        return () if isinstance(step, Ask) or step.cell is None else search.repeats(step.cell)

    def wanted(self) -> list[Want]:
        """Every piece of work that could begin now, the longest chains first, so that all slots end together."""
        wants = [want for search in self.plan.searches for want in self.wanted_by(search)]
        return sorted(wants, key=lambda want: -self._chain(want) * want.search.backbone.gmacs)

    def _chain(self, want: Want) -> int:
        """Epochs that can only come one after the other: the trial's own, then a repeat's where the choice is open."""
        own = want.search.epochs - len(self.files[want.trial.key].history)
        undecided = len(want.search.seeds) > 1 and not self.chosen(want.search)
        return own + want.search.epochs * undecided

    def wanted_by(self, search: PlannedSearch) -> list[Want]:
        """What one search lacks: rungs of its grid, then repeats of its choice, then their scores."""
        step = self._step(search)
        if isinstance(step, Ask):
            return [Want("train", search, search.cells[cell], step.until) for cell in step.cells]
        return [want for trial in self.chosen(search) if (want := self._of_repeat(search, trial)) is not None]

    def _of_repeat(self, search: PlannedSearch, trial: Trial) -> Want | None:
        files = self.files[trial.key]
        if files.failure is not None or trial.key in self.scored:
            return None
        # the network may have gone when another study's search ended: it is trained again, to the same bits
        trained = files.result is not None and self.store.weights(trial.key).exists()
        return Want("score" if trained else "train", search, trial, search.epochs)

    def _step(self, search: PlannedSearch) -> Ask | Chosen:
        return ask(self.plan.study.search, [self.seen(trial.key) for trial in search.cells], search.epochs)
