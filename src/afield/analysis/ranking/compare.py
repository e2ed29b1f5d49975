"""Which backbone to take, what ties with it, and what an intervention changed: pairs on the same test samples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from afield.analysis.ranking.paired import Compares, Networks, PairedScores
from afield.analysis.ranking.pairs import Places, places_among
from afield.analysis.words import count, listing
from afield.scoring.intervals import Interval
from afield.scoring.metric import Metric
from afield.scoring.metrics import metric_title
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
    """this backbone minus the winner on test, metric's own scale; None for the winner itself. All intervals of a
    ranking hold together at 95 %"""
    sample_error: float | None
    """standard error of the difference from test samples"""
    seed_error: float | None
    """standard error of the difference from seeds; None where no backbone has two"""
    tied: bool
    """the difference's interval holds 0; False for the winner itself, and where there is no interval"""
    train_seconds: float
    """one training of the chosen recipe, mean over seeds"""
    search_seconds: float
    params_m: float
    gmacs: float
    imagenet_top1: float
    seeds: int
    undefined: str = ""
    """why the difference, or the winner's own value, has no interval; empty where it has"""

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
    """a sentence for each backbone that lacks seeds or a validation metric, with the reason"""
    intervention: str = PLAIN
    """the one whose results are ranked"""
    covariance: pd.DataFrame | None = None
    """of the errors of the test values, from samples and seeds, by backbone"""
    places: Places | None = None
    """all of them on test, in pairs"""


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
    """intervention minus baseline, metric's own scale; the intervals of all backbones hold together at 95 %"""
    clear: bool
    """the difference's interval excludes 0"""
    seeds: int
    """the fewer of the two sides"""
    compares: Compares
    undefined: str = ""
    """why the difference has no interval; empty where it has"""


def ranked_intervention(record: StudyRecord) -> str:
    """The intervention whose results are ranked: plain, or the first that a study without it names."""
    named = record.study.study.interventions
    return PLAIN if PLAIN in named else named[0]


def rank_backbones(record: StudyRecord, task: str, intervention: str = PLAIN) -> Ranking:
    """Rank the backbones of a task by its metric on validation, and compare each with the winner on test.

    Equals on validation are ordered by their log-loss there, where it is in the table, then by name. One whose metric
    on validation is not defined is not ranked. The winner is not chosen on test, so its test value is no maximum of
    many; that it is compared with each of the others is allowed for (Bonferroni).
    Raises InputError where two networks were not scored on the same test samples.
    """
    return ranked_by(record, task, intervention, record.metric(task))


def ranked_by(record: StudyRecord, task: str, intervention: str, leading: Metric) -> Ranking:
    """The same by that metric, which leads the task but may have settled what it settles."""
    scores = PairedScores.of(record, task, leading, (intervention,))
    networks = {backbone: mine for (backbone, _), mine in scores.networks.items()}
    order = _order(record, task, intervention, networks, leading)
    rows = tuple(_row(scores, name, networks[name], networks[order[0]], len(order) - 1) for name in order)
    cheaper = [row for row in rows if row.tied and row.train_seconds < rows[0].train_seconds]
    return Ranking(
        task=task,
        metric=leading.name,
        winner=order[0] if order else None,
        rows=rows,
        n_test=scores.samples,
        n_clusters=scores.clusters,
        seeds=max((row.seeds for row in rows), default=0),
        compares=scores.compares(intervention),
        cheapest_tied=min(cheaper, key=lambda row: row.train_seconds).backbone if cheaper else None,
        missing=(*_missing(record, task, intervention, networks), *_undefined(networks, order, leading)),
        intervention=intervention,
        covariance=scores.covariance({name: networks[name] for name in order}) if order else None,
        places=places_among(scores, task, intervention),
    )


def effect_of(record: StudyRecord, task: str, intervention: str, baseline: str = PLAIN) -> tuple[Effect, ...]:
    """What an intervention changed on a task, for each backbone that was scored under it and under the baseline.

    Raises InputError where two networks were not scored on the same test samples.
    """
    leading = record.metric(task)
    scores = PairedScores.of(record, task, leading, (intervention, baseline))
    pairs = [
        (backbone, scores.networks[backbone, intervention], scores.networks[backbone, baseline])
        for backbone in record.study.study.backbones
        if {(backbone, intervention), (backbone, baseline)} <= scores.networks.keys()
    ]
    effects = []
    for backbone, ours, theirs in pairs:
        difference = scores.difference(ours, theirs, len(pairs))
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
                compares=scores.compares(intervention, baseline),
                undefined=scores.why_not(difference),
            )
        )
    return tuple(effects)


def _order(
    record: StudyRecord, task: str, intervention: str, networks: dict[str, Networks], leading: Metric
) -> list[str]:
    """The backbones that have a validation metric, best first; what differs by rounding alone is equal."""
    sign = -1 if leading.direction == "higher" else 1
    losses: dict[str, float] = {}
    if networks:
        table = record.results
        chosen = (table["task"] == task) & (table["intervention"] == intervention) & (table["metric"] == "log_loss")
        means = table[chosen].groupby("backbone")["validation"].mean()
        losses = {str(name): float(loss) for name, loss in means.items() if math.isfinite(loss)}

    def place(name: str) -> tuple[float, float, str]:
        return round(sign * networks[name].mean("validation"), 12), losses.get(name, math.inf), name

    return sorted((name for name in networks if _has_validation(networks[name])), key=place)


def _has_validation(mine: Networks) -> bool:
    return math.isfinite(mine.mean("validation"))


def _row(scores: PairedScores, backbone: str, mine: Networks, winner: Networks, comparisons: int) -> RankRow:
    test = scores.level_of(mine)
    difference = None if mine is winner else scores.difference(mine, winner, comparisons)
    undefined = scores.why_not(difference or test)
    repeated = scores.compares(mine.intervention) == "backbones"
    seed_variance = sum(scores.seed_variances(mine, winner).values())
    sample_error = math.sqrt(scores.sample_variance(mine.resampled - winner.resampled))
    return RankRow(
        backbone=backbone,
        validation=mine.mean("validation"),
        test=test,
        difference=difference,
        sample_error=sample_error if difference else None,
        seed_error=math.sqrt(seed_variance) if difference and repeated else None,
        tied=difference is not None and not undefined and difference.holds(0),
        train_seconds=mine.mean("train_seconds"),
        search_seconds=mine.mean("search_seconds"),
        params_m=mine.mean("params_m"),
        gmacs=mine.mean("gmacs"),
        imagenet_top1=mine.mean("imagenet_top1"),
        seeds=mine.seeds,
        undefined=undefined,
    )


def _missing(record: StudyRecord, task: str, intervention: str, networks: dict[str, Networks]) -> Iterator[str]:
    """A sentence for each backbone that lacks seeds, and did not lose them in a race."""
    of_these = [each for each in record.searches if (each.task, each.intervention) == (task, intervention)]
    beaten = {each.backbone for each in of_these if each.lost}
    for backbone in (each for each in record.study.backbones_of(intervention) if each not in beaten):
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


def _undefined(networks: dict[str, Networks], order: list[str], leading: Metric) -> Iterator[str]:
    """A sentence for each backbone that was scored but has no validation metric to be ranked by."""
    for backbone in networks:
        if backbone not in order:
            yield f"{backbone} is not ranked: its {metric_title(leading.name)} on validation is not defined."
