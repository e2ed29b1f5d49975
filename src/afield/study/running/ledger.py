"""The ledger: what is missing next of a plan, by what there is of its trials. It reads; it changes nothing.

Its plan grows where searches do, by what the files say and nothing else. A run looks four times a second, so what a
search lacks is thought through once and kept until one of its trials tells something new.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

from afield.base.errors import DamagedError
from afield.study.audits import with_audit
from afield.study.combining.soups import Ended, Soup, soups_of, waiting_for
from afield.study.folder.history import column
from afield.study.plan import Plan
from afield.study.running.growing import GrowingPlan
from afield.study.running.known_trials import KnownTrials
from afield.study.searching.outlook import Outlook, Want, has_failed
from afield.study.searching.planned_search import Identity, PlannedSearch
from afield.study.searching.race import Race, Share
from afield.study.searching.search import Ask, Chosen, Seen, ask, asked, at_the_end, seen_in, to_come
from afield.study.store import Store
from afield.trial.trial import Trial


class Ledger:
    """What is missing of a plan; `damaged` is told of trials that fail their checksums.

    Grids are read at once, repeats when their cell is chosen: 22 trials, not 60, of 20 cells under three seeds.
    """

    def __init__(self, plan: Plan, store: Store, damaged: Callable[[str, DamagedError], None]) -> None:
        self.store = store
        self.known = KnownTrials(store, {task: plan.scored_on(task) for task in plan.tasks}, damaged)
        self._growing = GrowingPlan(plan, store)
        self._outlooks: dict[Identity, Outlook] = {}
        self._races: dict[Identity, Race] = {}
        """by the first search of each"""
        self._wanted: list[Want] | None = None
        self._soups: tuple[Soup, ...] | None = None
        self._needed: frozenset[str] = frozenset()
        """of the soups"""
        for search in plan.searches:
            for key, *_ in search.keys:
                self.known.note(search.identity, key)
        for search in plan.searches:
            self._grow(search)

    @property
    def plan(self) -> Plan:
        """The plan, with all that its searches have grown to."""
        return self._growing.plan

    def reload(self, key: str) -> bool:
        """Read a trial's files again; whether that told anything new."""
        if not self.known.read_again(key):
            return False
        self._wanted = self._soups = None
        for identity in tuple(self.known.searches(key)):
            search = self._growing.searches[identity]
            for rival in self.plan.rivals(search):
                self._outlooks.pop(rival.identity, None)
                self._races.pop(rival.identity, None)
            self._grow(search)
        return True

    def failed(self) -> list[str]:
        """Keys of the failed trials."""
        outlooks = [self.outlook(search) for search in self.plan.searches]
        for_soups = [
            key
            for soup in self.soups()
            if soup.key not in self.known.scored
            for key in (soup.key, *(each.key for each in soup.ingredients if not self.known.holds_network(each.key)))
            if self.known.has_failed(key)
        ]
        return list(dict.fromkeys([*(key for outlook in outlooks for key in outlook.failed), *for_soups]))

    def wanted(self) -> list[Want]:
        """Every piece of work that could begin now, the longest chains first, so that all slots end together; then what
        audits want, for which no answer waits.
        """
        if self._wanted is None:
            wants = [want for search in self.plan.searches for want in self.outlook(search).wants]
            wants += [want for soup in self.soups() for want in self._wanted_by_soup(soup)]
            audits = [want for search in self.plan.searches for want in self.outlook(search).audits]
            self._wanted = sorted(wants, key=lambda want: -want.chain) + audits
        return self._wanted

    def soups(self) -> tuple[Soup, ...]:
        """The soups whose searches have all ended."""
        if self._soups is None:
            choices, identities = self.plan.study.soups, [search.identity for search in self.plan.searches]
            ended = {} if not choices else {
                search.identity: found for search in self.plan.searches if (found := self._ended(search)) is not None
            }  # fmt: skip
            self._soups = soups_of(choices, identities, ended)
            for soup in self._soups:
                for search, _ in self._ingredients(soup):
                    self.known.note(search.identity, soup.key)
            unmade = [soup for soup in self._soups if self.known.files[soup.key].result is None]
            self._needed = frozenset(each.key for soup in unmade for each in soup.ingredients)
            self._needed |= waiting_for(choices, identities, ended)
        return self._soups

    def needed_by_soups(self) -> frozenset[str]:
        """Keys of the trials whose networks soups still need: those that are not made, and those of which a search
        goes on.
        """
        self.soups()
        return self._needed

    def wanted_by(self, search: PlannedSearch) -> tuple[Want, ...]:
        """What one search lacks: rungs of its grid, then repeats of its choice, then their scores."""
        return self.outlook(search).wants

    def outlook(self, search: PlannedSearch) -> Outlook:
        """What a search has come to; thought through again only after one of its trials told something new."""
        if search.identity not in self._outlooks:
            self._outlooks[search.identity] = self._think(self._growing.searches[search.identity])
        return self._outlooks[search.identity]

    def share_of(self, search: PlannedSearch) -> Share:
        """What a search that goes on will train beyond its open rung, as far as it can be said now."""
        rivals = self.plan.rivals(search)
        if len(rivals) == 1:
            return self.plan.share_of(search)
        return self._race(rivals).share_of(rivals.index(search))

    def _step(self, search: PlannedSearch) -> tuple[Ask | Chosen, tuple[int, ...]]:
        """What comes next of a search, and the epochs that it has asked of its cells; in a race both hang on those of
        the other backbones too.
        """
        rivals = self.plan.rivals(search)
        if len(rivals) > 1:
            race, place = self._race(rivals), rivals.index(search)
            return race.step_of(place), race.asked_of(place)
        choice, seen = self.plan.study.search, [self._seen(search, key) for key, *_ in search.keys]
        step = ask(choice, seen, search.epochs, search.first)
        until = asked(choice, seen, search.epochs, search.first) if isinstance(step, Chosen) else ()
        return step, until

    def _race(self, rivals: tuple[PlannedSearch, ...]) -> Race:
        first = rivals[0]
        if first.identity not in self._races:
            seen = tuple(tuple(self._seen(each, key) for key, *_ in each.keys) for each in rivals)
            self._races[first.identity] = Race(self.plan.study.search, seen, first.epochs)
        return self._races[first.identity]

    def _grow(self, search: PlannedSearch) -> None:
        """Let a search have the cells that follow from what the files say now."""

        def seen_of(key: str) -> Seen:
            self.known.note(search.identity, key)
            return self._seen(search, key)

        self._growing.grow(search.identity, seen_of)

    def _seen(self, search: PlannedSearch, key: str) -> Seen:
        return seen_in(self.known.files[key], search.epochs)

    def _ended(self, search: PlannedSearch) -> Ended | None:
        """What a search that has ended offers to soups; None while it goes on."""
        outlook = self.outlook(search)
        if not outlook.ended:
            return None
        repeats = tuple((trial.seed, trial.key) for trial in outlook.chosen)
        return Ended(*search.identity, cells=tuple(trial.key for trial in outlook.finalists), repeats=repeats)

    def _ingredients(self, soup: Soup) -> list[tuple[PlannedSearch, Trial]]:
        """The trials that go into a soup, each with a search that it is of."""
        searches = {search.identity: search for search in self.plan.searches}
        found = []
        for each in soup.ingredients:
            outlook = self.outlook(searches[each.search])
            trials = {trial.key: trial for trial in (*outlook.finalists, *outlook.chosen)}
            found.append((searches[each.search], trials[each.key]))
        return found

    def _wanted_by_soup(self, soup: Soup) -> list[Want]:
        """Its score, or else itself, or else the ingredients whose networks or results have gone; nothing while one of
        them is still to be trained by its search, or failed.
        """
        ingredients = self._ingredients(soup)
        search, trial = ingredients[0]
        if not self.known.lacks_score(soup.key):
            return []
        if self.known.holds_network(soup.key):
            return [Want("score", search, trial, 0, 0.0, soup)]
        # kept for no chosen trial, taken when another study's search ended, or about to be trained by another run
        gone = [(owner, each) for owner, each in ingredients if not self.known.holds_network(each.key)]
        by_search = {want.key for owner, _ in gone for want in self.outlook(owner).wants if want.kind == "train"}
        if any(self.known.has_failed(each.key) or each.key in by_search for _, each in gone):
            return []
        if gone:
            return [self._want(owner, each, owner.epochs, decided=True) for owner, each in gone]
        return [Want("soup", search, trial, 0, 0.0, soup)]

    def _think(self, search: PlannedSearch) -> Outlook:
        keys = [key for key, *_ in search.keys]
        step, until = self._step(search)
        chosen: tuple[Trial, ...] = ()
        chosen_keys: tuple[str, ...] = ()  # known already: to hash each trial anew takes long where there are thousands
        ended: tuple[int, ...] = ()
        if isinstance(step, Ask):
            wants = [self._want(search, search.cells[cell], step.until, decided=False) for cell in step.cells]
        else:
            if step.cell is not None:
                chosen, chosen_keys = search.repeats(step.cell), search.keys[step.cell]
                keys += chosen_keys[1:]
            seen = [self._seen(search, key) for key, *_ in search.keys]
            ended = at_the_end(seen, until, search.epochs)
            for key in chosen_keys:
                self.known.note(search.identity, key)
            lacking = [trial for key, trial in zip(chosen_keys, chosen, strict=True) if self.known.lacks_score(key)]
            wants = [self._want(search, trial, search.epochs, decided=True) for trial in lacking]
        files = {key: self.known.files[key] for key in keys}
        unended = {want.trial.key for want in wants if want.kind == "train"}
        if isinstance(step, Ask):  # what waits at an open rung may yet go on
            unended |= {keys[cell] for cell in step.alive if self.known.files[keys[cell]].result is None}
        failed = tuple(
            key
            for key, found in files.items()
            if has_failed(found, wanted=key in chosen_keys and key not in self.known.scored)
        )
        over = [key for key, found in files.items() if found.history and key not in failed and key not in unended]
        outlook = Outlook(
            chosen=chosen,
            chosen_keys=chosen_keys,
            finalists=tuple(search.cells[cell] for cell in ended),
            finalist_keys=tuple(search.keys[cell][0] for cell in ended),
            wants=tuple(wants),
            done=len(over),
            failed=failed,
            rung=step.until if isinstance(step, Ask) else None,
            left=self._left(search, step, wants),
            epochs=sum(len(found.history) for found in files.values()),
            seconds=sum(sum(column(found.history, "seconds")) for found in files.values()),
        )
        return with_audit(outlook, self.plan, search, self.known.on_test, self._wanted_again)

    def _left(self, search: PlannedSearch, step: Ask | Chosen, wants: list[Want]) -> int:
        now = sum(want.until - self.known.reached(want.trial.key) for want in wants if want.kind == "train")
        if isinstance(step, Chosen):
            return now
        share = self.share_of(search)
        rungs = pairwise(share.sizes)
        later = sum((rung - before) * cells for (before, _), (rung, cells) in rungs if before >= step.until)
        more = to_come(self.plan.study.search, len(search.cells)) + (len(search.seeds) - 1) * share.chooses
        return now + later + more * search.epochs

    def _wanted_again(self, search: PlannedSearch, trial: Trial, key: str) -> Want | None:
        """What is still to come of a finished cell that is scored though it was not chosen; None where that failed."""
        return self._want(search, trial, search.epochs, decided=True) if not self.known.has_failed(key) else None

    def _want(self, search: PlannedSearch, trial: Trial, until: int, *, decided: bool) -> Want:
        chain = search.epochs - self.known.reached(trial.key)
        if not decided and len(search.seeds) > 1:
            chain += search.epochs  # a repeat's, which waits for the choice
        # a network may have gone when another study's search ended: its trial is trained again, to the same bits
        kind: Literal["train", "score"] = "score" if self.known.holds_network(trial.key) else "train"
        return Want(kind, search, trial, until, chain * self.plan.work(search))
