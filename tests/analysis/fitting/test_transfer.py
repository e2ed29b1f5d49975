from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress, norm, pearsonr, t

from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.transfer import TransferFit, fit_transfer
from afield.analysis.fitting.verdict import evidence, verdict_of
from afield.base.errors import InputError
from afield.scoring.intervals import Interval
from afield.scoring.metrics import METRICS
from afield.scoring.panel import fitting
from afield.study.record import StudyRecord
from afield.study.verdict_rule import SMALLEST_SLOPE

TOP1 = (60.0, 66.0, 71.0, 75.0, 78.0, 81.0)


def table(values: list[float], top1: tuple[float, ...] = TOP1, *, error: float = 0.0, **columns: Any) -> pd.DataFrame:
    """A results table of one task and metric, a backbone a value, one seed; `error`: standard error of each value."""
    frame = pd.DataFrame({"imagenet_top1": top1[: len(values)], "value": values})
    frame["backbone"] = [f"net{index}" for index in range(len(values))]
    reach = norm.isf(0.025) * error
    frame["low"], frame["high"] = frame["value"] - reach, frame["value"] + reach
    defaults = {"family": "Net", "task": "moths", "metric": "accuracy", "direction": "higher", "n_test": 500}
    return frame.assign(**{**defaults, "intervention": "plain", "initialisation": "pretrained", "seed": 0, **columns})


def fit(
    values: list[float], top1: tuple[float, ...] = TOP1, *, smallest_slope: float = 0.1, error: float = 0.0
) -> TransferFit:
    (only,) = fit_transfer(table(values, top1, error=error), smallest_slope=smallest_slope)
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


@pytest.mark.slow
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
    r = pearsonr(x, values).confidence_interval(0.95)
    if (low > 0 or high < 0) and r.low <= 0 <= r.high:
        expected = "cannot tell"
    elif low >= smallest:
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


def test_twelve_backbones() -> None:
    generator = np.random.default_rng(0)
    top1 = tuple(generator.uniform(55, 85, 12))
    found = fit([0.4 + 0.004 * x + 0.01 * generator.normal() for x in top1], top1, error=0.005)
    assert found.verdict == "transfers"
    assert found.reason.startswith("Twelve backbones: |r| must exceed 0.58")
    assert found.method == "Fisher z; Student t from the scatter and at least the points' own errors"


def test_a_bootstrap_over_backbones_is_read_from_ten_on_and_decides_nothing() -> None:
    generator = np.random.default_rng(0)
    top1 = tuple(generator.uniform(55, 85, 10))
    values = [0.4 + 0.004 * x + 0.01 * generator.normal() for x in top1]
    ten, nine = fit(values, top1), fit(values[:9], top1[:9])
    assert ten.resampled_r is not None
    assert ten.resampled_slope is not None
    assert ten.normalised_slope is not None
    assert ten.resampled_slope.value == pytest.approx(ten.normalised_slope.value)
    assert ten.resampled_slope.low < ten.resampled_slope.value < ten.resampled_slope.high
    assert (nine.resampled_r, nine.resampled_slope) == (None, None)


def test_three_backbones_near_a_line_are_no_verdict() -> None:
    found = fit([0.70, 0.75, 0.8001], (60.0, 70.0, 80.0))
    assert found.normalised_slope is not None
    assert found.normalised_slope.low > 0.1  # the slope's interval alone would say that it transfers
    assert found.pearson_r is not None
    assert (found.pearson_r.low, found.pearson_r.high) == (-1, 1)
    assert found.verdict == "cannot tell"
    assert "no verdict is given below four backbones" in found.reason


