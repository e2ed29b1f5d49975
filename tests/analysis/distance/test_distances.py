"""Distances between data sets: against independent formulas, free of the bias of few images, and beside verdicts."""

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import sqrtm

from afield.analysis.distance.distance_and_transfer import against_transfer
from afield.analysis.distance.distance_words import describe_distances
from afield.analysis.distance.distances import BLOCK, distances, frechet, kid, unbiased_frechet
from afield.analysis.fitting.transfer import fit_transfer
from afield.base.errors import InputError
from afield.probing.summary import Gathering, Moments, Summary


def normal(n: int, mean: float, scale: float = 1.0, features: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, scale, (n, features)).astype(np.float32)


def summary(rows: np.ndarray, source: str, **about: str) -> Summary:
    gathering = Gathering()
    gathering.add(rows)
    return gathering.summary({"source": source, "backbone": "b", **about})


def test_of_normal_distributions_along_the_axes_it_is_worked_by_hand() -> None:
    # |m1 - m2|^2 + sum of (s1 - s2)^2: (3^2 + 4^2) + (1 - 2)^2 + (3 - 1)^2 = 30
    one = Moments(11, np.array([0.0, 0.0]), 10 * np.diag([1.0, 9.0]))
    other = Moments(11, np.array([3.0, 4.0]), 10 * np.diag([4.0, 1.0]))
    assert frechet(one, other) == pytest.approx(30)
    assert frechet(one, one) == pytest.approx(0, abs=1e-9)


def test_it_is_the_formula_with_scipy_s_matrix_root_and_symmetric() -> None:
    mixing = np.random.default_rng(1).normal(size=(6, 6))
    one, other = normal(400, 0, features=6) @ mixing, normal(300, 0.5, 2, features=6, seed=2)
    found = [Moments.of(each) for each in (one, other)]
    c1, c2 = (np.cov(each.astype(np.float64), rowvar=False) for each in (one, other))
    apart = one.mean(axis=0, dtype=np.float64) - other.mean(axis=0, dtype=np.float64)
    expected = apart @ apart + np.trace(c1 + c2 - 2 * np.real(sqrtm(c1 @ c2)))
    assert frechet(*found) == pytest.approx(expected, rel=1e-6)
    assert frechet(*reversed(found)) == pytest.approx(expected, rel=1e-6)


def test_fewer_rows_than_features_give_a_number_too() -> None:
    assert np.isfinite(frechet(Moments.of(normal(20, 0, features=50)), Moments.of(normal(20, 1, features=50, seed=1))))


def test_the_bias_of_few_images_goes() -> None:
    """True distance: 16 x 0.5^2 = 4, means apart and equal covariances."""
    raw, unbiased = [], []
    for seed in range(12):
        one = summary(normal(500, 0.0, features=16, seed=2 * seed), "0")
        other = summary(normal(500, 0.5, features=16, seed=2 * seed + 1), "1")
        raw.append(frechet(one.first(500), other.first(500)))
        found = unbiased_frechet(one, other, 500)
        unbiased.append(found.value)
        assert found.low <= found.value <= found.high
    assert np.mean(raw) - 4 > 0.15
    assert abs(np.mean(unbiased) - 4) < 0.08


@pytest.mark.slow
def test_kid_is_the_unbiased_estimate_of_each_block() -> None:
    x, y = normal(2 * BLOCK, 0, features=3), normal(2 * BLOCK, 0.3, features=3, seed=1)
    found = kid(x, y)
    blocks = []
    for a, b in ((x[:BLOCK], y[:BLOCK]), (x[BLOCK:], y[BLOCK:])):
        a, b = a.astype(float), b.astype(float)
        pairs = [(i, j) for i in range(0, BLOCK) for j in range(i)]
        i, j = np.array(pairs).T
        inside = [((each[i] * each[j]).sum(axis=1) / 3 + 1) ** 3 for each in (a, b)]
        blocks.append(inside[0].mean() + inside[1].mean() - 2 * ((a @ b.T / 3 + 1) ** 3).mean())
    assert found.value == pytest.approx(np.mean(blocks), rel=1e-9)
    # Student's t with one degree of freedom: 12.7062
    assert found.high - found.value == pytest.approx(12.7062 * abs(blocks[0] - blocks[1]) / 2, rel=1e-4)
    assert kid(normal(5_000, 0), normal(5_000, 0, seed=1)).holds(0)
    assert np.isnan(kid(x[:BLOCK], y).value)


