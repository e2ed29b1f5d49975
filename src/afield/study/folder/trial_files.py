"""What the folders of trials and scores tell, checked against their checksums, or known from the index."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from afield.base.errors import DamagedError
from afield.study.folder.history import History, Rows
from afield.study.folder.index import RESULT, Index
from afield.study.folder.sealed import read_json, read_rows, unseal
from afield.study.folder.shapes import ScoreResult, TrialResult

CHECKPOINT, FAILURE, HISTORY = "checkpoint.pt", "failure.json", "history.jsonl"
WEIGHTS = "weights.safetensors"
_COLUMNS = ("epoch", "validation", "validation_loss", "seconds")
"""that every row of a history has"""


@dataclass(frozen=True)
class TrialFiles:
    """What the folder of a trial tells without reading large files."""

    history: Rows = ()
    result: Mapping[str, Any] | None = None
    """of a finished trial: best_epoch, validation, validation_loss, seconds, platform, machine"""
    failure: Mapping[str, str] | None = None
    """reason and trace; a finished trial has one where it could not be scored"""
    checkpoint: bool = False
    network: bool = False
    """whether these lie there"""


def names_in(folder: Path) -> set[str]:
    """Names of what lies in a folder; none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries}
    except FileNotFoundError:
        return set()


def read_trial(folder: Path) -> TrialFiles:
    """What there is of a trial. Raises DamagedError where its files are not what was written."""
    if not folder.exists():
        return TrialFiles()
    rows = read_history(folder / HISTORY)
    return TrialFiles(
        History.of(rows) or rows,
        unseal(folder, TrialResult) if (folder / RESULT).exists() else None,
        _failure(folder / FAILURE) if (folder / FAILURE).exists() else None,
        (folder / CHECKPOINT).exists(),
        (folder / WEIGHTS).exists(),
    )


def look_at_trial(root: Path, index: Index, key: str) -> TrialFiles:
    """The same, from the index where no file has changed since it was checked."""
    place = f"trials/{key}"
    known = index.known(place)
    if known is None:
        seen = index.look(place)
        if seen is None:
            return TrialFiles()
        files = read_trial(root / place)
        index.note(place, seen, files.result, files.history)
        return files
    failure = _failure(root / place / FAILURE) if FAILURE in known.names else None
    return TrialFiles(known.history, known.result, failure, CHECKPOINT in known.names, WEIGHTS in known.names)


def check_told(folder: Path, told: Mapping[str, Any]) -> None:
    """Raise DamagedError where `trial.json`, of that content, is not what the training was hashed from or, of a soup,
    one of this folder.
    """
    from afield.trial.trial import key_of  # a tenth of a second, and `afield status` needs none

    try:
        whole = key_of(told) in (names_in(folder.parent) if (folder / "soup.json").exists() else {folder.name})
    except ValueError:
        whole = False  # no training is hashed from what is infinite
    if not whole:
        raise DamagedError(
            f"{folder / 'trial.json'}: tells of another training; remove the folder {folder} and run the study again "
            "to train it anew"
        )


def read_score(folder: Path) -> Mapping[str, Any] | None:
    """The result of a score; None where there is none. Raises DamagedError where its files are not what was written."""
    return unseal(folder, ScoreResult) if (folder / RESULT).exists() else None


def look_at_score(root: Path, index: Index, place: str) -> Mapping[str, Any] | None:
    """The same of a folder below the root, from the index where no file has changed since it was checked."""
    known = index.known(place)
    if known is not None:
        return known.result
    seen = index.look(place)
    if seen is None:
        return None
    result = read_score(root / place)
    index.note(place, seen, result, ())
    return result


def read_history(path: Path) -> Rows:
    """A row an epoch; none without the file. Raises DamagedError for what no training writes."""
    rows = read_rows(path)
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not all(_is_number(row.get(name)) for name in _COLUMNS):
            raise DamagedError(f"{path}:{number}: is no row of numbers; run the study again to make this result anew")
        if row["epoch"] != number or not isfinite(row["validation"]):
            raise DamagedError(
                f"{path}:{number}: is not the row of epoch {number} with a finite metric; run the study again to make "
                "this result anew"
            )
    return rows


def _is_number(value: object) -> bool:
    return isinstance(value, float) or (type(value) is int and abs(value) < 2**53)


def _failure(path: Path) -> dict[str, str]:
    told = read_json(path)
    return {name: str(told.get(name, "")) for name in ("reason", "trace")}
