"""What a network said of each sample of a split: the record from which every metric is derived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import softmax


@dataclass(frozen=True)
class Predictions:
    """One network's outputs on the n samples of one split, classes in the task's order."""

    classes: tuple[str, ...]
    sample: npt.NDArray[np.str_]
    """[n] ids of the samples"""
    unit: npt.NDArray[np.str_]
    """[n] what is scored (image, sequence, examination)"""
    cluster: npt.NDArray[np.str_]
    """[n] what is resampled together for intervals"""
    label: npt.NDArray[np.int64]
    """[n] index into `classes`"""
    logits: npt.NDArray[np.float32]
    """[n, classes]"""

    def probabilities(self) -> npt.NDArray[np.float64]:
        """Softmax of the logits, float64, shape [n, classes]."""
        result: npt.NDArray[np.float64] = softmax(self.logits.astype(np.float64), axis=1)
        return result

    def to_frame(self, **columns: Any) -> pd.DataFrame:  # noqa: ANN401 - constant columns of any type
        """A tidy table: the given constant columns, then sample, unit, cluster, label, logits (a list a row)."""
        frame = pd.DataFrame(
            {
                "sample": self.sample.astype(str),
                "unit": self.unit.astype(str),
                "cluster": self.cluster.astype(str),
                "label": self.label,
                "logits": list(self.logits),
            }
        )
        for position, (name, value) in enumerate(columns.items()):
            frame.insert(position, name, value)
        return frame

    @staticmethod
    def from_frame(frame: pd.DataFrame, classes: tuple[str, ...]) -> Predictions:
        """The inverse of `to_frame` for the rows of one network on one split."""
        return Predictions(
            classes=classes,
            sample=frame["sample"].to_numpy(dtype=np.str_),
            unit=frame["unit"].to_numpy(dtype=np.str_),
            cluster=frame["cluster"].to_numpy(dtype=np.str_),
            label=frame["label"].to_numpy(dtype=np.int64),
            logits=np.stack(frame["logits"].to_list()).astype(np.float32)
            if len(frame)
            else np.zeros((0, len(classes)), np.float32),
        )
