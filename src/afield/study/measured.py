"""The metrics of a scored trial: derived from its stored predictions, kept beside them, since thousands of resamples of
ten metrics take seconds a trial.

What is kept counts only while it was made by this SCORING_VERSION from these very predictions; else it is made anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from afield.base.errors import DamagedError, StoreError
from afield.base.extensions import is_own
from afield.scoring.intervals import bootstrap_weights, metric_interval, resampled_values
from afield.scoring.metric import Metric
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions
from afield.study.folder.sealed import read_json, write_sealed
from afield.study.folder.shapes import KeptMetrics, check_shape
from afield.study.split_view import TEST, SplitView
from afield.study.store import Store

SCORING_VERSION = 2
"""raised whenever a metric or its interval is computed in another way; 2: of few clusters expanded percentiles"""


@dataclass(frozen=True)
class Measured:
    """One metric of one network; NaN where the labels do not define it."""

    value: float
    """on the split that was scored, with everything settled on validation"""
    low: float
    high: float
    validation: float
    n: int
    """samples of that split, or units where the metric scores these"""
    clusters: int
    """of its samples, what the interval resamples"""
    why: str = ""
    """of one's own metric without a value: why it has none"""


def measure(
    store: Store, key: str, classes: tuple[str, ...], names: Sequence[str], at: SplitView = TEST
) -> dict[str, Measured]:
    """Those metrics of a scored trial, by name: what is kept of them, the rest computed."""
    place = _place(store, key, at)
    kept = read_measured(place, source_of(store, key, at))
    if all(name in kept for name in names):
        return {name: kept[name] for name in names}
    lost = [name for name in names if is_own(name) and name not in kept]
    if lost:
        raise StoreError(
            f"{place}: does not hold {lost[0]}, which only its extension can compute; remove the folder "
            f"{place.parent} and run the study again"
        )
    missing = {name: METRICS[name] for name in names if name not in kept}
    found = measured_all(missing, *validation_and(store, key, classes, at))
    return {name: kept.get(name) or found[name] for name in names}


def keep_measured(
    store: Store, key: str, classes: tuple[str, ...], names: Sequence[str], leading: Metric, at: SplitView = TEST
) -> None:
    """Compute those metrics of a scored trial, `leading` among them, and keep them beside its predictions. Of one's own
    the resamples are kept, too, since nobody who reads the folder later runs its code.
    """
    validation, test = validation_and(store, key, classes, at)
    found = measured_all({name: METRICS[name] for name in names if name in METRICS}, validation, test)
    if is_own(leading.name):  # its two thousand values are computed once: its code may take its time
        resampled = resampled_values(leading.on(validation), test, bootstrap_weights(test.cluster))
        store.scores.write_resampled(key, at, resampled)
        found = {leading.name: measured(leading, validation, test, resampled=resampled), **found}
    write_measured(_place(store, key, at), source_of(store, key, at), found)


def measured_all(metrics: Mapping[str, Metric], validation: Predictions, test: Predictions) -> dict[str, Measured]:
    """Metrics of one network by name. The resamples are drawn once for all of them, which takes half of the time."""
    weights = bootstrap_weights(test.cluster) if len(test.label) else None
    return {name: measured(metric, validation, test, weights) for name, metric in metrics.items()}


def measured(
    metric: Metric,
    validation: Predictions,
    test: Predictions,
    weights: npt.NDArray[np.uint16] | None = None,
    resampled: npt.NDArray[np.float64] | None = None,
) -> Measured:
    """One metric of one network, with what must be settled settled on validation; `weights` and `resampled` as in
    `metric_interval`.
    """
    metric = metric.on(validation)
    interval = metric_interval(metric, test, weights, resampled=resampled)
    n = len(np.unique(test.unit)) if metric.scores == "units" else len(test.label)
    clusters = len(np.unique(test.cluster))
    return Measured(interval.value, interval.low, interval.high, metric.compute(validation), n, clusters)


def write_measured(path: Path, source: Sequence[str], found: Mapping[str, Measured], columns: str = "") -> None:
    """Keep metrics beside the predictions that they were derived from, of which `source` are the hashes; `columns` is
    that of further columns, where there are some.
    """
    metrics = {
        name: {field: None if value != value else value for field, value in asdict(each).items()}  # NaN is no JSON
        for name, each in found.items()
    }
    further = {"columns": columns} if columns else {}
    write_sealed(path, {"version": SCORING_VERSION, "source": list(source), "metrics": metrics, **further})


def read_measured(path: Path, source: Sequence[str], columns: str | None = None) -> dict[str, Measured]:
    """What `write_measured` kept; nothing where it was altered, or made of other predictions, in another way, or of
    other columns (None: of whichever, for a reader has no task at hand).
    """
    if not path.exists():
        return {}
    try:
        content = read_json(path)
        check_shape(path, content, KeptMetrics)
    except DamagedError:
        return {}  # it is derived: made anew
    if content.get("version") != SCORING_VERSION or content.get("source") != list(source):
        return {}
    if columns is not None and content.get("columns", "") != columns:
        return {}
    return {name: _restored(values) for name, values in content["metrics"].items()}


def source_of(store: Store, key: str, at: SplitView) -> list[str]:
    """What the predictions are: the hashes of both splits."""
    return [store.scores.hash_of(key, each) for each in (at.validation, at)]


def validation_and(store: Store, key: str, classes: tuple[str, ...], at: SplitView) -> tuple[Predictions, Predictions]:
    """The predictions of a network on validation under the same view, and those that are measured."""
    validation, test = (
        Predictions.from_frame(store.scores.predictions(key, each, classes), classes) for each in (at.validation, at)
    )
    return validation, test


def _place(store: Store, key: str, at: SplitView) -> Path:
    return store.scores.folder(key, at) / "metrics.json"


def _restored(values: Mapping[str, Any]) -> Measured:
    value, low, high, validation = (
        math.nan if (number := values[key]) is None else number for key in ("value", "low", "high", "validation")
    )
    n, clusters = int(values["n"] or 0), int(values["clusters"] or 0)
    return Measured(value, low, high, validation, n, clusters, values.get("why", ""))
