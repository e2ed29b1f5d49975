"""The variance that test samples leave: of few clusters, of one that differs, of none that does."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from afield.analysis.ranking.paired import PairedScores
from afield.scoring.intervals import bootstrap_weights
from afield.scoring.metrics import METRICS
from tests.fixtures.records import make_record

CLUSTERS, EACH = 12, 20


def scores(by_cluster: np.ndarray | None, metric: str = "accuracy", clusters: int = CLUSTERS) -> PairedScores:
    return PairedScores(METRICS[metric], {}, clusters * EACH, clusters, by_cluster)


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


@pytest.mark.slow
def test_a_study_in_clusters_brings_how_often_each_stands_in_its_resamples() -> None:
    record = make_record(n_test=500, cluster_size=25, metrics=("accuracy",))
    found = PairedScores.of(record, "elpv", METRICS["accuracy"], ("plain",))
    (key,) = (key for key in record.results["key"].head(1))
    said = record.predictions_of(key, "test", record.task("elpv").classes)
    right = pd.Series(said.logits.argmax(axis=1) == said.label).groupby(said.cluster).sum()  # by name of the cluster
    assert found.by_cluster is not None
    assert found.by_cluster.shape == (2000, 20)
    (mine,) = (each for each in found.networks.values() if key in set(each.rows["key"]))
    np.testing.assert_allclose(mine.by_seed[list(mine.rows["key"]).index(key)], found.by_cluster @ right / 500)
    assert found.level_of(mine).low > replace(found, by_cluster=None).level_of(mine).low


@pytest.mark.slow
def test_of_very_many_clusters_and_of_single_samples_nothing_more_is_asked() -> None:
    for record in (make_record(n_test=2004, cluster_size=2, metrics=("accuracy",)), make_record(metrics=("accuracy",))):
        assert PairedScores.of(record, "elpv", METRICS["accuracy"], ("plain",)).by_cluster is None


def test_what_differs_by_rounding_alone_does_not_differ() -> None:
    noise = 0.5 + 1e-16 * np.arange(2000, dtype=np.float64)
    assert np.sqrt(scores(drawn()).sample_variance(noise)) == pytest.approx(1.5 / CLUSTERS)
