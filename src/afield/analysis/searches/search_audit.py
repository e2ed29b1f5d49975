"""What choosing on validation was worth in one search: its chosen cell against its other finished ones on test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import spearmanr

from afield.analysis.searches.best_of import flattered_among
from afield.scoring.metrics import in_points, metric_title
from afield.study.record import SearchRecord, StudyRecord

RANKED_FROM = 3
"""cells that a rank correlation needs"""


@dataclass(frozen=True)
class AuditedCell:
    """One finished cell of a search, by the leading metric of its task."""

    key: str
    backbone: str
    recipe: Mapping[str, float]
    """its searched values"""
    validation: float
    test: float
    low: float
    """95 % of that, from the test samples"""
    high: float
    chosen: bool


@dataclass(frozen=True)
class SearchAudit:
    """What choosing on validation was worth in one search, or in one race; differences are in `unit`, and positive
    where validation looked better, or another cell did better on test.
    """

    task: str
    backbone: str
    """the chosen one's"""
    intervention: str
    unit: str
    """`points` (hundredths) where the metric runs from 0 to 1, else the metric's name"""
    cells: tuple[AuditedCell, ...]
    """those that are scored, the chosen one among them"""
    lacking: int
    """finished cells that are not scored"""
    optimism: float
    """validation of the chosen cell minus its test"""
    shared: float
    """mean of that over all cells: harder test images, and what the choice of an epoch adds to every cell"""
    estimated: float | None
    """by how much resampling validation says that being the best flatters (`best_of.chosen_flatters`)"""
    regret: float
    """the best test of all cells minus that of the chosen one, at least 0; too large, since a best flatters itself"""
    beaten_by: int
    """cells that did better on test"""
    correlation: float | None
    """Spearman's, of validation and test over the cells; None below three, and where one of them is all ties"""

    @property
    def of_choosing(self) -> float:
        """What of the optimism is the chosen cell's own: the measured counterpart of `estimated`."""
        return self.optimism - self.shared

    @property
    def chosen(self) -> AuditedCell:
        """The cell that was chosen."""
        return next(cell for cell in self.cells if cell.chosen)


def search_audit(record: StudyRecord, group: Sequence[SearchRecord]) -> SearchAudit | None:
    """Of searches that made one choice: a single one or, in a race, those of all backbones. None where nothing was
    chosen, the chosen cell is not scored, and where no other one is.
    """
    chosen = next((search for search in group if search.chosen is not None), None)
    cells = tuple(_cells(record, group))
    if chosen is None or len(cells) < 2 or not any(cell.chosen for cell in cells):
        return None
    metric = record.task(chosen.task).metric
    scale, unit = (100.0, "points") if in_points(metric) else (1.0, metric_title(metric))
    turn = scale if record.metric(chosen.task).direction == "higher" else -scale
    validation, test = (turn * np.array([getattr(cell, split) for cell in cells]) for split in ("validation", "test"))
    mine = next(place for place, cell in enumerate(cells) if cell.chosen)
    estimate = flattered_among(record, group)
    return SearchAudit(
        task=chosen.task,
        backbone=chosen.backbone,
        intervention=chosen.intervention,
        unit=unit,
        cells=cells,
        lacking=len({key for search in group for key in search.finalists} - record.audits.keys()),
        optimism=float(validation[mine] - test[mine]),
        shared=float(np.mean(validation - test)),
        estimated=None if estimate is None else scale * estimate.bias,
        regret=float(test.max() - test[mine]),
        beaten_by=int((test > test[mine]).sum()),
        correlation=_spearman(validation, test),
    )


def _cells(record: StudyRecord, group: Sequence[SearchRecord]) -> list[AuditedCell]:
    """The cells of a choice that are scored, where their labels define the metric."""
    found = []
    for search in group:
        for cell in search.cells:
            audited = record.audits.get(cell.key) if cell.key in search.finalists else None
            if audited is None or not math.isfinite(audited.validation) or not math.isfinite(audited.test):
                continue
            recipe = {key: cell.recipe[key] for key in search.axes}
            chosen = cell.key == search.chosen
            found.append(AuditedCell(cell.key, search.backbone, recipe, **asdict(audited), chosen=chosen))
    return found


def _spearman(one: Sequence[float] | np.ndarray, other: Sequence[float] | np.ndarray) -> float | None:
    if len(one) < RANKED_FROM or len(set(one)) == 1 or len(set(other)) == 1:
        return None
    return float(spearmanr(one, other).statistic)
