"""What a chosen network is scored on: a split under a view, each read after selection and kept under its own name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from afield.base.files import safe_name
from afield.images.symmetries import PLAIN


class SplitView(NamedTuple):
    """One split as one view shows it."""

    split: str
    view: str = PLAIN

    @property
    def folder(self) -> str:
        """Its place in the folder of a trial's scores; the headline's is that folder itself."""
        return "" if self == TEST else f"{safe_name(self.split, 60)}--{self.view}"

    @property
    def validation(self) -> SplitView:
        """What thresholds are settled on: validation, shown in the same way."""
        return SplitView("validation", self.view)


TEST = SplitView("test")
"""what leads everything"""
VALIDATION = SplitView("validation")
"""predicted in training; stored with the trial"""


def wanted_of(views: Sequence[str], extra_splits: Sequence[str]) -> tuple[SplitView, ...]:
    """What a chosen network is scored on, in order: test first, and of each further view validation before all else.

    >>> [f"{split} {view}" for split, view in wanted_of(["plain", "flips"], ["test-night"])]
    ['test plain', 'test-night plain', 'validation flips', 'test flips', 'test-night flips']
    """
    plain = [SplitView(split) for split in ("test", *extra_splits)]
    further = [
        SplitView(split, view) for view in views if view != PLAIN for split in ("validation", "test", *extra_splits)
    ]
    return (*plain, *further)
