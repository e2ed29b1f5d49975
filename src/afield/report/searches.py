"""The searches of a task for the page: landscape, curves, and what must be said of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from afield.analysis.audits import Audit
from afield.analysis.best_of import best_of, chosen_flatters
from afield.base.text import count
from afield.report import words
from afield.report.audits import audit_figure
from afield.report.figures import Figure, Figures
from afield.report.search_charts import best_of_chart, curves_chart, landscape_chart, losses_chart, scatter_chart
from afield.scoring.metrics import in_points, metric_title
from afield.study.record import SearchRecord, StudyRecord, TrialRecord
from afield.study.study import PLAIN

Domain: TypeAlias = tuple[float, float]
OTHERS = "other recipes"
_SHOWN = 6
"""added recipes that are named before the rest is counted"""


@dataclass(frozen=True)
class SearchSection:
    """One search: its charts and its words."""

    title: str
    chosen: str
    """the recipe that was taken, in words, or that there is none"""
    notes: str
    warning: str
    landscape: Figure | None
    curves: Figure | None
    losses: Figure | None
    best_of: Figure | None
    """what fewer recipes would have found"""
    audit: Figure | None
    """what every finished recipe did on test, where the search was audited"""


def recipe_words(search: SearchRecord | None) -> str:
    """The searched values of the chosen recipe: `learning rate 0.001`; what had no choice is left out."""
    if search is None or search.chosen is None:
        return "not chosen yet"
    cell = next((cell for cell in search.cells if cell.key == search.chosen), None)
    if cell is None:
        return "not chosen yet"
    values = {key: cell.recipe[key] for key, choices in search.axes.items() if len(choices) > 1}
    return _named(values) or "as in the study"


def _named(values: Mapping[str, float]) -> str:
    return ", ".join(f"{key} {value}" for key, value in words.pairs(values))


def search_sections(
    record: StudyRecord, task: str, metric: str, figures: Figures, names: Mapping[str, str], audit: Audit | None = None
) -> tuple[SearchSection, ...]:
    """The searches of a task in the study's order, on one scale of the metric; with what was audited of them."""
    searches = [search for search in record.searches if search.task == task]
    by_epoch = _around([row["validation"] for search in searches for trial in _trials(search) for row in trial.history])
    best = _around([cell.validation for search in searches for cell in search.cells if cell.validation is not None])
    lines = [_seed(seed) for seed in record.study.study.seeds]
    return tuple(
        _section(record, search, metric, (best, by_epoch), lines, figures, names, audit) for search in searches
    )


