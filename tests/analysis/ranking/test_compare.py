from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t, ttest_rel

from afield.analysis.ranking.compare import effect_of, rank_backbones
from afield.analysis.ranking.paired import Networks, PairedScores
from afield.base.errors import InputError
from afield.scoring.metrics import METRICS
from afield.study.record import StudyRecord
from tests.fixtures.records import STRENGTH, make_record

SQUEEZE, LITE0, LITE1, LITE2 = STRENGTH


def right(record: StudyRecord, key: str) -> np.ndarray:
    """Whether each test sample of a trial is right, as 0 and 1."""
    rows = record.predictions.query("key == @key and split == 'test'").sort_values("sample")
    return np.array(np.stack(rows["logits"]).argmax(axis=1) == rows["label"], float)


def keys(record: StudyRecord, backbone: str) -> list[str]:
    rows = record.results.query("metric == 'accuracy' and intervention == 'plain'")
    return list(rows.loc[rows["backbone"] == backbone, "key"])


def test_the_winner_is_chosen_on_validation(record: StudyRecord) -> None:
    ranking = rank_backbones(record, "elpv")
    rows = record.results.query("metric == 'accuracy' and intervention == 'plain'")
    validation = rows.groupby("backbone")["validation"].mean().to_dict()
    assert ranking.winner == ranking.rows[0].backbone
    assert [row.validation for row in ranking.rows] == pytest.approx([validation[row.backbone] for row in ranking.rows])
    assert [row.validation for row in ranking.rows] == sorted(validation.values(), reverse=True)
    assert (ranking.n_test, ranking.n_clusters, ranking.seeds, ranking.compares) == (525, 525, 2, "backbones")
    first = ranking.rows[0]
    assert (first.difference, first.sample_error, first.seed_error, first.tied) == (None, None, None, False)
    assert ranking.missing == ()


def test_equals_on_validation_are_ordered_by_their_log_loss(record: StudyRecord) -> None:
    results = record.results.copy()
    results.loc[results["metric"] == "accuracy", "validation"] = 0.8
    losses = results.query("metric == 'log_loss' and intervention == 'plain'").groupby("backbone")["validation"].mean()
    ranking = rank_backbones(replace(record, results=results), "elpv")
    assert [row.backbone for row in ranking.rows] == list(losses.sort_values().index)


@pytest.mark.slow
def test_with_one_seed_the_difference_is_a_paired_t_test_over_samples() -> None:
    record = make_record(seeds=(0,))
    ranking = rank_backbones(record, "elpv")
    assert ranking.compares == "networks"
    (winner,) = keys(record, ranking.rows[0].backbone)
    for row in ranking.rows[1:]:
        (key,) = keys(record, row.backbone)
        expected = ttest_rel(right(record, key), right(record, winner)).confidence_interval(1 - 0.05 / 3)  # Bonferroni
        assert row.difference is not None
        assert (row.difference.low, row.difference.high) == pytest.approx((expected.low, expected.high), abs=0.002)
        assert row.seed_error is None


@pytest.mark.slow
def test_with_two_seeds_both_variances_and_satterthwaite_count(record: StudyRecord) -> None:
    ranking = rank_backbones(record, "elpv")
    seeds = {name: [right(record, key).mean() for key in keys(record, name)] for name in STRENGTH}
    within = np.mean([np.var(values, ddof=1) for values in seeds.values()])  # four, of one degree of freedom each
    winner = np.mean([right(record, key) for key in keys(record, ranking.rows[0].backbone)], axis=0)
    for row in ranking.rows[1:]:
        difference = np.mean([right(record, key) for key in keys(record, row.backbone)], axis=0) - winner
        samples = difference.var(ddof=1) / len(difference)
        total = samples + within * (1 / 2 + 1 / 2)
        freedom = total**2 / (samples**2 / (len(difference) - 1) + within**2 / 4)
        reach = t.isf(0.025 / 3, freedom) * np.sqrt(total)
        assert row.difference is not None
        assert row.seed_error == pytest.approx(np.sqrt(within))
        assert row.sample_error == pytest.approx(np.sqrt(samples), rel=0.05)
        assert row.difference.value == pytest.approx(difference.mean())
        assert row.difference.high - row.difference.value == pytest.approx(reach, rel=0.05)
        assert row.tied == (row.difference.low <= 0 <= row.difference.high)


