"""Near the ceiling: by hand, by the logit it is derived from, and what is said of it."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from afield.analysis.analyse import analyse
from afield.analysis.described import headlines
from afield.analysis.details import DETAILS
from afield.analysis.fitting.ceiling import near_ceiling
from afield.analysis.fitting.fits import line_intervals
from afield.analysis.fitting.transfer import TransferFit


def points(value: float, imagenet: float = 75.0) -> pd.DataFrame:
    return pd.DataFrame({"value": [value - 0.001, value, value + 0.0005], "imagenet_top1": [60.0, imagenet, 80.0]})


def task(level: float, logit_slope: float = 1.0, metric: str = "accuracy", n: int = 12) -> pd.DataFrame:
    """Backbones whose odds rise with those on ImageNet, around a median of that level."""
    generator = np.random.default_rng(0)
    x = np.sort(generator.uniform(58, 84, n))
    there = logit(x / 100)
    here = logit(level) + logit_slope * (there - np.median(there)) + 0.05 * generator.normal(size=n)
    return pd.DataFrame(
        {"backbone": [f"net{k:02}" for k in range(n)], "imagenet_top1": x, "value": expit(here), "metric": metric}
    )


def only(table: pd.DataFrame) -> TransferFit:
    (fit,) = analyse(table).fits
    return fit


def test_full_transfer_is_the_derivative_of_the_logit() -> None:
    # by hand: 0.985 x 0.015 / (0.75 x 0.25) = 0.014775 / 0.1875
    assert near_ceiling(points(0.985), 0.1) == pytest.approx(0.0788)
    step = 1e-6
    raised = expit(logit(0.985) + logit(0.75 + step) - logit(0.75))
    assert near_ceiling(points(0.985), 0.1) == pytest.approx((raised - 0.985) / step, rel=1e-4)


@pytest.mark.parametrize(
    ("value", "smallest", "near"),
    [
        (0.95, 0.1, False),  # 0.253
        (0.96, 0.1, False),  # 0.2048
        (0.962, 0.1, True),  # 0.195
        (0.985, 0.03, False),  # 0.0788
        (0.95, 0.2, True),
        (0.03, 0.1, False),  # nobody's ceiling
        (0.9995, 0.1, True),
    ],
)
def test_where_the_ceiling_begins_depends_on_what_matters(value: float, smallest: float, near: bool) -> None:
    assert (near_ceiling(points(value), smallest) is not None) == near


def test_there_the_scatter_is_not_taken_to_be_even() -> None:
    near, far = only(task(0.985)), only(task(0.8))
    for fit, uneven in ((near, True), (far, False)):
        assert fit.observed.ceiling == (1 if uneven else math.inf)
        r, slope = line_intervals(fit.observed, 0.95)
        assert (fit.pearson_r, fit.slope) == (r, slope)
        assert ("ceiling" in fit.method) == uneven
        sweep = DETAILS["cuts"](fit).iloc[0]
        assert (sweep["slope_low"], sweep["slope_high"]) == pytest.approx((100 * slope.low, 100 * slope.high))
        lines = DETAILS["slopes"](fit).set_index(["axis", "method"])
        assert lines.loc[("linear", "least squares"), "low"] == pytest.approx(100 * slope.low)


def test_an_accuracy_of_none_or_all_on_imagenet_has_no_ceiling() -> None:
    assert near_ceiling(points(0.99).assign(imagenet_top1=100.0), 0.1) is None
    assert near_ceiling(points(0.99).assign(value=1.2), 0.1) is None


@pytest.mark.slow
def test_a_solved_task_is_told_by_its_logits() -> None:
    solved, open_ = only(task(0.987)), only(task(0.80))
    assert open_.verdict == "transfers"
    assert open_.ceiling is None
    assert "ceiling" not in open_.reason
    assert solved.verdict in ("weakly", "does not"), "though it goes with ImageNet as closely as the other one"
    assert solved.ceiling == pytest.approx(0.987 * 0.013 / 0.1875, rel=0.3)
    assert "Near the ceiling: half of the backbones have 0.98" in solved.reason
    assert "; read the logit slope, +" in solved.reason
    assert solved.reason.endswith(", which is surely above 0.")
    assert only(task(0.987, logit_slope=-0.07)).reason.endswith(", which holds 0.")
    (row,) = headlines(analyse(task(0.987)))
    assert row[-1] == f"{solved.verdict}, near the ceiling"


def test_without_logits_another_metric_is_named() -> None:
    perfect = task(0.99, metric="auroc")
    perfect.loc[11, "value"] = 1.0
    fit = only(perfect)
    assert fit.logit_slope is None
    assert fit.reason.endswith("; a metric that is not nearly 1 would tell more.")


def test_over_tasks_it_is_named() -> None:
    tables = [task(level).assign(task=name) for name, level in (("moths", 0.7), ("birds", 0.8), ("fields", 0.987))]
    (over,) = analyse(pd.concat(tables)).overall
    assert "Near the ceiling, where slopes in points must be small: fields." in over.reason
