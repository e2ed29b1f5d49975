import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress, t

from afield.analysis.transfer import TransferFit, fit_transfer
from afield.base.errors import InputError
from afield.study.record import StudyRecord

TOP1 = (60.0, 66.0, 71.0, 75.0, 78.0, 81.0)


def table(values: list[float], top1: tuple[float, ...] = TOP1, **columns: object) -> pd.DataFrame:
    """A results table of one task and metric, a backbone a value, one seed."""
    frame = pd.DataFrame({"imagenet_top1": top1[: len(values)], "value": values})
    frame["backbone"] = [f"net{index}" for index in range(len(values))]
    frame["low"], frame["high"] = frame["value"] - 0.03, frame["value"] + 0.03
    defaults = {"family": "Net", "task": "moths", "metric": "accuracy", "direction": "higher", "n_test": 500}
    return frame.assign(**{**defaults, "intervention": "plain", "initialisation": "pretrained", "seed": 0, **columns})


def fit(values: list[float], top1: tuple[float, ...] = TOP1, *, smallest_slope: float = 0.1) -> TransferFit:
    (only,) = fit_transfer(table(values, top1), smallest_slope=smallest_slope)
    return only


def line(slope: float, wobble: float, *, sign: int = 1) -> list[float]:
    """A line in metric points per ImageNet point, and a fixed wobble around it, in metric points."""
    shape = (1, -1, 0.5, -0.5, -1, 1)
    return [0.7 + (slope * sign * (x - 70) + wobble * w) / 100 for x, w in zip(TOP1, shape, strict=True)]


@pytest.mark.parametrize(
    ("values", "verdict", "words"),
    [
        (line(0.5, 0.5), "transfers", "surely at least the 0.1"),
        (line(0.15, 0.5), "weakly", "surely more than none"),
        (line(0.0, 0.3), "does not", "surely smaller than the 0.1"),
        (line(0.5, 0.5, sign=-1), "does not", "reversed"),
        (line(0.1, 3.0), "cannot tell", "holds 0 as well as slopes that would matter"),
    ],
)
def test_verdicts(values: list[float], verdict: str, words: str) -> None:
    found = fit(values)
    assert (found.verdict, found.n) == (verdict, 6)
    assert words in found.reason
    assert found.reason.startswith("Six backbones: |r| must exceed 0.81 for p < 0.05; here r = ")


@given(
    slope=st.floats(-1, 1), wobble=st.floats(0.01, 5), smallest=st.sampled_from([0.05, 0.1, 0.3]), n=st.integers(4, 6)
)
@settings(max_examples=60, deadline=None)
def test_the_verdict_follows_the_stated_rule(slope: float, wobble: float, smallest: float, n: int) -> None:
    values, x = line(slope, wobble)[:n], np.array(TOP1[:n])
    found = fit(values, smallest_slope=smallest)
    assert found.normalised_slope is not None
    low, high = found.normalised_slope.low, found.normalised_slope.high
    by_scipy = linregress(x, 100 * np.array(values))
    # a one-sided 5 % test each way, written as p values

    equivalent = (
        t.sf((by_scipy.slope + smallest) / by_scipy.stderr, n - 2) < 0.05
        and t.cdf((by_scipy.slope - smallest) / by_scipy.stderr, n - 2) < 0.05
    )
    if low >= smallest:
        expected = "transfers"
    elif low > 0:
        expected = "weakly"
    elif high < 0 or equivalent:
        expected = "does not"
    else:
        expected = "cannot tell"
    assert found.verdict == expected


