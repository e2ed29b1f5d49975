"""A plan made of a study's names: tasks, images and weights found, and every trial named. Needs no torch where numerics
are settled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from afield.backbones.backbone import Backbone
from afield.backbones.own import extension_of
from afield.backbones.weights import Weights
from afield.base.extensions import Extension, is_own
from afield.images.rule import PREPARATION_VERSION
from afield.probing.version import PROBING_VERSION
from afield.study.plan import Plan
from afield.study.preparing.needs import Needs
from afield.study.protocol import view_of
from afield.study.searching.planned_search import PlannedSearch
from afield.study.study import Study
from afield.tasks.data import TaskData
from afield.training.numerics import NumericsChoice, numerics_for
from afield.training.recipe import Recipe
from afield.trial.trial import Trial


def plan_of(study: Study, needs: Needs, numerics: NumericsChoice) -> Plan:
    """The plan of all searches whose data and weights are here: with all that the study needs, its whole plan."""
    grids = {name: study.cells(name) for name in study.study.interventions}
    searches = tuple(
        PlannedSearch(
            task=task,
            backbone=needs.backbones[name],
            intervention=intervention,
            cells=_cells(
                study,
                needs.changed.get((task, intervention), found),
                needs.backbones[name],
                grids[intervention],
                needs.weights.get(name),
                numerics,
                _hashes(
                    (name, found.task.metric, *grids[intervention][0].named),
                    needs.extensions,
                ),
            ),
            seeds=study.study.seeds,
        )
        for task, found in needs.tasks.items()
        for intervention in study.study.interventions
        for name in study.backbones_of(intervention)
        if name in needs.weights or (name in needs.backbones and grids[intervention][0].initialisation == "scratch")
    )
    weights = {needs.backbones[name].id: item for name, item in needs.weights.items()}
    return Plan(
        study, needs.tasks, weights, numerics, searches, needs.extensions, needs.metrics, needs.beside, needs.changed
    )


def _hashes(names: Sequence[str], extensions: Mapping[str, Extension]) -> tuple[tuple[str, str], ...]:
    """Name and sha256 of the extensions that shape a training: by its backbone, its loss, its head, its augmentation,
    the metric that selects.
    """
    used = [extension_of(name, extensions) for name in names if is_own(name)]
    return tuple(sorted({(extension.name, extension.sha256) for extension in used}))


def _cells(
    study: Study,
    data: TaskData,
    row: Backbone,
    grid: tuple[Recipe, ...],
    weights: Weights | None,
    numerics: NumericsChoice,
    extensions: tuple[tuple[str, str], ...],
) -> tuple[Trial, ...]:
    """The cells of a search: one trial, and the others as what they change of its recipe. What is searched, learning
    rate and weight decay, shapes neither the view nor the weights.
    """
    task, protocol, recipe = data.task, study.study.protocol, grid[0]
    view = view_of(protocol, task, row, recipe)
    recipes = _as_shown(grid, view.image_size, view.channels)
    first = Trial(
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
        weights=weights.sha256 if weights is not None and recipe.initialisation != "scratch" else None,
        mean=view.mean,
        std=view.std,
        interpolation=view.interpolation,
        channels=view.channels,
        reading=task.reading,
        recipe=recipes[0],
        seed=study.study.seeds[0],
        preparation=PREPARATION_VERSION,
        extensions=extensions,
        numerics=numerics_for(numerics, row.convolutional),
        probing=PROBING_VERSION if recipe.probed else None,
    )
    return (first, *(first.model_copy(update={"recipe": each}) for each in recipes[1:]))


@lru_cache
def _as_shown(grid: tuple[Recipe, ...], image_size: int, channels: str) -> tuple[Recipe, ...]:
    """The recipes of a grid for one view: the searches that share it share these."""
    return tuple(recipe.model_copy(update={"image_size": image_size, "channels": channels}) for recipe in grid)
