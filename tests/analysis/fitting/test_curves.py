import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patsy import dmatrix

from afield.analysis.fitting.curves import CURVES_FROM, EXPONENTS, curves, spline_column


def points(x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"imagenet_top1": x, "value": y})


def drawn(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.uniform(50, 85, n)
    return x, 0.3 + 0.006 * x + 0.02 * generator.normal(size=n)


@given(seed=st.integers(0, 10_000), n=st.integers(8, 25))
@settings(max_examples=20, deadline=None)
def test_the_spline_is_that_of_patsy(seed: int, n: int) -> None:
    x, y = drawn(seed, n)
    first, middle, last = np.quantile(x, [0.1, 0.5, 0.9])
    ours = np.column_stack([np.ones(n), x, spline_column(x)])
    theirs = np.asarray(dmatrix(f"cr(x, knots=[{middle}], lower_bound={first}, upper_bound={last})", {"x": x}))
    inside = (x >= first) & (x <= last)  # patsy goes on with other cubics there, ours with straight lines
    fitted = ours @ np.linalg.lstsq(ours[inside], y[inside], rcond=None)[0]
    expected = theirs @ np.linalg.lstsq(theirs[inside], y[inside], rcond=None)[0]
    np.testing.assert_allclose(fitted[inside], expected[inside], atol=1e-6)


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), n=st.integers(8, 16))
@settings(max_examples=15, deadline=None)
def test_errors_of_backbones_left_out_are_those_of_leaving_them_out(seed: int, n: int) -> None:
    x, y = drawn(seed, n)
    found = curves(points(x, y)).set_index("curve")
    line, saturating = [], []
    for out in range(n):
        rest = np.arange(n) != out
        line.append(y[out] - np.polyval(np.polyfit(x[rest], y[rest], 1), x[out]))
        fits = []
        for a in EXPONENTS:
            there = (1 - x / 100) ** a
            k, end = np.polyfit(there[rest], y[rest], 1)
            fits.append((((y - end - k * there)[rest] ** 2).sum(), y[out] - end - k * there[out]))
        saturating.append(min(fits)[1])
    for name, errors in (("line", line), ("saturating", saturating)):
        assert found.loc[name, "left_out_error"] == pytest.approx(100 * np.sqrt(np.mean(np.square(errors))), rel=1e-6)
    assert found.loc["line", "gain"] == 0


def test_each_shape_is_found_where_it_is_the_truth() -> None:
    generator, x = np.random.default_rng(0), np.linspace(50, 88, 40)
    noise = 0.004 * generator.normal(size=40)
    straight = curves(points(x, 0.3 + 0.006 * x + noise)).set_index("curve")
    assert not straight["better"].any()
    flattening = curves(points(x, 0.9 - 2.0 * (1 - x / 100) ** 5 + noise)).set_index("curve")
    assert flattening.loc["saturating", "better"]
    assert flattening.loc["saturating", "exponent"] == pytest.approx(5, rel=0.25)
    assert flattening["left_out_error"]["saturating"] < 0.6 < flattening["left_out_error"]["line"]
    bend = curves(points(x, 0.6 + 0.02 * np.maximum(x - 70, 0) + noise)).set_index("curve")
    assert bend.loc["spline", "better"]  # it steepens, which no saturating curve does
    assert not bend.loc["saturating", "better"]


def test_few_backbones_have_no_curves() -> None:
    x, y = drawn(1, CURVES_FROM - 1)
    assert curves(points(x, y)).empty
    assert len(curves(points(*drawn(1, CURVES_FROM)))) == 3