def test_a_slope_that_r_does_not_support_is_no_verdict() -> None:
    # four points, r = 0.956: more than the 0.950 that the t test asks, less than the 0.961 that Fisher's z does
    along, across = np.array([-3, -1, 1, 3]) / np.sqrt(20), np.array([1, -1, -1, 1]) / 2
    values = 0.75 + 0.05 * (0.956 * along + np.sqrt(1 - 0.956**2) * across)
    found = fit(list(values), (60.0, 66.0, 72.0, 78.0))
    assert found.normalised_slope is not None
    assert found.pearson_r is not None
    assert found.pearson_r.value == pytest.approx(0.956)
    assert found.normalised_slope.low > 0
    assert found.verdict == "cannot tell"
    assert "a verdict needs both" in found.reason


def test_uncertain_points_make_an_uncertain_line() -> None:
    sure, unsure = fit(line(0.5, 0.5), error=0.002), fit(line(0.5, 0.5), error=0.05)
    assert (sure.verdict, unsure.verdict) == ("transfers", "cannot tell")
    assert "the points are more uncertain than their scatter shows" in unsure.reason
    assert "the points are more" not in sure.reason
    assert "alone, for the table tells no errors" in fit(line(0.5, 0.5)).method


def test_a_tables_intervals_and_seeds_make_the_errors() -> None:
    first, second = table(line(0.3, 1.0), error=0.01), table(line(0.3, 1.0), error=0.02, seed=1)
    second["value"] += [0.02, -0.01, 0.0, 0.01, -0.02, 0.03]
    (found,) = fit_transfer(pd.concat([first, second]))
    between = np.mean(np.array([0.02, -0.01, 0.0, 0.01, -0.02, 0.03]) ** 2 / 2)  # of two: half their squared difference
    expected = np.sqrt((0.01**2 + 0.02**2) / 2 + between / 2)
    np.testing.assert_allclose(found.points["error"], expected)


@pytest.mark.parametrize("clusters", [2, 5, 30, 4000])
def test_limits_of_few_clusters_are_read_as_they_were_made(clusters: int) -> None:
    """By Student's t of so many; the interval of the line counts them again, and must not count them twice."""
    wide = 0.01 * float(t.isf(0.025, clusters - 1) / norm.isf(0.025))
    (found,) = fit_transfer(table(line(0.3, 1.0), error=wide, n_clusters=clusters))
    np.testing.assert_allclose(found.points["error"], 0.01)


def test_an_interval_that_the_table_lacks_is_no_sure_point() -> None:
    rows = table(line(0.3, 1.0), error=0.01)
    rows.loc[2, ["low", "high"]] = np.nan
    (found,) = fit_transfer(rows)
    np.testing.assert_allclose(found.points["error"], 0.01)


def test_a_given_covariance_knows_what_networks_share() -> None:
    rows = table(line(0.0, 0.3), error=0.02)
    names = list(rows["backbone"])
    shared = pd.DataFrame(0.02**2 * (0.9 + 0.1 * np.eye(6)), index=names, columns=names)
    shuffled = shared.loc[names[::-1], names[::-1]]
    (alone,), (paired,) = fit_transfer(rows), fit_transfer(rows, covariance=shuffled)
    assert (alone.verdict, paired.verdict) == ("cannot tell", "does not")
    np.testing.assert_allclose(paired.points["error"], 0.02)
    (incomplete,) = fit_transfer(rows, covariance=shared.iloc[1:, 1:])
    assert incomplete.slope == alone.slope


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 4, 10])
@pytest.mark.parametrize("error", [0.0, 0.02])
def test_without_any_slope_one_verdict_in_twenty_claims_one(n: int, error: float) -> None:
    generator, studies, claims = np.random.default_rng(n), 2000, 0
    for _ in range(studies):
        x, y = generator.uniform(40, 85, n), 0.7 + np.hypot(0.01, error) * generator.normal(size=n)
        found = verdict_of(Observations(x, y, error**2 * np.eye(n)), SMALLEST_SLOPE, 0.95)
        claims += found.verdict in ("transfers", "weakly") or found.words.startswith("reversed")
    assert claims <= (0 if n == 3 else 0.05 * studies + 3 * np.sqrt(0.05 * 0.95 * studies))


