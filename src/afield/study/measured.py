"""The metrics of a scored trial: derived from its stored predictions, kept beside them, since thousands of resamples of
ten metrics take seconds a trial.

What is kept counts only while it was made by this SCORING_VERSION from these very predictions; else it is made anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from afield.base.errors import StoreError
from afield.base.extensions import is_own
from afield.base.files import write_json
from afield.scoring.intervals import bootstrap_weights, metric_interval, resampled_values
from afield.scoring.metric import Metric
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions
from afield.study.sealed import read_json
from afield.study.store import Store

SCORING_VERSION = 1
"""raised whenever a metric or its interval is computed in another way"""


@dataclass(frozen=True)
class Measured:
    """One metric of one network; NaN where the labels do not define it."""

    value: float
    """on test, with everything settled on validation"""
    low: float
    high: float
    validation: float
    n: int
    """test samples, or units where the metric scores these"""
    clusters: int
    """of test samples, what the interval resamples"""


def measure(store: Store, key: str, classes: tuple[str, ...], names: Sequence[str]) -> dict[str, Measured]:
    """Those metrics of a scored trial, by name: what is kept of them, the rest computed."""
    kept = _read(_place(store, key), _source(store, key))
    if all(name in kept for name in names):
        return {name: kept[name] for name in names}
    lost = [name for name in names if is_own(name) and name not in kept]
    if lost:
        raise StoreError(
            f"{_place(store, key)}: does not hold {lost[0]}, which only its extension can compute; remove the folder "
            f"{store.score_folder(key)} and run the study again"
        )
    validation, test = (Predictions.from_frame(store.predictions(key, split), classes) for split in _SPLITS)
    return {name: kept.get(name) or _measured(METRICS[name], validation, test) for name in names}


def keep_measured(store: Store, key: str, classes: tuple[str, ...], names: Sequence[str], leading: Metric) -> None:
    """Compute those metrics of a scored trial, `leading` among them, and keep them beside its predictions. Of one's own
    the resamples are kept, too, since nobody who reads the folder later runs its code.
    """
    validation, test = (Predictions.from_frame(store.predictions(key, split), classes) for split in _SPLITS)
    measured = {name: _measured(leading if name == leading.name else METRICS[name], validation, test) for name in names}
    if is_own(leading.name):
        resampled = resampled_values(leading.on(validation), test, bootstrap_weights(test.cluster))
        store.write_resampled(key, resampled)
    content = {
        "version": SCORING_VERSION,
        "source": _source(store, key),
        "metrics": {
            name: {field: None if math.isnan(value) else value for field, value in asdict(each).items()}
            for name, each in measured.items()
        },
    }
    write_json(_place(store, key), content)


_SPLITS = ("validation", "test")


def _measured(metric: Metric, validation: Predictions, test: Predictions) -> Measured:
    metric = metric.on(validation)
    interval = metric_interval(metric, test)
    n = len(np.unique(test.unit)) if metric.scores == "units" else len(test.label)
    clusters = len(np.unique(test.cluster))
    return Measured(interval.value, interval.low, interval.high, metric.compute(validation), n, clusters)


def _place(store: Store, key: str) -> Path:
    return store.score_folder(key) / "metrics.json"


def _source(store: Store, key: str) -> list[str]:
    """What the predictions are: the hashes of both splits."""
    return [store.hash_of(key, split) for split in _SPLITS]


def _read(path: Path, source: list[str]) -> dict[str, Measured]:
    if not path.exists():
        return {}
    content = read_json(path)
    if content.get("version") != SCORING_VERSION or content.get("source") != source:
        return {}
    return {name: _restored(values) for name, values in content["metrics"].items()}


def _restored(values: Mapping[str, float | None]) -> Measured:
    value, low, high, validation = (
        math.nan if (number := values[key]) is None else number for key in ("value", "low", "high", "validation")
    )
    return Measured(value, low, high, validation, int(values["n"] or 0), int(values["clusters"] or 0))
