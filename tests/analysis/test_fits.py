import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit
from scipy.stats import norm, pearsonr

from afield.analysis.fits import (
    clipped_logit,
    correlation,
    critical_correlation,
    least_squares_slope,
    line_band,
    line_intervals,
)


def points(seed: int, n: int, *, slope: float = 0.003, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.uniform(55, 85, n)
    return x, 0.5 + slope * x + noise * generator.normal(size=n)


@given(seed=st.integers(0, 10_000), n=st.integers(4, 9))
@settings(max_examples=40, deadline=None)
def test_few_backbones_agree_with_scipy_and_statsmodels(seed: int, n: int) -> None:
    x, y = points(seed, n)
    r, slope = line_intervals(x, y, 0.95)
    by_scipy = pearsonr(x, y)
    limits = by_scipy.confidence_interval(0.95)
    assert (r.value, r.low, r.high) == pytest.approx((by_scipy.statistic, limits.low, limits.high), abs=1e-9)
    by_statsmodels = sm.OLS(y, sm.add_constant(x)).fit()
    low, high = by_statsmodels.conf_int(0.05)[1]
    assert (slope.value, slope.low, slope.high) == pytest.approx((by_statsmodels.params[1], low, high), abs=1e-9)


def test_the_band_is_that_of_statsmodels() -> None:
    x, y = points(1, 7)
    band = line_band(x, y, 0.95)
    design = sm.add_constant(band["imagenet_top1"].to_numpy())
    expected = sm.OLS(y, sm.add_constant(x)).fit().get_prediction(design).conf_int(alpha=0.05)
    np.testing.assert_allclose(band[["low", "high"]].to_numpy(), expected, atol=1e-10)


def test_three_points_say_nothing_of_r() -> None:
    r, _ = line_intervals(np.array([60.0, 70, 80]), np.array([0.7, 0.72, 0.8]), 0.95)
    assert (r.low, r.high) == (-1, 1)


def test_critical_correlation_is_where_p_is_five_per_cent() -> None:
    # tables of critical values of r, two-sided 0.05: 0.9500 for n = 4, 0.6319 for n = 10, 0.4555 for n = 19
    assert [critical_correlation(n) for n in (4, 10, 19)] == pytest.approx([0.9500, 0.6319, 0.4555], abs=5e-5)


def test_from_ten_backbones_on_the_bca_bootstrap_agrees_with_one_written_out() -> None:
    x, y = points(2, 14)
    r, slope = line_intervals(x, y, 0.95)
    assert r.value == pytest.approx(pearsonr(x, y).statistic)
    # BCa by its definition (Efron 1987, section 3), with other random numbers
    draws = np.random.default_rng(9).integers(14, size=(40_000, 14))
    replicates = least_squares_slope(x[draws], y[draws])
    left_out = [np.delete(np.arange(14), index) for index in range(14)]
    jackknife = np.array([least_squares_slope(x[rows], y[rows]) for rows in left_out])
    spread = jackknife.mean() - jackknife
    acceleration = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)
    bias = norm.ppf((replicates < slope.value).mean())
    shifted = [bias + (bias + z) / (1 - acceleration * (bias + z)) for z in norm.ppf([0.025, 0.975])]
    expected = np.quantile(replicates, norm.cdf(shifted))
    assert (slope.low, slope.high) == pytest.approx(tuple(expected), abs=0.03 * (slope.high - slope.low))


def test_the_same_points_give_the_same_interval_and_levels_nest() -> None:
    x, y = points(3, 12)
    assert line_intervals(x, y, 0.95) == line_intervals(x, y, 0.95)
    for wide, narrow in zip(line_intervals(x, y, 0.95), line_intervals(x, y, 0.9), strict=True):
        assert wide.low <= narrow.low <= narrow.high <= wide.high


@pytest.mark.parametrize("n", [4, 6])
def test_the_slopes_interval_covers(n: int) -> None:
    held = [line_intervals(*points(seed, n), 0.95)[1].holds(0.003) for seed in range(1000)]
    assert 0.93 <= np.mean(held) <= 0.97


def test_what_does_not_vary_has_no_correlation() -> None:
    flat, rising = np.full((2, 5), 0.7), np.tile(np.arange(5.0), (2, 1))
    assert (correlation(rising, flat) == 0).all()
    assert (least_squares_slope(flat, rising) == 0).all()


def test_a_share_of_one_has_a_logit() -> None:
    np.testing.assert_allclose(clipped_logit(np.array([0.0, 0.5, 1.0]), 0.01), logit([0.01, 0.5, 0.99]))
