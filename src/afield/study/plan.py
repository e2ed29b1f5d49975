"""The plan: a study's names turned into trials with real bytes, before anything is trained. Needs no torch where
numerics are settled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from afield.backbones.backbone import Backbone
from afield.backbones.own import extension_of, is_own, planned
from afield.backbones.sizes import check_size
from afield.backbones.weights import Sources, Weights, locate, whereabouts
from afield.base.errors import InputError
from afield.base.extensions import Extension, load_extensions
from afield.base.files import safe_name
from afield.base.hashing import digest
from afield.base.process import cores
from afield.images.prepared import PREPARATION_VERSION, Rule
from afield.images.unreadable import unreadable
from afield.scoring.metrics import metric
from afield.study.protocol import view_of
from afield.study.search import rung_sizes
from afield.study.study import Study
from afield.tasks.builtin import find_task
from afield.tasks.data import TaskData, Unreadable, load_task
from afield.tasks.task import Protocol, Split, Task
from afield.training.numerics import NumericsChoice, numerics_for
from afield.training.recipe import Recipe
from afield.trial import Trial, key_of

Found = TypeVar("Found")

Downloading = Callable[[str, int, int | None], None]
"""backbone, bytes that are here, bytes that there will be (None: the server does not say)"""
Preparing = Callable[[str, int, int], None]
"""what is prepared, images done, images in all; may raise to stop"""
ANYWHERE = Sources()
"""weights from where they are published"""


@dataclass(frozen=True)
class PlannedSearch:
    """The search of one (task, backbone, intervention)."""

    task: str
    backbone: Backbone
    intervention: str
    cells: tuple[Trial, ...]
    """the grid under the first seed"""
    seeds: tuple[int, ...]

    @cached_property
    def identity(self) -> tuple[str, str, str]:
        """Task, backbone and intervention: one search each."""
        return self.task, self.backbone.id, self.intervention

    @cached_property
    def name(self) -> str:
        """Names the search in files: readable, and unlike any other's by the hash at its end."""
        return "--".join([*(safe_name(part, 40) for part in self.identity), digest(list(self.identity), 8)])

    @property
    def epochs(self) -> int:
        """Epochs of a whole training."""
        return self.cells[0].recipe.epochs

    @cached_property
    def keys(self) -> tuple[tuple[str, ...], ...]:
        """Of each cell the keys of its repeats: those of `repeats`, without making the trials."""
        tables = (cell.model_dump(mode="json") for cell in self.cells)
        return tuple(tuple(key_of({**table, "seed": seed}) for seed in self.seeds) for table in tables)

    def repeats(self, chosen: int) -> tuple[Trial, ...]:
        """The chosen cell under every seed, the search's own first."""
        return tuple(self.cells[chosen].model_copy(update={"seed": seed}) for seed in self.seeds)


