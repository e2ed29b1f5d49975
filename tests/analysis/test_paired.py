"""The variance that test samples leave: of few clusters, of one that differs, of none that does."""

import numpy as np
import pandas as pd
import pytest

from afield.analysis.paired import Networks, PairedScores
from afield.scoring.intervals import bootstrap_weights
from afield.scoring.metrics import METRICS

CLUSTERS, EACH = 12, 20


def scores(weights: np.ndarray | None, metric: str = "accuracy", clusters: int = CLUSTERS) -> PairedScores:
    return PairedScores(METRICS[metric], {}, clusters * EACH, clusters, weights)


def drawn(clusters: int = CLUSTERS) -> np.ndarray:
    """How often each of the clusters stands in each resample."""
    return bootstrap_weights(np.array([f"{place:05}" for place in range(clusters)])).astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_of_clusters_it_is_that_of_their_mean_and_one_more_as_far_off_as_the_farthest(seed: int) -> None:
    apart = np.random.default_rng(seed).normal(size=CLUSTERS) * 0.1
    weights = drawn()
    known = apart.var(ddof=1) / CLUSTERS + (np.abs(apart - apart.mean()).max() / CLUSTERS) ** 2
    assert scores(weights).sample_variance(weights @ apart / CLUSTERS) == pytest.approx(known, rel=0.2)
    # of another scale, as of a metric that is no mean, it is in proportion
    assert scores(weights, "log_loss").sample_variance(7 * weights @ apart / CLUSTERS) == pytest.approx(
        49 * scores(weights).sample_variance(weights @ apart / CLUSTERS)
    )


def test_one_cluster_that_differs_a_little_is_no_reason_to_fear_that_others_differ_wholly() -> None:
    weights, apart = drawn(), np.zeros(CLUSTERS)
    apart[3] = 1 / EACH
    found = scores(weights).sample_variance(weights @ apart / CLUSTERS)
    assert np.sqrt(found) == pytest.approx(1.4 / EACH / CLUSTERS, rel=0.1)


@pytest.mark.parametrize(("metric", "width"), [("accuracy", 1), ("qwk", 2), ("log_loss", 0)])
def test_where_none_differs_a_few_may(metric: str, width: float) -> None:
    for weights in (drawn(), None):
        found = scores(weights, metric).sample_variance(np.zeros(2000))
        assert np.sqrt(found) == pytest.approx(1.5 * width / CLUSTERS)


def test_resamples_without_the_metric_are_left_out() -> None:
    apart = np.random.default_rng(0).normal(size=CLUSTERS) * 0.1
    weights = drawn()
    values = weights @ apart / CLUSTERS
    whole = scores(weights).sample_variance(values)
    values[:40] = np.nan
    assert scores(weights).sample_variance(values) == pytest.approx(whole, rel=0.1)
    values[:200] = np.nan
    assert np.isnan(scores(weights).sample_variance(values))


def test_of_single_samples_it_is_as_if_one_more_differed() -> None:
    """With k samples of n on which two networks differ, k / n**2 grows by one such sample."""
    n, different = 400, np.zeros(400)
    different[:9] = 1
    weights = drawn(n)
    single = PairedScores(METRICS["accuracy"], {}, n, n)
    assert single.sample_variance(weights @ different / n) == pytest.approx(10 / n**2, rel=0.1)


def test_a_study_in_clusters_has_the_weights_of_its_clusters_in_their_order() -> None:
    sites = np.repeat([f"{place:05}" for place in range(CLUSTERS)], EACH)
    by_sample, by_cluster = bootstrap_weights(sites), drawn()
    np.testing.assert_array_equal(by_sample[:, np.unique(sites, return_index=True)[1]], by_cluster)
    mine = Networks(
        pd.DataFrame(), np.array([0.5]), (by_cluster @ np.linspace(0.4, 0.6, CLUSTERS) / CLUSTERS)[None], "plain"
    )
    level = scores(by_cluster).level_of(mine)
    assert 0.4 < level.low < 0.5 < level.high < 0.6
