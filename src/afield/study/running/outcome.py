"""What a run came to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from afield.study.folder.folder_state import FolderState
from afield.study.running.ledger import Ledger


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    out: Path
    trained: int
    """trials that this run trained, to their end or to a rung; each counts once, however many rungs"""
    epochs: int
    """that it trained of them"""
    failed: int
    missing: int
    """results that the study, or the shard that was run, asks for and that are not there"""
    state: FolderState | None = None
    """of the folder, where it was looked at and nothing was done since"""

    @property
    def complete(self) -> bool:
        """Whether every result is there."""
        return self.missing == 0 and self.failed == 0


def outcome_of_run(ledger: Ledger, trained: Collection[str], epochs: int) -> Outcome:
    """What a run came to that trained these trials, for so many epochs."""
    missing = sum(
        ledger.plan.networks_of(search) - sum(key in ledger.known.scored for key in ledger.outlook(search).chosen_keys)
        for search in ledger.plan.searches
    )
    missing += sum(len(ledger.outlook(search).unaudited) for search in ledger.plan.searches)
    missing += sum(soup.key not in ledger.known.scored for soup in ledger.soups())
    return Outcome(ledger.store.root, len(trained), epochs, len(ledger.failed()), missing)
