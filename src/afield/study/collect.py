"""From a result folder to one StudyRecord: what each trial showed, what was chosen, and the results table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ValidationError
from scipy.stats import spearmanr

from afield.backbones.backbone import Backbone
from afield.base.errors import InputError, nearest
from afield.base.extensions import is_own
from afield.scoring.metrics import direction
from afield.study.ledger import has_failed
from afield.study.measured import measure
from afield.study.record import BackboneRecord, Failure, SearchRecord, StudyRecord, TaskRecord, TrialRecord, TrialState
from afield.study.sealed import read_samples
from afield.study.search import Chosen, History, Seen, ask, asked, best_so_far, rungs
from afield.study.store import Store, TrialFiles
from afield.study.study import SearchChoice, Study
from afield.tasks.task import SPLITS, Card
from afield.trial import Trial

_View = tuple[tuple[float, ...], tuple[float, ...], str, str]
"""mean, std, interpolation and order of channels that trials were shown images with"""
_CUT_AXIS = 3
"""values that an axis needs for its ends to be borders"""


@dataclass(frozen=True)
class _Context:
    """What is looked up again and again while a record is put together."""

    store: Store
    study: Study
    trials: Mapping[str, Trial]
    files: Mapping[str, TrialFiles]
    scores: Mapping[str, Mapping[str, Any]]
    backbones: Mapping[str, Backbone]
    """by id, as the plan noted them: one's own are known without their code, on any machine"""


def load_record(out: str | Path, study: str | None = None) -> StudyRecord:
    """Read what a study found in a result folder. Raises InputError for a folder that is not ours and StoreError for
    damaged files.

    `study` names one of several studies that share the folder.
    """
    store = Store.open(Path(out))
    chosen = _choose_study(store, study)
    stored = store.read_plan(chosen.study.name)
    trials = _trials(store, stored)
    files = {key: store.read(key) for key in trials}
    scores = {key: score for key in trials if (score := store.read_score(key)) is not None}
    backbones = {name: Backbone.from_plain(values) for name, values in stored["backbones"].items()}
    views: dict[str, set[_View]] = {}
    for trial in trials.values():
        views.setdefault(trial.backbone, set()).add((trial.mean, trial.std, trial.interpolation, trial.channels))
    context = _Context(store, chosen, trials, files, scores, backbones)
    searches = tuple(_search(context, content) for content in stored["searches"])
    tasks = tuple(_task(store, name, stored) for name in stored["tasks"])
    failures = tuple(
        Failure(
            record.key,
            record.task,
            record.backbone,
            record.intervention,
            record.seed,
            failure["reason"],
            failure["trace"],
        )
        for search in searches
        for record in {record.key: record for record in (*search.cells, *search.repeats)}.values()
        if (failure := files[record.key].failure) is not None
        and has_failed(files[record.key], wanted=record in search.repeats and record.key not in scores)
    )
    platforms = {
        str(sorted(p.items())): p
        for item in files.values()
        if item.result is not None
        for p in [item.result["platform"]]
    }
    return StudyRecord(
        study=chosen,
        results=_results(context, searches, tasks),
        predictions=_predictions(context, searches),
        resampled=_resampled(context, searches, tasks),
        searches=searches,
        tasks=tasks,
        backbones=tuple(_backbone(row, stored, views.get(row.id, set())) for row in backbones.values()),
        failures=failures,
        numerics=stored["numerics"],
        platforms=tuple(platforms.values()),
        test_reads=store.test_reads(),
    )


def studies_of(out: str | Path) -> tuple[str, ...]:
    """Names of the studies that were run into a folder."""
    return tuple(Store.open(Path(out)).studies())


def results(out: str | Path, study: str | None = None) -> pd.DataFrame:
    """The results table of a folder: a row a backbone, task, metric, intervention and seed (columns:
    docs/result_folder.md).

    >>> table = results(out)
    >>> len(table[table["metric"] == "auroc"]), table["metric"].nunique()
    (2, 11)
    """
    return load_record(out, study).results


def _choose_study(store: Store, name: str | None) -> Study:
    texts = store.studies()
    if not texts:
        raise InputError(
            f"{store.root}: no study has been run here yet; begin with: afield run STUDY --out {store.root}"
        )
    if name is None:
        if len(texts) > 1:
            raise InputError(f"{store.root}: holds several studies; choose one with --study: {', '.join(texts)}")
        name = next(iter(texts))
    if name not in texts:
        raise InputError(f"{store.root}: no study {name} was run here; {nearest(name, texts)}")
    return Study.model_validate_json(texts[name])


