"""Labels that are probably wrong, by confident learning (Northcutt, Jiang, Chuang 2021, arXiv 1911.00068) with
`cleanlab`, as a list for somebody to read. Nothing is changed by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from afield.base.errors import InputError
from afield.base.files import write_text
from afield.base.reading import Reading
from afield.scoring.predictions import Predictions
from afield.study.collecting.out_of_fold import out_of_fold
from afield.study.record import StudyRecord
from afield.tasks.boxes import WHOLE
from afield.tasks.builtin import find_task
from afield.tasks.data import split_samples
from afield.tasks.labels import HAS, UNKNOWN, Vector
from afield.tasks.places import data_folder
from afield.tasks.reviewed import label_words
from afield.tasks.task import Task

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Doubt:
    """A sample whose label is probably wrong."""

    id: str
    image: str
    box: str
    label: str
    """in words"""
    suggested: str
    self_confidence: float
    """out-of-fold probability of the label that it has, 0 to 1; of several labels the lowest of those in doubt"""
    confidence: float
    """the same of the suggested one"""


@dataclass(frozen=True)
class Doubts:
    """The doubtful labels of a task, the most doubtful first."""

    task: str
    title: str
    root: Path
    reading: Reading
    samples: int
    """that were looked at"""
    networks: int
    folds: int
    intervention: str
    found: tuple[Doubt, ...]


def doubtful(
    record: StudyRecord, task: str | None = None, intervention: str | None = None, data: Path | None = None
) -> Doubts:
    """The doubtful labels of a task with folds (by default the study's only one), from the out-of-fold predictions of
    all backbones and seeds of an intervention. `data` is the folder that holds the tasks' folders.

    Of several labels a sample each class is looked at for itself, among the samples of which it is known. Raises
    InputError where there are no out-of-fold predictions, where the data are not those that were trained on, and where
    `cleanlab` is not installed.
    """
    said = out_of_fold(record, task, intervention)
    found = find_task(said.folds[0], record.study.tasks)
    table = split_samples(found, record.study.study.protocol, data).set_index("id")
    _check_same(said.task, table, said.predictions)
    probabilities = said.predictions.probabilities()
    rows = _of_several(said.predictions, probabilities) if said.predictions.several else _of_one(said.predictions)
    doubts = [
        _doubt(found, table, str(said.predictions.sample[row]), suggested, confidences)
        for row, suggested, confidences in rows
    ]
    return Doubts(
        task=said.task,
        title=said.task,
        root=found.find(data_folder(data)).resolve(),
        reading=found.reading,
        samples=len(said.predictions.sample),
        networks=said.networks,
        folds=len(said.folds),
        intervention=said.intervention,
        found=tuple(sorted(doubts, key=lambda doubt: (doubt.self_confidence, doubt.id))),
    )


def write_list(doubts: Doubts, path: Path, action: str = "") -> None:
    """Write the list as CSV, with a column `action` for its reader: empty, or what `action` says of every row. Raises
    StoreError where the path cannot be written.
    """
    columns = ["id", "image", "label", "suggested", "self_confidence", "confidence", "action"]
    rows = [
        (
            each.id,
            each.image,
            each.label,
            each.suggested,
            f"{each.self_confidence:.4f}",
            f"{each.confidence:.4f}",
            action,
        )
        for each in doubts.found
    ]
    write_text(path, pd.DataFrame(rows, columns=columns).to_csv(index=False, lineterminator="\n"))


def describe_doubts(doubts: Doubts, path: Path, page: Path) -> str:
    """What was found, and what to do with it."""
    share = len(doubts.found) / doubts.samples
    networks = "one network" if doubts.networks == 1 else f"the mean of {doubts.networks} networks"
    return (
        f"{doubts.task}: {len(doubts.found):,} of {doubts.samples:,} labels are doubtful ({share:.1%}), by {networks} "
        f"a fold ({doubts.folds} folds, {doubts.intervention})\n"
        f"List: {path}\nPage: {page}\n"
        "Nothing was changed. Look at the pictures, write drop, relabel or keep into the column action, and name the "
        f'list in a study: [interventions.NAME] reviewed = {{ {doubts.task} = "{path.name}" }}'
    )


def _check_same(name: str, table: pd.DataFrame, predictions: Predictions) -> None:
    """The labels are those that the networks were scored against."""
    lacking = [sample for sample in predictions.sample.tolist() if sample not in table.index]
    labels = table["label"].to_dict()
    pairs = zip(predictions.sample.tolist(), predictions.label.tolist(), strict=True)
    other = lacking or [
        sample for sample, label in pairs if (tuple(label) if isinstance(label, list) else label) != labels[sample]
    ]
    if other:
        raise InputError(
            f"{name}: {other[0]}: is gone or has another label than when the study was run; run it again on the data "
            "as they are"
        )


def _of_one(predictions: Predictions) -> list[tuple[int, int, tuple[float, float]]]:
    """Row, suggested class, and the probabilities of the label and of the suggestion."""
    probabilities = predictions.probabilities()
    best = probabilities.argmax(axis=1)
    return [
        (row, int(best[row]), (float(probabilities[row, predictions.label[row]]), float(probabilities[row, best[row]])))
        for row in _issues(predictions.label, probabilities)
        if best[row] != predictions.label[row]
    ]


def _of_several(predictions: Predictions, probabilities: Floats) -> list[tuple[int, Vector, tuple[float, float]]]:
    """The same of vectors: classes in doubt are turned round."""
    turned: dict[int, dict[int, float]] = {}
    for place in range(probabilities.shape[1]):
        known = np.flatnonzero(predictions.label[:, place] != UNKNOWN)
        label = predictions.label[known, place]
        if len(np.unique(label)) < 2:
            continue
        has = probabilities[known, place]
        both = np.stack([1 - has, has], axis=1)
        for row in _issues(label, both):
            if both[row, label[row]] < 0.5:
                turned.setdefault(int(known[row]), {})[place] = float(both[row, label[row]])
    rows = []
    for row, places in turned.items():
        vector = [int(known) for known in predictions.label[row]]
        for place in places:
            vector[place] = HAS - vector[place]
        least = min(places.values())
        rows.append((row, tuple(vector), (least, 1 - least)))
    return rows


def _issues(labels: npt.NDArray[np.int64], probabilities: Floats) -> list[int]:
    """Rows whose labels confident learning finds wrong, by the noise rate of each pair of classes."""
    try:
        from cleanlab.filter import find_label_issues
    except ImportError:
        raise InputError(
            "doubtful labels are found by cleanlab, which is not installed: pip install 'afield[clean]'"
        ) from None
    found = find_label_issues(labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    return [int(row) for row in found]


def _doubt(
    task: Task, table: pd.DataFrame, sample: str, suggested: int | Vector, confidences: tuple[float, float]
) -> Doubt:
    box = str(table.at[sample, "box"]) if "box" in table else WHOLE
    label = label_words(task, cast("int | Vector", table.at[sample, "label"]))
    return Doubt(sample, str(table.at[sample, "image"]), box, label, label_words(task, suggested), *confidences)
