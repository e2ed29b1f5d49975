"""A verdict in other words: the same rule and the same numbers as the fit of those backbones alone, on that axis."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from afield.analysis.analyse import analyse
from afield.analysis.fitting.reworded import cut_words, reworded
from afield.analysis.fitting.transfer import TransferFit
from afield.analysis.tables.table import TableChoice


def table(n: int = 16, slope: float = 0.4, metric: str = "accuracy") -> pd.DataFrame:
    generator = np.random.default_rng(2)
    x = np.linspace(57, 84, n)
    return pd.DataFrame(
        {
            "backbone": [f"net{place:02}" for place in range(n)],
            "imagenet_top1": x,
            "task": "moths",
            "metric": metric,
            "n_test": 500,
            "value": 0.3 + slope * x / 100 + 0.01 * generator.normal(size=n),
        }
    )


def fit(found: pd.DataFrame, above: float | None = None) -> TransferFit:
    return analyse(found, TableChoice(above=above)).fits[0]


@pytest.mark.slow
def test_the_first_reading_is_the_studys_and_each_cut_is_the_fit_of_those_backbones_alone() -> None:
    whole = fit(table())
    readings = {(each.above, each.axis): each for each in reworded(whole)}
    first = next(iter(readings.values()))
    assert (first.above, first.axis, first.n) == (-math.inf, "linear", 16)
    assert whole.reason.startswith(first.reason)
    assert first.verdict == whole.verdict == "transfers"
    cuts = sorted({above for above, _ in readings} - {-math.inf})
    assert 70.0 in cuts
    for cut in cuts:
        alone = fit(table(), above=cut)
        assert readings[cut, "linear"].verdict == alone.verdict
        assert alone.reason.startswith(readings[cut, "linear"].reason)
        assert readings[cut, "linear"].n == alone.n
    assert len(readings) == 3 * (1 + len(cuts))


def test_between_logits_the_numbers_are_those_of_statsmodels() -> None:
    found = table()
    x, y = (np.log(share / (1 - share)) for share in (found["imagenet_top1"] / 100, found["value"]))
    model = sm.OLS(y, sm.add_constant(x)).fit()
    slope, (low, high) = model.params.iloc[1], model.conf_int().iloc[1]
    (reading,) = [each for each in reworded(fit(found)) if each.axis == "logit" and math.isinf(each.above)]
    assert f"A logit more on ImageNet went with {slope:+.2f} logits of accuracy ({low:+.2f} to {high:+.2f})" in (
        reading.reason
    )
    assert reading.verdict == "transfers"
    assert "that is surely at least the 0.1 that would matter." in reading.reason


def test_a_metric_that_is_no_share_has_the_linear_axis_alone() -> None:
    assert {each.axis for each in reworded(fit(table(metric="qwk")))} == {"linear"}
    assert reworded(fit(table(n=16, slope=0.0).assign(value=0.7))) == ()


def test_whom_a_reading_is_of_is_said() -> None:
    said = [cut_words(each) for each in reworded(fit(table())) if each.axis == "linear"]
    assert said[0] == "all 16 backbones"
    assert "the eight backbones above 70 %" in said
