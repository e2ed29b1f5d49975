import math
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.analysis.fitting.fits import line_band, line_intervals
from afield.analysis.fitting.observations import Observations
from afield.analysis.fitting.uncertainty import Uncertainty, by_family, by_model, told, uncertainty_of

LEVEL = 0.95


def slope_weights(x: np.ndarray) -> np.ndarray:
    return (x - x.mean()) / ((x - x.mean()) ** 2).sum()


def points(seed: int, sizes: list[int]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Backbones in families of those sizes."""
    generator = np.random.default_rng(seed)
    family = np.repeat(np.arange(len(sizes)), sizes)
    x = 72 + 6 * generator.normal(size=len(sizes))[family] + 4 * generator.normal(size=len(family))
    y = 0.7 + 0.003 * (x - 72) + 0.02 * (generator.normal(size=len(sizes))[family] + generator.normal(size=len(family)))
    return x, y, [f"family{each}" for each in family]


def seen(x: np.ndarray, y: np.ndarray, families: list[str] | None = None, *, ceiling: float = math.inf) -> Observations:
    """Values whose errors are not known."""
    names = None if families is None else np.array(families)
    return Observations(x, y, np.zeros((len(x), len(x))), names, ceiling=ceiling)


def of_slope(x: np.ndarray, y: np.ndarray, families: list[str], covariance: np.ndarray | None = None) -> Uncertainty:
    known = seen(x, y, families)
    return uncertainty_of(slope_weights(x), known if covariance is None else replace(known, errors=covariance))


def test_by_an_even_model_it_is_hc2_and_cr2_of_families_of_one() -> None:
    x, y, _ = points(0, [1] * 15)
    weights, covariance = slope_weights(x), np.diag(np.linspace(1, 2, 15)) * 1e-5
    basis = np.linalg.qr(sm.add_constant(x))[0]
    found = by_model(weights, basis, y, covariance, np.full(15, 0.04))
    robust = sm.OLS(y, sm.add_constant(x)).fit(cov_type="HC2")
    assert float(found[0]) == pytest.approx(float(robust.cov_params()[1, 1]), rel=1e-9)
    assert 2 < float(found[1]) < 13  # fewer than of an even scatter
    alone = by_family(weights, basis, y, covariance, np.arange(15))
    np.testing.assert_allclose([float(each) for each in found], [float(each) for each in alone], rtol=1e-9)


@given(seed=st.integers(0, 10_000), n=st.integers(3, 20))
@settings(max_examples=25, deadline=None)
def test_near_a_ceiling_it_is_cr2_whose_model_is_the_variance_of_a_share(seed: int, n: int) -> None:
    """As the papers write it, value by value: Pustejovsky and Tipton 2018, equations 5 and 11."""
    generator = np.random.default_rng(seed)
    x = generator.uniform(60, 90, n)
    y = 1 - np.exp(-4 - 0.05 * (x - 75) + 0.3 * generator.normal(size=n))
    design, weights = sm.add_constant(x), slope_weights(x)
    apart = np.eye(n) - design @ np.linalg.inv(design.T @ design) @ design.T
    height = np.clip(y - apart @ y, y.min(), y.max())
    spread = height * (1 - height)
    model = np.diag(np.maximum(spread, spread.mean() / 100))
    variance, columns = 0.0, []
    for row, weight, of_value in zip(apart, weights, np.diag(model), strict=True):
        stretch = np.sqrt(of_value / float(row @ model @ row))
        variance += (weight * stretch * float(row @ y)) ** 2
        columns.append(weight * stretch * row)
    products = np.array(columns) @ model @ np.array(columns).T
    found = uncertainty_of(weights, seen(x, y, ceiling=1.0))
    assert float(found.variance) == pytest.approx(variance, rel=1e-6)
    freedom = np.clip(np.trace(products) ** 2 / (products**2).sum(), 1, n - 1)
    assert float(found.freedom) == pytest.approx(freedom, rel=1e-6)
    related = [f"family{place // 2}" for place in range(n)]
    assert of_slope(x, y, related) == uncertainty_of(weights, seen(x, y, related, ceiling=1.0))


@given(seed=st.integers(0, 10_000), sizes=st.lists(st.integers(1, 6), min_size=3, max_size=9))
@settings(max_examples=25, deadline=None)
def test_by_family_it_is_cr2_with_satterthwaites_degrees_of_freedom(seed: int, sizes: list[int]) -> None:
    """As the papers write it, with whole matrices: Pustejovsky and Tipton 2018, equations 5 and 11."""
    sizes = [*sizes, 2]
    x, y, families = points(seed, sizes)
    design, n = sm.add_constant(x), len(x)
    bread = np.linalg.inv(design.T @ design)
    left_over = np.eye(n) - design @ bread @ design.T
    residual = left_over @ y
    variance, columns = 0.0, []
    for family in dict.fromkeys(families):
        mine = np.array(families) == family
        values, vectors = np.linalg.eigh(left_over[np.ix_(mine, mine)])
        root = vectors @ np.diag([1 / np.sqrt(each) if each > 1e-9 else 0.0 for each in values]) @ vectors.T
        weights = root @ design[mine] @ bread[:, 1]
        variance += float(weights @ residual[mine]) ** 2
        columns.append(left_over[:, mine] @ weights)
    eigenvalues = np.linalg.eigvalsh(np.array(columns) @ np.array(columns).T)
    found = of_slope(x, y, families)
    assert float(found.variance) == pytest.approx(variance, rel=1e-6)
    assert float(found.freedom) == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), rel=1e-6)
    # errors of the points that turn the line beyond what they make it scatter
    centred = x - x.mean()
    errors = 0.002**2 * np.outer(centred, centred) + 0.005**2 * np.eye(n)
    held = float(np.trace(np.array(columns) @ errors @ np.array(columns).T))
    by_errors = float((bread @ design.T @ errors @ design @ bread)[1, 1])
    assert by_errors > held
    with_errors = of_slope(x, y, families, errors)
    assert float(with_errors.variance) == pytest.approx(max(variance + by_errors - held, by_errors), rel=1e-6)


def test_equal_families_that_share_their_imagenet_accuracy_are_their_means() -> None:
    """Then CR2 is HC2 (statsmodels') of the regression of the families' means."""
    generator = np.random.default_rng(5)
    mean = generator.uniform(55, 85, 8)
    x, family = np.repeat(mean, 3), np.repeat(np.arange(8), 3)
    y = 0.4 + 0.004 * x + 0.02 * generator.normal(size=8)[family] + 0.01 * generator.normal(size=24)
    by_means = sm.OLS(y.reshape(8, 3).mean(axis=1), sm.add_constant(mean)).fit(cov_type="HC2")
    found = of_slope(x, y, [f"family{each}" for each in family])
    assert float(found.variance) == pytest.approx(by_means.bse[1] ** 2)


def test_two_groups_of_families_are_welchs_problem() -> None:
    # Imbens and Kolesar 2016, section 3: s0^2/n0 + s1^2/n1, with (n0 + n1)^2 (n0 - 1) (n1 - 1) / (n1^2 (n1 - 1) +
    # n0^2 (n0 - 1)) degrees of freedom: 10^2 x 3 x 5 / (36 x 5 + 16 x 3) = 6.5789. Here each case is a family of two.
    x, y = np.repeat([0.0, 1.0], [8, 12]), np.random.default_rng(1).normal(size=20)
    means = y.reshape(10, 2).mean(axis=1)
    found = of_slope(x, y, list(np.repeat(list("abcdefghij"), 2)))
    assert float(found.variance) == pytest.approx(means[:4].var(ddof=1) / 4 + means[4:].var(ddof=1) / 6)
    assert float(found.freedom) == pytest.approx(1500 / 228)


def test_a_family_that_alone_decides_a_direction_does_not_make_it_surer() -> None:
    x, y = np.array([0.0, 0, 0, 0, 10]), np.array([0.1, -0.2, 0.2, 0.1, 1])
    found = of_slope(x, y, list("aabbc"))
    assert float(found.variance) > 0
    assert 1 <= float(found.freedom) < 3


def test_the_order_of_the_backbones_changes_nothing() -> None:
    x, y, families = points(2, [3, 3, 2, 2, 1, 1])
    order = np.random.default_rng(2).permutation(12)
    there, here = of_slope(x, y, families), of_slope(x[order], y[order], [families[place] for place in order])
    assert (float(here.variance), float(here.freedom)) == pytest.approx((float(there.variance), float(there.freedom)))


def test_families_of_one_and_one_family_alone_are_backbones() -> None:
    x, y, _ = points(3, [1] * 9)
    plain = line_intervals(seen(x, y), LEVEL)
    for families in (None, list("abcdefghi"), ["one"] * 9):
        assert not told(families)
        assert line_intervals(seen(x, y, families), LEVEL) == plain


def test_r_is_wider_by_as_much_as_the_slope() -> None:
    x, y, families = points(4, [6, 4, 3, 2, 1])
    (r, slope), (of_families, by_family) = (line_intervals(seen(x, y, each), LEVEL) for each in (None, families))
    wider = (by_family.high - by_family.value) / (slope.high - slope.value)
    assert wider > 1
    assert np.arctanh(of_families.high) - np.arctanh(r.value) == pytest.approx(
        wider * (np.arctanh(r.high) - np.arctanh(r.value))
    )


def test_clusters_of_test_samples_whose_slopes_differ_make_the_line_less_certain_the_fewer_they_are() -> None:
    """They turn the line as a whole, so the points do not scatter more."""
    x, y, _ = points(6, [1] * 30)
    turned = 0.001**2 * np.outer(x - x.mean(), x - x.mean())
    scatter = line_intervals(seen(x, y), LEVEL)[1]
    widths = []
    for clusters in (5, 20, np.inf):
        known = replace(seen(x, y), errors=turned, clusters=clusters)
        slope = line_intervals(known, LEVEL)[1]
        widths.append(slope.high - slope.low)
        found = uncertainty_of(slope_weights(x), known)
        of_scatter = uncertainty_of(slope_weights(x), seen(x, y))
        assert float(found.variance) == pytest.approx(float(of_scatter.variance) + 0.001**2)
    assert widths[0] > widths[1] > widths[2] > scatter.high - scatter.low


@pytest.mark.slow
def test_of_two_families_apart_on_imagenet_one_difference_is_known_at_most() -> None:
    """Nine tenths of ImageNet's variance lies between them, so that the line may be the difference of the two."""
    generator, families, held = np.random.default_rng(4), list(np.repeat(list("ab"), 5)), 0
    for _ in range(400):
        x = 3 * generator.normal(size=2).repeat(5) + generator.normal(size=10)
        y = 0.9 * generator.normal(size=2).repeat(5) + 0.45 * generator.normal(size=10)
        held += line_intervals(seen(x, y, families), LEVEL)[1].holds(0)
        assert float(uncertainty_of(slope_weights(x), seen(x, y, families)).freedom) == 1
    assert held >= 372  # 93 of 100; with Satterthwaite's degrees of freedom alone, which are up to two, in 89


@pytest.mark.slow
def test_it_holds_as_often_as_it_says_where_students_does_not() -> None:
    generator, families, held = np.random.default_rng(3), list(np.repeat(list("abcde"), 6)), 0
    for _ in range(400):
        x = generator.normal(size=5).repeat(6) + 0.5 * generator.normal(size=30)
        y = 0.7 * generator.normal(size=5).repeat(6) + 0.7 * generator.normal(size=30)
        held += line_intervals(seen(x, y, families), LEVEL)[1].holds(0)
    assert held >= 372  # 93 of 100; Student's with n - 2 held in 66


def test_where_the_line_goes_through_both_families_nothing_can_be_known() -> None:
    x, y = np.array([60.0, 60, 80, 80]), np.array([0.70, 0.72, 0.80, 0.81])
    both = seen(x, y, ["a", "a", "b", "b"])
    r, slope = line_intervals(both, LEVEL)
    assert (slope.low, slope.high, r.low, r.high) == (-np.inf, np.inf, -1, 1)
    band = line_band(both, LEVEL)
    assert np.isinf(band["high"]).all()


def test_a_network_that_failed_makes_a_line_near_a_ceiling_no_surer() -> None:
    x = np.linspace(60, 85, 8)
    y = np.array([0.983, 0.986, 0.985, 0.987, 0.988, 0.986, 0.990, 0.989])
    y[2] = -0.6  # of kappa, which goes below 0
    near, even = (uncertainty_of(slope_weights(x), seen(x, y, ceiling=ceiling)) for ceiling in (1.0, math.inf))
    assert float(near.margin(0.95)) > 0.8 * float(even.margin(0.95))
