"""What a difference on one test set is worth: the variances of samples and of seeds, and the interval of both.

Two things make a difference of two backbones uncertain, and its variance is the sum of both parts:

- samples: bootstrap over clusters, the same resamples for every network, of the mean over seeds, networks as they are
- seeds: variance of the test metric within a backbone, pooled over the backbones compared, times (1 / S + 1 / S')

The interval is Student's with Satterthwaite's degrees of freedom (Satterthwaite 1946). What a seed changes on some
samples and not on others is in both parts, so the intervals are rather too wide than too narrow. Each stands for
itself: they are not corrected for how many are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import t

from afield.base.errors import InputError
from afield.scoring.intervals import LEVEL, UNDEFINED, Interval, bootstrap_weights, resampled_values
from afield.scoring.metrics import Floats, Metric
from afield.scoring.predictions import Predictions
from afield.study.record import StudyRecord

Compares = Literal["networks", "backbones"]
"""With one seed trained networks are compared; what a backbone gives needs repetitions."""


@dataclass(frozen=True)
class Networks:
    """The networks of one backbone under one intervention, one a seed."""

    rows: pd.DataFrame
    """their rows of the results table"""
    values: Floats
    """[seeds] the metric on test"""
    resampled: Floats
    """[resamples] the mean over seeds in each resample of the test clusters"""

    @property
    def seeds(self) -> int:
        """How many there are."""
        return len(self.values)

    @property
    def value(self) -> float:
        """The metric on test, mean over seeds."""
        return float(self.values.mean())

    def mean(self, column: str) -> float:
        """A column of the results table, mean over seeds."""
        return float(self.rows[column].mean())


@dataclass(frozen=True)
class PairedScores:
    """Everything of one task that is compared, and the two variances of it."""

    metric: Metric
    networks: dict[tuple[str, str], Networks]
    """by backbone and intervention"""
    samples: int
    clusters: int

    @staticmethod
    def of(record: StudyRecord, task: str, metric: Metric, interventions: tuple[str, ...]) -> PairedScores:
        """Resample the predictions of a task's networks, the same resamples for all."""
        if record.results.empty:
            return PairedScores(metric, {}, 0, 0)
        results = record.results
        results = results[(results["task"] == task) & (results["metric"] == metric.name)]
        results = results[results["intervention"].isin(interventions)]
        scored = _test_predictions(record, results["key"], record.task(task).classes)
        if not scored:
            return PairedScores(metric, {}, 0, 0)
        first = next(iter(scored.values()))
        weights = bootstrap_weights(first.cluster)
        networks = {
            (str(backbone), str(intervention)): Networks(
                rows=rows,
                values=np.array([metric.compute(scored[key]) for key in rows["key"]]),
                resampled=np.mean([resampled_values(metric, scored[key], weights) for key in rows["key"]], axis=0),
            )
            for (backbone, intervention), rows in results.groupby(["backbone", "intervention"], sort=False)
        }
        return PairedScores(metric, networks, len(first.label), len(np.unique(first.cluster)))

    @property
    def seed_freedom(self) -> int:
        """Degrees of freedom of the pooled variance between seeds."""
        return sum(mine.seeds - 1 for mine in self.networks.values())

    @property
    def compares(self) -> Compares:
        """What the intervals speak of: backbones where at least one of them has two seeds."""
        return "backbones" if self.seed_freedom else "networks"

    @property
    def _seed_variance(self) -> float:
        """Of one network, pooled over all; 0 where no seed was repeated."""
        squares = sum(float(((mine.values - mine.value) ** 2).sum()) for mine in self.networks.values())
        return squares / self.seed_freedom if self.seed_freedom else 0.0

    def sample_variance(self, resampled: Floats) -> float:
        """Variance from the test samples, unbiased for a mean (the bootstrap's own is short by 1 - 1 / clusters).

        At least what two or three clusters would give: where none of n differs, up to 3 / n may (the rule of three,
        95 %), and a variance of 0 would claim to know better. NaN where the bootstrap cannot know it: fewer than two
        clusters, or more than 5 % of the resamples undefined.
        """
        defined = resampled[~np.isnan(resampled)]
        if self.clusters < 2 or len(defined) < (1 - UNDEFINED) * len(resampled):
            return math.nan
        width = self._width
        floor = (1.5 * width / self.clusters) ** 2 if math.isfinite(width) else 0.0
        return max(float(defined.var()) * self.clusters / (self.clusters - 1), floor)

    @property
    def _width(self) -> float:
        """Of the metric's range: the largest difference that there can be."""
        least, greatest = self.metric.range
        return greatest - least

    def seed_variance(self, *sides: Networks) -> float:
        """Variance from the seeds, of a mean over seeds or of the difference of two."""
        return self._seed_variance * sum(1 / side.seeds for side in sides)

    def level_of(self, mine: Networks) -> Interval:
        """The metric on test with its interval, inside the metric's range."""
        interval = self._interval(mine.value, self.sample_variance(mine.resampled), self.seed_variance(mine))
        least, greatest = self.metric.range
        return Interval(interval.value, max(interval.low, least), min(interval.high, greatest))

    def difference(self, mine: Networks, other: Networks) -> Interval:
        """Mine minus the other on test, in pairs; its limits are differences that the metric allows."""
        samples = self.sample_variance(mine.resampled - other.resampled)
        interval = self._interval(mine.value - other.value, samples, self.seed_variance(mine, other))
        return Interval(interval.value, max(interval.low, -self._width), min(interval.high, self._width))

    def _interval(self, value: float, samples: float, seeds: float) -> Interval:
        if math.isnan(samples):
            return Interval(value, math.nan, math.nan)
        total = samples + seeds
        if total == 0:
            return Interval(value, value, value)
        freedom = total**2 / (samples**2 / (self.clusters - 1) + seeds**2 / max(self.seed_freedom, 1))
        reach = float(t.isf((1 - LEVEL) / 2, freedom)) * math.sqrt(total)
        return Interval(value, value - reach, value + reach)


def _test_predictions(record: StudyRecord, keys: Iterable[str], classes: tuple[str, ...]) -> dict[str, Predictions]:
    """The test predictions of those trials, all in the order of the samples' ids."""
    table = record.predictions
    table = table[(table["split"] == "test") & (table["view"] == "plain") & table["key"].isin(set(keys))]
    scored = {
        str(key): Predictions.from_frame(rows.sort_values("sample"), classes) for key, rows in table.groupby("key")
    }
    for first, other in zip(scored, list(scored)[1:], strict=False):
        if not np.array_equal(scored[first].sample, scored[other].sample):
            raise InputError(
                f"predictions: trials {first} and {other} were not scored on the same test samples, so they cannot be "
                "compared in pairs; compare trials of one version of the data"
            )
    return scored