def _around(values: list[float]) -> Domain:
    """A range with room around the values."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = (high - low) * 0.15 or 0.05
    return low - room, high + room


def _section(
    record: StudyRecord,
    search: SearchRecord,
    metric: str,
    domains: tuple[Domain, Domain],
    lines: Sequence[str],
    figures: Figures,
    names: Mapping[str, str],
    audit: Audit | None,
) -> SearchSection:
    name = names.get(search.backbone, search.backbone)
    title = name if search.intervention == PLAIN else f"{name}, {search.intervention}"
    return SearchSection(
        title=title,
        chosen=_standing(search),
        notes="; ".join([*_notes(search), *_flattered(record, search)]),
        warning=_warning(search),
        landscape=_landscape(record, search, title, metric, domains[0], figures),
        curves=_curves(search, title, metric, domains[1], lines, figures),
        losses=_losses(search, title, lines, record.task(search.task).selection, figures),
        best_of=_best_of(record, search, title, metric, figures),
        audit=audit_figure(audit, search.chosen, title, metric, figures),
    )


def _standing(search: SearchRecord) -> str:
    if search.lost:
        return f"out of the race after {count(max(search.asked), 'epoch')}"
    return f"chosen: {recipe_words(search)}" if search.chosen else "nothing chosen yet"


def _trials(search: SearchRecord) -> tuple[TrialRecord, ...]:
    """Every training of a search once."""
    return tuple({trial.key: trial for trial in (*search.cells, *search.repeats)}.values())


def _notes(search: SearchRecord) -> list[str]:
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
    return told


def _added(search: SearchRecord) -> list[str]:
    """What came beside the recipes that were settled before anything was trained."""
    begun = search.generations[0] if search.generations else len(search.cells)
    added = [_named({key: cell.recipe[key] for key in search.axes}) for cell in search.cells[begun:]]
    if not added:
        return []
    shown = "; ".join(added[:_SHOWN]) + (f" and {len(added) - _SHOWN} more" if len(added) > _SHOWN else "")
    return [
        f"{len(added)} of them added in {count(len(search.generations) - 1, 'step')} from what came before: {shown}"
    ]


def _flattered(record: StudyRecord, search: SearchRecord) -> list[str]:
    """By how much being the best of several flatters the chosen recipe where it was chosen."""
    found, task = chosen_flatters(record, search), record.task(search.task)
    if found is None:
        return []
    scale, digits, unit = (100, 1, "points") if in_points(task.metric) else (1, 3, metric_title(task.metric))
    return [
        f"being the best of the {found.cells} that were trained to the end flatters the chosen one on {task.selection} "
        f"by about {words.number(found.bias * scale, digits)} {unit}, and the choice of its epoch comes on top"
    ]


def _warning(search: SearchRecord) -> str:
    if not search.borders:
        return ""
    keys = " and ".join(key.replace("_", " ") for key in search.borders)
    verb = "lies" if len(search.borders) == 1 else "lie"
    return f"The chosen {keys} {verb} at the border of the grid: a better value may be beyond it."


def _state(search: SearchRecord, cell: TrialRecord) -> str:
    if cell.key == search.chosen:
        return "chosen"
    if cell.validation is None:
        return "failed" if cell.state == "failed" else "not trained"
    return "trained to the end" if cell.state == "finished" else "stopped early"


def _landscape(
    record: StudyRecord, search: SearchRecord, title: str, metric: str, domain: Domain, figures: Figures
) -> Figure | None:
    rows = [
        {
            **{key: cell.recipe[key] for key in search.axes},
            "value": cell.validation,
            "epochs": len(cell.history),
            "state": _state(search, cell),
        }
        for cell in search.cells
    ]
    if not search.axes or all(row["value"] is None for row in rows):
        return None
    listed = "; ".join(
        f"{_named({key: row[key] for key in search.axes})}: "
        + (row["state"] if row["value"] is None else f"{words.number(row['value'], 3)} ({row['state']})")
        for row in rows
    )
    chart = scatter_chart if record.study.search.space else landscape_chart
    return figures.add_like(
        ("landscape", metric, domain, tuple(search.axes.items())),
        lambda: chart(search.axes, metric=metric, domain=domain),
        [{**row, "value": _short(row["value"])} for row in rows],
        name=f"search {title}",
        alt=f"Search for {title}, {metric}: {listed}.",
        reading=_landscape_words(search),
    )


def _landscape_words(search: SearchRecord) -> str:
    """How far apart the recipes lie: whether the search mattered."""
    values = [cell.validation for cell in search.cells if cell.validation is not None]
    if search.chosen is None or len(values) < 2:
        return ""
    early = any(cell.state == "paused" for cell in search.cells)
    span = f"The recipes reached {words.number(min(values), 3)} to {words.number(max(values), 3)}"
    return f"{span}; those stopped early might have come further." if early else f"{span}."


def _line(trial: TrialRecord, search: SearchRecord) -> str:
    chosen = {search.chosen, *(repeat.key for repeat in search.repeats)}
    return _seed(trial.seed) if trial.key in chosen else OTHERS


def _seed(seed: int) -> str:
    return f"seed {seed}"


def _curves(
    search: SearchRecord, title: str, metric: str, domain: Domain, lines: Sequence[str], figures: Figures
) -> Figure | None:
    rows: list[dict[str, Any]] = [
        {
            "trial": place,
            "line": _line(trial, search),
            "epoch": [int(row["epoch"]) for row in trial.history],
            "validation": [_short(row["validation"]) for row in trial.history],
        }
        for place, trial in enumerate(_trials(search))
        if trial.history
    ]
    if not rows:
        return None
    epochs = max(epoch for row in rows for epoch in row["epoch"])
    ends = [
        f"{_line(trial, search)} {words.number(trial.history[-1]['validation'], 3)}"
        for trial in _trials(search)
        if trial.history
    ]
    return figures.add_like(
        ("curves", metric, domain, epochs),
        lambda: curves_chart(lines, metric=metric, domain=domain, epochs=epochs),
        rows,
        name=f"curves {title}",
        alt=f"{metric} by epoch for {title}; at the end: {'; '.join(ends)}.",
        reading=_best_epochs(search),
    )


def _best_epochs(search: SearchRecord) -> str:
    """Which epoch was kept of each repetition of the chosen recipe."""
    kept = [f"{each.best_epoch} ({_seed(each.seed)})" for each in search.repeats if each.best_epoch is not None]
    return f"Best epoch: {', '.join(kept)}." if kept else ""


def _losses(search: SearchRecord, title: str, lines: Sequence[str], selection: str, figures: Figures) -> Figure | None:
    rows: list[dict[str, Any]] = [
        {
            "trial": place,
            "line": _seed(trial.seed),
            "of": of,
            "epoch": [int(row["epoch"]) for row in trial.history],
            "loss": [_short(row[key]) for row in trial.history],
        }
        for place, trial in enumerate(search.repeats)
        if trial.history
        for key, of in (("train_loss", "training"), ("validation_loss", "validation"))
    ]
    if not rows:
        return None
    epochs = max(epoch for row in rows for epoch in row["epoch"])
    last = [f"{row['of']} {_told(row['loss'][-1])} ({row['line']})" for row in rows if row["epoch"][-1] == epochs]
    return figures.add_like(
        ("losses", epochs),
        lambda: losses_chart(lines, epochs=epochs),
        rows,
        name=f"losses {title}",
        alt=f"Cross-entropy by epoch for {title}; in the last epoch: {'; '.join(last)}.",
        reading=f"Dashed on the training images as augmented, solid on the {selection} images.",
    )


def _best_of(record: StudyRecord, search: SearchRecord, title: str, metric: str, figures: Figures) -> Figure | None:
    found = best_of(record, search)
    if found is None:
        return None
    rows: list[dict[str, Any]] = [
        {"recipes": n, "expected": _short(value), "low": _short(low), "high": _short(high)}
        for n, (value, low, high) in enumerate(zip(found.expected, found.low, found.high, strict=True), start=1)
    ]
    one, half, every = (words.number(found.expected[n - 1], 3) for n in (1, -(-len(rows) // 2), len(rows)))
    failed = f" {found.failed} that failed are left out." if found.failed else ""
    return figures.add_like(
        ("best of", metric, len(rows)),
        lambda: best_of_chart(metric=metric, recipes=len(rows)),
        rows,
        name=f"best of {title}",
        alt=f"{metric} that the best of n recipes at random reaches for {title}: one {one}, all {len(rows)} {every}.",
        reading=f"One recipe at random reaches {one} on average, the best of {-(-len(rows) // 2)} {half}, of all "
        f"{len(rows)} {every}. Band: 95 % over resamples of the images that selected.{failed}",
    )


def _short(value: float | None) -> float | None:
    """What a chart needs of a number: pages of large studies hold many."""
    return None if value is None or not math.isfinite(value) else round(value, 4)


def _told(value: float | None) -> str:
    return words.number(math.nan if value is None else value, 3)
