"""How the errors of all backbones go together by metrics that do not lead: by a jackknife, for a bootstrap takes long.

The leading metric of a task is resampled (`paired.py`), for its ranking and pairs read the resamples. Of the others the
fits alone ask for a covariance of errors, which is the product of what each block of test samples makes each backbone
swing by (`scoring/jackknife.py`), with what seeds add.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from afield.analysis.ranking.paired import PairedScores, networks_of, rows_of, settled, test_predictions
from afield.scoring.jackknife import blocks_of, swings
from afield.scoring.metric import Floats, Metric
from afield.scoring.metrics import metric
from afield.scoring.predictions import Predictions
from afield.study.record import StudyRecord


@dataclass(frozen=True)
class Covariance:
    """Of the errors of one metric on one task."""

    metric: str
    table: pd.DataFrame
    """by backbone, from test samples and seeds; NaN where a block that is left out leaves the metric undefined"""
    blocks: int
    """of test samples; there is one degree of freedom less than that"""


def covariances(record: StudyRecord, task: str, intervention: str, metrics: Sequence[str]) -> Iterator[Covariance]:
    """Of the networks of a task under an intervention, by each of those metrics that come with afield.

    Raises InputError where two networks were not scored on the same test samples.
    """
    rows = {name: rows_of(record, task, name, (intervention,)) for name in metrics}
    keys = {key for table in rows.values() for key in table["key"]}
    scored = test_predictions(record, keys, record.task(task).classes)
    for name, table in rows.items():
        if len(table):
            yield _covariance(record, metric(name), table, scored)


def _covariance(
    record: StudyRecord, measured: Metric, rows: pd.DataFrame, scored: Mapping[str, Predictions]
) -> Covariance:
    first = scored[rows["key"].iloc[0]]
    block = blocks_of(first.cluster)

    def swing(key: str) -> Floats:
        return swings(settled(record, measured, key, first.classes), scored[key], block)

    scores = PairedScores(measured, networks_of(rows, swing), len(first.label), int(block.max()) + 1)
    networks = {backbone: mine for (backbone, _), mine in scores.networks.items()}
    swung = np.stack([mine.resampled for mine in networks.values()])
    return Covariance(measured.name, scores.with_seeds(swung @ swung.T, networks), scores.clusters)
