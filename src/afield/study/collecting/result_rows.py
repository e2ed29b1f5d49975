"""The results table: the rows that lead (one network on test, plain), and the further ones beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from afield.backbones.backbone import Backbone
from afield.scoring.metric import Direction
from afield.scoring.metrics import direction
from afield.study.beside import Beside, read_beside
from afield.study.collecting.combined import measure_combined, metrics_of
from afield.study.collecting.combined import source_of as source_of_joined
from afield.study.combining.ensembles import Combination, Member, combinations
from afield.study.combining.soups import Soup
from afield.study.measured import Measured, measure, source_of
from afield.study.record import SearchRecord, TaskRecord, TrialRecord
from afield.study.split_view import TEST, SplitView, wanted_of
from afield.study.store import Store
from afield.study.study import Study

COLUMNS = (
    "backbone", "family", "params_m", "gmacs", "pretraining", "year", "imagenet_top1", "imagenet_kind",
    "task", "domain", "metric", "value", "low", "high", "direction", "n_test", "n_clusters",
    "split", "protocol", "view", "initialisation", "image_size", "kind", "joined",
    "selected_on", "validation", "search_cells", "search_epochs", "intervention", "seed", "key",
    "train_seconds", "search_seconds", "epochs", "predict_ms", "predict_mb", "machine", "why",
)  # fmt: skip
"""of the results table; explained in docs/result_folder.md"""
_MAY_BE_UNKNOWN = {
    "params_m": "float64", "gmacs": "float64", "year": "Int64", "imagenet_top1": "float64",
    "predict_ms": "float64", "predict_mb": "float64",
}  # fmt: skip
"""numbers that a backbone or a network may not have, with their types: missing values, also where none has them"""
_MAY_DIFFER = {
    **_MAY_BE_UNKNOWN, "image_size": "Int64", "search_cells": "Int64", "search_epochs": "Int64", "seed": "Int64",
    "epochs": "Int64", "search_seconds": "float64",
}  # fmt: skip
"""numbers that members of an ensemble may not share, missing then"""


@dataclass(frozen=True)
class Scored:
    """A network that was scored on test, or went into a soup that was, with a search that it is of."""

    search: SearchRecord
    trial: TrialRecord
    backbone: Backbone
    machine: str


@dataclass(frozen=True)
class Tables:
    """What rows are made of."""

    store: Store
    study: Study
    tasks: Mapping[str, TaskRecord]
    scored: Sequence[Scored]
    beside: Sequence[Beside] = ()
    """one's own metrics that the study records beside all that fit"""

    def beside_of(self, task: str) -> tuple[Beside, ...]:
        """Those of a task: all but one that leads it."""
        return tuple(own for own in self.beside if own.name != self.tasks[task].metric)


def headline_rows(tables: Tables) -> pd.DataFrame:
    """The table that every analysis reads: a row a backbone, task, metric, intervention and seed."""
    rows = [row for scored in tables.scored for row in _of_network(tables, scored, TEST)]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(_MAY_BE_UNKNOWN)


def further_rows(
    tables: Tables, joined: Sequence[Combination], soups: Sequence[tuple[Soup, Sequence[Scored]]]
) -> pd.DataFrame:
    """The same columns for all that leads nothing: further test splits and views of each network, as far as they are
    scored, what is joined, as far as every member is, and soups, each with its ingredients, as far as they are scored.
    """
    rows = []
    for scored in tables.scored:
        for at in shown_of(tables, scored.trial.task):
            if at != TEST and tables.store.scores.holds(scored.trial.key, at):
                rows += _of_network(tables, scored, at)
    for combination in joined:
        for at in ready(tables.store, combination, shown_of(tables, combination.members[0].task)):
            rows += _of_combination(tables, combination, at)
    for soup, ingredients in soups:
        for at in shown_of(tables, soup.task):
            if tables.store.scores.holds(soup.key, at):
                rows += _of_soup(tables, soup, ingredients, at)
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(_MAY_DIFFER)


def joined_table(headline: pd.DataFrame, further: pd.DataFrame) -> pd.DataFrame:
    """Both below each other."""
    if further.empty:
        return headline
    return pd.concat([headline.astype(_MAY_DIFFER), further], ignore_index=True)


def combinations_of(
    study: Study, searches: Sequence[SearchRecord], scored: Sequence[Scored]
) -> tuple[Combination, ...]:
    """All that a study joins, of the searches that have ended; members that are not scored lack their key."""
    keys = {each.trial.key for each in scored}
    members = [
        Member(trial.task, trial.backbone, search.intervention, trial.seed, trial.key if trial.key in keys else None)
        for search in searches
        for trial in search.repeats
    ]
    return combinations(study.ensembles, study.folds, members)


def ready(store: Store, combination: Combination, shown: Sequence[SplitView]) -> list[SplitView]:
    """Where every member of a combination is scored."""
    if combination.lacking:
        return []
    keys = [str(member.key) for member in combination.members]
    return [at for at in shown if all(store.scores.holds(key, at) for key in keys)]


def shown_of(tables: Tables, task: str) -> list[SplitView]:
    """What a task's networks are scored on, without validation."""
    wanted = wanted_of(tables.study.study.views, tables.tasks[task].extra_splits)
    return [at for at in wanted if at != at.validation]


