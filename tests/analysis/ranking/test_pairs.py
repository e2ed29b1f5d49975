"""All pairs: by hand on small numbers, against scipy and statsmodels, and what must hold for any of them."""

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from afield.analysis.asked import candidate_elsewhere, candidate_of, pairs_of, ranks_of
from afield.analysis.ranking.compare import rank_backbones
from afield.analysis.ranking.letters import compact_letters
from afield.analysis.ranking.mean_ranks import mean_ranks
from afield.analysis.ranking.pairs import COLUMNS, Place, Places, discordant, pair_table, places_of
from afield.analysis.searches.curse import selection_bias, winners_curse
from afield.analysis.student import holm
from afield.analysis.tables.table import read_table
from afield.analysis.told import describe_candidate, describe_pairs, describe_ranks, over_tasks_words
from afield.base.errors import InputError
from afield.scoring.intervals import Interval
from afield.study.record import StudyRecord
from tests.fixtures.records import STRENGTH, make_record

SQUEEZE, LITE0, LITE1, LITE2 = STRENGTH


@pytest.fixture(scope="module")
def record() -> StudyRecord:
    return make_record(strength={SQUEEZE: 0.3, LITE0: 1.5, LITE1: 1.55, LITE2: 1.6}, n_test=300, metrics=["accuracy"])


def test_who_is_apart_shares_no_letter_and_no_rank(record: StudyRecord) -> None:
    found = places_of(record, "elpv")
    place = {each.backbone: each for each in found.places}
    assert len(found.pairs) == 6
    assert {frozenset((p.first, p.second)) for p in found.pairs if p.apart} >= {frozenset((SQUEEZE, LITE2))}
    for pair in found.pairs:
        shared = set(place[pair.first].letters) & set(place[pair.second].letters)
        assert pair.apart == (not shared)
    assert (place[SQUEEZE].rank, place[SQUEEZE].best_rank, place[SQUEEZE].worst_rank) == (4, 4, 4)
    assert all(each.best_rank <= each.rank <= each.worst_rank for each in found.places)
    assert [each.rank for each in found.places] == sorted(each.rank for each in found.places)


@pytest.mark.slow
def test_a_pair_is_that_of_the_ranking(record: StudyRecord) -> None:
    ranking = rank_backbones(record, "elpv")
    row = ranking.rows[-1]
    (pair,) = [p for p in places_of(record, "elpv").pairs if {p.first, p.second} == {row.backbone, ranking.winner}]
    assert row.difference is not None
    assert abs(pair.difference.value) == pytest.approx(abs(row.difference.value))
    table = pair_table(record)
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 6


@pytest.mark.slow
@given(st.lists(st.one_of(st.floats(0, 1), st.just(math.nan)), min_size=1, max_size=9))
@settings(max_examples=20, deadline=None)
def test_holm_is_that_of_statsmodels(values: list[float]) -> None:
    known = [value for value in values if not math.isnan(value)]
    found = [value for value in holm(values) if not math.isnan(value)]
    expected = multipletests(known, method="holm")[1] if known else []
    assert found == pytest.approx(list(expected))


@pytest.mark.slow
@given(st.integers(1, 7), st.data())
@settings(max_examples=60, deadline=None)
def test_letters_are_shared_exactly_by_those_that_are_not_apart(number: int, data: st.DataObject) -> None:
    names = [f"n{index}" for index in range(number)]
    pairs = list(combinations(names, 2))
    apart = set(data.draw(st.lists(st.sampled_from(pairs), unique=True))) if pairs else set()
    letters = compact_letters(names, apart)
    assert all(letters[name] for name in names)
    for one, other in pairs:
        assert bool(set(letters[one]) & set(letters[other])) == ((one, other) not in apart)


def test_letters_beyond_the_alphabet() -> None:
    names = [f"n{index}" for index in range(30)]
    letters = compact_letters(names, list(combinations(names, 2)))
    assert [letters[name] for name in names][:2] == ["a", "b"]
    assert letters["n26"] == "a1"
    assert len(set(letters.values())) == 30


