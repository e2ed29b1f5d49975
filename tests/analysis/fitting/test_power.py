import numpy as np
import pytest

from afield.analysis.fitting.fits import line_intervals
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.power import power
from afield.analysis.fitting.transfer import fit_transfer
from tests.analysis.fitting.test_transfer import line, table


def test_the_study_could_have_seen_no_small_correlation() -> None:
    # n = 13, the study's backbones above 70 %: tanh((1.95996 + 0.84162) / sqrt(10)) = tanh(0.88593) = 0.7094
    x = tuple(np.linspace(71, 83, 13))
    (fit,) = fit_transfer(table(list(0.7 + 0.02 * np.random.default_rng(0).normal(size=13)), x))
    found = power(fit)
    assert found is not None
    assert found.r == pytest.approx(0.7094, abs=1e-4)
    # Student's t with 11 degrees: noncentrality for 80 % power is near 1.96 + 0.84 and somewhat more
    assert fit.normalised_slope is not None
    error = (fit.normalised_slope.high - fit.normalised_slope.value) / 2.20099
    assert 2.9 < found.slope / error < 3.2


@pytest.mark.slow
def test_a_slope_of_that_size_shows_in_four_studies_of_five() -> None:
    generator, x, scatter = np.random.default_rng(5), np.linspace(60, 84, 9), 0.02
    (fit,) = fit_transfer(table(list(0.7 + scatter * generator.normal(size=9)), tuple(x)))
    found = power(fit)
    assert found is not None
    assert fit.normalised_slope is not None
    truth = scatter / np.sqrt(((x - x.mean()) ** 2).sum())  # the slope's true standard error
    seen = (fit.normalised_slope.high - fit.normalised_slope.value) / 100 / 2.364624  # and the estimated one
    slope, within = found.slope / 100 / seen * truth, found.within / 100 / seen * truth
    shown = equivalent = 0
    draws = 1500
    for _ in range(draws):
        noise = scatter * generator.normal(size=9)
        shown += line_intervals(Observations(x, slope * x + noise, np.zeros((9, 9))), 0.95)[1].low > 0
        narrow = line_intervals(Observations(x, noise, np.zeros((9, 9))), 0.9)[1]
        equivalent += -within < narrow.low and narrow.high < within
    assert shown / draws == pytest.approx(0.8, abs=0.04)
    assert equivalent / draws == pytest.approx(0.8, abs=0.06)


def test_without_a_fit_there_is_no_power() -> None:
    for values in ([0.7, 0.7, 0.7, 0.7], [0.7, 0.75, 0.8001]):
        (fit,) = fit_transfer(table(values))
        assert power(fit) is None
    (fit,) = fit_transfer(table(line(0.2, 1.0)))
    assert power(fit) is not None
