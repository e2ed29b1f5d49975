"""What a difference on one test set is worth: the variances of samples and of seeds, and the interval of both.

Two things make a difference of two backbones uncertain, and its variance is the sum of both parts:

- samples: bootstrap over clusters, the same resamples for every network, of the mean over seeds, networks as they are
- seeds: variance of the test metric within a backbone, pooled over all backbones under the same intervention, so that
  a number has one interval wherever it stands; 1 / S of it for a mean over S seeds, for a difference that of both sides

The interval is Student's (`student.py`). What a seed changes on some samples and not on others is in both parts, so the
intervals are rather too wide than too narrow. Where several differences are looked at, their limits are those of
Bonferroni (Dunn 1961): all hold together at 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from afield.analysis.student import Part, student
from afield.base.errors import InputError
from afield.scoring.intervals import UNDEFINED, Interval, bootstrap_weights, resampled_values, vary
from afield.scoring.metric import Floats, Metric
from afield.scoring.metrics import metric_title
from afield.scoring.predictions import Predictions
from afield.study.record import StudyRecord

_COUNTED = 1000
"""clusters up to which one more, as far off as the farthest, is worth asking for: of more it is next to nothing"""

Compares = Literal["networks", "backbones"]
"""With one seed trained networks are compared; what a backbone gives needs repetitions."""


@dataclass(frozen=True)
class Networks:
    """The networks of one backbone under one intervention, one a seed."""

    rows: pd.DataFrame
    """their rows of the results table"""
    values: Floats
    """[seeds] the metric on test"""
    by_seed: Floats
    """[seeds, resamples] the same in each resample of the test clusters"""
    intervention: str
    """under which they were trained: they share the variance between seeds with all others under it"""

    @cached_property
    def resampled(self) -> Floats:
        """[resamples] the mean over seeds."""
        mean: Floats = self.by_seed.mean(axis=0)
        return mean

    def of_seeds(self, seeds: Collection[int]) -> Networks:
        """Those of some seeds alone."""
        mine = self.rows["seed"].isin(seeds).to_numpy()
        return replace(self, rows=self.rows[mine], values=self.values[mine], by_seed=self.by_seed[mine])

    @property
    def seeds(self) -> int:
        """How many there are."""
        return len(self.values)

    @property
    def value(self) -> float:
        """The metric on test, mean over seeds."""
        return float(self.values.mean())

    def mean(self, column: str) -> float:
        """A column of the results table, mean over seeds; NaN where one seed has none."""
        return float(self.rows[column].to_numpy(np.float64).mean())


@dataclass(frozen=True)
class PairedScores:
    """Everything of one task that is compared, and the two variances of it."""

    metric: Metric
    networks: dict[tuple[str, str], Networks]
    """by backbone and intervention"""
    samples: int
    clusters: int
    by_cluster: npt.NDArray[np.float32] | None = None
    """[resamples, clusters] how often each cluster stands in each resample; None where each sample is its own, and of
    more than _COUNTED clusters"""

    @staticmethod
    def of(record: StudyRecord, task: str, metric: Metric, interventions: tuple[str, ...]) -> PairedScores:
        """Resample the predictions of a task's networks, the same resamples for all."""
        if record.results.empty:
            return PairedScores(metric, {}, 0, 0)
        results = rows_of(record, task, metric.name, interventions)
        classes = record.task(task).classes
        scored = test_predictions(record, results["key"], classes)
        if not scored:
            return PairedScores(metric, {}, 0, 0)
        first = next(iter(scored.values()))
        weights = bootstrap_weights(first.cluster)

        def resampled(key: str) -> Floats:
            if key in record.resampled:
                return record.resampled[key]
            return resampled_values(settled(record, metric, key, classes), scored[key], weights)

        networks = networks_of(results, resampled)
        samples, clusters = len(first.label), len(np.unique(first.cluster))
        return PairedScores(metric, networks, samples, clusters, of_clusters(weights, first.cluster))

    def seed_freedom(self, intervention: str) -> int:
        """Degrees of freedom of the variance between seeds under that intervention; 0 where none was repeated."""
        return sum(mine.seeds - 1 for mine in self._under(intervention))

    def compares(self, *interventions: str) -> Compares:
        """What the intervals speak of: backbones where under each intervention at least one of them has two seeds."""
        return "backbones" if all(self.seed_freedom(each) for each in interventions) else "networks"

    def _under(self, intervention: str) -> list[Networks]:
        """Those that tell of the variance between seeds; one whose metric is not defined tells nothing."""
        return [
            mine for mine in self.networks.values() if mine.intervention == intervention and math.isfinite(mine.value)
        ]

    def _between_seeds(self, intervention: str) -> float:
        """Variance of one network between seeds, pooled over the backbones; 0 where no seed was repeated."""
        squares = sum(float(((mine.values - mine.value) ** 2).sum()) for mine in self._under(intervention))
        return squares / max(self.seed_freedom(intervention), 1)

    def sample_variance(self, resampled: Floats) -> float:
        """Variance from the test samples, of what was found in each resample of them, [resamples].

        The bootstrap's, made unbiased for a mean (it is short by 1 - 1 / clusters), and what one cluster more would
        add that is as far off as the farthest there is: few clusters rarely hold the worst one, and a variance is
        estimated with what it is to judge (Agresti and Coull 1998 add four such cases for a proportion).
        At least what two or three of them would give: where none of n differs, up to 3 / n may (the rule of three,
        95 %), and a variance of 0 would claim to know better. NaN where the bootstrap cannot know it: fewer than two
        clusters, or more than 5 % of the resamples undefined.
        """
        defined = resampled[~np.isnan(resampled)]
        if not self._enough(len(defined), len(resampled)):
            return math.nan
        found = float(defined.var()) * self.clusters / (self.clusters - 1)
        farthest = (self._reach(resampled) / self.clusters) ** 2
        return max(found + farthest, 2.25 * farthest)

    def _reach(self, resampled: Floats) -> float:
        """How far the farthest cluster lies from the mean, by its influence on the value, which the covariance of value
        and weight over the resamples tells (Efron 2014, Journal of the American Statistical Association 109:991,
        theorem 1). The metric's whole width where clusters are single samples or many, and where none differs, so that
        nothing tells how far one may lie; 0 where that has no end.
        """
        known = ~np.isnan(resampled)
        if self.by_cluster is not None and vary(resampled[known]):
            apart = np.where(known, resampled - resampled[known].mean(), 0).astype(np.float32)
            return float(np.abs(apart @ self.by_cluster).max()) * self.clusters / int(known.sum())
        return self._width if math.isfinite(self._width) else 0.0

    def _enough(self, defined: int, resamples: int) -> bool:
        return self.clusters > 1 and defined >= (1 - UNDEFINED) * resamples

    @property
    def _width(self) -> float:
        """Of the metric's range: the largest difference that there can be."""
        least, greatest = self.metric.range
        return greatest - least

    def seed_variances(self, *sides: Networks) -> dict[str, float]:
        """Variance from the seeds, of a mean over seeds or of the difference of two, by intervention."""
        return {
            name: self._between_seeds(name) * sum(1 / side.seeds for side in sides if side.intervention == name)
            for name in {side.intervention for side in sides}
        }

    def level_of(self, mine: Networks) -> Interval:
        """The metric on test with its interval, inside the metric's range; `why_not` tells why the limits are NaN."""
        return student(mine.value, self._parts(self.sample_variance(mine.resampled), mine)).cut(*self.metric.range)

    def difference(self, mine: Networks, other: Networks, comparisons: int = 1) -> Interval:
        """Mine minus the other on test, in pairs; its limits are differences that the metric allows.

        `comparisons`: how many such differences are looked at together, so that all their intervals hold at 95 %.
        """
        return self.within(student(mine.value - other.value, self.parts(mine, other), comparisons))

    def parts(self, mine: Networks, other: Networks) -> list[Part]:
        """The parts of the variance of that difference."""
        return self._parts(self.sample_variance(mine.resampled - other.resampled), mine, other)

    def within(self, difference: Interval) -> Interval:
        """The interval of a difference, cut to what the metric's range allows."""
        return difference.cut(-self._width, self._width)

    def covariance(self, names: Mapping[str, Networks]) -> pd.DataFrame:
        """Of the errors of the metric on test, from samples and seeds, by name; NaN where resamples cannot tell."""
        table = np.stack([mine.resampled for mine in names.values()])
        defined = table[:, ~np.isnan(table).any(axis=0)]
        samples = np.full((len(table), len(table)), math.nan)
        if self._enough(defined.shape[1], table.shape[1]):
            samples = np.atleast_2d(np.cov(defined)) * self.clusters / (self.clusters - 1)
        return self.with_seeds(samples, names)

    def with_seeds(self, samples: Floats, names: Mapping[str, Networks]) -> pd.DataFrame:
        """What seeds add to a covariance from the test samples, [n, n]; by name."""
        seeds = [sum(self.seed_variances(mine).values()) for mine in names.values()]
        return pd.DataFrame(samples + np.diag(seeds), index=list(names), columns=list(names))

    def why_not(self, interval: Interval) -> str:
        """Why an interval of `level_of` or `difference` has no limits; empty where it has."""
        if math.isfinite(interval.low):
            return ""
        title = metric_title(self.metric.name)
        if math.isnan(interval.value):
            return f"the labels of the test images do not define {title}"
        if self.clusters < 2:
            return "all test images are one cluster, so how another test set would differ cannot be known"
        return f"too many resamples of the test images do not define {title}, as where a class is rare"

    def _parts(self, samples: float, *sides: Networks) -> list[Part]:
        seeds = self.seed_variances(*sides).items()
        return [
            Part(samples, self.clusters - 1),
            *(Part(variance, max(self.seed_freedom(name), 1)) for name, variance in seeds),
        ]