def test_of_two_backbones_alone_no_other_pairs_are_told_of(record: StudyRecord) -> None:
    (found,) = pairs_of(record, SQUEEZE, LITE2)
    assert ", or p < 0.001 where all six pairs of the task are looked at" in describe_pairs([found])
    alone = replace(found, places=replace(found.places, pairs=(found.pair,)))
    assert "looked at" not in describe_pairs([alone])


def test_mcnemar_is_that_of_statsmodels() -> None:
    one = make_record(seeds=(0,), n_test=200, metrics=["accuracy"])
    (line,) = discordant(one, "elpv", SQUEEZE, LITE2)
    expected = mcnemar([[0, line.only_first], [line.only_second, 0]], exact=True)
    assert line.p == pytest.approx(expected.pvalue)
    values = one.results.query("metric == 'accuracy' and intervention == 'plain'").set_index("backbone")["value"]
    assert (line.only_first - line.only_second) / 200 == pytest.approx(values[SQUEEZE] - values[LITE2])
    with pytest.raises(InputError, match="resnet50: was not scored on elpv under plain"):
        discordant(one, "elpv", "resnet50", LITE2)


def places(task: str, values: dict[str, float]) -> Places:
    made = tuple(Place(name, Interval(v, v, v), 1, 1, len(values), "a") for name, v in values.items())
    return Places(task, "accuracy", "plain", made, (), 100, 100, "backbones")


def test_over_tasks_by_hand() -> None:
    # b is better than a on all eight tasks, c now and then: of three pairs with eight signs each 3 x 2 / 256 < 0.05
    several = [places(f"t{i}", {"a": 0.5, "b": 0.7 + i / 100, "c": 0.6 + (i % 2) * 0.2}) for i in range(8)]
    found = mean_ranks(several)
    assert found is not None
    assert found.possible
    ranks = np.mean([rankdata([-0.5, -(0.7 + i / 100), -(0.6 + (i % 2) * 0.2)]) for i in range(8)], axis=0)
    assert dict(zip(found.backbones, found.mean_rank, strict=True)) == pytest.approx(
        dict(zip("abc", ranks, strict=True))
    )
    letters = dict(zip(found.backbones, found.letters, strict=True))
    assert not set(letters["a"]) & set(letters["b"])
    assert found.friedman_p < 0.01
    agreed = mean_ranks([places(f"t{i}", {"a": 0.5, "b": 0.6, "c": 0.7}) for i in range(2)])
    assert agreed is not None
    assert agreed.friedman_p == pytest.approx(1 / 6, abs=0.015)  # of 36 pairs of orders six agree
    few = mean_ranks(several[:5])
    assert few is not None
    assert not few.possible
    assert set(few.letters) == {"a"}
    assert mean_ranks(several[:1]) is None
    lacking = mean_ranks([*several, places("t9", {"a": 0.5, "b": 0.6})])
    assert lacking is not None
    assert lacking.left_out == ("c",)


def data_of(task: str) -> str:
    return task.partition("-")[0]


def test_tasks_of_the_same_data_count_once() -> None:
    """Folds are no further tasks: they share their samples."""
    folds = [places(f"moths-fold{i}", {"a": 0.5, "b": 0.6}) for i in range(8)]
    assert mean_ranks(folds, data_of) is None
    several = mean_ranks([*folds, places("birds", {"a": 0.9, "b": 0.8})], data_of)
    assert several is not None
    assert several.tasks == ("moths-fold0", "birds")
    assert several.again == tuple(f"moths-fold{i}" for i in range(1, 8))
    assert not several.possible
    assert "Of data that count already: moths-fold1," in " ".join(over_tasks_words(several))


