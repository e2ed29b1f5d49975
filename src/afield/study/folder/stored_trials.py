"""The trials of a plan as a result folder keeps them: the first of each search whole, the others as what they change.

    "trials": {"3f2a...": {"task": ..., "recipe": {...}, ...}, "91c0...": {"like": "3f2a...", "recipe": {"epochs": 5}}}

Repeats are not kept: they are their cell under another seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from afield.trial.trial import Trial, changed_fields


def stored(cells: Sequence[Trial], keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The cells of a search, by key, as they are kept."""
    first = cells[0]
    table = first.model_dump(mode="json")
    kept = {keys[0]: table}
    for key, cell in zip(keys[1:], cells[1:], strict=True):
        changed = changed_fields(first, cell)
        if "recipe" in changed:
            whole, mine = table["recipe"], changed["recipe"]
            changed["recipe"] = {name: value for name, value in mine.items() if whole[name] != value}
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
