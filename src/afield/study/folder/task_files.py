"""What a result folder keeps of a task: every sample with its label and split, card and counts, a few pictures."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from afield.base.errors import DamagedError, StoreError
from afield.base.extensions import is_own
from afield.base.files import keep_text, safe_name, write_atomic
from afield.base.hashing import sha256_file
from afield.base.regular import read_bytes
from afield.scoring.metrics import METRICS
from afield.study.folder.sealed import read_json, sealed_text, write_parquet, write_sealed
from afield.study.folder.shapes import StoredTask, check_shape, misfit


class TaskFiles:
    """The tasks of a result folder, by name and identity (a hash of data, splits and classes)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, task: str, identity: str) -> Path:
        """Where samples, card and pictures of a task lie."""
        return self.root / "tasks" / f"{safe_name(task, 80)}-{identity[:12]}"

    def samples(self, task: str, identity: str) -> Path:
        """Where a task's samples lie."""
        return self.folder(task, identity) / "samples.parquet"

    def write(self, task: str, identity: str, table: pd.DataFrame, content: Mapping[str, Any]) -> None:
        """Write a task's samples and card, unless they lie there."""
        path = self.samples(task, identity)
        if not self._holds(task, identity, content):
            write_parquet(path, table)
            write_sealed(self._about(task, identity), {**content, "sha256": sha256_file(path)})

    def _holds(self, task: str, identity: str, content: Mapping[str, Any]) -> bool:
        """Whether this is what is there, unaltered."""
        try:
            there = {**self.read(task, identity)}
        except StoreError:
            return False
        return there.pop("sha256", None) is not None and there == json.loads(json.dumps(content))

    def _about(self, task: str, identity: str) -> Path:
        return self.folder(task, identity) / "task.json"

    def write_pictures(self, task: str, identity: str, label: int, images: Sequence[npt.NDArray[np.uint8]]) -> None:
        """Write a few images of a class as the network sees them, [height, width, 3] each, unless they lie there."""
        for number, image in enumerate(images):
            path = self.folder(task, identity) / "pictures" / f"{label}-{number}.png"
            try:
                _picture(path)
            except DamagedError:
                write_atomic(path, Image.fromarray(image).save)

    def read_pictures(self, task: str, identity: str, label: int) -> tuple[npt.NDArray[np.uint8], ...]:
        """The images that `write_pictures` wrote of a class. Raises DamagedError for one that cannot be read."""
        paths = sorted((self.folder(task, identity) / "pictures").glob(f"{label}-*.png"))
        return tuple(map(_picture, paths))

    def note_prepared(self, task: str, identity: str, images: Path) -> None:
        """Note the name of the folder in the cache that holds the prepared images of test."""
        keep_text(self._prepared(task, identity), sealed_text({"test": images.name}))

    def prepared(self, task: str, identity: str) -> str | None:
        """The name that `note_prepared` noted; None where nobody did."""
        path = self._prepared(task, identity)
        if not path.exists():
            return None
        content = read_json(path)
        if "test" not in content:
            raise DamagedError(f"{path}: is not what was written of {task}; run the study again to make it anew")
        return str(content["test"])

    def _prepared(self, task: str, identity: str) -> Path:
        return self.folder(task, identity) / "prepared.json"

    def read(self, task: str, identity: str) -> Mapping[str, Any]:
        """A task's card and counts. Raises StoreError where they, or its samples, are not what was written."""
        about, samples = self._about(task, identity), self.samples(task, identity)
        content = read_json(about)
        if content.get("name") != task:
            raise DamagedError(f"{about}: is not what was written of {task}; run the study again to make it anew")
        expected = content.get("sha256")
        if expected is not None and not (samples.is_file() and sha256_file(samples) == expected):
            raise DamagedError(
                f"{samples}: was altered, cut or lost (task.json tells of another one); run the study again to make it "
                "anew"
            )
        check_shape(about, content, StoredTask)
        if content["metrics"][:1] != [content["metric"]]:
            raise misfit(about, "metrics: the leading one is not the first")
        unknown = [each for each in content["metrics"] if not (is_own(each) or each in METRICS)]
        if unknown:
            raise misfit(about, f"metrics: {unknown[0]} is none of them")
        return content


def _picture(path: Path) -> npt.NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(read_bytes(path))) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DamagedError(
            f"{path}: cannot be read as a picture ({error}); remove it, and the page shows one less"
        ) from error
