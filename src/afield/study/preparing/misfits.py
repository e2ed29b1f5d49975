"""What speaks against a study whose tasks and backbones were found, told before anything is trained: recipes that do
not fit them, and soups of nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from afield.backbones.backbone import Backbone
from afield.backbones.sizes import check_size
from afield.base.errors import InputError
from afield.base.extensions import Extension, is_own
from afield.images.symmetries import symmetries
from afield.scoring.metrics import direction
from afield.study.combining.soups import unlike
from afield.study.protocol import view_of
from afield.study.searching.proposals import check_sampler
from afield.study.searching.search import rung_sizes
from afield.study.study import Study
from afield.tasks.task import Task
from afield.training.recipe import Recipe


def misfits(
    study: Study,
    tasks: Mapping[str, Task],
    backbones: Mapping[str, Backbone],
    extensions: Mapping[str, Extension] | None,
) -> Iterator[str]:
    """A line for each thing that does not fit; `tasks` and `backbones` are those that were found, `extensions` None
    where one could not be loaded.
    """
    yield from _trainings(study, tasks, backbones)
    if extensions is not None:
        yield from _augmentations(study, tasks, extensions)
        yield from _unfit_heads(study, extensions)
    yield from _unfit_sampler(study)
    yield from _ranks_of_many(study, tasks)
    yield from lone_soups(study)
    yield from soups_of_views(study, tasks, backbones)
    yield from _unfit_losses(study, tasks, extensions)


def _trainings(study: Study, tasks: Mapping[str, Task], backbones: Mapping[str, Backbone]) -> Iterator[str]:
    """What speaks against training a backbone on a task by a recipe, and against selecting by a metric."""
    for intervention in study.study.interventions:
        recipe = study.recipe_of(intervention)
        for name in study.backbones_of(intervention):
            if name in backbones:
                for found in tasks.values():
                    yield from complaints_of(study, found, backbones[name], recipe)
    for name, found in tasks.items():
        yield from _views_denied(study, name, found)
        if direction(found.metric) != "higher":
            yield (
                f"{name}: its leading metric {found.metric} is better when lower; "
                "lead with one that is better when higher"
            )


def _augmentations(study: Study, tasks: Mapping[str, Task], extensions: Mapping[str, Extension]) -> Iterator[str]:
    """What speaks against the augmentations of the recipes, other than those that any image can have."""
    named = {study.recipe_of(intervention).augmentation for intervention in study.study.interventions}
    for name in sorted(named - {"none", "paper"}):  # the rest is rarer, and needs torch
        from afield.images.augmentation.own import check_augmentation

        for task in tasks.values():
            try:
                check_augmentation(name, extensions, task.reading.count)
            except InputError as error:
                yield str(error) if is_own(name) else f"{task.name}: {error}"


def _unfit_sampler(study: Study) -> Iterator[str]:
    try:
        check_sampler(study.search)
    except InputError as error:
        yield str(error)


def _ranks_of_many(study: Study, tasks: Mapping[str, Task]) -> Iterator[str]:
    """The ensembles by ranks on tasks of more than two exclusive classes, whose order of samples is none."""
    for name, choice in study.ensembles.items():
        for task, found in tasks.items():
            if choice.mean == "ranks" and found.target != "labels" and len(found.classes) > 2:
                yield (
                    f"ensembles.{name}: mean = ranks orders samples by one class, and {task} has {len(found.classes)} "
                    "to choose from; take mean = probabilities"
                )


def lone_soups(study: Study) -> Iterator[str]:
    """The soups of cells of which a search brings only one to its last epoch, under no other seed."""
    for name, choice in study.soups.items():
        if "cells" not in choice.over or "interventions" in choice.over:
            continue
        repeats = len(study.study.seeds) - 1 if "seeds" in choice.over else 0
        for intervention in choice.interventions or study.study.interventions:
            cells = study.cells(intervention)
            _, last = rung_sizes(study.search, len(cells), cells[0].epochs)[-1]
            if last + repeats == 1:
                yield (
                    f"soups.{name}: averages the cells of a search, and of {len(cells)} in {intervention} one alone is "
                    'trained to its last epoch; let search.method be "grid", search more values, or average something '
                    "else"
                )


def soups_of_views(study: Study, tasks: Mapping[str, Task], backbones: Mapping[str, Backbone]) -> Iterator[str]:
    """The soups of interventions whose networks are shown one task in several ways, as protocol `paper` can give."""
    for name, choice in study.soups.items():
        if study.study.protocol == "clean" or "interventions" not in choice.over:
            continue  # the study has told it
        for found in [each for each in tasks.values() if each.published is not None]:
            for backbone in [each for each in choice.backbones or study.study.backbones if each in backbones]:
                views = {
                    each: view_of("paper", found, backbones[backbone], study.recipe_of(each))
                    for each in choice.interventions or study.study.interventions
                    if backbone in study.backbones_of(each)
                }
                built = {
                    each: {"image_size": view.image_size, "channels": view.channels} for each, view in views.items()
                }
                yield from unlike(name, built)


def _views_denied(study: Study, name: str, task: Task) -> Iterator[str]:
    """The views of the study under which this task's labels do not stay."""
    published = task.published if study.study.protocol == "paper" else None
    flips = task.flips if published is None else published.flips
    for view in study.study.views:
        try:
            symmetries(view, flips)
        except InputError as error:
            yield f"{name}: {error}"


def _unfit_losses(study: Study, tasks: Mapping[str, Task], extensions: Mapping[str, Extension] | None) -> Iterator[str]:
    """What speaks against a recipe's loss or balance on a task."""
    for recipe in map(study.recipe_of, study.study.interventions):
        usual = recipe.loss == "auto" and recipe.balance != "logit-adjust"
        if usual or (is_own(recipe.loss) and extensions is None):
            continue
        from afield.training.losses import check_loss, own_loss

        try:
            own = own_loss(recipe.loss, extensions or {}) if is_own(recipe.loss) else None
            for name, found in tasks.items():
                check_loss(name, found.target, recipe, own)
        except InputError as error:
            yield str(error)


def _unfit_heads(study: Study, extensions: Mapping[str, Extension]) -> Iterator[str]:
    """What speaks against the recipes' heads of one's own."""
    named = {study.recipe_of(intervention).head for intervention in study.study.interventions}
    for name in sorted(filter(is_own, named)):
        from afield.backbones.own_heads import check_head

        try:
            check_head(name, extensions)
        except InputError as error:
            yield str(error)


def complaints_of(study: Study, task: Task, row: Backbone, recipe: Recipe) -> list[str]:
    """What speaks against training a backbone on a task by a recipe, as far as names and sizes tell."""
    try:
        check_size(row, view_of(study.study.protocol, task, row, recipe).image_size)
        if recipe.pooling != "own" or recipe.head != "own":  # rare, and it needs torch
            from afield.backbones.pooling import check_pooling

            check_pooling(row, recipe.pooling, "own" if recipe.head == "own" else "linear")
        if recipe.trained == "last block":
            from afield.backbones.parts import last_block_of

            last_block_of(row)
        if recipe.trained == "lora":
            from afield.backbones.lora import check_lora

            check_lora(row)
        if task.reading.count != 3:
            from afield.backbones.channels import check_channels

            check_channels(row, task.reading.count)
    except InputError as error:
        return [str(error)]
    return []
