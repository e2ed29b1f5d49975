"""The plan: a study's names turned into trials with real bytes, before anything is trained. Needs no torch where
numerics are settled.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from afield.backbones.catalogue import Backbone, backbone
from afield.backbones.weights import Weights, locate
from afield.base.errors import InputError, StoreError
from afield.base.files import write_text
from afield.base.hashing import digest
from afield.images.prepared import PREPARATION_VERSION, Rule, evaluation_rule, train_rule
from afield.scoring.metrics import metric
from afield.study.search import rung_sizes
from afield.study.study import Study
from afield.tasks.builtin import find_task
from afield.tasks.data import TaskData, load_task
from afield.training.numerics import Device, NumericsChoice, numerics_for, settle
from afield.trial import Trial

Found = TypeVar("Found")


@dataclass(frozen=True)
class PlannedSearch:
    """The search of one (task, backbone, intervention)."""

    task: str
    backbone: Backbone
    intervention: str
    cells: tuple[Trial, ...]
    """the grid under the first seed"""
    seeds: tuple[int, ...]

    @property
    def identity(self) -> tuple[str, str, str]:
        """Task, backbone and intervention: one search each."""
        return self.task, self.backbone.id, self.intervention

    @property
    def name(self) -> str:
        """Names the search in files: readable, and unlike any other's by the hash at its end."""
        plain = ("".join(c if c.isalnum() or c in "._-" else "_" for c in part)[-40:] for part in self.identity)
        return "--".join([*plain, digest(list(self.identity), 8)])

    @property
    def epochs(self) -> int:
        """Epochs of a whole training."""
        return self.cells[0].recipe.epochs

    def repeats(self, chosen: int) -> tuple[Trial, ...]:
        """The chosen cell under every seed, the search's own first."""
        return tuple(self.cells[chosen].model_copy(update={"seed": seed}) for seed in self.seeds)


@dataclass(frozen=True)
class Plan:
    """What a study will do."""

    study: Study
    tasks: Mapping[str, TaskData]
    weights: Mapping[str, Weights]
    """by backbone; those that only train from scratch need none"""
    numerics: NumericsChoice
    searches: tuple[PlannedSearch, ...]

    def content(self) -> dict[str, Any]:
        """The plan as plain values: what a reader of the result folder needs to find its way."""
        trials = {
            t.key: t for search in self.searches for cell in range(len(search.cells)) for t in search.repeats(cell)
        }
        return {
            "trials": {key: trial.model_dump(mode="json") for key, trial in trials.items()},
            "searches": [
                {
                    "task": search.task,
                    "backbone": search.backbone.id,
                    "intervention": search.intervention,
                    "cells": [trial.key for trial in search.cells],
                    "repeats": [[trial.key for trial in search.repeats(cell)] for cell in range(len(search.cells))],
                }
                for search in self.searches
            ],
            "tasks": {name: data.fingerprint for name, data in self.tasks.items()},
            "weights": {name: {"sha256": item.sha256, "origin": item.origin} for name, item in self.weights.items()},
            "numerics": self.numerics.model_dump(mode="json"),
        }

    def epochs_of(self, search: PlannedSearch) -> int:
        """Epochs that a search with its repeats will train in all, if nothing fails."""
        reached, spent = 0, 0
        for rung, cells in rung_sizes(self.study.search, len(search.cells), search.epochs):
            spent += (rung - reached) * cells
            reached = rung
        return spent + (len(search.seeds) - 1) * search.epochs

    def training_images(self, task: str) -> int:
        """Samples of a task's training split."""
        return int((self.tasks[task].table["split"] == "train").sum())

    def rules(self, search: PlannedSearch) -> dict[str, Rule]:
        """How the images of each split are prepared for a search."""
        recipe = search.cells[0].recipe
        interpolation = search.backbone.interpolation
        evaluation = evaluation_rule(recipe.image_size, interpolation)
        train = evaluation if recipe.augmentation == "none" else train_rule(recipe.image_size)
        return {"train": train, "validation": evaluation, "test": evaluation}


