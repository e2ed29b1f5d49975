"""What a result folder keeps of a task: every sample with its label and split, card and counts, a few pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from afield.base.files import safe_name, write_atomic, write_json
from afield.study.sealed import read_json, write_parquet


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
        """Write a task's samples and card."""
        write_parquet(self.samples(task, identity), table)  # always: what lies there may have been changed
        write_json(self.folder(task, identity) / "task.json", content)

    def write_pictures(self, task: str, identity: str, label: int, images: Sequence[npt.NDArray[np.uint8]]) -> None:
        """Write a few images of a class as the network sees them, [height, width, 3] each."""
        for number, image in enumerate(images):
            path = self.folder(task, identity) / "pictures" / f"{label}-{number}.png"
            if not path.exists():
                write_atomic(path, Image.fromarray(image).save)

    def read_pictures(self, task: str, identity: str, label: int) -> tuple[npt.NDArray[np.uint8], ...]:
        """The images that `write_pictures` wrote of a class."""
        folder = self.folder(task, identity) / "pictures"
        return tuple(np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.glob(f"{label}-*.png")))

    def read(self, task: str, identity: str) -> Mapping[str, Any]:
        """A task's card and counts."""
        return read_json(self.folder(task, identity) / "task.json")