@pytest.mark.slow
def test_a_family_without_which_the_verdict_would_be_another_is_named() -> None:
    families = ["Lite", "Lite", "Other", "", "Sole", "Only"]
    rows = table(line(0.5, 0.5)).assign(family=families)
    assert fit_transfer(rows)[0].hangs_on is None
    # the two best on ImageNet alone make the slope
    rows = table([0.700, 0.703, 0.699, 0.702, 0.80, 0.81], (60.0, 60.5, 61.0, 61.5, 79.0, 80.0))
    (found,) = fit_transfer(rows.assign(family=["", "", "A", "B", "Lite", "Lite"]))
    assert (found.verdict, found.hangs_on) == ("transfers", "Lite")
    assert fit_transfer(rows.assign(family=[""] * 6))[0].hangs_on is None
    # without three of six no verdict is possible, whatever their family
    assert fit_transfer(rows.assign(family=["A", "A", "A", "", "", ""]))[0].hangs_on is None


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


@pytest.mark.slow
def test_only_pretrained_backbones_of_the_intervention_count_and_seeds_are_averaged(record: StudyRecord) -> None:
    fits = fit_transfer(record.results)
    assert [each.metric for each in fits] == [
        name for name in fitting(2, ordinal=True) if METRICS[name].direction == "higher"
    ]
    points = fits[0].points.set_index("backbone")
    assert list(points["seeds"]) == [2, 2, 2, 2]
    rows = record.results.query("metric == 'accuracy' and intervention == 'plain'")
    for name, value in points["value"].items():
        assert value == pytest.approx(rows.loc[rows["backbone"] == name, "value"].mean())
    assert fit_transfer(record.results, intervention="scratch") == ()


def test_backbones_from_a_probe_are_pretrained_and_those_from_scratch_are_not() -> None:
    """A study that trains all by LP-FT, as the study did CLIP, has its line."""
    values = line(0.5, 0.5)
    new, probed = fit(values), fit_transfer(table(values, initialisation="probe"))
    assert (probed[0].verdict, probed[0].n, probed[0].reason) == (new.verdict, 6, new.reason)
    assert fit_transfer(table(values, initialisation="scratch")) == ()


@pytest.mark.slow
def test_new_and_probed_heads_are_never_one_line() -> None:
    values = line(0.5, 0.5)
    mixed = table(values).assign(initialisation=["pretrained"] * 4 + ["probe"] * 2)
    with pytest.raises(
        InputError, match=r"moths under plain: .* one line must not mix them; .* intervention of its own"
    ):
        fit_transfer(mixed)
    apart = pd.concat([table(values), table(values, initialisation="probe", intervention="lp-ft")])
    assert fit_transfer(apart)[0].reason == fit(values).reason
    tasks = pd.concat([table(values), table(values, initialisation="probe", task="beetles")])
    assert [found.n for found in fit_transfer(tasks)] == [6, 6], "each task has one start"


@pytest.mark.slow
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


def test_a_seed_without_a_number_leaves_its_backbone_out() -> None:
    first, second = table(line(0.3, 1.0)), table(line(0.3, 1.0), seed=1)
    second.loc[3, "value"] = np.nan
    (found,) = fit_transfer(pd.concat([first, second]))
    assert found.n == 5
    assert "Left out for want of a number: net3." in found.reason


def test_a_published_table_without_seeds_and_numbers_of_samples_has_an_answer() -> None:
    whole = table(line(0.5, 0.2))
    bare = whole.assign(seed=np.nan, n_test=np.nan)
    (found,), (known,) = fit_transfer(bare), fit_transfer(whole)
    assert (found.normalised_slope, found.logit_slope) == (known.normalised_slope, known.logit_slope)
    assert (found.verdict, found.reason) == (known.verdict, known.reason)
    touching = bare.assign(value=[0.6, 0.7, 0.75, 0.8, 0.9, 1.0])
    assert fit_transfer(touching)[0].logit_slope is None, "half a sample of how many?"


