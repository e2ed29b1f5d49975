"""Which backbone to take, what ties with it, and what an intervention changed: pairs on the same test samples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from afield.analysis.paired import Compares, Networks, PairedScores
from afield.analysis.words import count, listing
from afield.scoring.intervals import Interval
from afield.scoring.metrics import Metric, metric
from afield.study.record import StudyRecord
from afield.study.study import PLAIN


@dataclass(frozen=True)
class RankRow:
    """One backbone of a ranking."""

    backbone: str
    validation: float
    """the task's metric on validation, mean over seeds"""
    test: Interval
    """the same on test; the interval from test samples and seeds"""
    difference: Interval | None
    """this backbone minus the winner on test, metric's own scale; None for the winner itself"""
    sample_error: float | None
    """standard error of the difference from test samples"""
    seed_error: float | None
    """standard error of the difference from seeds; None where no backbone has two"""
    tied: bool
    """the difference's interval holds 0; False for the winner itself"""
    train_seconds: float
    """one training of the chosen recipe, mean over seeds"""
    search_seconds: float
    params_m: float
    gmacs: float
    imagenet_top1: float
    seeds: int

    @property
    def gap(self) -> float:
        """The difference alone, 0 for the winner itself."""
        return self.difference.value if self.difference else 0.0


@dataclass(frozen=True)
class Ranking:
    """The backbones of one task in the order of validation; the first is the one to take."""

    task: str
    metric: str
    winner: str | None
    """the best on validation; None where nothing was scored"""
    rows: tuple[RankRow, ...]
    n_test: int
    n_clusters: int
    seeds: int
    """the most that a backbone has"""
    compares: Compares
    cheapest_tied: str | None
    """of the backbones that tie with the winner the one that trains fastest, where that is faster than the winner"""
    missing: tuple[str, ...]
    """a sentence for each backbone that lacks seeds, with the reason"""
    intervention: str = PLAIN
    """the one whose results are ranked"""


@dataclass(frozen=True)
class Effect:
    """What an intervention changed for one backbone on one task."""

    task: str
    metric: str
    backbone: str
    intervention: str
    baseline: str
    value: Interval
    """the metric on test under the intervention, mean over seeds"""
    baseline_value: Interval
    difference: Interval
    """intervention minus baseline, metric's own scale"""
    clear: bool
    """the difference's interval excludes 0"""
    seeds: int
    """the fewer of the two sides"""
    compares: Compares


def rank_backbones(record: StudyRecord, task: str, intervention: str = PLAIN) -> Ranking:
    """Rank the backbones of a task by its metric on validation, and compare each with the winner on test.

    Equals on validation are ordered by their log-loss there, where it is in the table, then by name.
    Raises InputError where two networks were not scored on the same test samples.
    """
    leading = metric(record.task(task).metric)
    scores = PairedScores.of(record, task, leading, (intervention,))
    networks = {backbone: mine for (backbone, _), mine in scores.networks.items()}
    order = _order(record, task, intervention, networks, leading)
    rows = tuple(_row(scores, name, networks[name], networks[order[0]]) for name in order)
    cheaper = [row for row in rows if row.tied and row.train_seconds < rows[0].train_seconds]
    return Ranking(
        task=task,
        metric=leading.name,
        winner=order[0] if order else None,
        rows=rows,
        n_test=scores.samples,
        n_clusters=scores.clusters,
        seeds=max((row.seeds for row in rows), default=0),
        compares=scores.compares,
        cheapest_tied=min(cheaper, key=lambda row: row.train_seconds).backbone if cheaper else None,
        missing=tuple(_missing(record, task, intervention, networks)),
        intervention=intervention,
    )


def effect_of(record: StudyRecord, task: str, intervention: str, baseline: str = PLAIN) -> tuple[Effect, ...]:
    """What an intervention changed on a task, for each backbone that was scored under it and under the baseline.

    Raises InputError where two networks were not scored on the same test samples.
    """
    leading = metric(record.task(task).metric)
    scores = PairedScores.of(record, task, leading, (intervention, baseline))
    effects = []
    for backbone in record.study.study.backbones:
        ours, theirs = scores.networks.get((backbone, intervention)), scores.networks.get((backbone, baseline))
        if ours and theirs:
            difference = scores.difference(ours, theirs)
            effects.append(
                Effect(
                    task=task,
                    metric=leading.name,
                    backbone=backbone,
                    intervention=intervention,
                    baseline=baseline,
                    value=scores.level_of(ours),
                    baseline_value=scores.level_of(theirs),
                    difference=difference,
                    clear=not difference.holds(0),
                    seeds=min(ours.seeds, theirs.seeds),
                    compares=scores.compares,
                )
            )
    return tuple(effects)


def _order(
    record: StudyRecord, task: str, intervention: str, networks: dict[str, Networks], leading: Metric
) -> list[str]:
    """The backbones, best on validation first; what differs by rounding alone is equal."""
    sign = -1 if leading.direction == "higher" else 1
    losses: dict[str, float] = {}
    if networks:
        table = record.results
        chosen = (table["task"] == task) & (table["intervention"] == intervention) & (table["metric"] == "log_loss")
        means = table[chosen].groupby("backbone")["validation"].mean()
        losses = {str(name): float(loss) for name, loss in means.items()}

    def place(name: str) -> tuple[float, float, str]:
        return round(sign * networks[name].mean("validation"), 12), losses.get(name, math.inf), name

    return sorted(networks, key=place)


def _row(scores: PairedScores, backbone: str, mine: Networks, winner: Networks) -> RankRow:
    difference = None if mine is winner else scores.difference(mine, winner)
    sample_error = math.sqrt(scores.sample_variance(mine.resampled - winner.resampled))
    return RankRow(
        backbone=backbone,
        validation=mine.mean("validation"),
        test=scores.level_of(mine),
        difference=difference,
        sample_error=sample_error if difference else None,
        seed_error=math.sqrt(scores.seed_variance(mine, winner)) if difference and scores.seed_freedom else None,
        tied=difference is not None and difference.holds(0),
        train_seconds=mine.mean("train_seconds"),
        search_seconds=mine.mean("search_seconds"),
        params_m=mine.mean("params_m"),
        gmacs=mine.mean("gmacs"),
        imagenet_top1=mine.mean("imagenet_top1"),
        seeds=mine.seeds,
    )


def _missing(record: StudyRecord, task: str, intervention: str, networks: dict[str, Networks]) -> Iterator[str]:
    """A sentence for each backbone that lacks seeds."""
    for backbone in record.study.backbones_of(intervention):
        seen = set(networks[backbone].rows["seed"]) if backbone in networks else set()
        lost = [seed for seed in record.study.study.seeds if seed not in seen]
        if lost:
            reasons = {
                failure.reason
                for failure in record.failures
                if (failure.task, failure.backbone, failure.intervention) == (task, backbone, intervention)
                and failure.seed in lost
            }
            why = "; ".join(sorted(reasons)) or "not finished"
            if seen:
                seeds = f"seed{'' if len(lost) == 1 else 's'} {listing([str(seed) for seed in lost])}"
                yield f"{backbone} lacks {seeds} and is ranked by {count(len(seen), 'other seed')} ({why})."
            else:
                yield f"{backbone} is not ranked ({why})."
