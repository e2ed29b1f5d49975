from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.scoring.intervals import bootstrap_weights, resampled_values
from afield.scoring.jackknife import BLOCKS, blocks_of, swings
from afield.scoring.metric import Metric
from afield.scoring.metrics import METRICS
from afield.scoring.panel import fitting
from tests.scoring.test_metrics import predictions, random_predictions

HIGHER = [name for name in fitting(2, ordinal=True) if METRICS[name].direction == "higher"]


def test_blocks_hold_whole_clusters_and_follow_their_names() -> None:
    cluster = np.repeat([f"site{place:03d}" for place in range(130)], 3)
    block = blocks_of(cluster)
    assert set(block) == set(range(BLOCKS))
    assert all(len(set(block[cluster == name])) == 1 for name in cluster)
    clusters = np.bincount(block) / 3
    assert (clusters.min(), clusters.max()) == (2, 3)
    order = np.random.default_rng(0).permutation(len(cluster))
    np.testing.assert_array_equal(blocks_of(cluster[order]), block[order])
    assert set(blocks_of(cluster[:21])) == set(range(7))


@given(n=st.integers(3, 60), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_of_accuracy_it_is_the_binomial_variance(n: int, seed: int) -> None:
    many = random_predictions(seed, n, 3)
    many = replace(many, cluster=many.sample)
    p = METRICS["accuracy"].compute(many)
    swung = swings(METRICS["accuracy"], many, blocks_of(many.cluster, n))
    assert swung @ swung == pytest.approx(p * (1 - p) / (n - 1), abs=1e-12)


def test_of_auroc_it_is_delongs() -> None:
    """DeLong, DeLong and Clarke-Pearson 1988: what each positive sample wins of the negatives, and the other way round,
    has the variances S10 and S01 (theirs is S10 / positives + S01 / negatives); two networks share samples.
    """
    generator = np.random.default_rng(3)
    n, labels = 200, (np.arange(200) < 80).astype(np.int64)
    hard = generator.normal(size=n)
    margins = [labels + 0.8 * hard + generator.normal(size=n) for _ in range(2)]
    both = [predictions(labels, np.stack([np.zeros(n), margin], axis=1)) for margin in margins]
    swung = np.stack([swings(METRICS["auroc"], each, blocks_of(each.sample, n)) for each in both])
    wins = [margin[:80, None] > margin[None, 80:] for margin in margins]
    of_positives, of_negatives = (np.cov([each.mean(axis=axis) for each in wins]) for axis in (1, 0))
    left_out = (n - 1) / n * (of_positives / 79 + of_negatives / 119)
    np.testing.assert_allclose(swung @ swung.T, left_out, rtol=1e-9)
    np.testing.assert_allclose(swung @ swung.T, of_positives / 80 + of_negatives / 120, rtol=0.02)


@pytest.mark.parametrize("name", HIGHER)
def test_it_agrees_with_the_bootstrap(name: str) -> None:
    """Of two networks on 60 clusters of unequal size, each a block: variances and covariance within a fifth."""
    generator = np.random.default_rng(1)
    sizes = generator.integers(3, 10, size=60)
    cluster = np.repeat([f"site{place:02d}" for place in range(60)], sizes)
    n = len(cluster)
    labels, hard = generator.integers(2, size=n), np.repeat(generator.normal(size=60), sizes)
    sides = []
    for power in (1.0, 1.6):
        margin = (2 * labels - 1) * (power + hard + generator.normal(size=n))
        sides.append(predictions(labels, np.stack([-margin / 2, margin / 2], axis=1), cluster))
    metrics = [METRICS[name].on(each) for each in sides]
    block, weights = blocks_of(cluster, 60), bootstrap_weights(cluster, 3000)
    swung = np.stack([swings(metric, each, block) for metric, each in zip(metrics, sides, strict=True)])
    values = [resampled_values(metric, each, weights) for metric, each in zip(metrics, sides, strict=True)]
    np.testing.assert_allclose(swung @ swung.T, np.cov(values) * 60 / 59, rtol=0.2)


@pytest.mark.slow
def test_of_fewer_blocks_it_is_right_on_average() -> None:
    """The variance of accuracy by 20 blocks of 100 and 101 samples, over 300 test sets: its mean is the binomial's
    within 5 %, its spread about the square root of 2 / 19.
    """
    generator = np.random.default_rng(2)
    labels = np.zeros(2010, np.int64)
    block = blocks_of(np.array([f"{place:04d}" for place in range(2010)]), 20)
    found = []
    for _ in range(300):
        right = (generator.random(2010) < 0.8).astype(float)
        swung = swings(METRICS["accuracy"], predictions(labels, np.stack([right, 1 - right], axis=1)), block)
        found.append(swung @ swung / (0.16 / 2010))
    assert np.mean(found) == pytest.approx(1, abs=0.05)
    assert np.std(found) == pytest.approx(np.sqrt(2 / 19), rel=0.2)


def test_a_metric_without_a_fast_way_serves_and_one_that_a_block_undefines_tells_nothing() -> None:
    many = random_predictions(4, 40, 2)
    slow = Metric(name="slow", compute=METRICS["macro_f1"].compute, range=(0, 1))
    block = blocks_of(many.sample, 20)
    np.testing.assert_allclose(swings(slow, many, block), swings(METRICS["macro_f1"], many, block), atol=1e-12)
    one_positive = replace(many, label=(np.arange(40) == 7).astype(np.int64))
    assert np.isnan(swings(METRICS["auroc"], one_positive, block)).all()
    assert np.isnan(swings(slow, many, blocks_of(np.full(40, "one")))).all()
