"""How often a training is saved: the states of large networks hold gigabytes, which take long to write."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

CHEAP = 1.0
"""seconds that a save may take after every epoch"""
SHARE = 0.1
"""of the time that dearer ones take at most"""


class Saving:
    """When it is time to save: after every epoch where that is quick, else when a save takes its share of the time."""

    def __init__(self) -> None:
        self._took = self._ended = 0.0

    def due(self) -> bool:
        """Whether it is time for the next one."""
        return self._took <= CHEAP or self._took <= SHARE * (time.monotonic() - self._ended)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Around each save."""
        begun = time.monotonic()
        yield
        self._ended = time.monotonic()
        self._took = self._ended - begun