def _trials(store: Store, plan: Mapping[str, Any]) -> dict[str, Trial]:
    try:
        return {key: Trial.model_validate(content) for key, content in plan["trials"].items()}
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InputError(
            f"{store.root}: its trials are those of another version of afield ({field}: {error.errors()[0]['msg']}); "
            "read it with that version, or run the study into a new folder"
        ) from None


def _search(context: _Context, content: Mapping[str, Any]) -> SearchRecord:
    study, keys = context.study, content["cells"]
    intervention = content["intervention"]
    seen = [Seen(context.files[key].history, context.files[key].failure is not None) for key in keys]
    epochs = context.trials[keys[0]].recipe.epochs
    step = ask(study.search, seen, epochs)
    chosen = step.cell if isinstance(step, Chosen) else None
    repeats = [] if chosen is None else content["repeats"][chosen]
    axes = {key: tuple(values) for key, values in study.search.grid.items()}
    spent = [item.history[:until] for item, until in zip(seen, asked(study.search, seen, epochs), strict=True)]
    return SearchRecord(
        task=content["task"],
        backbone=content["backbone"],
        intervention=intervention,
        cells=tuple(_trial(context, key, intervention) for key in keys),
        axes=axes,
        chosen=None if chosen is None else keys[chosen],
        repeats=tuple(_trial(context, key, intervention) for key in repeats),
        borders=() if chosen is None else _borders(axes, context.trials[keys[chosen]]),
        epochs_spent=sum(len(history) for history in spent),
        seconds_spent=sum(row["seconds"] for history in spent for row in history),
        epochs_of_grid=len(keys) * epochs,
        rung_correlation=_rung_correlation(study.search, spent, epochs),
        micro_batch=context.trials[keys[0]].numerics.micro_batch,
    )


def _trial(context: _Context, key: str, intervention: str) -> TrialRecord:
    trial, files = context.trials[key], context.files[key]
    state: TrialState = "missing"
    if files.result is not None:
        state = "finished"
    elif files.failure is not None:
        state = "failed"
    elif files.history:
        state = "paused"
    result = files.result or {}
    best, loss = best_so_far(files.history, len(files.history)) if files.history else (None, None)
    return TrialRecord(
        key=key,
        task=trial.task,
        backbone=trial.backbone,
        intervention=intervention,
        seed=trial.seed,
        recipe=trial.recipe.model_dump(),
        state=state,
        history=files.history,
        best_epoch=next((int(row["epoch"]) for row in files.history if row["validation"] == best), None),
        validation=best,
        validation_loss=loss,
        train_seconds=sum(row["seconds"] for row in files.history),
        platform=result.get("platform", {}),
    )


def _borders(axes: Mapping[str, Sequence[float]], chosen: Trial) -> tuple[str, ...]:
    return tuple(
        key for key, values in axes.items()
        if len(values) >= _CUT_AXIS and getattr(chosen.recipe, key) in (min(values), max(values))
    )  # fmt: skip


def _rung_correlation(search: SearchChoice, histories: Sequence[History], epochs: int) -> float | None:
    """Spearman correlation of the metric at the first rung and at the end, over the cells that went all the way."""
    first = rungs(search, epochs)[0]
    whole = [history for history in histories if len(history) >= epochs]
    if first == epochs or len(whole) < _CUT_AXIS:
        return None
    early, late = ([best_so_far(history, until)[0] for history in whole] for until in (first, epochs))
    if len(set(early)) == 1 or len(set(late)) == 1:
        return None
    return float(spearmanr(early, late).statistic)


def _task(store: Store, name: str, plan: Mapping[str, Any]) -> TaskRecord:
    identity = plan["tasks"][name]
    content = store.read_task(name, identity)
    classes = tuple(content["classes"])
    return TaskRecord(
        name=name,
        version=content["version"],
        classes=classes,
        metric=content["metric"],
        metrics=tuple(content["metrics"]),
        target=content["target"],
        own_range=tuple(plan["metrics"][content["metric"]]) if is_own(content["metric"]) else None,
        subgroups=tuple(content["subgroups"]),
        test_samples=read_samples(store.samples(name, identity), content["subgroups"], "test"),
        card=Card(**content["card"]),
        split_seed=content["split_seed"],
        selection=plan["selection"][name],
        dropped=plan["dropped"][name],
        incomplete=plan["incomplete"][name],
        fingerprint=content["fingerprint"],
        counts={split: content["counts"][split] for split in SPLITS if split in content["counts"]},
        sizes={split: content["sizes"][split] for split in SPLITS if split in content["sizes"]},
        pictures={label: store.read_pictures(name, identity, index) for index, label in enumerate(classes)},
    )


