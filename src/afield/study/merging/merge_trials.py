"""What folders have of one trial or soup, as one: equal results once, of several platforms one.

Kept is the result whose network was scored on test, by which its folder chose; of several such that in the folder named
first. Scores and network come from the same folder, or from one that has the same bits.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from afield.base.errors import InputError
from afield.base.files import TEMPORARY, words_for_failed_writes
from afield.base.hashing import sha256_file
from afield.study.folder.trial_files import TrialFiles, read_score
from afield.study.store import Store

_COSTS = ("seconds", "images_per_second")
"""of a history, that no two trainings share"""
_TOLD = ("best_epoch", "epochs", "ingredients", "validation", "validation_loss")
"""of a result, that all trainings of one trial on one platform share"""
_PREDICTIONS = "predictions.parquet"


@dataclass(frozen=True)
class _Held:
    """What one folder has of a trial."""

    store: Store
    key: str
    files: TrialFiles

    @property
    def result(self) -> Mapping[str, Any]:
        """Of one that is finished."""
        assert self.files.result is not None
        return self.files.result

    @property
    def machine(self) -> str:
        """That trained one that is finished, as far as it is told."""
        return str(self.result.get("machine", "an unknown machine"))

    @property
    def scores(self) -> Path:
        """Where its scores lie."""
        return self.store.scores.folder(self.key)

    @property
    def worth(self) -> tuple[int, ...]:
        """Larger for what is kept: a result, the more of it the better; then a failure, which is certain; then the
        longest training under way.
        """
        return (
            self.files.result is not None,
            len(_sealed(self.scores)),
            self.store.weights(self.key).exists(),
            self.files.failure is not None,
            len(self.files.history),
            self.store.checkpoint(self.key).exists(),
        )


def merge_trial(target: Store, stores: Sequence[Store], key: str) -> Iterator[str]:
    """Write what folders have of a trial into a new one; gives a line where its results are of several platforms.

    Raises InputError for results of one platform that differ, DamagedError for one that is damaged.
    """
    having = [store for store in stores if store.trial_folder(key).exists()]
    held = [_Held(store, key, store.read(key)) for store in having]
    kept = max(held, key=lambda each: each.worth)  # of equals the first
    finished = [each for each in held if each.files.result is not None]
    for place, one in enumerate(finished):
        for other in finished[place + 1 :]:
            if one.result["platform"] == other.result["platform"]:
                _refuse_other_bits(one, other)
    copy(kept.store, f"trials/{key}", target)
    if kept not in finished:
        return
    alike = [each for each in finished if each.result["platform"] == kept.result["platform"]]
    for each in (kept, *alike):
        for folder in _sealed(each.scores):
            copy(each.store, folder.relative_to(each.store.root).as_posix(), target, deep=False)
    if len(alike) < len(finished):
        machines = ", ".join(sorted({each.machine for each in finished if each not in alike}))
        yield (
            f"trial {key}: there are results of several platforms; kept is that of {kept.store.root} "
            f"({kept.machine}), not that of {machines}"
        )


def copy(source: Store, name: str, target: Store, *, deep: bool = True) -> None:
    """Copy a file or a folder of a result folder into another one, half-written files left out; what is there stays.
    Without `deep` folders in it are left out.
    """
    place = source.root / name
    paths = [place] if place.is_file() else sorted(place.rglob("*") if deep else place.glob("*"))
    for path in paths:
        new = target.root / path.relative_to(source.root)
        if path.is_file() and not path.name.startswith(TEMPORARY) and not new.exists():
            with words_for_failed_writes(new):
                new.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, new)


def _sealed(scores: Path) -> list[Path]:
    """The folders of whole scores of a network: that of test and, in it, those of further splits and views."""
    return sorted(path.parent for path in scores.rglob("result.json"))


def _platform(score: Path) -> Mapping[str, str] | None:
    found = read_score(score)
    return None if found is None else found.get("platform")


def _refuse_other_bits(one: _Held, other: _Held) -> None:
    """Raise InputError where two results of a trial on one platform differ in anything but what they cost."""
    folders = [each.store.trial_folder(each.key) for each in (one, other)]
    differ = [name for name in _TOLD if one.result.get(name) != other.result.get(name)]
    histories = [[_without_costs(row) for row in each.files.history] for each in (one, other)]
    if histories[0] != histories[1]:
        differ.append("history")
    if not _same(*(folder / _PREDICTIONS for folder in folders)):
        differ.append("predictions")
    for score in _sealed(one.scores):
        place = score.relative_to(one.scores)
        twin = other.scores / place
        if not (twin / "result.json").exists() or _platform(score) != _platform(twin):
            continue
        if not _same(score / _PREDICTIONS, twin / _PREDICTIONS):
            differ.append(f"predictions of {(Path('scores') / place).as_posix()}")
    if differ:
        raise InputError(
            f"trial {one.key}: {folders[0]} and {folders[1]} hold other results of one trial on one platform "
            f"({', '.join(differ)}), which cannot be: one of them was altered, or its machine is not sound. Remove one "
            "of these folders and run its study again"
        )


def _without_costs(row: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name not in _COSTS}


def _same(one: Path, other: Path) -> bool:
    """Whether two tables of predictions hold the same: files written by other libraries may differ all the same."""
    if sha256_file(one) == sha256_file(other):
        return True
    frames = [pd.read_parquet(path) for path in (one, other)]
    mine, theirs = (np.stack(frame.pop("logits").to_list()) for frame in frames)
    return frames[0].equals(frames[1]) and np.array_equal(mine, theirs)
