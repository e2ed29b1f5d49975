"""What searches have grown to and what they have chosen: written down before anything of it is trained or scored, then
what they leave behind cleaned up.
"""

from __future__ import annotations

from collections.abc import Set

from afield.base.errors import DamagedError
from afield.study.folder.trial_files import TrialFiles
from afield.study.plan import Plan
from afield.study.running.claims import Claims, work_on
from afield.study.running.growing import with_grown_elsewhere
from afield.study.running.ledger import Ledger
from afield.study.searching.planned_search import PlannedSearch
from afield.study.split_view import TEST
from afield.study.store import Store


class Choices:
    """The choices of a run, so far."""

    def __init__(self, store: Store, claims: Claims, ledger: Ledger) -> None:
        self.store, self.claims, self.ledger = store, claims, ledger
        self.study = ledger.plan.study
        self.plan: Plan | None = None
        """that was written down last"""
        self.selected: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        """by search the keys of its choice, and those that are audited beside it"""
        self.pruned: dict[str, frozenset[str]] = {}
        """by search that was cleaned up the keys that stayed for soups and audits"""
        self._chosen: frozenset[str] | None = None
        """by any study of the folder, when it was last looked"""
        self._audited: frozenset[str] = frozenset()
        """what audits of any study score, when it was last looked"""
        self._others: frozenset[str] | None = None
        """trials of the folder that were no cell or chosen repeat of this study's searches when it began"""

    def write_plan(self) -> None:
        """Write what the study is and what its searches have grown to, where that is new."""
        if self.plan is not self.ledger.plan:
            self.plan = self.ledger.plan
            name = self.study.study.name
            # else two shards of one folder could each write the other's searches as they were
            with self.claims.alone():
                content = with_grown_elsewhere(self.plan, self.store)
                self.store.write_study(name, self.study.written(), content)

    def settle(self) -> None:
        """Write the plan where it has grown, and what searches have chosen, before anything of it is scored; clean up
        behind those that have ended.
        """
        self.write_plan()
        needed = self.ledger.needed_by_soups()
        for search in self.ledger.plan.searches:
            outlook = self.ledger.outlook(search)
            if not outlook.ended:
                continue
            keys, audited = outlook.chosen_keys, outlook.audited
            if self.selected.get(search.name) != (keys, audited):
                self.selected[search.name] = keys, audited
                split, metric = self.ledger.plan.tasks[search.task].selection, search.cells[0].metric
                if self.store.selections.write(self.study.study.name, search.name, keys, metric, split, audited):
                    self._chosen = None
            for_soups = needed and needed.intersection(key for keys in search.keys for key in keys)
            needed_still = for_soups.union(outlook.unaudited)
            if not outlook.wants and self.pruned.get(search.name) != needed_still:
                self.pruned[search.name] = needed_still
                self._prune(search, for_soups)

    def _prune(self, search: PlannedSearch, for_soups: frozenset[str]) -> None:
        """The search has ended: checkpoints go, the networks of every study's chosen trials stay, with those that soups
        and audits still need, and so does all that another study's search in this folder may still go on with, or its
        soups be made of.
        """
        if self._chosen is None:
            self._chosen, self._audited = self.store.selections.together()
        if self._others is None:
            self._others = frozenset(self.store.trials() - self.ledger.known.files.keys())
        kept = self._chosen | for_soups
        cells = {keys[0] for keys in search.keys}
        known = [key for keys in search.keys for key in keys if key in self.ledger.known.files or key in self._others]
        # a repeat that is finished has a checkpoint where its run was killed in between; one under way needs its own
        prunable = {
            key
            for key in known
            if (files := self._files(key)).checkpoint
            or (files.network and key not in kept and not self._is_to_audit(key, self._audited))
            if key in cells - self._chosen or files.result is not None
        }
        if prunable:  # else the other studies' plans, which may be large, need not be read
            prunable -= self.store.open_cells(self.study.study.name)
            for_soups |= self._for_other_soups()
        for key in prunable:
            with self.claims.held(*work_on(key)) as ours:
                if ours:  # by now another study may have chosen it
                    chosen, audited = self.store.selections.together()
                    needed = key in chosen | for_soups or self._is_to_audit(key, audited)
                    self.store.prune(key, keep_weights=needed)

    def _for_other_soups(self) -> frozenset[str]:
        """Keys of all trials of the folder's other studies that make soups: which networks these still wait for, their
        own runs know, and take the rest.
        """
        files, own = self.store.study_files, self.study.study.name
        searches = [
            search
            for name in files.plans()
            if name != own and files.makes_soups(name)
            for search in files.plan(name)["searches"]
        ]
        return frozenset(key for search in searches for keys in search["repeats"] for key in keys)

    def _is_to_audit(self, key: str, audited: Set[str]) -> bool:
        """Whether an audit of any study of the folder has still to score a trial."""
        return key in audited and not self.store.scores.holds(key, TEST)

    def _files(self, key: str) -> TrialFiles:
        """What there is of a trial; one that is damaged has nothing that may go."""
        if key in self.ledger.known.files:
            return self.ledger.known.files[key]
        try:
            return self.store.look(key)
        except DamagedError:
            return TrialFiles()