def _backbone(row: Backbone, stored: Mapping[str, Any], views: set[_View]) -> BackboneRecord:
    weights = stored["weights"].get(row.id)
    preprocessing: dict[str, Any] = {}
    for name, *values in zip(("mean", "std", "interpolation", "channels"), *sorted(views), strict=True):
        told = list(dict.fromkeys(values))  # tasks of the study may have had other channels than the rest
        preprocessing[name] = told[0] if len(told) == 1 else " or ".join(map(str, told))
    name = row.id.partition(":")[0]
    sha256 = stored.get("extensions", {}).get(name) if is_own(row.id) else None
    code = "" if sha256 is None else f"extension {name}, SHA-256 {sha256}"
    if weights is None:
        return BackboneRecord(row, "", "not needed: trained from scratch only", preprocessing, code)
    return BackboneRecord(row, weights["sha256"], weights["origin"], preprocessing, code)


def _scored(context: _Context, searches: Sequence[SearchRecord]) -> list[tuple[SearchRecord, TrialRecord]]:
    return [(search, trial) for search in searches for trial in search.repeats if trial.key in context.scores]


def _predictions(context: _Context, searches: Sequence[SearchRecord]) -> pd.DataFrame:
    keys = dict.fromkeys(trial.key for _, trial in _scored(context, searches))
    frames = [context.store.predictions(key, split) for key in keys for split in ("validation", "test")]
    columns = ["key", "split", "view", "sample", "unit", "cluster", "label", "logits"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def _resampled(
    context: _Context, searches: Sequence[SearchRecord], tasks: Sequence[TaskRecord]
) -> dict[str, npt.NDArray[np.float64]]:
    """The resamples of the tasks that one's own metric leads, by key."""
    owned = {task.name for task in tasks if task.own_range is not None}
    scored = _scored(context, searches)
    return {trial.key: context.store.resampled(trial.key) for search, trial in scored if search.task in owned}


def _results(context: _Context, searches: Sequence[SearchRecord], tasks: Sequence[TaskRecord]) -> pd.DataFrame:
    cards = {task.name: task for task in tasks}
    rows = [
        row for search, trial in _scored(context, searches) for row in _rows(context, search, trial, cards[search.task])
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(_MAY_BE_UNKNOWN)


_MAY_BE_UNKNOWN = {"params_m": "float64", "gmacs": "float64", "year": "Int64", "imagenet_top1": "float64"}
"""numbers that a backbone may not have, with their types: missing values, also where no backbone has them"""


COLUMNS = (
    "backbone", "family", "params_m", "gmacs", "pretraining", "year", "imagenet_top1", "imagenet_kind",
    "task", "domain", "metric", "value", "low", "high", "direction", "n_test", "n_clusters",
    "split", "protocol", "view", "initialisation", "image_size", "kind",
    "selected_on", "validation", "search_cells", "search_epochs", "intervention", "seed", "key",
    "train_seconds", "search_seconds", "epochs", "machine",
)  # fmt: skip
"""of the results table; explained in docs/result_folder.md"""


def _rows(context: _Context, search: SearchRecord, trial: TrialRecord, task: TaskRecord) -> list[dict[str, Any]]:
    row = context.backbones[trial.backbone]
    result = context.files[trial.key].result or {}
    rows = []
    for name, found in measure(context.store, trial.key, task.classes, task.metrics).items():
        rows.append({
            "backbone": row.id, "family": row.family, "params_m": row.params_m, "gmacs": row.gmacs,
            "pretraining": row.pretraining_data,
            "year": row.year, "imagenet_top1": row.imagenet_top1, "imagenet_kind": row.imagenet_kind,
            "task": task.name, "domain": task.card.domain, "metric": name,
            "value": found.value, "low": found.low, "high": found.high, "direction": direction(name),
            "n_test": found.n, "n_clusters": found.clusters, "split": "test",
            "protocol": context.study.study.protocol, "view": "plain",
            "initialisation": trial.recipe["initialisation"], "image_size": trial.recipe["image_size"],
            "kind": "single",
            "selected_on": task.selection, "validation": found.validation,
            "search_cells": len(search.cells), "search_epochs": search.epochs_spent,
            "intervention": search.intervention, "seed": trial.seed, "key": trial.key,
            "train_seconds": trial.train_seconds, "search_seconds": search.seconds_spent,
            "epochs": trial.recipe["epochs"], "machine": result.get("machine", ""),
        })  # fmt: skip
    return rows
