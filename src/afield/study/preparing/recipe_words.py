"""What a study's recipes come to on its data, where whoever wrote them may not expect it."""

from __future__ import annotations

import math

from afield.base.text import count, first_few
from afield.study.plan import Plan

FEW = 100
"""updates below which a training is hardly one: the study's smallest (APTOS) has about 700"""
STRONG = 0.01
"""share of all weights that an update takes at the peak learning rate: ten times the greatest of the study's grid"""


def recipe_words(plan: Plan) -> list[str]:
    """What one should know of the recipes before they train: a line each."""
    return [*_few_updates(plan), *_strong_decay(plan), *_nothing_searched(plan), *_never_halved(plan)]


def _few_updates(plan: Plan) -> list[str]:
    found: dict[str, list[str]] = {}
    alike = {(search.task, search.intervention): search for search in plan.whole}  # whatever the backbone
    for search in alike.values():
        recipe = search.cells[0].recipe
        images = int((plan.data_of(search).table["split"] == "train").sum())
        updates = math.ceil(images / recipe.batch_size) * recipe.epochs
        if updates < FEW:
            words = (
                f"{images:,} training images in batches of {recipe.batch_size} make {count(updates, 'update')} in "
                f"{count(recipe.epochs, 'epoch')}, which is few; a smaller recipe.batch_size gives more"
            )
            found.setdefault(words, []).append(search.task)
    return [f"{first_few(list(dict.fromkeys(tasks)))}: {words}" for words, tasks in found.items()]


def _strong_decay(plan: Plan) -> list[str]:
    decays = [
        cell.recipe.weight_decay for search in plan.whole for cell in search.cells if cell.recipe.decay == "study"
    ]
    greatest = max(decays, default=0.0)
    if greatest <= STRONG:
        return []
    return [
        f"weight_decay: {greatest:g} takes {100 * greatest:g} % off all weights at each update at the peak, since "
        'decay = "study" gives torch weight_decay / learning_rate; what torch and timm mean by it is decay = "torch"'
    ]


def _nothing_searched(plan: Plan) -> list[str]:
    study = plan.study
    if study.search.keys or len(study.study.backbones) < 2:
        return []
    return [
        f"Nothing is searched: every backbone trains with learning rate {study.recipe.learning_rate:g}, which is "
        "rarely fair; search.grid.learning_rate = [1e-5, 1e-4, 1e-3, 1e-2] lets each find its own"
    ]


def _never_halved(plan: Plan) -> list[str]:
    choice = plan.study.search
    several = [search for search in plan.whole if choice.method == "race" or len(search.cells) > 1]
    ended = [search.intervention for search in several if search.cells[0].recipe.epochs <= choice.rungs[0]]
    if not choice.halves or not ended:
        return []
    return [
        f"search.rungs: the first rung, epoch {choice.rungs[0]}, is not before the last epoch of "
        f"{first_few(list(dict.fromkeys(ended)))}: nothing is stopped there, as in a grid; name an earlier rung"
    ]