@dataclass(frozen=True)
class Plan:
    """What a study will do."""

    study: Study
    tasks: Mapping[str, TaskData]
    weights: Mapping[str, Weights]
    """by id of the backbone; those that only train from scratch need none"""
    numerics: NumericsChoice
    searches: tuple[PlannedSearch, ...]
    extensions: Mapping[str, Extension] = field(default_factory=dict)
    """the study's own files and packages, by name"""

    def content(self) -> dict[str, Any]:
        """The plan as plain values: what a reader of the result folder needs to find its way."""
        trials: dict[str, dict[str, Any]] = {}
        for search in self.searches:
            for cell, keys in zip(search.cells, search.keys, strict=True):
                table = cell.model_dump(mode="json")
                trials.update((key, {**table, "seed": seed}) for key, seed in zip(keys, search.seeds, strict=True))
        return {
            "trials": trials,
            "searches": [
                {
                    "name": search.name,
                    "task": search.task,
                    "backbone": search.backbone.id,
                    "intervention": search.intervention,
                    "cells": [keys[0] for keys in search.keys],
                    "repeats": [list(keys) for keys in search.keys],
                }
                for search in self.searches
            ],
            "tasks": {name: data.fingerprint for name, data in self.tasks.items()},
            "selection": {name: data.selection for name, data in self.tasks.items()},
            "dropped": {name: dict(data.dropped) for name, data in self.tasks.items()},
            "backbones": {search.backbone.id: search.backbone.plain() for search in self.searches},
            "extensions": {name: item.sha256 for name, item in self.extensions.items()},
            "weights": {name: {"sha256": item.sha256, "origin": item.origin} for name, item in self.weights.items()},
            "numerics": self.numerics.model_dump(mode="json"),
        }

    @cached_property
    def distinct(self) -> tuple[PlannedSearch, ...]:
        """The searches without those whose trials are another's: two interventions may be one and the same."""
        return tuple({search.keys[0][0]: search for search in self.searches}.values())

    @cached_property
    def epochs(self) -> int:
        """Epochs that the whole study will train, repeats included, if nothing fails."""
        return sum(self.epochs_of(search) for search in self.distinct)

    def epochs_of(self, search: PlannedSearch) -> int:
        """Epochs that a search with its repeats will train in all, if nothing fails."""
        reached, spent = 0, 0
        for rung, cells in rung_sizes(self.study.search, len(search.cells), search.epochs):
            spent += (rung - reached) * cells
            reached = rung
        return spent + (len(search.seeds) - 1) * search.epochs

    @cached_property
    def training_images(self) -> Mapping[str, int]:
        """Samples of each task's training split."""
        return {name: len(data.samples("train")) for name, data in self.tasks.items()}

    def work(self, search: PlannedSearch) -> float:
        """What an epoch of a search costs, roughly: multiply-adds (billions) of all training images at its size."""
        scale = search.cells[0].recipe.size / search.backbone.input_size
        return search.backbone.work * scale**2 * self.training_images[search.task]

    def rules(self, search: PlannedSearch) -> dict[Split, Rule]:
        """How the images of each split are prepared for a search."""
        recipe = search.cells[0].recipe
        view = view_of(self.study.study.protocol, self.tasks[search.task].task, search.backbone, recipe)
        return view.rules(recipe.augmentation)


def make_plan(
    study: Study,
    numerics: NumericsChoice,
    cache: Path,
    sources: Sources = ANYWHERE,
    data: Path | None = None,
    downloading: Downloading | None = None,
    preparing: Preparing | None = None,
    *,
    download: bool = True,
) -> Plan:
    """Find tasks (below `data`, or where `tasks.places` looks), images and weights, and name every trial.

    Weights that are not here are downloaded, once nothing else is missing; without `download` they are missing too.
    Raises InputError that lists all that is missing at once.
    """
    problems: list[str] = []
    loaded = _gather(
        study.study.tasks, lambda name: _load(study, find_task(name, study.tasks), cache, data, preparing), problems
    )
    tasks = {data.task.name: data for data in loaded.values()}
    if len(tasks) < len(loaded):
        problems.append(
            f"study.tasks: two have one name ({', '.join(data.task.name for data in loaded.values())}); rename a folder"
        )
    extensions = _load_extensions(study, problems)
    rows = _gather(
        [name for name in study.study.backbones if extensions is not None or not is_own(name)],
        lambda name: planned(name, extensions or {}),
        problems,
    )
    pretrained = {
        name
        for intervention in study.study.interventions
        if study.recipe_of(intervention).initialisation == "pretrained"
        for name in study.backbones_of(intervention)
        if name in rows
    }
    for intervention in study.study.interventions:
        recipe = study.recipe_of(intervention)
        for name in study.backbones_of(intervention):
            if name in rows:
                for found in tasks.values():
                    problems += _complaints(study.study.protocol, found.task, rows[name], recipe)
    for name, found in tasks.items():
        if metric(found.task.metric).direction != "higher":
            problems.append(
                f"{name}: its leading metric {found.task.metric} is better when lower; "
                "lead with one that is better when higher"
            )
    weights = _gather(
        [name for name in study.study.backbones if name in pretrained],
        lambda name: _locate(rows[name], sources, downloading, download=download and not problems),
        problems,
    )
    if problems:
        raise InputError("\n".join(dict.fromkeys(problems)))
    grids = {name: study.cells(name) for name in study.study.interventions}
    searches = tuple(
        PlannedSearch(
            task=task,
            backbone=rows[name],
            intervention=intervention,
            cells=_cells(
                study, found, rows[name], grids[intervention], weights.get(name), numerics, _hashes(name, extensions)
            ),
            seeds=study.study.seeds,
        )
        for task, found in tasks.items()
        for intervention in study.study.interventions
        for name in study.backbones_of(intervention)
    )
    bytes_of = {rows[name].id: item for name, item in weights.items()}
    return Plan(study, tasks, bytes_of, numerics, searches, extensions or {})


