"""The searches of a task for the page: landscape, curves, and what must be said of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from afield.analysis.searches.audits import Audit
from afield.analysis.searches.best_of import best_of
from afield.report import words
from afield.report.audits import audit_figure
from afield.report.figures import Figure, Figures
from afield.report.search_charts import best_of_chart, curves_chart, landscape_chart, losses_chart, scatter_chart
from afield.report.search_words import (
    best_epochs,
    border_warning,
    flattered_words,
    landscape_words,
    notes_on,
    seed_words,
    standing_words,
    values_words,
)
from afield.study.record import SearchRecord, StudyRecord, TrialRecord
from afield.study.searching.search_choice import Range
from afield.study.study import PLAIN

Domain: TypeAlias = tuple[float, float]
OTHERS = "other recipes"


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


def search_sections(
    record: StudyRecord, task: str, metric: str, figures: Figures, names: Mapping[str, str], audit: Audit | None = None
) -> tuple[SearchSection, ...]:
    """The searches of a task in the study's order, on one scale of the metric; with what was audited of them."""
    searches = [search for search in record.searches if search.task == task]
    by_epoch = _around([row["validation"] for search in searches for trial in _trials(search) for row in trial.history])
    best = _around([cell.validation for search in searches for cell in search.cells if cell.validation is not None])
    lines = [seed_words(seed) for seed in record.study.study.seeds]
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
        chosen=standing_words(search),
        notes="; ".join([*notes_on(search), *flattered_words(record, search)]),
        warning=border_warning(search),
        landscape=_landscape(record, search, title, metric, domains[0], figures),
        curves=_curves(search, title, metric, domains[1], lines, figures),
        losses=_losses(search, title, lines, record.task(search.task).selection, figures),
        best_of=_best_of(record, search, title, metric, figures),
        audit=audit_figure(audit, search.chosen, title, metric, figures),
    )


def _trials(search: SearchRecord) -> tuple[TrialRecord, ...]:
    """Every training of a search once."""
    return tuple({trial.key: trial for trial in (*search.cells, *search.repeats)}.values())


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
        f"{values_words({key: row[key] for key in search.axes})}: "
        + (row["state"] if row["value"] is None else f"{words.number(row['value'], 3)} ({row['state']})")
        for row in rows
    )
    space = record.study.search.space
    evenly = [key for key, values in space.items() if isinstance(values, Range) and not values.log]
    chart = partial(scatter_chart, evenly=evenly) if space else landscape_chart
    return figures.add_like(
        ("landscape", metric, domain, tuple(search.axes.items())),
        lambda: chart(search.axes, metric=metric, domain=domain),
        [{**row, "value": _short(row["value"])} for row in rows],
        name=f"search {title}",
        alt=f"Search for {title}, {metric}: {listed}.",
        reading=landscape_words(search, drawn=bool(space)),
    )


def _line(trial: TrialRecord, search: SearchRecord) -> str:
    chosen = {search.chosen, *(repeat.key for repeat in search.repeats)}
    return seed_words(trial.seed) if trial.key in chosen else OTHERS


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
        reading=best_epochs(search),
    )


def _losses(search: SearchRecord, title: str, lines: Sequence[str], selection: str, figures: Figures) -> Figure | None:
    rows: list[dict[str, Any]] = [
        {
            "trial": place,
            "line": seed_words(trial.seed),
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
