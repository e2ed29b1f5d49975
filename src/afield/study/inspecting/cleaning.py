"""What a result folder holds that nobody needs any more: told first, removed when asked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from afield.base.errors import DamagedError, InputError
from afield.base.files import TEMPORARY, abandoned, is_folder, words_for_failed_writes
from afield.base.text import columns, count, megabytes
from afield.study.folder.index import RESULT
from afield.study.folder.mark import refuse_links, refuse_links_within
from afield.study.folder.trial_files import CHECKPOINT, WEIGHTS
from afield.study.running.claims import Claims, work_on
from afield.study.split_view import TEST
from afield.study.store import Store

Kind = Literal["checkpoint", "network", "temporary", "damaged"]
_WORDS: dict[Kind, str] = {
    "checkpoint": "of a training whose search has ended",
    "network": "of a training that no search chose",
    "temporary": "half written by a process that is gone",
    "damaged": "not what was written; the next run makes it anew",
}


@dataclass(frozen=True)
class Waste:
    """Something that can go."""

    kind: Kind
    path: Path
    bytes: int
    key: str = ""
    """the training's, where it is one's"""


def waste_in(store: Store) -> tuple[Waste, ...]:
    """All that can go: nothing that a search under way, a soup or an audit may need, nothing that any study of the
    folder chose, and nothing of a training that no plan of the folder names. Raises InputError while a run is at work,
    and for a link in the folder.
    """
    refuse_links(store.root)
    _refuse_company(Claims(store.root))
    for name in ("trials", "scores"):
        refuse_links_within(store.root / name)
    (chosen, audited), ended = store.selections.together(), _ended(store)
    kept = chosen | {key for key in audited if not store.scores.holds(key, TEST)}
    found = [waste for key in sorted(store.trials()) for waste in _of_trial(store, key, ended, kept)]
    found += [waste for key in sorted(chosen | audited) for waste in _damaged_score(store, key)]
    for folder, _, names in os.walk(store.root):
        if any(name.startswith(TEMPORARY) for name in names):
            found += [Waste("temporary", path, _size(path)) for path in abandoned(Path(folder))]
    return tuple(found)


def clean(store: Store) -> tuple[Waste, ...]:
    """Remove all that can go, and give it; what another run takes up meanwhile stays."""
    found, removed = waste_in(store), []
    with Claims(store.root) as claims:
        _refuse_company(claims)
        for waste in found:
            works = work_on(waste.key) if waste.key else ()
            with claims.held(*works) as ours, words_for_failed_writes(waste.path):
                if not ours:
                    continue
                if is_folder(waste.path):
                    (waste.path / RESULT).unlink(missing_ok=True)  # first: what is half removed is not finished
                    shutil.rmtree(waste.path)
                else:
                    waste.path.unlink(missing_ok=True)
                if waste.kind == "network":
                    waste.path.with_suffix(".json").unlink(missing_ok=True)
            removed.append(waste)
    return tuple(removed)


def describe_waste(found: tuple[Waste, ...], out: Path, *, done: bool) -> str:
    """How much that is or was, by kind, with the places of what is damaged."""
    if not found:
        return f"{out}: nothing to free"
    by_kind = {kind: [waste for waste in found if waste.kind == kind] for kind in _WORDS}
    rows = [
        (kind, str(len(each)), megabytes(sum(waste.bytes for waste in each)), _WORDS[kind])
        for kind, each in by_kind.items()
        if each
    ]
    total = f"{count(len(found), 'thing')}, {megabytes(sum(waste.bytes for waste in found))}"
    lines = [columns(rows, ("what", "count", "size", "why")), ""]
    lines += [f"damaged: {waste.path}" for waste in by_kind["damaged"]]
    lines.append(f"freed: {total}" if done else f"would free {total}; do it: afield clean {out} --yes")
    return "\n".join(lines)


def plain_waste(found: tuple[Waste, ...], out: Path, *, done: bool) -> dict[str, object]:
    """The same as plain values, each thing with its path."""
    return {"out": out, "removed": done, "bytes": sum(waste.bytes for waste in found), "waste": found}


def _refuse_company(claims: Claims) -> None:
    others = claims.at_work()
    if others:
        raise InputError(
            f"{claims.root}: a run is at work here ({', '.join(others)}); clean up when it has ended. What a killed "
            "run left, the next `afield run` clears"
        )


def _ended(store: Store) -> dict[str, bool]:
    """Keys of the trials whose searches have ended in every study that plans them and that makes no soups; whether they
    are cells.
    """
    going_on, ended = store.open_cells(""), dict[str, bool]()
    with_soups = {name for name in store.studies() if store.study_files.makes_soups(name)}
    for study in store.study_files.plans():
        for search in store.study_files.plan(study)["searches"]:
            for keys in search["repeats"]:
                for key in keys:
                    ended[key] = ended.get(key, False) or key == keys[0]
                    if study in with_soups:
                        going_on.add(key)
    return {key: is_cell for key, is_cell in ended.items() if key not in going_on}


def _of_trial(store: Store, key: str, ended: dict[str, bool], kept: frozenset[str]) -> Iterator[Waste]:
    folder = store.trial_folder(key)
    if key not in ended:
        return
    try:
        files = store.look(key)
    except DamagedError:
        yield Waste("damaged", folder, _size(folder), key)
        return
    over = files.result is not None or (ended[key] and key not in kept)
    if files.checkpoint and over:
        yield Waste("checkpoint", folder / CHECKPOINT, _size(folder / CHECKPOINT), key)
    if files.network and over and key not in kept:
        yield Waste("network", folder / WEIGHTS, _size(folder / WEIGHTS), key)


def _damaged_score(store: Store, key: str) -> Iterator[Waste]:
    try:
        store.scores.look(key)
    except DamagedError:
        folder = store.scores.folder(key)
        yield Waste("damaged", folder, _size(folder), key)


def _size(path: Path) -> int:
    """Bytes of a file or a link, or of all in a folder; what a link names is not in it."""
    if not is_folder(path):
        return path.lstat().st_size if path.exists() or path.is_symlink() else 0
    return sum(each.lstat().st_size for each in path.rglob("*") if each.is_file())