def make_plan(study: Study, numerics: NumericsChoice, cache: Path) -> Plan:
    """Find tasks, images and weights, and name every trial. Raises InputError that lists all that is missing at
    once.
    """
    problems: list[str] = []
    loaded = _gather(study.study.tasks, lambda name: load_task(find_task(name), study.study.protocol, cache), problems)
    tasks = {data.task.name: data for data in loaded.values()}
    if len(tasks) < len(loaded):
        problems.append(
            f"study.tasks: two have one name ({', '.join(data.task.name for data in loaded.values())}); rename a folder"
        )
    rows = _gather(study.study.backbones, backbone, problems)
    pretrained = {
        name
        for intervention in study.study.interventions
        if study.recipe_of(intervention).initialisation == "pretrained"
        for name in study.backbones_of(intervention)
        if name in rows
    }
    weights = _gather(
        [name for name in study.study.backbones if name in pretrained], lambda name: locate(rows[name]), problems
    )
    for name, data in tasks.items():
        if metric(data.task.metric).direction != "higher":
            problems.append(
                f"{name}: its leading metric {data.task.metric} is better when lower; "
                "lead with one that is better when higher"
            )
    if problems:
        raise InputError("\n".join(dict.fromkeys(problems)))
    searches = tuple(
        PlannedSearch(
            task=task,
            backbone=rows[name],
            intervention=intervention,
            cells=_cells(study, data, rows[name], intervention, weights.get(name), numerics),
            seeds=study.study.seeds,
        )
        for task, data in tasks.items()
        for intervention in study.study.interventions
        for name in study.backbones_of(intervention)
    )
    return Plan(study, tasks, weights, numerics, searches)


def _gather(names: tuple[str, ...] | list[str], find: Callable[[str], Found], problems: list[str]) -> dict[str, Found]:
    found = {}
    for name in names:
        try:
            found[name] = find(name)
        except InputError as error:
            problems.append(str(error))
    return found


def _cells(
    study: Study, data: TaskData, row: Backbone, intervention: str, weights: Weights | None, numerics: NumericsChoice
) -> tuple[Trial, ...]:
    task = data.task
    return tuple(
        Trial(
            task=task.name,
            task_version=task.version,
            classes=task.classes,
            flips=task.flips,
            metric=task.metric,
            data=data.fingerprint,
            split_seed=task.split_seed,
            protocol=study.study.protocol,
            backbone=row.id,
            weights=weights.sha256 if weights is not None and recipe.initialisation == "pretrained" else None,
            mean=row.mean,
            std=row.std,
            interpolation=row.interpolation,
            recipe=recipe,
            seed=study.study.seeds[0],
            preparation=PREPARATION_VERSION,
            numerics=numerics_for(numerics, row.convolutional),
        )
        for recipe in study.cells(intervention)
    )


def settle_numerics(choice: NumericsChoice, out: Path | None) -> NumericsChoice:
    """Fill what the study leaves `auto`: from OUT/numerics.toml where a run has settled it there, else by the rule
    for this machine's device.

    torch is imported to look the device up, but not for a CPU that is named or settled. Without `out` nothing is read
    or written. Raises InputError where this machine lacks the device.
    """
    path = None if out is None else out / "numerics.toml"
    device = choice.device
    if device == "auto" and path is not None and path.exists():
        device = _settled_device(path)
    if device != "cpu":
        from afield.training.device import available_devices

        here = available_devices()
        device = here[0] if device == "auto" else device
        if device not in here:
            raise InputError(f"numerics.device: this machine has no {device}; it has {', '.join(here)}")
    settled = settle(choice, device)
    if path is not None and not path.exists():
        write_text(path, _as_toml(settled))
    return settled


def _settled_device(path: Path) -> Device:
    try:
        return settle(NumericsChoice.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))), "cpu").device  # type: ignore[return-value]
    except ValueError as error:
        raise StoreError(f"{path}: cannot be read ({error}); delete it to settle the numerics anew") from error


def _as_toml(settled: NumericsChoice) -> str:
    head = "# What `auto` was settled to before the first trial of this folder; `device` is read again by later runs.\n"
    # JSON's strings, numbers and booleans are TOML's too
    return head + "".join(f"{name} = {json.dumps(value)}\n" for name, value in settled.model_dump().items())
