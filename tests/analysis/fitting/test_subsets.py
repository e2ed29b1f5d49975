from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress

from afield.analysis.fitting.points import observations_of
from afield.analysis.fitting.subsets import cut_sweep, group_sums, leave_out, line_of_sums
from afield.analysis.fitting.transfer import fit_transfer
from tests.analysis.fitting.test_transfer import table


def points(seed: int, n: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    x = np.sort(generator.uniform(52, 84, n))
    return pd.DataFrame(
        {
            "backbone": [f"net{place:02}" for place in range(n)],
            "family": [f"family{place % 3}" for place in range(n)],
            "imagenet_top1": x,
            "value": 0.3 + 0.005 * x + 0.02 * generator.normal(size=n),
        }
    )


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), n=st.integers(4, 20))
@settings(max_examples=30, deadline=None)
def test_lines_without_each_are_those_of_scipy(seed: int, n: int) -> None:
    table = points(seed, n)
    row: Any
    for by in ("backbone", "family"):
        for row in leave_out(table, by).itertuples():
            rest = table[table[by] != row.left_out]
            assert (row.n, row.members) == (len(rest), n - len(rest))
            if row.n < 3:
                assert np.isnan(row.r)
                assert np.isnan(row.slope)
                continue
            expected = linregress(rest["imagenet_top1"], 100 * rest["value"])
            assert (row.r, row.slope) == pytest.approx((expected.rvalue, expected.slope), rel=1e-6)


def test_a_backbone_of_unknown_family_is_one_of_its_own() -> None:
    table = points(1, 6).assign(family=["a", "a", "", "", "b", "b"])
    assert sorted(leave_out(table, "family")["left_out"]) == ["a", "b", "net02", "net03"]


def test_what_does_not_vary_has_no_line() -> None:
    index = np.zeros(5, int)
    for x, y, expected in (
        (np.full(5, 70.3), np.arange(5.0), (True, True)),
        (np.arange(5.0), np.full(5, 0.7), (True, False)),
    ):
        r, slope = line_of_sums(group_sums(x, y, index)[:, 0])
        assert (bool(np.isnan(r)), bool(np.isnan(slope))) == expected


def test_the_sweep_starts_with_the_fit_of_all_and_knows_the_points_errors() -> None:
    rows = table([0.71, 0.72, 0.75, 0.74, 0.78, 0.80], error=0.01)
    (fit,) = fit_transfer(rows)
    found = cut_sweep(fit.observed)
    assert list(found["n"]) == [6, 5, 4]  # above 60 (net0 has 60.0) and above 65 (one more) of 60 66 71 75 78 81
    assert list(found["above"][1:]) == [60, 70]
    first = found.iloc[0]
    assert fit.normalised_slope is not None
    assert (first["slope"], first["slope_low"], first["slope_high"]) == pytest.approx(
        (fit.normalised_slope.value, fit.normalised_slope.low, fit.normalised_slope.high)
    )
    assert first["verdict"] == fit.verdict
    for row in found.iloc[1:].itertuples():
        (alone,) = fit_transfer(rows[rows["imagenet_top1"] > row.above])
        assert alone.normalised_slope is not None
        assert (row.verdict, row.slope, row.slope_low) == (
            alone.verdict,
            pytest.approx(alone.normalised_slope.value),
            pytest.approx(alone.normalised_slope.low),
        )


def test_cuts_that_leave_fewer_than_four_have_no_row() -> None:
    found = cut_sweep(observations_of(points(2, 12), np.zeros((12, 12)), np.nan, 0.1), cuts=[70, 83.9, 99])
    assert len(found) == 2
    assert (found["n"] >= 4).all()
