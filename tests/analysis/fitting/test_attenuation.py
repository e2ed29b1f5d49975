"""r without the chance of test samples: by hand, by Fisher's z, by simulation, and where it is told."""

import math

import numpy as np
import pandas as pd
import pytest

from afield.analysis.fitting.attenuation import disattenuated
from afield.analysis.fitting.fits import line_intervals
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.transfer import fit_transfer
from afield.scoring.intervals import Interval
from tests.analysis.fitting.test_transfer import line, table

LEVEL = 0.95


def points(seed: int, n: int, scatter: float, errors: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y whose deviations and whose errors have these standard deviations, and the covariance of the errors."""
    generator = np.random.default_rng(seed)
    x = generator.normal(72, 8, n)
    behind = 0.003 * x + scatter * generator.normal(size=n)
    return x, behind + errors * generator.normal(size=n), errors**2 * np.eye(n)


def found(
    x: np.ndarray, y: np.ndarray, covariance: np.ndarray, clusters: float = math.nan
) -> tuple[Interval, Interval]:
    """r as it is, and without the chance of test samples."""
    seen = Observations(x, y, covariance, clusters=clusters)
    r, _ = line_intervals(seen, LEVEL)
    without = disattenuated(r, seen, LEVEL)
    assert without is not None
    return r, without


@pytest.mark.parametrize("n", [5, 12, 60])
def test_without_errors_it_is_r_with_fishers_interval_nearly(n: int) -> None:
    x, y, none = points(n, n, 0.02, 0.0)
    r, without = found(x, y, none)
    assert without.value == pytest.approx(r.value, abs=1e-12)
    assert without.low == pytest.approx(r.low, abs=0.12 if n < 10 else 0.04)
    assert without.high == pytest.approx(r.high, abs=0.12 if n < 10 else 0.04)


def test_by_hand() -> None:
    x = np.arange(5.0)
    y = np.array([0.0, 3, 2, 3, 7])  # slope 1.4, so 19.6 of the 26 that it varies in all; 6.4 around the line
    errors = np.eye(5)  # of which 5 - 2 are the errors'
    r, without = found(x, y, errors)
    assert r.value == pytest.approx(math.sqrt(19.6 / 26))
    assert without.value == pytest.approx(math.sqrt(19.6 / (19.6 + 6.4 - 3)))


def test_an_error_that_all_share_takes_nothing_from_r() -> None:
    x, y, _ = points(0, 12, 0.02, 0.0)
    r, without = found(x, y, np.full((12, 12), 0.05**2))
    assert without.value == pytest.approx(r.value, abs=1e-9)


def test_where_errors_explain_all_the_scatter_it_may_be_one() -> None:
    x, y, errors = points(1, 12, 0.0, 0.02)
    r, without = found(x, y, 4 * errors)
    assert r.value < 0.9
    assert (without.value, without.high) == (1.0, 1.0)
    assert found(x, -y, 4 * errors)[1].value == -1.0


@pytest.mark.slow
@pytest.mark.parametrize("clusters", [math.nan, 10.0])
def test_it_holds_the_r_behind_the_values_where_that_of_the_values_does_not(clusters: float) -> None:
    truth = 0.003 * 8 / math.hypot(0.003 * 8, 0.02)
    pairs = [found(*points(seed, 40, 0.02, 0.025), clusters) for seed in range(200)]
    assert np.mean([r.holds(truth) for r, _ in pairs]) < 0.75
    assert np.mean([without.holds(truth) for _, without in pairs]) >= 0.92
    assert np.mean([without.value for _, without in pairs]) == pytest.approx(truth, abs=0.02)


def test_three_points_tell_nothing() -> None:
    seen = Observations(np.array([60.0, 70, 80]), np.array([0.7, 0.72, 0.8]), np.zeros((3, 3)))
    r, _ = line_intervals(seen, LEVEL)
    assert disattenuated(r, seen, LEVEL) is None


@pytest.mark.slow
def test_it_is_told_where_a_study_knows_how_errors_go_together_and_takes_much_from_r() -> None:
    rows, uncertain = table(line(0.5, 2.0)), table(line(0.5, 3.0))
    names = list(rows["backbone"])

    def of(error: float) -> pd.DataFrame:
        return pd.DataFrame(error**2 * (np.eye(6) + 0.3), index=names, columns=names)

    (alone,), (little,), (much,) = (fit_transfer(rows, covariance=each) for each in (None, of(0.001), of(0.015)))
    assert alone.disattenuated_r is None
    assert "chance of the test samples" not in alone.reason + little.reason
    assert little.disattenuated_r is not None
    assert much.disattenuated_r is not None
    assert much.pearson_r is not None
    assert much.disattenuated_r.value > much.pearson_r.value + 0.05
    words = f"without it r would be about {much.disattenuated_r.value:.2f} ({much.disattenuated_r.low:.2f} to"
    assert words in much.reason
    (unknown,) = fit_transfer(uncertain, covariance=of(0.025))  # a value whose interval holds 0 says nothing
    assert unknown.pearson_r is not None
    assert unknown.disattenuated_r is not None
    assert unknown.disattenuated_r.value > unknown.pearson_r.value + 0.05
    assert unknown.disattenuated_r.holds(0)
    assert "chance of the test samples" not in unknown.reason
