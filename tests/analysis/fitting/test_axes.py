from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress, norm, t

from afield.analysis.fitting.axes import AXES, AxisName, axis_slope, placed
from afield.analysis.fitting.fits import line_intervals
from afield.analysis.fitting.observations import Observations


def points(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.uniform(40, 90, n)
    return x, np.clip(0.2 + 0.008 * x + 0.02 * generator.normal(size=n), 0.05, 0.95)


def seen(x: np.ndarray, y: np.ndarray) -> Observations:
    """Values whose errors are not known."""
    return Observations(x, y, np.zeros((len(x), len(x))))


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), n=st.integers(4, 20))
@settings(max_examples=30, deadline=None)
def test_slopes_are_those_of_statsmodels_between_transformed_accuracies(seed: int, n: int) -> None:
    x, y = points(seed, n)
    places: dict[AxisName, Callable[[np.ndarray], np.ndarray]] = {
        "logit": lambda p: np.log(p / (1 - p)),
        "probit": norm.ppf,
    }
    for axis, place in places.items():
        found = axis_slope(axis, seen(x, y), np.nan, 0.95)
        expected = sm.OLS(place(y), sm.add_constant(place(x / 100))).fit()
        low, high = expected.conf_int(0.05)[1]
        assert found is not None
        assert (found.value, found.low, found.high) == pytest.approx((expected.params[1], low, high), abs=1e-9)


@pytest.mark.parametrize("axis", AXES)
def test_errors_grow_by_the_steepness_of_the_axis(axis: AxisName) -> None:
    share, step = np.array([0.1, 0.5, 0.93]), 1e-6
    steep = (AXES[axis].place(share + step) - AXES[axis].place(share - step)) / (2 * step)
    np.testing.assert_allclose(AXES[axis].steepness(share), steep, rtol=1e-6)
    x, y = points(1, 6)
    errors = 0.05**2 * np.eye(6)
    found = axis_slope(axis, replace(seen(x, y), errors=errors), np.nan, 0.95)
    assert found is not None
    there, here = AXES[axis].place(x / 100), AXES[axis].place(y)
    steep = AXES[axis].steepness(y)
    expected = line_intervals(Observations(there, here, errors * np.outer(steep, steep)), 0.95)[1]
    assert (found.value, found.low, found.high) == pytest.approx(
        (expected.value, expected.low, expected.high), rel=1e-9
    )
    # these errors decide, not the scatter; of known errors the quantile lies between the normal's and Student's
    weights = (there - there.mean()) / ((there - there.mean()) ** 2).sum()
    by_errors = np.sqrt(((weights * steep * 0.05) ** 2).sum())
    assert by_errors > linregress(there, here).stderr
    assert norm.isf(0.025) * by_errors < found.high - found.value < t.isf(0.025, 4) * by_errors


def test_what_is_all_right_is_moved_by_half_an_image() -> None:
    x, y = np.array([60.0, 70, 80, 100]), np.array([0.0, 0.5, 0.8, 1.0])
    found = placed("logit", seen(x, y), 200)
    assert found is not None
    assert found.x[-1] == pytest.approx(np.log((1 - 0.5 / 50_000) / (0.5 / 50_000)))
    assert (found.y[0], found.y[-1]) == pytest.approx((np.log(0.0025 / 0.9975), np.log(0.9975 / 0.0025)))


def test_without_the_number_of_images_there_is_no_half_of_one() -> None:
    x, y = np.array([60.0, 70, 80, 85]), np.array([0.6, 0.5, 0.8, 1.0])
    assert placed("probit", seen(x, y), np.nan) is None
    assert placed("probit", seen(x, y - 0.7), 100) is None  # kappa may lie below 0


@pytest.mark.parametrize("axis", AXES)
def test_what_is_no_share_has_no_such_axis_even_where_its_values_look_like_one(axis: AxisName) -> None:
    x, y = points(2, 8)
    assert placed(axis, seen(x, y), 100, "qwk") is None
    for metric in ("auroc", "FILE.py:mine", "top1"):
        assert placed(axis, seen(x, y), 100, metric) is not None
    # half an image is a step of an accuracy alone
    y[0] = 1.0
    assert placed(axis, seen(x, y), 100, "accuracy") is not None
    assert placed(axis, seen(x, y), 100, "auroc") is None
