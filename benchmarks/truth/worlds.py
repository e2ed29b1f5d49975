"""Simulated studies whose truth is known: what backbones reach, and what a test set shows of it.

A backbone's accuracy on all images that there are lies off a straight line (in a world with a ceiling: off a line of
logits) by a deviation of its own and one that its family shares; a family may have a slope of its own too. A test set
shows each of them on the same images, of which some are harder than others; images may come in clusters (sites,
patients), which differ in how hard they are, in how much a point on ImageNet brings there, and in what single backbones
make of them. How uncertain that leaves the values is estimated as in a study, by `PairedScores.covariance`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtri
from scipy.stats import kendalltau, spearmanr

from afield.analysis.fitting.fits import correlation, least_squares_slope
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.points import observations_of
from afield.analysis.ranking.paired import Networks, PairedScores
from afield.base.streams import stream
from afield.scoring.intervals import bootstrap_weights
from afield.scoring.metric import Floats
from afield.scoring.metrics import METRICS
from afield.study.verdict_rule import SMALLEST_SLOPE

MIDDLE = 72.0
"""ImageNet accuracy, per cent, around which families' slopes turn"""
_IMAGENET_SPREAD = 8.0
_HARDNESS = 0.5
"""share of what decides whether an image is right that all backbones share"""
_CLUSTER_LEVELS = 0.05
_NO_ROWS = pd.DataFrame()
_MANY = 200_000
"""backbones from which the truth of a world is read"""


@dataclass(frozen=True)
class World:
    """Where simulated studies come from."""

    name: str
    families: tuple[int, ...]
    """how many backbones each has"""
    slope: float = 0.3
    """metric points per ImageNet point; in a world with a ceiling between logits"""
    scatter: float = 0.02
    """standard deviation of a backbone's accuracy from the line; with a ceiling in logits"""
    shared: float = 0.0
    """share of that variance that a family's members have in common"""
    own_slopes: float = 0.0
    """standard deviation between families of the slope"""
    between: float = 0.5
    """share of the variance of ImageNet accuracies that lies between families"""
    uneven: float = 1.0
    """how much larger the scatter is at 55 % on ImageNet than at 90 %"""
    ceiling: bool = False
    images: int = 0
    """of the test set; 0: the accuracies are known exactly, and the table tells no errors"""
    clusters: int = 0
    """of test images; 0: each is its own"""
    cluster_slopes: float = 0.0
    """standard deviation between clusters of the slope"""
    cluster_scatter: float = 0.0
    """standard deviation of what single backbones make of single clusters"""

    @property
    def backbones(self) -> int:
        """How many there are."""
        return sum(self.families)


@dataclass(frozen=True)
class SimulatedStudy:
    """What a study would know."""

    points: pd.DataFrame
    """a row a backbone: backbone, family, imagenet_top1, value"""
    observed: Observations
    """the same with the covariance of the values' errors as a study estimates it; 0 where nothing is known of them"""
    n_test: float


def families_of(backbones: int, members: int) -> tuple[int, ...]:
    """Families of that many members each; the last may have fewer.

    >>> families_of(7, 3)
    (3, 3, 1)
    """
    whole, rest = divmod(backbones, members)
    return (members,) * whole + ((rest,) if rest else ())


def simulate(world: World, seed: int, index: int) -> SimulatedStudy:
    """One study of a world: the same for the same seed and index."""
    generator = stream(seed, "simulated study", world.name, index)
    x, share, family = _backbones(world, np.array(world.families), generator)
    order = np.argsort(x)
    x, share, family = x[order], share[order], family[order]
    n = len(x)
    value, errors = (share, np.zeros((n, n))) if world.images == 0 else _tested(world, x, share, generator)
    points = pd.DataFrame(
        {
            "backbone": [f"net{place:03}" for place in range(n)],
            "family": [f"family{each:03}" for each in family],
            "imagenet_top1": x,
            "value": value,
        }
    )
    clusters = float(world.clusters or world.images or np.nan)
    observed = observations_of(points, errors, clusters, SMALLEST_SLOPE)
    return SimulatedStudy(points, observed, n_test=float(world.images or np.nan))