@pytest.mark.slow
def test_the_cheapest_tied_trains_faster_than_the_winner(record: StudyRecord) -> None:
    ranking = rank_backbones(record, "elpv")
    tied = [row for row in ranking.rows if row.tied]
    assert ranking.cheapest_tied == min(tied, key=lambda row: row.train_seconds).backbone
    slow = replace(record, results=record.results.assign(train_seconds=1.0))
    assert rank_backbones(slow, "elpv").cheapest_tied is None


@pytest.mark.slow
def test_clusters_widen_a_difference() -> None:
    records = (make_record(seeds=(0,), cluster_size=size, metrics=["accuracy"]) for size in (1, 25))
    alone, together = (rank_backbones(record, "elpv") for record in records)
    assert together.n_clusters == 21

    def width(ranking: object) -> float:
        return ranking.rows[0].test.high - ranking.rows[0].test.low  # type: ignore[attr-defined]

    assert width(together) > 1.5 * width(alone)


@pytest.mark.slow
def test_a_lower_is_better_metric_ranks_the_other_way() -> None:
    ranking = rank_backbones(make_record(metric="log_loss"), "elpv")
    losses = [row.validation for row in ranking.rows]
    assert losses == sorted(losses)


@pytest.mark.slow
def test_equal_predictions_tie_but_are_not_called_equal_for_sure(record: StudyRecord) -> None:
    twin = record.predictions[record.predictions["key"].isin(keys(record, LITE0))]
    names = dict(zip(keys(record, LITE1), keys(record, LITE0), strict=True))
    others = record.predictions[~record.predictions["key"].isin(names)]
    copies = [twin[twin["key"] == old].assign(key=new) for new, old in names.items()]
    values = record.results.set_index(["key", "metric"])["value"]
    cells = zip(record.results["key"], record.results["metric"], strict=True)
    results = record.results.assign(value=[values[names.get(key, key), metric] for key, metric in cells])
    ranking = rank_backbones(replace(record, predictions=pd.concat([others, *copies]), results=results), "elpv")
    pair = {row.backbone: row for row in ranking.rows}
    assert pair[LITE0].test == pair[LITE1].test
    for row in ranking.rows[1:]:
        assert row.difference is not None
        assert row.difference.high > row.difference.low
        assert row.sample_error is not None
        assert row.sample_error >= 1.5 / 525


@pytest.mark.slow
def test_lost_trainings_are_named_with_their_reason() -> None:
    ranking = rank_backbones(make_record(lost={(LITE2, 1), (LITE0, 0)}), "elpv")
    assert [row.backbone for row in ranking.rows if row.backbone == LITE0] == []
    assert {row.backbone: row.seeds for row in ranking.rows} == {LITE1: 2, LITE2: 1, SQUEEZE: 2}
    reason = "(AfieldError: the training loss is not finite at epoch 1; a smaller learning rate may help)."
    assert ranking.missing == (
        f"{LITE0} is not ranked {reason}",
        f"{LITE2} lacks seed 1 and is ranked by one other seed {reason}",
    )


def test_a_study_without_results_ranks_nothing(record: StudyRecord) -> None:
    empty = replace(record, results=record.results.iloc[:0], predictions=record.predictions.iloc[:0], failures=())
    ranking = rank_backbones(empty, "elpv")
    assert (ranking.winner, ranking.rows, ranking.n_test) == (None, (), 0)
    assert ranking.missing[0] == f"{SQUEEZE} is not ranked (not finished)."
    assert effect_of(empty, "elpv", "scratch") == ()