def test_the_best_of_equals_flatters_itself_and_a_clear_winner_does_not() -> None:
    generator = np.random.default_rng(0)
    truth, noise = np.full(8, 0.8), 0.02
    bias = []
    for _ in range(200):  # the estimate against the truth: the mean of the largest of eight normals is 1.4236 of them
        seen = truth + noise * generator.normal(size=8)
        resampled = seen[:, None] + noise * generator.normal(size=(8, 300))
        bias.append((selection_bias(seen, resampled), seen.max() - 0.8))
    estimated, true = np.mean(bias, axis=0)
    assert true == pytest.approx(1.4236 * noise, rel=0.1)
    assert 0.5 * true < estimated < 1.1 * true
    clear = np.array([0.9, *np.full(7, 0.5)])
    assert selection_bias(clear, clear[:, None] + noise * generator.normal(size=(8, 300))) == pytest.approx(0, abs=1e-9)
    assert selection_bias(clear[:1], clear[:1, None] + noise * generator.normal(size=(1, 300))) == pytest.approx(0)


@pytest.mark.slow
def test_the_words(record: StudyRecord) -> None:
    text = describe_ranks(ranks_of(record))
    assert "elpv: accuracy on 300 test images, plain" in text
    assert "Backbones that share a letter cannot be told apart" in text
    bias = winners_curse(record, rank_backbones(record, "elpv"))
    assert bias is not None
    assert f"by {100 * bias:.1f} points or more" in text
    assert text.count("chosen on validation") == 1
    pair = describe_pairs(pairs_of(record, SQUEEZE, LITE2))
    assert pair.startswith(f"elpv: {SQUEEZE} minus {LITE2}, -")
    assert "clearly apart" in pair
    assert pair.count("McNemar") == 2
    with pytest.raises(InputError, match="lite9: is not in this study"):
        pairs_of(record, SQUEEZE, "lite9")
    with pytest.raises(InputError, match="was given twice"):
        pairs_of(record, SQUEEZE, SQUEEZE)
    with pytest.raises(InputError, match="gme: is no intervention of this study"):
        ranks_of(record, "gme")


@pytest.mark.slow
def test_a_candidate_in_words(record: StudyRecord) -> None:
    text = describe_candidate(candidate_of(record, SQUEEZE))
    assert text.startswith("elpv: accuracy 0.")
    assert "three other backbones (plain) let 58.4 % on ImageNet expect" in text
    assert "the line had to be drawn out to it" in text
    assert describe_candidate(candidate_of(record, SQUEEZE, "scratch")) != text


@pytest.mark.slow
def test_a_candidate_beside_the_results_of_others(record: StudyRecord) -> None:
    """The line of three others by numpy; the candidate, which is there too, does not draw it."""
    accuracies = {"a": 70.0, "b": 74.0, "c": 78.0, "d": 81.0, SQUEEZE: 58.4}
    others = pd.DataFrame(
        {
            "backbone": list(accuracies), "task": "elpv", "imagenet_top1": list(accuracies.values()),
            "metric": "accuracy", "value": [0.70, 0.75, 0.76, 0.80, 0.1],
        }
    )  # fmt: skip
    read = read_table(others)
    text = describe_candidate(candidate_elsewhere(record, LITE0, read.rows))
    x, y = np.array([70.0, 74, 78, 81, 58.4]), np.array([0.70, 0.75, 0.76, 0.80, 0.1])
    slope, start = np.polyfit(x, y, 1)
    top1 = record.results.loc[record.results["backbone"] == LITE0, "imagenet_top1"].iloc[0]
    assert f"five other backbones (plain) let {top1:.1f} % on ImageNet expect {slope * top1 + start:.3f}" in text
    assert text.endswith("is in the residual, too.")
    four = describe_candidate(candidate_elsewhere(record, SQUEEZE, read.rows))
    assert "four other backbones" in four
    with pytest.raises(InputError, match=r"no task of this study.*here elpv by accuracy, there moths by accuracy"):
        candidate_elsewhere(record, LITE0, read_table(others.assign(task="moths")).rows)


def test_test_that_selected_has_no_curse_told(record: StudyRecord) -> None:
    paper = replace(record, tasks=(replace(record.tasks[0], selection="test"),))
    assert winners_curse(paper, rank_backbones(paper, "elpv")) is None


def test_nothing_scored_is_said(record: StudyRecord) -> None:
    empty = replace(record, results=pd.DataFrame())
    assert describe_ranks(ranks_of(empty)) == "elpv: nothing was scored under plain."
