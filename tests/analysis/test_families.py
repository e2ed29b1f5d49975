"""Slopes of backbones that come in families: against HC2, Welch's problem by hand, and whether few families mislead."""

import math

import numpy as np
import pytest
import statsmodels.api as sm

from afield.analysis.families import family_error, family_reach


def test_every_backbone_a_family_is_hc2() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, 9))
    found, _ = family_error(x, y, np.array(list("abcdefghi")))
    assert found == pytest.approx(sm.OLS(y, sm.add_constant(x)).fit().HC2_se[1])


def test_two_groups_of_single_points_are_welchs_problem() -> None:
    # Imbens and Kolesar 2016, section 3: HC2 is s0^2/n0 + s1^2/n1, with (n0 + n1)^2 (n0 - 1) (n1 - 1) /
    # (n1^2 (n1 - 1) + n0^2 (n0 - 1)) degrees of freedom: 10^2 x 3 x 5 / (36 x 5 + 16 x 3) = 6.5789
    x, y = np.repeat([0.0, 1.0], [4, 6]), np.random.default_rng(1).normal(size=10)
    error, freedom = family_error(x, y, np.arange(10).astype(str))
    assert error == pytest.approx(math.sqrt(y[:4].var(ddof=1) / 4 + y[4:].var(ddof=1) / 6))
    assert freedom == pytest.approx(1500 / 228)


@pytest.mark.parametrize("groups", ["aaaabbbbbb", "aaaaaaaaaa"])
def test_what_two_families_cannot_tell_has_no_error(groups: str) -> None:
    x, y = np.repeat([0.0, 1.0], [4, 6]), np.random.default_rng(1).normal(size=10)
    assert family_error(x, y, np.array(list(groups))) == (math.inf, 1.0)
    assert family_reach(x, y, np.array(list(groups)), 0.95) == math.inf


def test_a_family_that_alone_decides_a_direction_does_not_make_it_surer() -> None:
    x = np.array([0.0, 0, 0, 0, 10])
    y = np.array([0.1, -0.1, 0.2, -0.2, 1])
    error, freedom = family_error(x, y, np.array(list("aabbc")))
    assert error > 0
    assert 1 <= freedom < 3


def test_the_order_of_the_backbones_changes_nothing() -> None:
    generator = np.random.default_rng(2)
    x, y = generator.normal(size=(2, 12))
    groups, order = np.array(list("aaabbbccddef")), generator.permutation(12)
    assert family_error(x[order], y[order], groups[order]) == pytest.approx(family_error(x, y, groups))


def test_it_holds_as_often_as_it_says_where_students_does_not() -> None:
    generator = np.random.default_rng(3)
    groups = np.repeat(list("abcde"), 6)
    held = 0
    for _ in range(400):
        x = generator.normal(size=5).repeat(6) + 0.5 * generator.normal(size=30)
        y = 0.7 * generator.normal(size=5).repeat(6) + 0.7 * generator.normal(size=30)
        slope = np.polyfit(x, y, 1)[0]
        held += abs(slope) <= family_reach(x, y, groups, 0.95)
    assert held >= 372  # 93 of 100; Student's with n - 2 held in 66
