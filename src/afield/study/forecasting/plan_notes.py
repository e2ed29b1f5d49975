"""What one should know of a plan before it runs: parts that are trained, disk that soups take, what its data lack."""

from __future__ import annotations

from afield.backbones.backbone import Backbone
from afield.base.text import count
from afield.study.combining.soups import takes_part
from afield.study.plan import Plan, changed_words, task_words
from afield.study.preparing.recipe_words import recipe_words
from afield.study.searching.search import rung_sizes
from afield.tasks.words import absence_words, dropped_words


def plan_notes(plan: Plan) -> list[str]:
    """What one should know of a plan whose data are here: a line each."""
    lines = [*_parts(plan), *_soups(plan), *task_words(plan)]
    for name, data in plan.tasks.items():
        lines += [f"{name}: {words}" for words in (dropped_words(data.dropped), *absence_words(data.absent())) if words]
    return [*lines, *changed_words(plan), *recipe_words(plan)]


def _soups(plan: Plan) -> list[str]:
    """A line on the disk that networks of cells take until their soups are made, where there are any."""
    kept = [
        (rung_sizes(plan.study.search, len(search.cells), search.epochs)[-1][1], search.backbone.params_m)
        for search in plan.distinct
        if any("cells" in soup.over and takes_part(soup, search.identity) for soup in plan.study.soups.values())
    ]
    if not kept:
        return []
    megabytes = sum(cells * 4 * params for cells, params in kept if params is not None)
    unknown = "" if all(params is not None for _, params in kept) else ", backbones of unknown size apart"
    cells = count(sum(cells for cells, _ in kept), "cell")
    return [
        f"Soups: the networks of {cells} stay until theirs are made, at most about {megabytes:.0f} MB in the result "
        f"folder{unknown}; the chosen ones and the soups stay for good."
    ]


def _parts(plan: Plan) -> list[str]:
    """Of each backbone that is trained in part, a line that names the part."""
    lines = []
    for name, row in _trained(plan, "last block").items():
        from afield.backbones.parts import last_block_of  # rare, and it needs torch

        lines.append(f"{name}: the last block is {', '.join(last_block_of(row))}")
    for name, row in _trained(plan, "lora").items():
        from afield.backbones.lora import lora_layers_of

        lines.append(f"{name}: LoRA beside {count(len(lora_layers_of(row)), 'linear layer')}")
    return lines


def _trained(plan: Plan, what: str) -> dict[str, Backbone]:
    return {each.backbone.id: each.backbone for each in plan.searches if each.cells[0].recipe.trained == what}