def test_no_verdict_comes_of_what_is_no_number() -> None:
    x, y = np.array([60.0, 65, 70, 75]), np.array([0.6, 0.62, 0.7, 0.71])
    for errors in (np.full((4, 4), np.nan), np.full((4, 4), np.inf)):
        with pytest.raises(ValueError, match="must be finite"):
            verdict_of(Observations(x, y, errors), 0.1, 0.95)


def test_a_metric_that_is_better_when_lower_is_passed_over_and_an_unknown_direction_refused() -> None:
    assert fit_transfer(table(line(0.3, 1.0), direction="lower")) == ()
    with pytest.raises(InputError, match='direction max is unknown; it is "higher" or "lower"'):
        fit_transfer(table(line(0.3, 1.0), direction="max"))


def test_two_imagenet_accuracies_of_one_backbone_are_refused() -> None:
    first, second = table(line(0.3, 1.0)), table(line(0.3, 1.0), seed=1)
    second.loc[1, "imagenet_top1"] = 70.0
    with pytest.raises(InputError, match="net1 has several values of imagenet_top1"):
        fit_transfer(pd.concat([first, second]))


def test_a_row_that_stands_twice_is_refused_by_name() -> None:
    rows = table([0.7, 0.8, 0.9])
    with pytest.raises(InputError, match="two rows for moths, accuracy, net0, 0 under plain"):
        fit_transfer(pd.concat([rows, rows]))


def test_an_empty_table_has_no_fits() -> None:
    assert fit_transfer(pd.DataFrame()) == ()


def test_families_make_the_line_less_certain_and_few_of_them_are_warned_of() -> None:
    rows = table(line(0.5, 0.5))
    (alone,), (few,) = (fit_transfer(rows.assign(family=each)) for each in ([""] * 6, ["A", "A", "B", "B", "C", "C"]))
    assert alone.normalised_slope is not None
    assert few.normalised_slope is not None
    assert few.normalised_slope.value == alone.normalised_slope.value
    assert few.normalised_slope.high > alone.normalised_slope.high
    assert "They come from three families, which is few" in few.reason
    assert "families" not in alone.reason
    assert few.method.startswith("Fisher z; Student t from the scatter by 3 families (CR2, Satterthwaite)")


def test_of_two_families_there_is_no_verdict_and_of_one_there_is() -> None:
    rows = table(line(0.5, 0.5))
    (two,), (one,) = (fit_transfer(rows.assign(family=each)) for each in (["A"] * 3 + ["B"] * 3, ["A"] * 6))
    assert (two.verdict, one.verdict) == ("cannot tell", "transfers")
    assert "nothing but how these two differ" in two.reason
    assert two.normalised_slope is not None


def test_a_table_that_tells_clusters_of_test_samples_is_less_certain_the_fewer_they_are() -> None:
    names = [f"net{index}" for index in range(6)]
    x = np.array(TOP1) - np.mean(TOP1)
    turned = pd.DataFrame(0.002**2 * np.outer(x, x), index=names, columns=names)
    widths = []
    for clusters in (3, 30, np.nan):
        (found,) = fit_transfer(table(line(0.5, 0.5), n_clusters=clusters), covariance=turned)
        assert found.normalised_slope is not None
        widths.append(found.normalised_slope.high - found.normalised_slope.low)
    assert widths[0] > widths[1] > widths[2]


def test_r_and_its_limits_have_as_many_digits_as_r_needs() -> None:
    slope = Interval(0.5, 0.4, 0.6)
    assert "exceed 0.95 for p < 0.05; here r = 0.59 (-1.00 to 1.00)" in evidence(
        4, Interval(0.59, -0.9999, 0.9999), slope, slope, "accuracy", 0.95
    )
    assert "exceed 0.997 for p < 0.05; here r = 0.998 (0.980 to 1.000)" in evidence(
        3, Interval(0.998, 0.98, 0.9998), slope, slope, "accuracy", 0.95
    )
