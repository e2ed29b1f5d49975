from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t, ttest_rel

from afield.analysis.compare import effect_of, rank_backbones
from afield.base.errors import InputError
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


def test_with_one_seed_the_difference_is_a_paired_t_test_over_samples() -> None:
    record = make_record(seeds=(0,))
    ranking = rank_backbones(record, "elpv")
    assert ranking.compares == "networks"
    (winner,) = keys(record, ranking.rows[0].backbone)
    for row in ranking.rows[1:]:
        (key,) = keys(record, row.backbone)
        expected = ttest_rel(right(record, key), right(record, winner)).confidence_interval(0.95)
        assert row.difference is not None
        assert (row.difference.low, row.difference.high) == pytest.approx((expected.low, expected.high), abs=0.002)
        assert row.seed_error is None


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
        reach = t.isf(0.025, freedom) * np.sqrt(total)
        assert row.difference is not None
        assert row.seed_error == pytest.approx(np.sqrt(within))
        assert row.sample_error == pytest.approx(np.sqrt(samples), rel=0.05)
        assert row.difference.value == pytest.approx(difference.mean())
        assert row.difference.high - row.difference.value == pytest.approx(reach, rel=0.05)
        assert row.tied == (row.difference.low <= 0 <= row.difference.high)


def test_the_cheapest_tied_trains_faster_than_the_winner(record: StudyRecord) -> None:
    ranking = rank_backbones(record, "elpv")
    tied = [row for row in ranking.rows if row.tied]
    assert ranking.cheapest_tied == min(tied, key=lambda row: row.train_seconds).backbone
    slow = replace(record, results=record.results.assign(train_seconds=1.0))
    assert rank_backbones(slow, "elpv").cheapest_tied is None


def test_clusters_widen_a_difference() -> None:
    alone, together = (rank_backbones(make_record(seeds=(0,), cluster_size=size), "elpv") for size in (1, 25))
    assert together.n_clusters == 21

    def width(ranking: object) -> float:
        return ranking.rows[0].test.high - ranking.rows[0].test.low  # type: ignore[attr-defined]

    assert width(together) > 1.5 * width(alone)


def test_a_lower_is_better_metric_ranks_the_other_way() -> None:
    ranking = rank_backbones(make_record(metric="log_loss"), "elpv")
    losses = [row.validation for row in ranking.rows]
    assert losses == sorted(losses)


def test_equal_predictions_tie_but_are_not_called_equal_for_sure(record: StudyRecord) -> None:
    twin = record.predictions[record.predictions["key"].isin(keys(record, LITE0))]
    names = dict(zip(keys(record, LITE1), keys(record, LITE0), strict=True))
    others = record.predictions[~record.predictions["key"].isin(names)]
    copies = [twin[twin["key"] == old].assign(key=new) for new, old in names.items()]
    ranking = rank_backbones(replace(record, predictions=pd.concat([others, *copies])), "elpv")
    pair = {row.backbone: row for row in ranking.rows}
    assert pair[LITE0].test == pair[LITE1].test
    for row in ranking.rows[1:]:
        assert row.difference is not None
        assert row.difference.high > row.difference.low
        assert row.sample_error is not None
        assert row.sample_error >= 1.5 / 525


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


def test_two_equal_backbones_are_seldom_told_apart() -> None:
    strength = {SQUEEZE: 1.5, LITE0: 1.5}
    records = [make_record(strength=strength, n_test=150, simulation=index) for index in range(12)]
    told_apart = sum(not row.tied for each in records for row in rank_backbones(each, "elpv").rows[1:])
    assert told_apart <= 2
