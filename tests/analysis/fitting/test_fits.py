import math
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, t

from afield.analysis.fitting.fits import (
    bootstrap_intervals,
    correlation,
    critical_correlation,
    least_squares_slope,
    line_band,
    line_intervals,
)
from afield.analysis.fitting.observations import Observations

LEVEL = 0.95


def unknown(x: np.ndarray, y: np.ndarray) -> Observations:
    """Nothing is known of the points' own errors."""
    return Observations(x, y, np.zeros((len(x), len(x))))


def points(seed: int, n: int, *, slope: float = 0.003, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.uniform(55, 85, n)
    return x, 0.5 + slope * x + noise * generator.normal(size=n)


@given(seed=st.integers(0, 10_000), n=st.integers(4, 25))
@settings(max_examples=40, deadline=None)
def test_without_errors_of_the_points_it_agrees_with_scipy_and_statsmodels(seed: int, n: int) -> None:
    x, y = points(seed, n)
    r, slope = line_intervals(unknown(x, y), LEVEL)
    by_scipy = pearsonr(x, y)
    limits = by_scipy.confidence_interval(0.95)
    assert (r.value, r.low, r.high) == pytest.approx((by_scipy.statistic, limits.low, limits.high), abs=1e-9)
    by_statsmodels = sm.OLS(y, sm.add_constant(x)).fit()
    low, high = by_statsmodels.conf_int(0.05)[1]
    assert (slope.value, slope.low, slope.high) == pytest.approx((by_statsmodels.params[1], low, high), abs=1e-9)


def test_near_a_ceiling_the_slope_is_less_sure_and_r_has_fishers_z() -> None:
    x, y = points(2, 12, slope=0.0005, noise=0.003)
    r, slope = line_intervals(unknown(x, y), LEVEL)
    there_r, there_slope = line_intervals(replace(unknown(x, y), ceiling=0.57), LEVEL)
    assert (there_r.low, there_r.high) == pytest.approx((r.low, r.high))
    assert there_slope.value == slope.value
    assert there_slope.high - there_slope.low > 1.02 * (slope.high - slope.low)
    # what errors and families make of it counts there as elsewhere
    turned = np.outer(x - x.mean(), x - x.mean()) * 1e-6
    for unsure in ({"errors": turned}, {"families": np.repeat(["a", "b", "c"], 4)}):
        there_r, elsewhere_r = (
            line_intervals(replace(unknown(x, y), ceiling=ceiling, **unsure), LEVEL)[0] for ceiling in (0.57, math.inf)
        )
        assert there_r == elsewhere_r != r


def test_the_band_is_that_of_statsmodels() -> None:
    x, y = points(1, 7)
    band = line_band(unknown(x, y), LEVEL)
    design = sm.add_constant(band["imagenet_top1"].to_numpy())
    expected = sm.OLS(y, sm.add_constant(x)).fit().get_prediction(design).conf_int(alpha=0.05)
    np.testing.assert_allclose(band[["low", "high"]].to_numpy(), expected, atol=1e-10)


@pytest.mark.slow
def test_the_bootstrap_resamples_whole_backbones_and_gives_the_same_twice() -> None:
    x, y = points(3, 40)
    r, slope = bootstrap_intervals(x, y, LEVEL)
    assert (r, slope) == bootstrap_intervals(x, y, LEVEL)
    draws = np.random.default_rng(7).integers(0, 40, size=(4_000, 40))
    expected = [np.percentile([f(x[i], y[i]) for i in draws], [2.5, 97.5]) for f in (np_r, np_slope)]
    # percentile limits of another draw: the bias correction moves limits by far less than the interval's width
    for mine, (low, high) in zip((r, slope), expected, strict=True):
        assert mine.low < mine.value < mine.high
        np.testing.assert_allclose([mine.low, mine.high], [low, high], atol=0.15 * (high - low))


def np_r(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(x, y)[0, 1])


def np_slope(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.cov(x, y)[0, 1] / x.var(ddof=1))


def test_three_points_say_nothing_of_r() -> None:
    r, _ = line_intervals(unknown(np.array([60.0, 70, 80]), np.array([0.7, 0.72, 0.8])), LEVEL)
    assert (r.low, r.high) == (-1, 1)


def test_critical_correlation_is_where_p_is_five_per_cent() -> None:
    # tables of critical values of r, two-sided 0.05: 0.9500 for n = 4, 0.6319 for n = 10, 0.4555 for n = 19
    assert [critical_correlation(n) for n in (4, 10, 19)] == pytest.approx([0.9500, 0.6319, 0.4555], abs=5e-5)


def errors_of(seed: int, n: int, size: float) -> np.ndarray:
    """A covariance as networks on the same test samples have it: all of their errors alike, and more so with others."""
    mix = np.random.default_rng(seed).normal(size=(n, 2 * n)) + 1
    return size**2 * mix @ mix.T / (2 * n)


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), n=st.integers(3, 12), size=st.sampled_from([0.001, 0.02, 0.3]))
@settings(max_examples=40, deadline=None)
def test_the_line_is_never_surer_than_its_points(seed: int, n: int, size: float) -> None:
    x, y = points(seed, n)
    covariance = errors_of(seed, n, size)
    by_statsmodels = sm.OLS(y, sm.add_constant(x)).fit()
    # of the coefficients, which are linear in y: as y scatters; as y is known to err; and what of the scatter these
    # errors are expected to make
    pinv, scatter = by_statsmodels.model.pinv_wexog, by_statsmodels.cov_params()
    by_errors = pinv @ covariance @ pinv.T
    residual_maker = np.eye(n) - by_statsmodels.model.exog @ pinv
    held = np.trace(residual_maker @ covariance) / (n - 2) * by_statsmodels.normalized_cov_params

    def margin(place: np.ndarray) -> float:
        of_scatter, of_errors, expected = (float(place @ each @ place) for each in (scatter, by_errors, held))
        beyond = max(of_errors - expected, 0.0)
        variance = max(of_scatter + beyond, of_errors)
        return float(t.isf(0.025, (n - 2) * (variance / (variance - beyond)) ** 2) * np.sqrt(variance))

    _, slope = line_intervals(Observations(x, y, covariance), LEVEL)
    assert slope.high - slope.value == pytest.approx(margin(np.array([0.0, 1.0])), rel=1e-6)
    assert slope.value - slope.low == pytest.approx(slope.high - slope.value)
    band = line_band(Observations(x, y, covariance), LEVEL)
    for row in (0, -1):
        at = np.array([1.0, band["imagenet_top1"].iloc[row]])
        assert band["high"].iloc[row] - band["value"].iloc[row] == pytest.approx(margin(at), rel=1e-6)


