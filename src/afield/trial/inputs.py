"""A split's samples with their images, as trainings and scores are given them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from afield.images.prepared import PreparedImages
from afield.scoring.labels import label_array
from afield.scoring.predictions import Predictions

if TYPE_CHECKING:
    from afield.images.samples import Samples


@dataclass(frozen=True)
class SplitInputs:
    """One split's samples and their prepared images, in one order."""

    table: pd.DataFrame
    """id, label, unit, cluster of the n samples, and where they have one their weight"""
    images: PreparedImages
    row: npt.NDArray[np.int64]
    """[n] position of each sample's image in `images`"""

    def samples(self) -> Samples:
        """What the loader needs of it. Weights are scaled to a mean of 1."""
        from afield.images.samples import Samples

        weight = None
        if "weight" in self.table:
            given = self.table["weight"].to_numpy(np.float64)
            weight = (given / given.mean()).astype(np.float32)
        names = self.table["id"].to_numpy(dtype=np.str_)
        return Samples(self.images, self.row, label_array(self.table["label"]), weight, names)

    def predictions(self, classes: tuple[str, ...], logits: npt.NDArray[np.float32]) -> Predictions:
        """Logits [n, classes] with whom they are about."""
        sample, unit, cluster = (self.table[name].to_numpy(dtype=np.str_) for name in ("id", "unit", "cluster"))
        return Predictions(classes, sample, unit, cluster, label_array(self.table["label"]), logits)
