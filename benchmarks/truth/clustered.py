"""Metrics of a test set in clusters whose truth is known: two networks, two classes, sites that differ.

A site has a share of defects of its own, is easier or harder for both networks, and shifts what they say of all its
images. Truth is the metric on very many sites.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from scipy.special import expit

from afield.analysis.ranking.paired import Networks, PairedScores, of_clusters
from afield.base.streams import stream
from afield.scoring.intervals import Interval, bootstrap_weights, metric_interval, resampled_values
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions

MEASURED = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "average_precision", "qwk")
CLUSTERS = (5, 10, 20, 30, 60)
_STRENGTH = (1.6, 1.9)
"""how far each network tells the classes apart, in standard deviations of its logit"""
_IMAGES = 20
"""of a site"""
_MANY = 20_000
_NO_ROWS = pd.DataFrame()


def networks_on(clusters: int, generator: np.random.Generator) -> tuple[Predictions, Predictions]:
    """What two networks say of the same images of so many sites."""
    site = np.repeat(np.arange(clusters), _IMAGES)
    n = len(site)
    share = expit(-0.8 + 0.7 * generator.normal(size=clusters))
    label = (generator.random(n) < share[site]).astype(np.int64)
    ease, shift = 1 + 0.3 * generator.normal(size=clusters), 0.5 * generator.normal(size=clusters)
    both = generator.normal(size=n)
    names = np.array([f"{place:06}" for place in range(n)])
    cluster = np.array([f"site{place:05}" for place in range(clusters)])[site]

    def says(strength: float) -> Predictions:
        own = 0.3 * generator.normal(size=clusters)[site]
        noise = np.sqrt(0.6) * both + np.sqrt(0.4) * generator.normal(size=n)
        score = strength * (label - 0.5) * ease[site] + shift[site] + own + noise
        logits = np.stack([np.zeros(n), score], axis=1).astype(np.float32)
        return Predictions(("sound", "defective"), names, names, cluster, label, logits)

    return says(_STRENGTH[0]), says(_STRENGTH[1])


@cache
def true_values(name: str) -> tuple[float, float]:
    """The metric of each network on very many sites."""
    first, second = networks_on(_MANY, stream(0, "many sites"))
    return METRICS[name].compute(first), METRICS[name].compute(second)


def intervals(name: str, clusters: int, seed: int, index: int) -> dict[str, tuple[Interval, float]]:
    """Of one test set, beside what each should hold: the interval of a value in the results table, in the ranking, and
    of the difference of both networks.
    """
    first, second = networks_on(clusters, stream(seed, "sites", clusters, index))
    metric, truth = METRICS[name], true_values(name)
    weights = bootstrap_weights(first.cluster)
    mine, other = (
        Networks(_NO_ROWS, np.array([metric.compute(each)]), resampled_values(metric, each, weights)[None], "plain")
        for each in (first, second)
    )
    scores = PairedScores(metric, {}, len(first.label), clusters, of_clusters(weights, first.cluster))
    return {
        "results table": (metric_interval(metric, first), truth[0]),
        "ranking": (scores.level_of(mine), truth[0]),
        "difference": (scores.difference(mine, other), truth[0] - truth[1]),
    }
