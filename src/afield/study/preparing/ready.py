"""Where a study's weights and data are looked for, as the caller and the environment say."""

from __future__ import annotations

from pathlib import Path

from afield.backbones.weights import Sources, sources


def sources_of(weights: str | Path | None, *, offline: bool) -> Sources:
    """Where weights may come from, as the caller and the environment say."""
    return sources(path_of(weights), offline=offline)


def path_of(named: str | Path | None) -> Path | None:
    """A path that may be left open."""
    return None if named is None else Path(named)