def test_numbers_agree_with_each_other() -> None:
    found = fit(line(0.3, 1.0))
    assert found.slope is not None
    assert found.normalised_slope is not None
    assert found.intercept is not None
    assert found.normalised_slope.value == pytest.approx(100 * found.slope.value)
    by_scipy = linregress(TOP1, line(0.3, 1.0))
    assert (found.slope.value, found.intercept) == pytest.approx((by_scipy.slope, by_scipy.intercept))
    assert found.logit_slope is not None
    here, there = np.array(line(0.3, 1.0)), np.array(TOP1) / 100
    expected = linregress(np.log(there / (1 - there)), np.log(here / (1 - here))).slope
    assert found.logit_slope.value == pytest.approx(expected)
    assert list(found.band.columns) == ["imagenet_top1", "value", "low", "high"]
    assert (found.band["low"] < found.band["high"]).all()
    assert found.method == "Fisher z and Student t"


def test_from_ten_backbones_on_they_are_resampled() -> None:
    generator = np.random.default_rng(0)
    top1 = tuple(generator.uniform(55, 85, 12))
    found = fit([0.4 + 0.004 * x + 0.01 * generator.normal() for x in top1], top1)
    assert found.method == "bootstrap over backbones (BCa)"
    assert found.verdict == "transfers"
    assert found.reason.startswith("Twelve backbones: |r| must exceed 0.58")


@pytest.mark.parametrize(
    ("values", "top1", "words"),
    [
        ([0.7, 0.8], (60.0, 70.0), "Two backbones: a line needs at least three."),
        ([0.7], (60.0,), "One backbone"),
        ([0.7, 0.8, 0.75], (70.0, 70.0, 70.0), "same ImageNet accuracy"),
        ([0.7, 0.7, 0.7], (60.0, 70.0, 80.0), "same accuracy"),
        ([0.7, 0.75, 0.8], (60.0, 70.0, 80.0), "exactly on a line"),
        ([float("nan"), 0.75, 0.8], (60.0, 70.0, 80.0), "Left out for want of a number: net0."),
        ([0.7, 0.75, 0.8], (60.0, float("nan"), 80.0), "Left out for want of a number: net1."),
    ],
)
def test_without_a_line_it_cannot_tell_and_says_why(values: list[float], top1: tuple[float, ...], words: str) -> None:
    found = fit(values, top1)
    assert found.verdict == "cannot tell"
    assert words in found.reason
    assert found.pearson_r is found.slope is found.normalised_slope is found.logit_slope is found.intercept is None
    assert found.band.empty


def test_only_pretrained_backbones_of_the_intervention_count_and_seeds_are_averaged(record: StudyRecord) -> None:
    fits = fit_transfer(record.results)
    assert [each.metric for each in fits] == ["accuracy", "balanced_accuracy", "macro_f1", "auroc"]
    points = fits[0].points.set_index("backbone")
    assert list(points["seeds"]) == [2, 2, 2, 2]
    rows = record.results.query("metric == 'accuracy' and intervention == 'plain'")
    for name, value in points["value"].items():
        assert value == pytest.approx(rows.loc[rows["backbone"] == name, "value"].mean())
    assert fit_transfer(record.results, intervention="scratch") == ()


def test_the_backbone_that_makes_the_range_is_named(record: StudyRecord) -> None:
    found = fit_transfer(record.results)[0]
    assert found.carried_by == "squeezenet1_1.caffe_in1k"
    assert "a range of 19.1 points; without squeezenet1_1.caffe_in1k it would be 2.6." in found.range_note
    assert fit(line(0.1, 1)).carried_by is None


def test_a_metric_at_its_ceiling_keeps_a_finite_logit_slope() -> None:
    found = fit([0.97, 0.98, 0.99, 1.0])
    assert found.logit_slope is not None
    assert np.isfinite([found.logit_slope.low, found.logit_slope.high]).all()


def test_a_metric_outside_0_to_1_has_no_logit_slope() -> None:
    assert fit([-0.1, 0.2, 0.1, 0.4]).logit_slope is None


def test_a_row_that_stands_twice_is_refused_by_name() -> None:
    rows = table([0.7, 0.8, 0.9])
    with pytest.raises(InputError, match="two rows for moths, accuracy, net0, 0 under plain"):
        fit_transfer(pd.concat([rows, rows]))


def test_an_empty_table_has_no_fits() -> None:
    assert fit_transfer(pd.DataFrame()) == ()
