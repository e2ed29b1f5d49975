import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, t
from statsmodels.stats.proportion import proportion_confint

from afield.scoring.intervals import (
    bootstrap_weights,
    clopper_pearson,
    metric_interval,
    percentile_interval,
    resampled_values,
)
from afield.scoring.metric import Metric
from afield.scoring.metrics import METRICS
from tests.scoring.test_metrics import predictions, random_predictions


@pytest.mark.slow
@given(n=st.integers(1, 5000), share=st.floats(0, 1), level=st.sampled_from([0.9, 0.95, 0.99]))
@settings(max_examples=100, deadline=None)
def test_clopper_pearson_equals_statsmodels(n: int, share: float, level: float) -> None:
    successes = round(share * n)
    interval = clopper_pearson(successes, n, level)
    assert (interval.low, interval.high) == pytest.approx(
        proportion_confint(successes, n, alpha=1 - level, method="beta"), abs=1e-12
    )


def test_clopper_pearson_equals_scipys_exact_interval() -> None:
    # R: binom.test(427, 525)$conf.int
    expected = binomtest(427, 525).proportion_ci(method="exact")
    interval = clopper_pearson(427, 525)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_what_is_no_proportion_is_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="no proportion"):
        clopper_pearson(successes, n)


def test_weights_draw_whole_clusters_and_follow_their_names() -> None:
    cluster = np.array(["b", "a", "b", "c", "a"])
    weights = bootstrap_weights(cluster, 50)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 1] == weights[:, 4]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    order = np.array([4, 0, 3, 1, 2])
    np.testing.assert_array_equal(bootstrap_weights(cluster[order], 50), weights[:, order])
    assert not np.array_equal(bootstrap_weights(cluster, 50, seed=1), weights)


def test_the_bootstrap_of_a_mean_has_its_standard_error() -> None:
    many = random_predictions(0, 400, 2)
    values = resampled_values(METRICS["accuracy"], many, bootstrap_weights(many.cluster, 8000))
    p = METRICS["accuracy"].compute(many)
    assert values.std() == pytest.approx(np.sqrt(p * (1 - p) / 400), rel=0.04)


def test_accuracy_of_single_samples_is_exact_and_of_clusters_is_wider() -> None:
    labels = np.repeat([0, 1], 100)
    right = np.random.default_rng(0).random(20) < 0.7
    said = np.where(np.repeat(right, 10), labels, 1 - labels)
    alone = predictions(labels, np.eye(2)[said])
    together = predictions(labels, np.eye(2)[said], np.repeat(np.arange(20), 10).astype(str))
    exact, clustered = (metric_interval(METRICS["accuracy"], each) for each in (alone, together))
    assert exact == clopper_pearson(int((said == labels).sum()), 200)
    assert clustered.value == exact.value
    assert clustered.high - clustered.low > 2 * (exact.high - exact.low)


@pytest.mark.parametrize("clusters", [2, 5, 12, 30, 400])
def test_percentiles_lie_as_far_out_as_the_interval_of_a_mean_asks_for(clusters: int) -> None:
    """Of resamples that are normal by the bootstrap's own spread, short by 1 - 1 / n, it is Student's."""
    spread = np.sqrt((clusters - 1) / clusters)
    resampled = norm.ppf((np.arange(1_000_000) + 0.5) / 1_000_000) * spread
    found = percentile_interval(0.0, resampled, clusters)
    reach = min(float(t.isf(0.025, clusters - 1)), resampled[-1])  # no farther than the resamples go
    assert (found.low, found.high) == pytest.approx((-reach, reach), rel=0.01)


def test_the_same_table_gives_the_same_interval_in_any_order() -> None:
    many = random_predictions(5, 150, 3)
    order = np.random.default_rng(0).permutation(150)
    turned = predictions(many.label[order], many.logits[order], many.cluster[order])
    first, second = (metric_interval(METRICS["macro_f1"], each) for each in (many, turned))
    assert (first.low, first.high) == pytest.approx((second.low, second.high), abs=1e-12)
    assert first.low < first.value < first.high


def test_no_interval_where_the_data_cannot_give_one() -> None:
    labels = np.array([0, 1] * 20)
    faultless = predictions(labels, np.eye(2)[labels] * 9)
    one_cluster = predictions(labels, np.eye(2)[labels[::-1]], np.full(40, "all"))
    rare = predictions(np.array([1] + [0] * 39), np.random.default_rng(0).normal(size=(40, 2)))
    for interval in (
        metric_interval(METRICS["macro_f1"], faultless),
        metric_interval(METRICS["accuracy"], one_cluster),
        metric_interval(METRICS["auroc"], rare),  # a third of the resamples lacks the only positive
    ):
        assert np.isfinite(interval.value)
        assert np.isnan([interval.low, interval.high]).all()
        assert interval.holds(0.0)


@pytest.mark.slow
def test_a_metric_without_a_vectorised_form_is_resampled_by_repetition() -> None:
    many = random_predictions(2, 60, 3)
    plain = Metric(name="mine", compute=METRICS["macro_f1"].compute, range=(0, 1))
    assert metric_interval(plain, many, resamples=200).low == pytest.approx(
        metric_interval(METRICS["macro_f1"], many, resamples=200).low, abs=1e-12
    )


@pytest.mark.parametrize("name", sorted(METRICS))
def test_every_metric_has_an_interval_by_cluster(name: str) -> None:
    many = random_predictions(3, 240, 3, levels=40)
    together = predictions(many.label, many.logits, (np.arange(240) // 6).astype(str))
    interval = metric_interval(METRICS[name], together, resamples=400)
    least, greatest = METRICS[name].range
    assert least <= interval.low < interval.high <= greatest


def test_memory_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    many = random_predictions(4, 70, 3)
    weights = bootstrap_weights(many.cluster, 100)
    whole = [resampled_values(each, many, weights) for each in METRICS.values()]
    monkeypatch.setattr("afield.scoring.intervals._BLOCK", 700)
    for each, values in zip(METRICS.values(), whole, strict=True):
        np.testing.assert_allclose(resampled_values(each, many, weights), values, rtol=0, atol=1e-12)
