from itertools import permutations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, pearsonr, spearmanr

from afield.analysis.fitting.association import correlations, misranked, permutation_p


def points(seed: int, n: int, slope: float = 0.5) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    x = generator.uniform(50, 85, n)
    return pd.DataFrame({"imagenet_top1": x, "value": (20 + slope * x + 5 * generator.normal(size=n)) / 100})


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), n=st.integers(5, 30))
@settings(max_examples=15, deadline=None)
def test_coefficients_are_those_of_scipy(seed: int, n: int) -> None:
    table = points(seed, n)
    found = correlations(table).set_index("coefficient")
    x, y = table["imagenet_top1"], table["value"]
    for name, theirs in (("Pearson", pearsonr), ("Spearman", spearmanr), ("Kendall", kendalltau)):
        assert found.loc[name, "value"] == pytest.approx(theirs(x, y).statistic, abs=1e-12)
        if name != "Spearman" or n > 7:
            assert found.loc[name, "p"] == pytest.approx(theirs(x, y).pvalue)
        low, value, high = found.loc[name, ["low", "value", "high"]].to_list()
        if abs(value) < 1 - 1e-12:
            assert -1 <= low <= value <= high <= 1
    limits = pearsonr(x, y).confidence_interval(0.95)
    assert tuple(found.loc["Pearson", ["low", "high"]]) == pytest.approx((limits.low, limits.high))
    wrong = sum((x[i] - x[j]) * (y[i] - y[j]) < 0 for i in range(n) for j in range(i))
    assert misranked(table) == pytest.approx(wrong / (n * (n - 1) / 2))


def test_pairs_that_tie_count_half() -> None:
    table = pd.DataFrame({"imagenet_top1": [60.0, 70, 80, 80], "value": [0.3, 0.2, 0.2, 0.4]})
    # ab wrong, bc tied here, cd tied on ImageNet, ac wrong, ad and bd right
    assert misranked(table) == pytest.approx((2 + 2 / 2) / 6)


def test_intervals_of_ranks_worked_by_hand() -> None:
    # ranks of y: 2 1 4 3 6 5 8 7 10 9. Sum of squared differences 10: rho = 1 - 60/990 = 0.9394; 5 pairs of 45 are
    # discordant: tau = 35/45. rho: z 1.7331, error sqrt((1 + 0.8825/2)/7) = 0.4538; tau: z 1.0397, error
    # sqrt(0.437/6) = 0.2699; times 1.96
    table = pd.DataFrame({"imagenet_top1": np.arange(10.0), "value": np.array([2, 1, 4, 3, 6, 5, 8, 7, 10, 9]) / 20})
    found = correlations(table).set_index("coefficient")
    assert tuple(found.loc["Spearman", ["value", "low", "high"]]) == pytest.approx((0.9394, 0.6878, 0.9896), abs=2e-3)
    assert tuple(found.loc["Kendall", ["value", "low", "high"]]) == pytest.approx((0.7778, 0.4699, 0.9168), abs=2e-3)


@pytest.mark.parametrize("n", [4, 6, 12])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.filterwarnings("error")
def test_ranks_that_agree_entirely_are_no_certainty(n: int, sign: int) -> None:
    table = pd.DataFrame({"imagenet_top1": np.arange(60.0, 60 + n), "value": sign * np.arange(n) ** 2 / 200})
    found = correlations(table).set_index("coefficient")
    assert found.loc["Spearman", "value"] == pytest.approx(sign)
    assert found.loc["Spearman", ["low", "high"]].isna().all()
    if n == 4:
        assert tuple(found.loc["Kendall", ["low", "high"]]) == (-1, 1)
    else:
        assert found.loc["Kendall", ["low", "high"]].isna().all()
    if n < 8:
        assert found.loc["Spearman", "p"] == pytest.approx(2 / factorial(n))
    assert found.loc["Pearson", ["low", "high"]].notna().all()


def test_few_backbones_are_permuted_in_every_order() -> None:
    x, y = np.array([60.0, 70, 75, 81, 83]), np.array([0.5, 0.9, 0.7, 0.95, 0.8])
    seen = abs(np.corrcoef(x, y)[0, 1])
    every = [abs(np.corrcoef(order, y)[0, 1]) for order in permutations(x)]
    assert permutation_p(x, y) == pytest.approx(np.mean([each >= seen - 1e-12 for each in every]))


def test_many_backbones_are_permuted_at_random_and_alike_each_time() -> None:
    table = points(3, 20, slope=0.4)
    x, y = table["imagenet_top1"].to_numpy(), table["value"].to_numpy()
    p = permutation_p(x, y)
    assert p == permutation_p(x, y)
    assert p == pytest.approx(pearsonr(x, y).pvalue, abs=0.02)
    assert permutation_p(x, x) == pytest.approx(1 / 10_000)


@pytest.mark.slow
def test_without_a_relation_p_is_anything() -> None:
    generator = np.random.default_rng(1)
    small = [permutation_p(*generator.normal(size=(2, 6))) < 0.05 for _ in range(200)]
    assert np.mean(small) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
