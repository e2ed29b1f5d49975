"""What a search has come to, and the pieces of work that it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from afield.study.combining.soups import Soup
from afield.study.folder.trial_files import TrialFiles
from afield.study.searching.planned_search import PlannedSearch
from afield.trial.trial import Trial


@dataclass(frozen=True)
class Want:
    """A piece of work that could begin now."""

    kind: Literal["train", "soup", "score", "audit"]
    search: PlannedSearch
    trial: Trial
    """to train, score or audit; of a soup the trial of its first ingredient, which says how its network is built"""
    until: int
    """epochs to bring the trial to"""
    chain: float
    """how long it holds up the end: epochs that can only come one after the other, times the work of each"""
    soup: Soup | None = None
    """to make or to score"""

    @property
    def key(self) -> str:
        """Of the network that it is about."""
        return self.trial.key if self.soup is None else self.soup.key


@dataclass(frozen=True)
class Outlook:
    """What one search has come to, and what it lacks."""

    chosen: tuple[Trial, ...]
    """the chosen recipe under every seed; empty while the search goes on, where every cell failed, and where a race was
    lost"""
    chosen_keys: tuple[str, ...]
    """theirs"""
    finalists: tuple[Trial, ...]
    """the cells that the search brought to their last epoch, in grid order; empty while it goes on"""
    finalist_keys: tuple[str, ...]
    """theirs"""
    wants: tuple[Want, ...]
    done: int
    """trainings that need nothing more: finished, or stopped by halving"""
    failed: tuple[str, ...]
    """keys of trials that ended in an error and lack what this search wants of them"""
    rung: int | None
    """epochs of the rung that its cells are brought to, or wait at in a race; None where the search has ended"""
    left: int
    """epochs still to train, repeats included, if no further trial fails"""
    epochs: int
    """trained so far, repeats of the choice included"""
    seconds: float
    """that those epochs took"""
    audited: tuple[str, ...] = ()
    """keys of the cells that are scored beside the choice; none while the search goes on, and without `audit`"""
    unaudited: tuple[str, ...] = ()
    """those of them that are not scored yet"""
    audits: tuple[Want, ...] = ()
    """what they lack and can still come; no part of `wants`"""

    @property
    def ended(self) -> bool:
        """Whether the search itself has ended; of its choice repeats and scores may lack."""
        return self.rung is None


def has_failed(files: TrialFiles, *, wanted: bool) -> bool:
    """Whether a trial's failure concerns a search: one that is finished has only failed whoever still wants something
    of it (`wanted`: to score its network), and not the other studies of the folder.
    """
    return files.failure is not None and (files.result is None or wanted)