def test_other_test_samples_are_refused(record: StudyRecord) -> None:
    fewer = record.predictions.drop(record.predictions.query("split == 'test'").index[0])
    with pytest.raises(InputError, match="not scored on the same test samples"):
        rank_backbones(replace(record, predictions=fewer), "elpv")


def test_what_an_intervention_changed(record: StudyRecord) -> None:
    (effect,) = effect_of(record, "elpv", "scratch")
    assert (effect.backbone, effect.intervention, effect.baseline) == (SQUEEZE, "scratch", "plain")
    assert (effect.seeds, effect.compares) == (2, "backbones")
    assert effect.difference.value == pytest.approx(effect.value.value - effect.baseline_value.value)
    assert effect.difference.value < 0
    assert effect.clear == (effect.difference.high < 0)
    for interval in (effect.value, effect.baseline_value):
        assert 0 <= interval.low < interval.value < interval.high <= 1


@pytest.mark.slow
def test_two_equal_backbones_are_seldom_told_apart() -> None:
    strength = {SQUEEZE: 1.5, LITE0: 1.5}
    records = [
        make_record(strength=strength, n_test=150, simulation=index, metrics=["accuracy"]) for index in range(12)
    ]
    told_apart = sum(not row.tied for each in records for row in rank_backbones(each, "elpv").rows[1:])
    assert told_apart <= 2


@pytest.mark.slow
def test_one_number_has_one_interval_in_ranking_and_effects(record: StudyRecord) -> None:
    (effect,) = effect_of(record, "elpv", "scratch")
    (row,) = [row for row in rank_backbones(record, "elpv").rows if row.backbone == effect.backbone]
    assert effect.baseline_value == row.test


@pytest.mark.slow
def test_each_side_of_an_effect_has_its_own_variance_between_seeds(record: StudyRecord) -> None:
    (effect,) = effect_of(record, "elpv", "scratch")
    rows = record.results.query("metric == 'accuracy'")
    within = {
        name: rows[rows["intervention"] == name].groupby("backbone")["value"].var(ddof=1).mean()
        for name in ("plain", "scratch")
    }
    pairs = [
        rows.query("backbone == @SQUEEZE and intervention == @name").sort_values("seed")["key"]
        for name in ("scratch", "plain")
    ]
    ours, theirs = (np.mean([right(record, key) for key in side], axis=0) for side in pairs)
    samples = (ours - theirs).var(ddof=1) / len(ours)
    total = samples + within["plain"] / 2 + within["scratch"] / 2
    # four backbones under plain, one from scratch, two seeds each
    freedom = total**2 / (samples**2 / 524 + (within["plain"] / 2) ** 2 / 4 + (within["scratch"] / 2) ** 2 / 1)
    reach = effect.difference.high - effect.difference.value
    assert reach == pytest.approx(t.isf(0.025, freedom) * np.sqrt(total), rel=0.05)


def simulated(generator: np.random.Generator, backbones: int, *, seeds: int, spread: dict[str, float]) -> PairedScores:
    """Equally good backbones on 300 samples, of which some are hard for all; `spread` by intervention, of seeds."""
    samples, hard = 300, generator.normal(size=300)
    weights = generator.multinomial(samples, np.full(samples, 1 / samples), size=400) / samples
    networks = {}
    for intervention, by in spread.items():
        for index in range(backbones):
            means = 1 + by * generator.normal(size=(seeds, 1))
            correct = (means + hard + generator.normal(size=(seeds, samples)) > 0).astype(float)
            networks[f"net{index}", intervention] = Networks(
                pd.DataFrame(), correct.mean(axis=1), (weights @ correct.T).T, intervention
            )
    return PairedScores(METRICS["accuracy"], networks, samples, samples)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 2])
