"""The benchmark of intervals and verdicts would see a wrong one. Its tables: docs/how_often_wrong.md."""

import numpy as np
import pandas as pd
import pytest
from benchmarks.real_trials import claims, shuffled
from benchmarks.truth.readings import is_wrong, of_line, verdict
from benchmarks.truth.worlds import World, families_of, simulate, truth_of
from benchmarks.verdict import IN_FAMILIES, WORLDS, alone, coverage, held

from afield.analysis.fitting.transfer import fit_transfer
from afield.analysis.fitting.verdict import Verdict
from afield.study.verdict_rule import SMALLEST_SLOPE

STUDIES = range(150)


@pytest.mark.slow
def test_intervals_hold_where_backbones_are_independent() -> None:
    found = held(coverage(World("12 alone", alone(12)), STUDIES, 0, of_line))
    for name in ("slope", "slope, scatter alone", "r"):
        assert 0.90 <= found[name].share <= 0.99, name


@pytest.mark.slow
@pytest.mark.parametrize("shared", [0.5, 0.8])
def test_the_textbooks_interval_would_be_caught_in_families_and_ours_holds(shared: float) -> None:
    found = held(coverage(World("families", IN_FAMILIES["60 in 13 families"], shared=shared), STUDIES, 0, of_line))
    assert found["slope, scatter alone"].share < 0.85
    assert found["slope"].share > 0.90
    assert found["slope"].width > found["slope, scatter alone"].width


@pytest.mark.slow
def test_the_textbooks_interval_would_be_caught_in_clusters_and_ours_holds() -> None:
    world = World("clusters", alone(12), images=400, clusters=20, cluster_slopes=0.4)
    found = held(coverage(world, STUDIES, 0, of_line))
    assert found["slope, scatter alone"].share < 0.90
    assert found["slope"].share > 0.90


def test_a_study_is_the_same_for_its_index_and_no_other() -> None:
    world = World("small", families_of(7, 3), images=300, clusters=10)
    first, again, other = (simulate(world, 0, index) for index in (4, 4, 5))
    np.testing.assert_array_equal(first.observed.y, again.observed.y)
    np.testing.assert_array_equal(first.observed.errors, again.observed.errors)
    assert not np.array_equal(first.observed.y, other.observed.y)
    assert len({each.name for each in WORLDS}) == len(WORLDS), "a world is drawn by its name"


@pytest.mark.slow
def test_the_truth_is_the_slope_of_the_world() -> None:
    straight, bent = World("straight", alone(5)), World("bent", alone(5), slope=1.0, scatter=0.3, ceiling=True)
    assert truth_of(straight)["slope"] == 0.3
    assert truth_of(bent)["logit slope"] == pytest.approx(1.0, abs=0.01)
    assert truth_of(bent)["slope"] < 0.2


def test_it_measures_the_products_own_verdict() -> None:
    study = simulate(World("kin", families_of(12, 3), shared=0.5), 0, 1)
    rows = study.points.assign(
        task="moths", metric="accuracy", direction="higher", n_test=np.nan, low=np.nan, high=np.nan,
        intervention="plain", initialisation="pretrained", seed=0,
    )  # fmt: skip
    (fit,) = fit_transfer(rows)
    said, words = verdict(study)
    assert fit.verdict == said
    assert words in fit.reason
    assert fit.normalised_slope is not None
    assert fit.normalised_slope.high == pytest.approx(of_line(study)["slope"].high)


@pytest.mark.parametrize(
    ("said", "words", "right", "wrong"),
    [
        ("transfers", "", (0.1, 0.5), (0.0, 0.09, -1.0)),
        ("weakly", "that is surely more than none, but perhaps less", (0.01, 0.5), (0.0, -0.1)),
        ("weakly", "that is surely more than none, but surely less", (0.01, 0.09), (0.0, 0.1)),
        ("does not", "reversed: better", (-0.01, -1.0), (0.0, 0.3)),
        ("does not", "whatever the slope is", (0.0, 0.09, -0.09), (0.1, -0.1)),
        ("cannot tell", "", (0.0, 1.0, -1.0), ()),
    ],
)
def test_what_a_verdict_claims(said: Verdict, words: str, right: tuple[float, ...], wrong: tuple[float, ...]) -> None:
    assert not any(is_wrong(said, words, slope, SMALLEST_SLOPE) for slope in right)
    assert all(is_wrong(said, words, slope, SMALLEST_SLOPE) for slope in wrong)


def test_a_placebo_is_every_accuracy_once_and_families_stay_together() -> None:
    families = np.array(list("aaabbcdddd"))
    for whole in (False, True):
        places = shuffled(families, np.random.default_rng(1), whole=whole)
        assert sorted(places) == list(range(10))
    same = [np.unique(families[shuffled(families, np.random.default_rng(seed), whole=True)[:3]]) for seed in range(40)]
    assert np.mean([len(each) for each in same]) < 2, "members mostly get those of one family"


def test_out_of_order_nothing_transfers() -> None:
    generator = np.random.default_rng(0)
    x = generator.uniform(55, 85, 20)
    table = pd.DataFrame({"imagenet_top1": x, "value": 0.3 + 0.005 * x + 0.005 * generator.normal(size=20)})
    table = table.assign(
        backbone=[f"net{place}" for place in range(20)], family="", task="moths", metric="accuracy", low=np.nan,
        high=np.nan, direction="higher", n_test=np.nan, intervention="plain", initialisation="pretrained", seed=0,
    )  # fmt: skip
    (fit,) = fit_transfer(table)
    assert fit.verdict == "transfers"
    said = claims(fit, 100, 0, whole=False)
    assert said["transfers"] + said["weakly"] + said["reversed"] <= 11  # 5 and three standard errors
