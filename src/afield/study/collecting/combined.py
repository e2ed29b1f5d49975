"""Ensembles and joined folds from stored predictions alone: each with its own metrics and intervals, kept beside the
scores since they take seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from afield.base.errors import InputError, StoreError
from afield.base.extensions import is_own
from afield.base.hashing import digest
from afield.scoring.combine import RANKED, combined
from afield.scoring.metric import Metric
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions
from afield.study.combining.ensembles import Combination
from afield.study.measured import Measured, measured, measured_all, read_measured, validation_and, write_measured
from afield.study.split_view import SplitView
from afield.study.store import Store

Pair = tuple[Predictions, Predictions]
"""of one network: validation, and what is measured, under the same view"""


def metrics_of(combination: Combination, names: Sequence[str]) -> tuple[str, ...]:
    """Those of a task's metrics that a combination answers: of a mean of ranks the ones that ask for an order."""
    return tuple(name for name in names if combination.mean != "ranks" or name in RANKED)


def measure_combined(
    store: Store, combination: Combination, classes: tuple[str, ...], names: Sequence[str], at: SplitView
) -> dict[str, Measured]:
    """Those metrics of a whole combination, by name: what is kept of them, the rest computed. Raises InputError for
    members that are about other samples, and StoreError for one's own metric that is not kept.
    """
    kept = read_measured(_place(store, combination, at), source_of(store, combination, at))
    missing = [name for name in names if name not in kept]
    lost = [name for name in missing if is_own(name)]
    if lost:
        raise StoreError(
            f"{store.root}: the {combination.kind} {combination.name} lacks {lost[0]}, which only its extension can "
            "compute; run the study again"
        )
    computed = _compute(store, combination, classes, [METRICS[name] for name in missing], at)
    return {name: kept[name] if name in kept else computed[name] for name in names}


def keep_combined(
    store: Store, combination: Combination, classes: tuple[str, ...], metrics: Sequence[Metric], at: SplitView
) -> None:
    """Compute and keep the metrics of a whole combination, unless they are there."""
    place, source = _place(store, combination, at), source_of(store, combination, at)
    kept = read_measured(place, source)
    missing = [each for each in metrics if each.name not in kept]
    if missing:
        write_measured(place, source, {**kept, **_compute(store, combination, classes, missing, at)})


def _compute(
    store: Store, combination: Combination, classes: tuple[str, ...], metrics: Sequence[Metric], at: SplitView
) -> Mapping[str, Measured]:
    if not metrics:
        return {}
    pairs = pairs_of(store, combination, classes, at)
    if combination.kind == "folds":
        return {metric.name: measured_out_of_fold(metric, pairs) for metric in metrics}
    return measured_all({metric.name: metric for metric in metrics}, *_joined(combination, pairs))


def pairs_of(store: Store, combination: Combination, classes: tuple[str, ...], at: SplitView) -> list[Pair]:
    """What each member said, in the order of the members."""
    return [validation_and(store, key, classes, at) for key in _keys(combination)]


def measured_jointly(metric: Metric, pairs: Sequence[Pair], combination: Combination) -> Measured:
    """A metric of a whole combination. Raises InputError for members that are about other samples."""
    if combination.kind == "folds":
        return measured_out_of_fold(metric, pairs)
    return measured(metric, *_joined(combination, pairs))


def _joined(combination: Combination, pairs: Sequence[Pair]) -> Pair:
    """The mean of an ensemble's members, on validation and on what is measured."""
    try:
        validation, test = (combined(list(each), combination.mean) for each in zip(*pairs, strict=True))
    except InputError as error:
        raise InputError(f"ensembles.{combination.name}: {error}") from None
    return validation, test


def measured_out_of_fold(metric: Metric, pairs: Sequence[Pair]) -> Measured:
    """A metric of out-of-fold predictions: the test parts of all folds put together, each with what its own network
    settled on its own validation part. Raises InputError where a sample is tested twice.
    """
    settled = [metric.settled_by(validation) for validation, _ in pairs]
    validation = put_together([choose(pair[0]) for choose, pair in zip(settled, pairs, strict=True)])
    test = put_together([choose(pair[1]) for choose, pair in zip(settled, pairs, strict=True)])
    if len(set(test.sample.tolist())) < len(test.sample):
        raise InputError("a sample is in the test part of several folds; the tasks are no folds of one another")
    return measured(replace(metric, settle=None), validation, test)


def put_together(parts: Sequence[Predictions]) -> Predictions:
    """The samples of several predictions below each other, sorted by id."""
    fields = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("sample", "unit", "cluster", "label", "logits")
    }
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    order = np.argsort(fields["sample"], kind="stable")
    return Predictions(
        parts[0].classes,
        **{name: values[order] for name, values in fields.items()},
        columns={name: values[order] for name, values in columns.items()},
    )


def source_of(store: Store, combination: Combination, at: SplitView) -> list[str]:
    """What the predictions are: one hash of those of all members, on validation and on the split."""
    return [digest([store.scores.hash_of(key, each) for key in _keys(combination)]) for each in (at.validation, at)]


def _keys(combination: Combination) -> list[str]:
    return [member.key for member in combination.members if member.key is not None]


def _place(store: Store, combination: Combination, at: SplitView) -> Path:
    return store.scores.joined(combination.key, at) / "metrics.json"
