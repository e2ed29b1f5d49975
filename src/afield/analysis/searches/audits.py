"""The optimism of a protocol, measured: what searches chose on validation, against what all their finished cells did on
test.

Nothing else reads an audit: no ranking, fit, comparison or join is shown what is measured here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from afield.analysis.searches.search_audit import SearchAudit, search_audit
from afield.analysis.student import student_mean
from afield.analysis.words import capital, signed, spelled
from afield.base import text
from afield.base.plain import plain
from afield.scoring.intervals import Interval
from afield.study.collecting.table import rows_of
from afield.study.record import SearchRecord, StudyRecord


@dataclass(frozen=True)
class PooledAudit:
    """Several searches of one unit: means over them, with 95 % t intervals whose limits are NaN for a single one.

    Searches of a task share its images, so the intervals tell of other searches on these images and not of other
    images.
    """

    unit: str
    searches: int
    tasks: int
    optimism: Interval
    of_choosing: Interval
    estimated: Interval | None
    """over the searches that have an estimate; it and the regret are cut at 0, below which neither can lie"""
    regret: Interval
    correlation: Interval | None
    """over the searches that have one, cut to -1..1"""

    @property
    def words(self) -> str:
        """All of it in sentences."""
        over = text.count(self.searches, "search", "searches", say=spelled)
        over += f" of {spelled(self.tasks)} tasks" if self.tasks > 1 else ""
        told = (
            f"Over {over}, validation minus test of the chosen recipe: "
            f"{_told(self.optimism, self.unit)}; beyond what all recipes of its search share "
            f"{_told(self.of_choosing, self.unit)}"
        )
        if self.estimated is not None:
            told += f", where resampling validation foretells {_told(self.estimated, self.unit)}"
        told += (
            f". The best recipe on test is ahead of the chosen one by {_told(self.regret, self.unit)}; being the best "
            "there flatters it in turn."
            if self.regret.value
            else ". No other recipe is better on test."
        )
        if self.correlation is not None:
            told += f" Order of the recipes on validation and on test: Spearman {_limits(self.correlation, '.2f')}."
        return told


@dataclass(frozen=True)
class Audit:
    """The audits of a study."""

    searches: tuple[SearchAudit, ...]
    pooled: tuple[PooledAudit, ...]
    """one a unit"""
    lacking: int
    """finished cells that are not scored, of searches that have none audited too"""
    unaudited: tuple[str, ...]
    """tasks on which test itself selects, so that no audit is possible"""

    @property
    def words(self) -> str:
        """What was found, and what is missing of it."""
        told = [each.words for each in self.pooled]
        if not told:
            told = [
                "No search has two recipes that were trained to the end and scored on test, so nothing is measured."
            ]
        if any(each.searches > 1 for each in self.pooled):
            told.append("Searches of a task share its images: these intervals say nothing of other images.")
        if self.lacking:
            told.append(capital(f"{text.count(self.lacking, 'recipe is', 'recipes are', say=spelled)} not scored yet."))
        if self.unaudited:
            told.append(f"No audit of {', '.join(self.unaudited)}, where test itself selects.")
        return " ".join(told)

    def table(self) -> pd.DataFrame:
        """A row a search: what was chosen there, and what that was worth on test; differences are in `unit`."""
        rows = [
            {
                "task": each.task,
                "backbone": each.backbone,
                "intervention": each.intervention,
                "cells": len(each.cells),
                "lacking": each.lacking,
                "validation": each.chosen.validation,
                "test": each.chosen.test,
                "unit": each.unit,
                "optimism": each.optimism,
                "of_choosing": each.of_choosing,
                "estimated": each.estimated,
                "regret": each.regret,
                "beaten_by": each.beaten_by,
                "correlation": each.correlation,
            }
            for each in self.searches
        ]
        return pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"estimated": "float64", "correlation": "float64"})

    def plain(self) -> dict[str, Any]:
        """As plain values: the table as `searches`, each with its `cells`, and `pooled`; None for what is not known."""
        rows = zip(rows_of(self.table()), self.searches, strict=True)
        return {
            "words": self.words,
            "searches": [{**plain(row), "recipes": plain(each.cells)} for row, each in rows],
            "pooled": plain(self.pooled),
            "lacking": self.lacking,
            "unaudited": list(self.unaudited),
        }


_COLUMNS = (
    "task", "backbone", "intervention", "cells", "lacking", "validation", "test", "unit", "optimism", "of_choosing",
    "estimated", "regret", "beaten_by", "correlation",
)  # fmt: skip


def audit_of(record: StudyRecord) -> Audit | None:
    """The audits of a study; None where it has none. The estimates need a record with its resampled cells
    (`resampled_cells.with_resampled_cells`).
    """
    if not record.study.search.audit:
        return None
    selecting = {task.name: task.selection for task in record.tasks}
    groups = [group for group in _groups(record) if selecting[group[0].task] == "validation"]
    found = {each.chosen.key: each for group in groups if (each := search_audit(record, group)) is not None}
    searches = tuple(found.values())  # two interventions may be one and the same
    keys = {key for group in groups for search in group for key in search.finalists}
    return Audit(
        searches=searches,
        pooled=pools(searches),
        lacking=len(keys - record.audits.keys()),
        unaudited=tuple(name for name, split in selecting.items() if split == "test"),
    )


def pools(searches: Sequence[SearchAudit]) -> tuple[PooledAudit, ...]:
    """The searches of each unit together."""
    units = dict.fromkeys(each.unit for each in searches)
    return tuple(_pooled(unit, [each for each in searches if each.unit == unit]) for unit in units)


def _groups(record: StudyRecord) -> list[tuple[SearchRecord, ...]]:
    """What made one choice each: a search or, in a race, those of all backbones."""
    if record.study.search.method != "race":
        return [(search,) for search in record.searches]
    races: dict[tuple[str, str], tuple[SearchRecord, ...]] = {}
    for search in record.searches:
        at = search.task, search.intervention
        races[at] = (*races.get(at, ()), search)
    return list(races.values())


def _pooled(unit: str, searches: Sequence[SearchAudit]) -> PooledAudit:
    estimates = [each.estimated for each in searches if each.estimated is not None]
    correlations = [each.correlation for each in searches if each.correlation is not None]
    return PooledAudit(
        unit=unit,
        searches=len(searches),
        tasks=len({each.task for each in searches}),
        optimism=student_mean(np.array([each.optimism for each in searches])),
        of_choosing=student_mean(np.array([each.of_choosing for each in searches])),
        estimated=student_mean(np.array(estimates)).cut(0, math.inf) if estimates else None,
        regret=student_mean(np.array([each.regret for each in searches])).cut(0, math.inf),
        correlation=student_mean(np.array(correlations)).cut(-1, 1) if correlations else None,
    )


def _told(interval: Interval, unit: str) -> str:
    digits = 1 if unit == "points" else 3
    middle, low, high = (signed(each, digits) for each in (interval.value, interval.low, interval.high))
    what = " points" if unit == "points" else f" {unit}"
    return f"{middle}{what}" if math.isnan(interval.low) else f"{middle}{what} ({low} to {high})"


def _limits(interval: Interval, form: str) -> str:
    middle, low, high = (f"{each:{form}}" for each in (interval.value, interval.low, interval.high))
    return middle if math.isnan(interval.low) else f"{middle} ({low} to {high})"