def of_clusters(weights: npt.NDArray[np.uint16], cluster: npt.NDArray[np.str_]) -> npt.NDArray[np.float32] | None:
    """`PairedScores.by_cluster` from how often each sample stands in each resample, [resamples, samples]."""
    places = np.unique(cluster, return_index=True)[1]
    counted = len(places) < len(cluster) and len(places) <= _COUNTED
    return weights[:, places].astype(np.float32) if counted else None


def rows_of(record: StudyRecord, task: str, metric: str, interventions: Collection[str]) -> pd.DataFrame:
    """The rows of the results table of a task and metric under those interventions."""
    table = record.results
    return table[(table["task"] == task) & (table["metric"] == metric) & table["intervention"].isin(interventions)]


def networks_of(rows: pd.DataFrame, resampled: Callable[[str], Floats]) -> dict[tuple[str, str], Networks]:
    """The networks of those rows of the results table, by backbone and intervention; `resampled`: of a trial's key."""
    return {
        (str(backbone), str(intervention)): Networks(
            rows=mine,
            values=mine["value"].to_numpy(np.float64),
            by_seed=np.stack([resampled(key) for key in mine["key"]]),
            intervention=str(intervention),
        )
        for (backbone, intervention), mine in rows.groupby(["backbone", "intervention"], sort=False)
    }


def settled(record: StudyRecord, metric: Metric, key: str, classes: tuple[str, ...]) -> Metric:
    """The metric with what a network's own validation predictions settle."""
    if metric.settle is None:
        return metric
    return metric.on(record.predictions_of(key, "validation", classes))


def test_predictions(record: StudyRecord, keys: Iterable[str], classes: tuple[str, ...]) -> dict[str, Predictions]:
    """The test predictions of those trials, all in the order of the samples' ids."""
    tables = ((key, record.said(key, "test")) for key in sorted(set(keys)))
    scored = {key: Predictions.from_frame(said.sort_values("sample"), classes) for key, said in tables if len(said)}
    for first, other in zip(scored, list(scored)[1:], strict=False):
        if not np.array_equal(scored[first].sample, scored[other].sample):
            raise InputError(
                f"predictions: trials {first} and {other} were not scored on the same test samples, so they cannot be "
                "compared in pairs; compare trials of one version of the data"
            )
    return scored
