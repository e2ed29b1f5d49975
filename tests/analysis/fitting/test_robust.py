import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import theilslopes

from afield.analysis.fitting.fits import bootstrap_intervals
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.points import observations_of
from afield.analysis.fitting.robust import FAMILIES_FROM, family_bootstrap, outliers, slopes
from afield.analysis.fitting.subsets import group_sums, line_of_sums


def points(seed: int, families: int, members: int, *, shared: float = 0.0) -> pd.DataFrame:
    """Backbones in families; `shared`: how much a family's members differ from the line together."""
    generator = np.random.default_rng(seed)
    n = families * members
    family = np.repeat(np.arange(families), members)
    x = generator.uniform(55, 85, families)[family] + generator.normal(size=n)
    off = shared * generator.normal(size=families)[family] + 0.02 * generator.normal(size=n)
    return pd.DataFrame(
        {
            "backbone": [f"net{place:03}" for place in range(n)],
            "family": [f"family{each}" for each in family],
            "imagenet_top1": x,
            "value": 0.3 + 0.004 * x + off,
        }
    )


def seen(table: pd.DataFrame) -> Observations:
    """Values whose errors are not known."""
    return observations_of(table, np.zeros((len(table), len(table))), np.nan, 0.1)


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), n=st.integers(4, 20))
@settings(max_examples=20, deadline=None)
def test_theil_sen_is_that_of_scipy_and_least_squares_that_of_statsmodels(seed: int, n: int) -> None:
    table = points(seed, n, 1)
    found = slopes(seen(table)).set_index(["axis", "method"])
    x, y = table["imagenet_top1"].to_numpy(), table["value"].to_numpy()
    median = theilslopes(100 * y, x, alpha=0.95)
    assert tuple(found.loc[("linear", "Theil-Sen"), ["value", "low", "high"]]) == pytest.approx(
        (median.slope, median.low_slope, median.high_slope)
    )
    expected = sm.OLS(np.log(y / (1 - y)), sm.add_constant(np.log(x / (100 - x)))).fit()
    assert found.loc[("logit", "least squares"), "value"] == pytest.approx(expected.params[1])
    assert found.loc[("logit", "least squares"), "r2"] == pytest.approx(expected.rsquared)
    assert list(found.index.get_level_values("axis").unique()) == ["linear", "logit", "probit"]


def test_one_wild_point_moves_least_squares_and_not_theil_sen() -> None:
    table = points(1, 20, 1)
    wild = table.assign(value=table["value"].where(table.index != table["imagenet_top1"].idxmin(), 0.95))
    before, after = (slopes(seen(each)).set_index(["axis", "method"])["value"]["linear"] for each in (table, wild))
    assert abs(after["Theil-Sen"] - before["Theil-Sen"]) < 0.1
    assert abs(after["least squares"] - before["least squares"]) > 0.2


def test_an_axis_without_a_line_has_no_row() -> None:
    kappa = points(1, 8, 1).assign(value=lambda each: each["value"] - 0.6)
    assert list(slopes(seen(kappa))["axis"].unique()) == ["linear"]


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_sums_of_families_give_the_line_of_their_members(seed: int) -> None:
    table = points(seed, 9, 3)
    x, y = table["imagenet_top1"].to_numpy(), table["value"].to_numpy()
    families = table["family"].to_numpy()
    names, index = np.unique(families, return_inverse=True)
    drawn = np.random.default_rng(seed).integers(len(names), size=len(names))
    r, slope = line_of_sums(group_sums(x, y, index)[:, drawn].sum(axis=1))
    rows = np.concatenate([np.flatnonzero(families == names[each]) for each in drawn])
    assert r == pytest.approx(np.corrcoef(x[rows], y[rows])[0, 1], rel=1e-6)
    assert slope == pytest.approx(np.polyfit(x[rows], y[rows], 1)[0], rel=1e-6)


def test_families_of_one_are_backbones() -> None:
    table = points(4, 30, 1)
    x, y = table["imagenet_top1"].to_numpy(), table["value"].to_numpy()
    found = family_bootstrap(table)
    assert found is not None
    r, slope = bootstrap_intervals(x, y, 0.95)
    width = slope.high - slope.low
    # other draws of as many resamples
    assert (found[1].low / 100, found[1].high / 100) == pytest.approx((slope.low, slope.high), abs=0.06 * width)
    assert (found[0].low, found[0].high) == pytest.approx((r.low, r.high), abs=0.06 * (r.high - r.low))
    assert found == family_bootstrap(table)


def test_members_that_err_alike_make_the_line_less_certain() -> None:
    table = points(7, 12, 5, shared=0.05)
    by_family, alone = family_bootstrap(table), family_bootstrap(table.assign(family=""))
    assert by_family is not None
    assert alone is not None
    assert by_family[1].high - by_family[1].low > 1.3 * (alone[1].high - alone[1].low)


def test_few_families_are_not_resampled() -> None:
    assert family_bootstrap(points(1, FAMILIES_FROM - 1, 4)) is None


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), n=st.integers(5, 25))
@settings(max_examples=20, deadline=None)
def test_outliers_are_those_of_statsmodels(seed: int, n: int) -> None:
    table = points(seed, n, 1)
    table["value"] += 0.2 * (table.index == 0)
    expected = sm.OLS(table["value"], sm.add_constant(table["imagenet_top1"])).fit().outlier_test()
    found = outliers(table, alpha=1.1).sort_values("backbone")
    np.testing.assert_allclose(found["p"], expected["bonf(p)"], rtol=1e-6)
    others = table.iloc[1:]
    slope, intercept = np.polyfit(others["imagenet_top1"], others["value"], 1)
    off = 100 * (table.loc[0, "value"] - intercept - slope * table.loc[0, "imagenet_top1"])
    assert found["residual"].iloc[0] == pytest.approx(off, rel=1e-6)