@pytest.mark.slow
def test_all_are_compared_at_one_number_of_images() -> None:
    reference, far = summary(normal(4_100, 0), "imagenet"), summary(normal(1_300, 1, seed=1), "far")
    near = summary(normal(2_500, 0.2, seed=2), "near")
    table = distances(reference, [far, near]).set_index("source")
    assert table["n"].tolist() == [1_000, 1_000]
    assert table["frechet"]["far"] > table["frechet"]["near"] > 0
    text = describe_distances(table.reset_index())
    assert "Distance from imagenet, 1,000 images of each side, features of b" in text
    few = distances(reference, [summary(normal(600, 0, seed=5), "few")])
    assert few["n"].tolist() == [500]


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ([("a", 600, {"weights": "f0"})], "a: its features are of weights f0, those of imagenet of ; make both in one"),
        ([("a", 600, {}), ("a", 700, {})], "a: stands twice"),
        ([("a", 499, {})], "a: has 499 images; a distance needs 500 at least"),
    ],
)
def test_what_cannot_be_compared_is_refused(others: list[tuple[str, int, dict[str, str]]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        distances(
            summary(normal(800, 0), "imagenet"), [summary(normal(n, 0), name, **about) for name, n, about in others]
        )


def results(slopes: dict[str, float]) -> pd.DataFrame:
    generator, top1 = np.random.default_rng(0), np.linspace(60, 85, 8)
    return pd.concat(
        pd.DataFrame(
            {
                "backbone": [f"b{place}" for place in range(8)], "family": "", "imagenet_top1": top1, "task": task,
                "metric": "accuracy", "value": 0.3 + slope * top1 / 100 + generator.normal(0, 0.005, 8),
                "low": np.nan, "high": np.nan, "direction": "higher", "n_test": np.nan, "seed": 0, "split": "test",
                "view": "plain", "kind": "single", "initialisation": "pretrained", "intervention": "plain",
                "trained": "all",
            }
        )
        for task, slope in slopes.items()
    )  # fmt: skip


@pytest.mark.slow
def test_distances_stand_beside_what_imagenet_told() -> None:
    reference = summary(normal(600, 0), "imagenet")
    sets = [summary(normal(600, 0.2 * place, seed=place), f"task{place}") for place in range(1, 6)]
    fits = fit_transfer(results({f"task{place}": 0.6 - 0.1 * place for place in range(1, 6)}), resample=False)
    found = against_transfer(distances(reference, sets), fits)
    assert found.table["task"].tolist() == [f"task{place}" for place in range(1, 6)]
    assert found.rank_correlation == pytest.approx(-1)
    assert found.p == pytest.approx(2 / 120)
    assert "task1 lies nearest to imagenet and task5 farthest; distance goes with" in found.words
    assert found.words in describe_distances(distances(reference, sets), found)
    two = against_transfer(distances(reference, sets[:2]), fits)
    assert np.isnan(two.p)
    assert "2 tasks: too few to say" in two.words.lower().replace("two", "2")
    with pytest.raises(InputError, match="none of moths is a task with a fit"):
        against_transfer(distances(reference, [summary(normal(600, 0, seed=9), "moths")]), fits)


@pytest.mark.slow
def test_of_too_few_images_no_number_is_made_up() -> None:
    reference, near = (
        summary(normal(500, place, features=260), name) for place, name in ((0, "imagenet"), (1, "task1"))
    )
    fits = fit_transfer(results({"task1": 0.5}), resample=False)
    found = against_transfer(distances(reference, [near]), fits)
    told = describe_distances(distances(reference, [near]), found)
    assert "nan" not in told
    assert "Too few images for a distance without bias" in told
