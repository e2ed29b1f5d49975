"""The trials of a plan as a result folder keeps them: the first of each search whole, the others as what they change.

    "trials": {"3f2a...": {"task": ..., "recipe": {...}, ...}, "91c0...": {"like": "3f2a...", "recipe": {"epochs": 5}}}

Repeats are not kept: they are their cell under another seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from afield.trial.trial import Trial


def stored(first: Trial, changes: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The cells of a search, by key, as they are kept: the first, and all by what they change of it."""
    kept: dict[str, dict[str, Any]] = {keys[0]: first.model_dump(mode="json")}
    for key, changed in zip(keys[1:], changes[1:], strict=True):
        kept[key] = {"like": keys[0], **changed}
    return kept


class StoredTrials(Mapping[str, Mapping[str, Any]]):
    """The trials of a plan by key, cells and repeats, each as the table that it was hashed from."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self._kept: Mapping[str, Mapping[str, Any]] = plan["trials"]
        self._repeats: dict[str, tuple[str, int]] = {}
        """of each repeat its cell and its seed"""
        for search in plan["searches"]:
            for keys in search["repeats"] if "seeds" in search else ():
                for key, seed in zip(keys[1:], search["seeds"][1:], strict=True):
                    self._repeats[key] = keys[0], seed

    def __getitem__(self, key: str) -> Mapping[str, Any]:
        kept = self._kept.get(key)
        if kept is None:
            cell, seed = self._repeats[key]
            return {**self[cell], "seed": seed}
        if "like" not in kept:
            return kept
        whole, changed = self[kept["like"]], {name: value for name, value in kept.items() if name != "like"}
        recipe = {**whole["recipe"], **changed.pop("recipe", {})}
        return {**whole, "recipe": recipe, **changed}

    def __iter__(self) -> Iterator[str]:
        yield from self._kept
        yield from (key for key in self._repeats if key not in self._kept)

    def __len__(self) -> int:
        return len(self._kept.keys() | self._repeats.keys())
