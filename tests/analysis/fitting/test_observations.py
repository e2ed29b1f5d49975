"""A part of the backbones, or another axis, keeps what belongs together."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from afield.analysis.fitting.axes import on_each_axis
from afield.analysis.fitting.fits import line_intervals
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.points import observations_of
from afield.analysis.fitting.verdict import verdict_of

LEVEL = 0.95


def points(level: float = 0.75) -> pd.DataFrame:
    """Nine backbones, in an order that is neither that of their families nor that of ImageNet accuracy."""
    generator = np.random.default_rng(0)
    x = generator.permutation(np.linspace(58, 83, 9))
    return pd.DataFrame(
        {
            "backbone": list("ihgfedcba"),
            "family": ["a", "b", "", "a", "c", "c", "b", "", "a"],
            "imagenet_top1": x,
            "value": level + 0.0005 * (x - 70) + 0.002 * generator.normal(size=9),
        }
    )


def seen(table: pd.DataFrame) -> Observations:
    """With errors of which no two are alike, from seven clusters."""
    mix = np.random.default_rng(1).normal(size=(9, 20))
    known = pd.DataFrame(0.003**2 * mix @ mix.T / 20, index=list("ihgfedcba"), columns=list("ihgfedcba"))
    names = table["backbone"]
    return observations_of(table, known.loc[names, names].to_numpy(), 7, 0.1)


@pytest.mark.parametrize("level", [0.75, 0.985])
def test_of_some_backbones_all_is_as_if_there_were_no_others(level: float) -> None:
    table = points(level)
    kept = (table["imagenet_top1"] > 62).to_numpy()
    fresh = seen(table[kept])
    assert fresh.ceiling == (1 if level > 0.98 else math.inf)
    for part in (seen(table).of(kept), seen(table).of(np.flatnonzero(kept))):
        for name in ("x", "y", "errors", "families"):
            np.testing.assert_array_equal(getattr(part, name), getattr(fresh, name))
        assert (part.clusters, part.ceiling) == (7, fresh.ceiling)
        assert verdict_of(part, 0.1, LEVEL) == verdict_of(fresh, 0.1, LEVEL)


def test_the_order_of_the_backbones_changes_no_interval() -> None:
    table = points()
    there, here = (line_intervals(each, LEVEL) for each in (seen(table), seen(table.sort_values("imagenet_top1"))))
    for one, other in zip(there, here, strict=True):
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high), rel=1e-9)


def test_another_axis_keeps_families_and_clusters_and_the_linear_one_alone_has_a_ceiling() -> None:
    observed = seen(points(0.985))
    there = on_each_axis(observed, 500)
    assert list(there) == ["linear", "logit", "probit"]
    for axis, placed in there.items():
        np.testing.assert_array_equal(placed.families, observed.families)
        assert placed.clusters == 7
        assert placed.ceiling == (100 if axis == "linear" else math.inf)
    linear = line_intervals(there["linear"], LEVEL)[1]
    assert linear.high == pytest.approx(100 * line_intervals(observed, LEVEL)[1].high)


def test_what_is_told_of_values_together_is_not_what_a_table_tells_of_each() -> None:
    observed = seen(points())
    assert observed.paired
    assert not replace(observed, errors=np.diag(np.diag(observed.errors))).paired
    assert not observed.without_errors().paired
    np.testing.assert_array_equal(observed.without_errors().families, observed.families)
    assert observed.each_for_itself().families is None


def test_a_verdict_comes_with_the_intervals_that_it_read() -> None:
    observed = seen(points())
    found = verdict_of(observed, 0.1, LEVEL)
    assert (found.r, found.slope) == line_intervals(observed, LEVEL)
    in_points = verdict_of(observed.in_points(), 0.1, LEVEL, scale=1)
    assert (in_points.verdict, in_points.words) == (found.verdict, found.words)
