"""What a network said of each sample of a split: the record from which every metric is derived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from afield.scoring.labels import label_array

COLUMNS = ("key", "split", "view", "sample", "unit", "cluster", "label", "logits")
"""of the tables of predictions that a result folder keeps: whose they are, then `Predictions.to_frame`"""


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
    """[n] index into `classes`; where a sample may have several, [n, classes] of 1, 0 and -1 (unknown)"""
    logits: npt.NDArray[np.float32]
    """[n, classes]"""
    columns: Mapping[str, npt.NDArray[np.str_]] = field(default_factory=dict)
    """[n] further columns of the samples by name, those alone that a metric needs; blank where a sample has no value"""

    @property
    def several(self) -> bool:
        """Whether a sample may have several of the classes."""
        return self.label.ndim == 2

    def probabilities(self) -> npt.NDArray[np.float64]:
        """Softmax of the logits, float64, shape [n, classes]; where a sample may have several classes the sigmoid of
        each.
        """
        from scipy.special import expit, softmax  # takes a while

        logits = self.logits.astype(np.float64)
        result: npt.NDArray[np.float64] = expit(logits) if self.several else softmax(logits, axis=1)
        return result

    def truth(self, index: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Which samples have the class at that place, and of which that is known; each [n]."""
        if self.several:
            return self.label[:, index] == 1, self.label[:, index] >= 0
        return self.label == index, np.ones(len(self.label), np.bool_)

    def to_frame(self, **columns: Any) -> pd.DataFrame:  # noqa: ANN401 - constant columns of any type
        """A tidy table: the given constant columns, then sample, unit, cluster, label, logits (a list a row)."""
        frame = pd.DataFrame(
            {
                "sample": self.sample.astype(str),
                "unit": self.unit.astype(str),
                "cluster": self.cluster.astype(str),
                "label": list(self.label) if self.several else self.label,
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
            label=label_array(frame["label"]),
            logits=np.stack(frame["logits"].to_list()).astype(np.float32)
            if len(frame)
            else np.zeros((0, len(classes)), np.float32),
        )


def misfit(frame: pd.DataFrame, classes: tuple[str, ...]) -> str:
    """Words for what keeps a table from being `Predictions.to_frame` of predictions of those classes; empty where
    nothing does.
    """
    lacking = set(COLUMNS) - set(frame.columns)
    if lacking:
        return f"it lacks the column {min(lacking)}"
    no_numbers = "its labels or logits are no numbers"
    try:
        label = label_array(frame["label"])
        logits = [np.asarray(each) for each in frame["logits"].to_list()]
        widths, types = {len(each) for each in logits}, {each.dtype for each in logits}
    except (TypeError, ValueError):
        return no_numbers
    if not all(np.issubdtype(each, np.number) for each in types):
        return no_numbers
    n = len(classes)
    if widths - {n}:
        return f"it has {min(widths - {n})} logits a sample, and the task {n} classes"
    if label.ndim == 2:
        fits = label.shape[1] == n and np.isin(label, (-1, 0, 1)).all()
        return "" if fits else "its labels are no vectors of 1, 0 and -1, one each class"
    unknown = label[(label < 0) | (label >= n)]
    return f"it has the label {unknown[0]}, and the task {n} classes" if len(unknown) else ""


def select(predictions: Predictions, rows: npt.NDArray[np.intp]) -> Predictions:
    """The samples at those places, which may repeat."""
    return Predictions(
        classes=predictions.classes,
        sample=predictions.sample[rows],
        unit=predictions.unit[rows],
        cluster=predictions.cluster[rows],
        label=predictions.label[rows],
        logits=predictions.logits[rows],
        columns={name: values[rows] for name, values in predictions.columns.items()},
    )