def test_no_equal_backbone_is_called_different_in_95_of_100_studies(seeds: int) -> None:
    generator, studies = np.random.default_rng(seeds), 150
    wrong = {1: 0, 9: 0}
    for _ in range(studies):
        scores = simulated(generator, 10, seeds=seeds, spread={"plain": 0.0 if seeds == 1 else 0.1})
        winner, *others = scores.networks.values()
        for comparisons in wrong:
            wrong[comparisons] += any(not scores.difference(mine, winner, comparisons).holds(0) for mine in others)
    assert wrong[9] / studies < 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies)
    assert wrong[1] / studies > 0.12  # what comes of looking at nine without allowing for it


@pytest.mark.slow
def test_an_effect_between_unequally_steady_sides_is_covered() -> None:
    generator, studies = np.random.default_rng(0), 250
    held = 0
    for _ in range(studies):
        scores = simulated(generator, 1, seeds=3, spread={"plain": 0.05, "scratch": 0.3})
        one, other = scores.networks.values()
        held += scores.difference(one, other).holds(0)
    assert held / studies > 0.95 - 3 * np.sqrt(0.05 * 0.95 / studies)


def test_networks_are_compared_where_one_side_has_no_second_seed() -> None:
    generator = np.random.default_rng(0)
    two = simulated(generator, 2, seeds=2, spread={"plain": 0.1})
    one = simulated(generator, 2, seeds=1, spread={"scratch": 0.1})
    both = replace(two, networks={**two.networks, **one.networks})
    assert (both.compares("plain"), both.compares("plain", "scratch")) == ("backbones", "networks")


@pytest.mark.slow
def test_the_covariance_is_that_of_means_over_samples(record: StudyRecord) -> None:
    ranking = rank_backbones(record, "elpv")
    assert ranking.covariance is not None
    names = [str(name) for name in ranking.covariance]
    per_sample = [np.mean([right(record, key) for key in keys(record, name)], axis=0) for name in names]
    within = np.mean([np.var([right(record, key).mean() for key in keys(record, name)], ddof=1) for name in names])
    expected = np.cov(per_sample) / 525 + within / 2 * np.eye(4)
    np.testing.assert_allclose(ranking.covariance, expected, atol=0.15 * expected.max())


@pytest.mark.slow
def test_what_is_not_defined_is_neither_ranked_nor_tied(record: StudyRecord) -> None:
    results = record.results.copy()
    lost = (results["backbone"] == LITE2) & (results["metric"] == "accuracy") & (results["seed"] == 1)
    results.loc[lost, "validation"] = np.nan
    ranking = rank_backbones(replace(record, results=results), "elpv")
    assert LITE2 not in [row.backbone for row in ranking.rows]
    assert f"{LITE2} is not ranked: its accuracy on validation is not defined." in ranking.missing
    one_cluster = rank_backbones(make_record(seeds=(0,), cluster_size=525, metrics=["accuracy"]), "elpv")
    assert not any(row.tied for row in one_cluster.rows)
    assert all(row.undefined.startswith("all test images are one cluster") for row in one_cluster.rows)
    assert one_cluster.cheapest_tied is None
    assert one_cluster.covariance is not None
    assert one_cluster.covariance.isna().all(axis=None)


@pytest.mark.slow
def test_a_class_too_rare_to_resample_is_the_reason() -> None:
    record = make_record(seeds=(0,), metric="auroc", n_test=60, metrics=["auroc"])
    labels = record.predictions["label"].where(record.predictions["split"] != "test", 0)
    rare = record.predictions.assign(label=labels)
    rare.loc[(rare["split"] == "test") & (rare["sample"] == "test-00000"), "label"] = 1
    ranking = rank_backbones(replace(record, predictions=rare), "elpv")
    assert {row.undefined for row in ranking.rows} == {
        "too many resamples of the test images do not define AUROC, as where a class is rare"
    }
    undefined = record.results.assign(value=record.results["value"].where(record.results["metric"] != "auroc"))
    of_one = record.predictions.assign(label=labels)
    never = rank_backbones(replace(record, predictions=of_one, results=undefined), "elpv")
    assert {row.undefined for row in never.rows} == {"the labels of the test images do not define AUROC"}
