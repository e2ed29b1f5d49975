"""What chosen networks said of test, of further test splits and of other views: the part of a result folder that no
training reads.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from afield.base.errors import DamagedError
from afield.base.files import words_for_failed_writes
from afield.base.hashing import sha256_file
from afield.scoring.predictions import Predictions, misfit
from afield.study.folder.index import RESULT, Index
from afield.study.folder.sealed import read_lines, read_parquet, seal, write_parquet
from afield.study.folder.trial_files import look_at_score, look_at_trial, names_in, read_score
from afield.study.split_view import TEST, VALIDATION, SplitView

_PREDICTIONS, _RESAMPLED = "predictions.parquet", "resampled.parquet"


class Scores:
    """The scores of a result folder: `OUT/scores/<key>/` for test, `<split>--<view>/` in it for all else."""

    def __init__(self, root: Path, index: Index) -> None:
        self.root = root
        self._index = index

    def folder(self, key: str, at: SplitView = TEST) -> Path:
        """Where a trial's score on a split and view lies."""
        return self.root / "scores" / key / at.folder

    def all_keys(self) -> set[str]:
        """Keys of all trials and soups that have a folder of scores here, whole or not."""
        return names_in(self.root / "scores")

    def joined(self, key: str, at: SplitView) -> Path:
        """Where the metrics of an ensemble, or of joined folds, lie."""
        return self.root / "joined" / key / at.folder

    def log_read(self, key: str, at: SplitView) -> None:
        """Note that a test split is about to be read; one line, appended. Validation is no test split, and is not
        noted. Raises StoreError where it cannot be noted.
        """
        if at.split == VALIDATION.split:
            return
        path = self._log()
        # the number tells this read from every other one, so that folders can be merged more than once
        line = json.dumps({"key": key, "split": at.split, "view": at.view, "read": uuid.uuid4().hex[:12]}) + "\n"
        with words_for_failed_writes(path), path.open("a", encoding="utf-8") as stream:
            stream.write(line)

    def reads(self) -> int:
        """How many times a test split was read."""
        return len(read_lines(self._log()))

    def _log(self) -> Path:
        return self.root / "test_reads.jsonl"

    def write(self, key: str, at: SplitView, predictions: Predictions) -> None:
        """Write a trial's predictions; they count once `seal` has sealed them, and what stood there no longer does."""
        with words_for_failed_writes(self.folder(key, at)):
            (self.folder(key, at) / RESULT).unlink(missing_ok=True)
        frame = predictions.to_frame(key=key, split=at.split, view=at.view)
        write_parquet(self.folder(key, at) / _PREDICTIONS, frame)

    def seal(self, key: str, at: SplitView, result: Mapping[str, Any]) -> None:
        """Write a score's result with the checksums of what belongs to it: the last file."""
        folder = self.folder(key, at)
        seal(folder, [name for name in (_PREDICTIONS, _RESAMPLED) if (folder / name).exists()], result)

    def read(self, key: str, at: SplitView = TEST) -> Mapping[str, Any] | None:
        """The result of a score; None where there is none. Raises StoreError where it fails its checksum."""
        return read_score(self.folder(key, at))

    def look(self, key: str, at: SplitView = TEST) -> Mapping[str, Any] | None:
        """The same, from the index where no file has changed since it was checked."""
        return look_at_score(self.root, self._index, _place(key, at))

    def holds_any(self, key: str) -> bool:
        """Whether a trial has a folder of scores at all: most of a plan's have none, and this is told quickly."""
        return os.path.isdir(f"{self.root}/scores/{key}")  # noqa: PTH112 - 30,000 times a start: a Path costs more

    def holds(self, key: str, at: SplitView) -> bool:
        """Whether a whole score is there; one that is damaged counts for nothing, since it can be made again."""
        try:
            return self.look(key, at) is not None
        except DamagedError:
            return False

    def predictions(self, key: str, at: SplitView, classes: tuple[str, ...]) -> pd.DataFrame:
        """The predictions table of a scored trial, or of a finished one on plain validation. Raises DamagedError where
        it is not about a task of those classes: a table and the record of its task are each sealed, and not together.
        """
        path = self._predictions(key, at)
        frame = read_parquet(path)
        words = misfit(frame, classes)
        if words:
            raise DamagedError(
                f"{path}: does not fit the record of its task in {self.root / 'tasks'} ({words}); run the study again "
                f"to make the record anew, and if that mends nothing, remove {path.parent} and run it once more"
            )
        return frame

    def hash_of(self, key: str, at: SplitView) -> str:
        """SHA-256 of those predictions. Raises DamagedError where they are missing, or where there is a result and they
        are not those that it seals; without a result, of what lies there: a score is measured before it is sealed.
        Whoever reads a network's predictions asks this first, of a soup's too, which nobody else has checked.
        """
        result = look_at_trial(self.root, self._index, key).result if at == VALIDATION else self.look(key, at)
        sealed = None if result is None else result["sha256"].get(_PREDICTIONS)
        path = self._predictions(key, at)
        if sealed is None and not path.is_file():
            raise DamagedError(f"{path}: is missing; run the study again to make this result anew")
        if sealed is None and result is not None:
            raise DamagedError(
                f"{path}: is none of the files that {RESULT} tells of; remove the folder {path.parent} and run the "
                "study again to make this result anew"
            )
        return sealed or sha256_file(path)

    def _predictions(self, key: str, at: SplitView) -> Path:
        if at == VALIDATION:
            return self.root / "trials" / key / _PREDICTIONS
        return self.folder(key, at) / _PREDICTIONS

    def write_resampled(self, key: str, at: SplitView, values: npt.NDArray[np.float64]) -> None:
        """Keep what one's own metric gave in each resample of the split, [resamples]."""
        write_parquet(self.folder(key, at) / _RESAMPLED, pd.DataFrame({"value": values}))

    def resampled(self, key: str, at: SplitView = TEST) -> npt.NDArray[np.float64]:
        """What `write_resampled` wrote."""
        table = read_parquet(self.folder(key, at) / _RESAMPLED)
        return table["value"].to_numpy(dtype=np.float64)


def _place(key: str, at: SplitView) -> str:
    """The folder of a score below the root."""
    return f"scores/{key}/{at.folder}".rstrip("/")
