"""What is said of a search on the page: what was chosen, beside what, and what must be minded."""

from __future__ import annotations

from collections.abc import Mapping

from afield.analysis.searches.best_of import chosen_flatters
from afield.base.extensions import is_own
from afield.base.text import count
from afield.report import words
from afield.scoring.metrics import in_points, metric_title
from afield.study.record import SearchRecord, StudyRecord

_SHOWN = 6
"""added recipes that are named before the rest is counted"""


def recipe_words(search: SearchRecord | None) -> str:
    """The searched values of the chosen recipe: `learning rate 0.001`; what had no choice is left out."""
    if search is None or search.chosen is None:
        return "not chosen yet"
    cell = next((cell for cell in search.cells if cell.key == search.chosen), None)
    if cell is None:
        return "not chosen yet"
    values = {key: cell.recipe[key] for key, choices in search.axes.items() if len(choices) > 1}
    return values_words(values) or "as in the study"


def values_words(values: Mapping[str, float]) -> str:
    """Searched values with their keys, in one line."""
    return ", ".join(f"{key} {value}" for key, value in words.pairs(values))


def standing_words(search: SearchRecord) -> str:
    """How a search ended, or that it has not."""
    if search.lost:
        return f"out of the race after {count(max(search.asked), 'epoch')}"
    return f"chosen: {recipe_words(search)}" if search.chosen else "nothing chosen yet"


def notes_on(search: SearchRecord) -> list[str]:
    """How many recipes there were, what they took, and what was particular about them."""
    cells = len(search.cells)
    told = [f"{cells} {'recipe' if cells == 1 else 'recipes'}"]
    told += _added(search)
    if search.epochs_of_grid and cells > 1:
        told.append(f"{search.epochs_spent} of the full grid's {search.epochs_of_grid} epochs trained")
    if search.rung_correlation is not None:
        told.append(f"order at the first rung and at the end: Spearman {words.minus(f'{search.rung_correlation:.2f}')}")
    if search.micro_batch:
        told.append(
            f"{search.micro_batch} images of a batch computed at once: BatchNorm, where the network has it, took its "
            "statistics from so many"
        )
        loss = search.cells[0].recipe["loss"]
        if is_own(loss):
            told[-1] += f", and {loss}, where it looks at other images of the batch, looked at so many"
    return told


def _added(search: SearchRecord) -> list[str]:
    """What came beside the recipes that were settled before anything was trained."""
    begun = search.generations[0] if search.generations else len(search.cells)
    added = [values_words({key: cell.recipe[key] for key in search.axes}) for cell in search.cells[begun:]]
    if not added:
        return []
    shown = "; ".join(added[:_SHOWN]) + (f" and {len(added) - _SHOWN} more" if len(added) > _SHOWN else "")
    return [
        f"{len(added)} of them added in {count(len(search.generations) - 1, 'step')} from what came before: {shown}"
    ]


def flattered_words(record: StudyRecord, search: SearchRecord) -> list[str]:
    """By how much being the best of several flatters the chosen recipe where it was chosen."""
    found, task = chosen_flatters(record, search), record.task(search.task)
    if found is None:
        return []
    scale, digits, unit = (100, 1, "points") if in_points(task.metric) else (1, 3, metric_title(task.metric))
    return [
        f"being the best of the {found.cells} that were trained to the end flatters the chosen one on {task.selection} "
        f"by about {words.number(found.bias * scale, digits)} {unit}, and the choice of its epoch comes on top"
    ]


def border_warning(search: SearchRecord) -> str:
    """Which chosen values lie at an end of their grid; empty where none does."""
    if not search.borders:
        return ""
    keys = " and ".join(key.replace("_", " ") for key in search.borders)
    verb = "lies" if len(search.borders) == 1 else "lie"
    return f"The chosen {keys} {verb} at the border of the grid: a better value may be beyond it."


def landscape_words(search: SearchRecord, drawn: bool) -> str:
    """How far apart the recipes lie: whether the search mattered. Those that were `drawn` are points, others tiles."""
    values = [cell.validation for cell in search.cells if cell.validation is not None]
    if search.chosen is None or len(values) < 2:
        return ""
    early = any(cell.state == "paused" for cell in search.cells)
    span = f"The recipes reached {words.number(min(values), 3)} to {words.number(max(values), 3)}"
    beside = [key.replace("_", " ") for key, choices in search.axes.items() if len(choices) > 1][2:]
    if beside and not drawn:
        span += f" (a tile shows the chosen one of its recipes, which differ in {' and '.join(beside)}, or their best)"
    return f"{span}; those stopped early might have come further." if early else f"{span}."


def best_epochs(search: SearchRecord) -> str:
    """Which epoch was kept of each repetition of the chosen recipe."""
    kept = [f"{each.best_epoch} ({seed_words(each.seed)})" for each in search.repeats if each.best_epoch is not None]
    return f"Best epoch: {', '.join(kept)}." if kept else ""


def seed_words(seed: int) -> str:
    """The name of a line in charts."""
    return f"seed {seed}"