def _of_network(tables: Tables, scored: Scored, at: SplitView) -> list[dict[str, Any]]:
    return _of_key(tables, scored.trial.key, scored.trial.task, _about(tables, scored), at)


def _of_soup(tables: Tables, soup: Soup, ingredients: Sequence[Scored], at: SplitView) -> list[dict[str, Any]]:
    return _of_key(tables, soup.key, soup.task, _about_several(tables, ingredients, "soup", soup.name, soup.key), at)


def _of_key(tables: Tables, key: str, task_name: str, about: Mapping[str, Any], at: SplitView) -> list[dict[str, Any]]:
    """The rows of one network, a training's or a soup's."""
    store, task = tables.store, tables.tasks[task_name]
    found = measure(store, key, task.classes, task.metrics, at)
    rows = [_row(about, name, direction(name), each, at) for name, each in found.items()]
    folder, own = store.scores.folder(key, at), tables.beside_of(task.name)
    return rows + (_own_rows(about, folder, source_of(store, key, at), own, at) if own else [])


def _of_combination(tables: Tables, combination: Combination, at: SplitView) -> list[dict[str, Any]]:
    members = {member.key for member in combination.members}
    scored = [each for each in tables.scored if each.trial.key in members]
    task = tables.tasks[combination.members[0].task]
    about = _about_several(tables, scored, combination.kind, combination.name, combination.key)
    if combination.kind == "folds":
        about["task"] = combination.name
    names = metrics_of(combination, task.metrics)
    found = measure_combined(tables.store, combination, task.classes, names, at)
    rows = [_row(about, name, direction(name), each, at) for name, each in found.items()]
    if combination.mean == "ranks":
        return rows
    folder, own = tables.store.scores.joined(combination.key, at), tables.beside_of(task.name)
    return rows + (_own_rows(about, folder, source_of_joined(tables.store, combination, at), own, at) if own else [])


def _own_rows(
    about: Mapping[str, Any], folder: Path, source: Sequence[str], own: Sequence[Beside], at: SplitView
) -> list[dict[str, Any]]:
    return [_row(about, each.name, each.direction, read_beside(folder, source, each), at) for each in own]


def _about_several(tables: Tables, networks: Sequence[Scored], kind: str, name: str, key: str) -> dict[str, Any]:
    """All that rows of several networks as one share; the seconds are those of all their trainings."""
    abouts = [_about(tables, each) for each in networks]
    return {
        **{column: _shared(column, [each[column] for each in abouts]) for column in abouts[0]},
        "kind": kind,
        "joined": name,
        "key": key,
        "train_seconds": sum(each["train_seconds"] for each in abouts),
    }


def _shared(name: str, values: Sequence[Any]) -> Any:  # noqa: ANN401 - of any column
    """What all members have in a column; else their names, or nothing."""
    distinct = list(dict.fromkeys(values))
    if len(distinct) == 1:
        return distinct[0]
    if name in _MAY_DIFFER:
        return None
    return " + ".join(map(str, distinct)) if name in ("backbone", "intervention") else ""


def _about(tables: Tables, scored: Scored) -> dict[str, Any]:
    """All that a network's rows share."""
    search, trial, row = scored.search, scored.trial, scored.backbone
    task = tables.tasks[trial.task]
    return {
        "backbone": row.id, "family": row.family, "params_m": row.params_m, "gmacs": row.gmacs,
        "pretraining": row.pretraining_data,
        "year": row.year, "imagenet_top1": row.imagenet_top1, "imagenet_kind": row.imagenet_kind,
        "task": task.name, "domain": task.card.domain, "protocol": tables.study.study.protocol,
        "initialisation": trial.recipe["initialisation"], "image_size": trial.recipe["image_size"],
        "kind": _kind(tables.study, task.name),
        "joined": "", "selected_on": task.selection,
        "search_cells": len(search.cells), "search_epochs": search.epochs_spent,
        "intervention": search.intervention, "seed": trial.seed, "key": trial.key,
        "train_seconds": trial.train_seconds, "search_seconds": search.seconds_spent,
        "epochs": trial.recipe["epochs"],
        **_inference(tables.store, trial.key, scored.machine), "machine": scored.machine,
    }  # fmt: skip


def _inference(store: Store, key: str, machine: str) -> dict[str, float | None]:
    """What a network takes for one image, as it was measured when test was scored: milliseconds and megabytes. Nothing
    where another machine scored it than trained it, or an older afield did.
    """
    told = store.scores.look(key) or {}
    took = told.get("inference", {}) if told.get("machine") == machine else {}
    seconds, memory = took.get("seconds"), took.get("memory")
    return {
        "predict_ms": None if seconds is None else 1000 * seconds,
        "predict_mb": None if memory is None else memory / 1e6,
    }


def _kind(study: Study, task: str) -> str:
    """What a single network is: one of a race stands for no backbone, since others dropped out before it was done."""
    if study.search.method == "race":
        return "race"
    return "fold" if any(task in parts for parts in study.folds.values()) else "single"


def _row(about: Mapping[str, Any], metric: str, better: Direction, found: Measured, at: SplitView) -> dict[str, Any]:
    return {
        **about,
        "metric": metric, "value": found.value, "low": found.low, "high": found.high, "direction": better,
        "n_test": found.n, "n_clusters": found.clusters, "split": at.split, "view": at.view,
        "validation": found.validation, "why": found.why,
    }  # fmt: skip