def _load(study: Study, task: Task, cache: Path, data: Path | None, preparing: Preparing | None) -> TaskData:
    return load_task(task, study.study.protocol, cache, data, _unreadable(study, task, cache, preparing))


def _unreadable(study: Study, task: Task, cache: Path, preparing: Preparing | None) -> Unreadable | None:
    """What finds the images of a task that cannot be read, where the study lets them be left out."""
    if study.study.unreadable == "error":
        return None

    def progress(done: int, total: int) -> None:
        if preparing:
            preparing(f"{task.name}, looking for broken ones", done, total)

    return lambda root, images: unreadable(root, images, cache, cores(), progress, task.reading)


def _locate(row: Backbone, sources: Sources, downloading: Downloading | None, *, download: bool) -> Weights:
    """A backbone's weights; without `download` those that are here."""
    if not download and not sources.offline:
        there = whereabouts(row, sources)
        if there.path is None and there.address.startswith("http"):
            raise InputError(
                f"{row.id}: its weights are not on this machine yet; a run fetches them from {there.address} "
                f"(now: afield backbones fetch {row.id} --to DIR)"
            )
    return locate(row, sources, partial(downloading, row.id) if downloading else None)


def _complaints(protocol: Protocol, task: Task, row: Backbone, recipe: Recipe) -> list[str]:
    """What speaks against training a backbone on a task by a recipe."""
    try:
        check_size(row, view_of(protocol, task, row, recipe).image_size)
        if recipe.pooling != "own" or recipe.head != "own":  # rare, and it needs torch
            from afield.backbones.pooling import check_pooling

            check_pooling(row, recipe.pooling, recipe.head)
        if task.reading.count != 3:
            from afield.backbones.channels import check_channels

            check_channels(row, task.reading.count)
    except InputError as error:
        return [str(error)]
    return []


def _load_extensions(study: Study, problems: list[str]) -> dict[str, Extension] | None:
    """The study's extensions by name; None, with the problems noted, where one cannot be loaded."""
    try:
        return load_extensions(study.extensions)
    except InputError as error:
        problems.append(str(error))
        return None


def _hashes(backbone: str, extensions: Mapping[str, Extension] | None) -> tuple[tuple[str, str], ...]:
    """Name and sha256 of the extensions whose code shapes the training of a backbone."""
    if not is_own(backbone):
        return ()
    extension = extension_of(backbone, extensions or {})
    return ((extension.name, extension.sha256),)


def _gather(names: tuple[str, ...] | list[str], find: Callable[[str], Found], problems: list[str]) -> dict[str, Found]:
    found = {}
    for name in names:
        try:
            found[name] = find(name)
        except InputError as error:
            problems.append(str(error))
    return found


def _cells(
    study: Study,
    data: TaskData,
    row: Backbone,
    grid: tuple[Recipe, ...],
    weights: Weights | None,
    numerics: NumericsChoice,
    extensions: tuple[tuple[str, str], ...],
) -> tuple[Trial, ...]:
    task, protocol = data.task, study.study.protocol
    views = [view_of(protocol, task, row, recipe) for recipe in grid]
    return tuple(
        Trial(
            task=task.name,
            task_version=task.version,
            classes=task.classes,
            target=task.target,
            flips=view.flips,
            metric=task.metric,
            data=data.fingerprint,
            split_seed=task.split_seed,
            protocol=protocol,
            backbone=row.id,
            weights=weights.sha256 if weights is not None and recipe.initialisation == "pretrained" else None,
            mean=view.mean,
            std=view.std,
            interpolation=view.interpolation,
            channels=view.channels,
            reading=task.reading,
            recipe=recipe.model_copy(update={"image_size": view.image_size}),
            seed=study.study.seeds[0],
            preparation=PREPARATION_VERSION,
            extensions=extensions,
            numerics=numerics_for(numerics, row.convolutional),
        )
        for recipe, view in zip(grid, views, strict=True)
    )
