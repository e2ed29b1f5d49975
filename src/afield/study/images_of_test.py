"""Single test images for a page: from the prepared images in this machine's cache, since a result folder holds none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from afield.tasks.boxes import pictures


@dataclass(frozen=True)
class PreparedTest:
    """Where a task's test images lie as networks were shown them, without any augmentation."""

    samples: Path
    """the task's samples in the result folder"""
    images: Path
    """folder of the prepared images"""

    def of(self, wanted: Collection[str]) -> dict[str, npt.NDArray[np.uint8]]:
        """The images of those samples, [height, width, 3], by id; those that are not there are left out. Raises
        StoreError where the prepared images are not whole.
        """
        from afield.images.prepared import open_prepared  # whoever reads tables alone starts without it

        table = pd.read_parquet(self.samples)
        table = table[table["split"] == "test"]
        shown = pictures(table)
        place = {picture: number for number, picture in enumerate(dict.fromkeys(shown))}
        images = open_prepared(self.images)
        if len(images) != len(place):  # of another state of the data
            return {}
        return {
            sample: in_colours(images.image(place[picture]))
            for sample, picture in zip(table["id"].astype(str), shown, strict=True)
            if sample in wanted
        }


def in_colours(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """What a page shows of [height, width, channels]: the first three as colours, else the first as grey."""
    return pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1].repeat(3, axis=2)