def test_what_all_points_share_moves_no_slope() -> None:
    x, y = points(4, 6)
    shared = np.full((6, 6), 0.3**2)
    assert line_intervals(Observations(x, y, shared), LEVEL)[1].high == pytest.approx(
        line_intervals(unknown(x, y), LEVEL)[1].high, rel=1e-6
    )


def test_levels_nest() -> None:
    x, y = points(3, 12)
    covariance = errors_of(3, 12, 0.01)
    for wide, narrow in zip(
        line_intervals(Observations(x, y, covariance), 0.95),
        line_intervals(Observations(x, y, covariance), 0.9),
        strict=True,
    ):
        assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 4, 6, 10, 19])
@pytest.mark.parametrize(("scatter", "error"), [(0.02, 0.0), (0.02, 0.005), (0.02, 0.02), (0.005, 0.02), (0.0, 0.02)])
def test_the_slopes_interval_covers(n: int, scatter: float, error: float) -> None:
    """Backbones differ from the line by `scatter`, and each is measured with `error`, half of it shared by all."""
    generator = np.random.default_rng(n)
    covariance = error**2 * (np.eye(n) + 1) / 2
    root = np.linalg.cholesky(covariance + 1e-18 * np.eye(n))
    held, draws = 0, 2000
    for _ in range(draws):
        x = generator.uniform(55, 85, n)
        y = 0.5 + 0.003 * x + scatter * generator.normal(size=n) + root @ generator.normal(size=n)
        held += line_intervals(Observations(x, y, covariance), LEVEL)[1].holds(0.003)
    assert held / draws > 0.95 - 3 * np.sqrt(0.05 * 0.95 / draws)
    if error == 0:
        assert held / draws < 0.95 + 3 * np.sqrt(0.05 * 0.95 / draws)


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 4, 6])
def test_points_that_lie_on_a_line_by_luck_do_not_make_it_sure(n: int) -> None:
    generator = np.random.default_rng(n)
    x, covariance = np.linspace(55, 85, n), 0.02**2 * np.eye(n)
    draws = [0.5 + 0.003 * x + 0.02 * generator.normal(size=n) for _ in range(3000)]

    def scatter(y: np.ndarray) -> float:
        return float(np.square(y - np.polynomial.Polynomial.fit(x, y, 1)(x)).sum())

    lucky = sorted(draws, key=scatter)[:150]  # the twentieth with the least
    naive = np.mean([line_intervals(unknown(x, y), LEVEL)[1].holds(0.003) for y in lucky])
    ours = np.mean([line_intervals(Observations(x, y, covariance), LEVEL)[1].holds(0.003) for y in lucky])
    assert naive < 0.8
    assert ours > 0.95


def test_what_does_not_vary_has_no_correlation() -> None:
    flat, rising = np.full((2, 5), 0.7), np.tile(np.arange(5.0), (2, 1))
    assert (correlation(rising, flat) == 0).all()
    assert (least_squares_slope(flat, rising) == 0).all()
