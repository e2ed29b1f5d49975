"""What the cells that a search trained to the end would have reached on other images like those that selected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from afield.scoring.intervals import bootstrap_weights, resampled_values
from afield.scoring.metric import Metric
from afield.scoring.predictions import Predictions
from afield.study.record import SearchRecord, StudyRecord
from afield.study.split_view import VALIDATION
from afield.study.store import Store

CELL_RESAMPLES = 400
"""enough for a mean and a band that a reader looks at; a study may have thousands of cells"""


def with_resampled_cells(record: StudyRecord, out: str | Path) -> StudyRecord:
    """The record with `resampled_cells`: by key of each cell that a search brought to its last epoch the leading metric
    of its stored predictions in each resample of the selecting split's clusters, the same resamples for all cells of a
    task. Searches that brought one cell there, and tasks that a metric of one's own leads, have none.
    """
    store = Store.open(Path(out))
    found: dict[str, npt.NDArray[np.float64]] = {}
    for search in record.searches:
        if len(search.finalists) > 1 and record.task(search.task).own_range is None:
            for key in search.finalists:
                if key not in found:
                    found[key] = _resampled(store, record, search, key)
    return replace(record, resampled_cells=found)


def _resampled(store: Store, record: StudyRecord, search: SearchRecord, key: str) -> npt.NDArray[np.float64]:
    classes = record.task(search.task).classes
    said = Predictions.from_frame(store.scores.predictions(key, VALIDATION, classes), classes)
    metric: Metric = record.metric(search.task)
    return resampled_values(metric.on(said), said, bootstrap_weights(said.cluster, CELL_RESAMPLES))