@cache
def truth_of(world: World) -> dict[str, float]:
    """What the numbers of a fit stand for: their values over all backbones of the world and all images, by name.

    Where the world is no straight line, its slope is that of the straight line that fits all backbones best.
    """
    generator = stream(0, "truth", world.name)
    x, share, _ = _backbones(world, np.ones(_MANY, dtype=np.int64), generator)
    few = slice(0, _MANY // 10)
    return {
        "slope": 100 * float(least_squares_slope(x, share)) if world.ceiling else world.slope,
        "logit slope": float(least_squares_slope(logit(x / 100), logit(share))),
        "probit slope": float(least_squares_slope(ndtri(x / 100), ndtri(share))),
        "r": float(correlation(x, share)),
        "rho": float(spearmanr(x, share).statistic),
        "tau": float(kendalltau(x[few], share[few]).statistic),
    }


def _backbones(world: World, sizes: np.ndarray, generator: np.random.Generator) -> tuple[Floats, Floats, np.ndarray]:
    """ImageNet accuracies (per cent), true accuracies (shares) and families of backbones in families of those sizes."""
    family = np.repeat(np.arange(len(sizes)), sizes)

    def drawn(shared: float) -> Floats:
        """Standard normal, of which families share that part of the variance."""
        common, own = generator.normal(size=len(sizes))[family], generator.normal(size=len(family))
        return math.sqrt(shared) * common + math.sqrt(1 - shared) * own

    x = np.clip(MIDDLE + _IMAGENET_SPREAD * drawn(world.between), 45, 92)
    spread = world.scatter * np.interp(x, [55, 90], [world.uneven, 1.0])
    off = spread * drawn(world.shared)
    slope = world.slope + world.own_slopes * generator.normal(size=len(sizes))[family]
    if world.ceiling:
        return x, expit(4.0 + slope * (logit(x / 100) - logit(MIDDLE / 100)) + off), family
    return x, np.clip(0.7 + slope * (x - MIDDLE) / 100 + off, 0.02, 0.98), family


def _tested(world: World, x: Floats, share: Floats, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """What a test set shows of each backbone, and the covariance of its errors as a study estimates it."""
    n, groups = len(x), max(world.clusters, 1)
    moved = share[:, None] + (x[:, None] - MIDDLE) / 100 * world.cluster_slopes * generator.normal(size=groups)
    if world.clusters:
        moved = moved + _CLUSTER_LEVELS * generator.normal(size=groups)
        moved = moved + world.cluster_scatter * generator.normal(size=(n, groups))
    limit = ndtri(np.clip(moved, 1e-6, 1 - 1e-6)).astype(np.float32)
    cluster = np.arange(world.images) % groups
    hardness = generator.standard_normal(world.images, dtype=np.float32) * np.float32(np.sqrt(_HARDNESS))
    noise = generator.standard_normal((n, world.images), dtype=np.float32) * np.float32(np.sqrt(1 - _HARDNESS))
    right = (hardness + noise < limit[:, cluster]).astype(np.float32)
    if world.clusters:
        sizes = np.bincount(cluster, minlength=groups).astype(np.float64)
        counts = np.stack([np.bincount(cluster, weights=row, minlength=groups) for row in right])
        weights = _weights(groups).astype(np.float64)
        resampled = (weights @ counts.T / (weights @ sizes)[:, None]).T
    else:
        weights = _weights(world.images)
        resampled = (weights @ right.T / world.images).T.astype(np.float64)
    names = [f"net{place:03}" for place in range(n)]
    networks = {
        name: Networks(_NO_ROWS, np.array([row.mean()]), draws[None], "plain")
        for name, row, draws in zip(names, right, resampled, strict=True)
    }
    scores = PairedScores(METRICS["accuracy"], {}, world.images, world.clusters or world.images)
    return right.mean(axis=1, dtype=np.float64), scores.covariance(networks).to_numpy(np.float64)


@cache
def _weights(clusters: int) -> np.ndarray:
    """How often each cluster stands in each resample, as the product draws it: [resamples, clusters]."""
    return bootstrap_weights(np.array([f"{place:05}" for place in range(clusters)])).astype(np.float32)
