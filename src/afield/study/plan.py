"""The plan: what a study will do, with real bytes, before anything is trained. `make_plan.py` makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from afield.backbones.weights import Weights
from afield.base.extensions import Extension
from afield.base.text import first_few
from afield.images.rule import Rule
from afield.scoring.metric import Metric
from afield.study.folder.stored_trials import stored
from afield.study.protocol import TRAINING_VIEWS, view_of
from afield.study.searching.planned_search import Identity, PlannedSearch
from afield.study.searching.race import Share, shares
from afield.study.searching.search import epochs_asked, epochs_through, rung_sizes, to_come
from afield.study.split_view import SplitView, wanted_of
from afield.study.study import Study
from afield.tasks.data import TaskData
from afield.tasks.training_split import training_words
from afield.tasks.words import absence_words, incomplete_words, single_words
from afield.training.numerics import NumericsChoice
from afield.trial.trial import Trial

ON_FEATURES = 1e-3
"""what an epoch of a head alone costs beside one of the whole network, roughly"""


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
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    """one's own that lead tasks, by name"""
    beside: Mapping[str, Metric] = field(default_factory=dict)
    """one's own that are recorded beside all that fit, by name"""
    changed: Mapping[tuple[str, str], TaskData] = field(default_factory=dict)
    """tasks with other training splits, by task and intervention, where an intervention changes them"""
    elsewhere: Mapping[int, PlannedSearch] = field(default_factory=dict)
    """searches of the study that another shard does, by their place among all"""

    @property
    def whole(self) -> tuple[PlannedSearch, ...]:
        """All searches of the study, in its order."""
        here = iter(self.searches)
        places = range(len(self.searches) + len(self.elsewhere))
        return tuple(self.elsewhere[place] if place in self.elsewhere else next(here) for place in places)

    def data_of(self, search: PlannedSearch) -> TaskData:
        """What a search trains, selects and scores on."""
        return self.changed.get((search.task, search.intervention), self.tasks[search.task])

    def with_micro_batches(self, of: Callable[[Trial], int]) -> Plan:
        """The plan whose trials take so many samples at once."""

        def settled(cell: Trial) -> Trial:
            numerics = cell.numerics.model_copy(update={"micro_batch": of(cell)})
            return cell.model_copy(update={"numerics": numerics})

        searches = (replace(item, cells=tuple(settled(cell) for cell in item.cells)) for item in self.searches)
        return replace(self, searches=tuple(searches))

    def content(self) -> dict[str, Any]:
        """The whole study's plan as plain values: what a reader of the result folder needs to find its way."""
        trials: dict[str, dict[str, Any]] = {}
        for search in self.whole:
            for key, table in stored(search.cells[0], search.changes, [keys[0] for keys in search.keys]).items():
                trials.setdefault(key, table)
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
                    "seeds": list(search.seeds),
                    "generations": [each.plain() for each in search.generations],
                }
                for search in self.whole
            ],
            "tasks": {name: data.identity for name, data in self.tasks.items()},
            "selection": {name: data.selection for name, data in self.tasks.items()},
            "training": self.training,
            "dropped": {name: dict(data.dropped) for name, data in self.tasks.items()},
            "incomplete": self.incomplete,
            "absent": {name: list(absence_words(data.absent())) for name, data in self.tasks.items()},
            "backbones": {search.backbone.id: search.backbone.plain() for search in self.whole},
            "extensions": {name: item.sha256 for name, item in self.extensions.items()},
            "metrics": {name: list(own.range) for name, own in self.metrics.items()},
            "beside": {name: own.direction for name, own in self.beside.items()},
            "weights": {name: {"sha256": item.sha256, "origin": item.origin} for name, item in self.weights.items()},
            "numerics": self.numerics.model_dump(mode="json"),
        }

    @property
    def training(self) -> dict[str, dict[str, Any]]:
        """What interventions made of training splits, as plain values: by task, then by intervention."""
        made: dict[str, dict[str, Any]] = {name: {} for name in self.tasks}
        for (task, intervention), data in self.changed.items():
            made[task][intervention] = asdict(data.training) if data.training else {}
        return made

    @property
    def incomplete(self) -> dict[str, str]:
        """Of each task the words for what its data lack of the published ones, empty where they lack nothing, and of
        parts of tasks, which are meant to be less.
        """
        protocol, parts = self.study.study.protocol, self.study.tasks
        return {
            name: "" if name in parts else incomplete_words(data.task, protocol, len(data.table) + len(data.dropped))
            for name, data in self.tasks.items()
        }

    def with_search(self, grown: PlannedSearch) -> Plan:
        """The plan with a search that has grown."""
        searches = (grown if item.identity == grown.identity else item for item in self.searches)
        return replace(self, searches=tuple(searches))

    def trainings_of(self, search: PlannedSearch) -> int:
        """Trainings of a search with its repeats, those that are sure to come among them."""
        repeats = max(0, self.networks_of(search) - 1)
        return len(search.cells) + to_come(self.study.search, len(search.cells)) + repeats

    def networks_of(self, search: PlannedSearch) -> int:
        """Networks of a search that will be chosen and scored, if nothing fails; of a race all are counted as those of
        one backbone.
        """
        return len(search.seeds) if self.share_of(search).chooses else 0

    @cached_property
    def distinct(self) -> tuple[PlannedSearch, ...]:
        """The searches without those whose trials are another's: two interventions may be one and the same."""
        return tuple({search.keys[0][0]: search for search in self.searches}.values())

    @cached_property
    def epochs(self) -> int:
        """Epochs that the whole study will train, repeats included, if nothing fails."""
        return sum(self.epochs_of(search) for search in self.distinct)

    def rivals(self, search: PlannedSearch) -> tuple[PlannedSearch, ...]:
        """The searches whose cells compete with those of a search, in the study's order: in a race those of all
        backbones on its task under its intervention, else itself alone.
        """
        if self.study.search.method != "race":
            return (search,)
        return self._races[search.task, search.intervention]

    @cached_property
    def _races(self) -> Mapping[tuple[str, str], tuple[PlannedSearch, ...]]:
        races: dict[tuple[str, str], tuple[PlannedSearch, ...]] = {}
        for each in self.searches:
            races[each.task, each.intervention] = (*races.get((each.task, each.intervention), ()), each)
        return races

    def share_of(self, search: PlannedSearch) -> Share:
        """What a search will train, as far as it can be said before: the rungs of its first generation, or its part of
        a race.
        """
        if self.study.search.method == "race":
            return self._shares[search.identity]
        return Share(tuple(rung_sizes(self.study.search, search.first, search.epochs)))

    @cached_property
    def _shares(self) -> Mapping[Identity, Share]:
        """Of the searches of races."""
        return {
            each.identity: share
            for race in self._races.values()
            for each, share in zip(
                race,
                shares(
                    self.study.search,
                    [len(each.cells) for each in race],
                    [each.backbone.work for each in race],
                    race[0].epochs,
                ),
                strict=True,
            )
        }

    def epochs_of(self, search: PlannedSearch) -> int:
        """Epochs that a search with its repeats will train in all, if nothing fails and it does not grow."""
        choice, repeats = self.study.search, max(0, self.networks_of(search) - 1)
        asked = (
            epochs_through(self.share_of(search).sizes)
            if choice.method == "race"
            else epochs_asked(choice, len(search.cells), search.epochs, search.first)
        )
        return asked + repeats * search.epochs

    @cached_property
    def training_images(self) -> Mapping[tuple[str, str, str], int]:
        """Samples of each search's training split."""
        return {search.identity: len(self.data_of(search).samples("train")) for search in self.searches}

    def work(self, search: PlannedSearch) -> float:
        """What an epoch of a search costs, roughly: multiply-adds (billions) of all training images at its size; on
        stored features a small share of that.
        """
        recipe = search.cells[0].recipe
        scale = recipe.size / search.backbone.input_size
        share = ON_FEATURES if recipe.trained == "head" else 1
        return share * search.backbone.work * scale**2 * self.training_images[search.identity]

    def scored_on(self, task: str) -> tuple[SplitView, ...]:
        """What each chosen network of a task is scored on, in order."""
        return wanted_of(self.study.study.views, self.tasks[task].task.extra_splits)

    def rules(self, search: PlannedSearch) -> dict[str, Rule]:
        """How the images of each split are prepared for a search, and of the training split a second time as evaluation
        views where features of these are needed.
        """
        recipe, task = search.cells[0].recipe, self.tasks[search.task].task
        view = view_of(self.study.study.protocol, task, search.backbone, recipe)
        rules = view.rules(recipe.augmentation, task.extra_splits)
        return {**rules, TRAINING_VIEWS: rules["validation"]} if recipe.probed else rules


def task_words(plan: Plan) -> list[str]:
    """What one should know of the tasks: a line each, and one of all of whom the same is to be said."""
    said: dict[str, list[str]] = {}
    for name, data in plan.tasks.items():
        for words in filter(None, (data.task.proposal, plan.incomplete[name], *single_words(data.task, data.counts()))):
            said.setdefault(words, []).append(name)
    return [f"{first_few(names)}: {words}" for words, names in said.items()]


def changed_words(plan: Plan) -> list[str]:
    """What interventions made of training splits, a line each."""
    return [
        f"{task}, {intervention}: {training_words(data.training)}"
        for (task, intervention), data in plan.changed.items()
        if data.training is not None
    ]
