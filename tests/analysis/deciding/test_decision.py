"""What rules of choice cost, and which backbones no other beats in quality and cost."""

from itertools import combinations, pairwise, permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.analysis.analyse import Analysis, analyse
from afield.analysis.deciding.choice_rules import AT_RANDOM, ON_IMAGENET
from afield.analysis.deciding.choosing import below_the_best, expected_value, flattery, shortlisted
from afield.analysis.deciding.decision import regret, rules
from afield.analysis.deciding.front import fronts
from afield.analysis.ranking.compare import rank_backbones
from afield.analysis.study_fits import fit_study, told_rows
from afield.analysis.tables.table import TableChoice
from afield.base.errors import InputError
from afield.study.record import StudyRecord
from tests.fixtures.shared import shared


def table(**columns: Any) -> pd.DataFrame:
    """Four backbones on two tasks. On moths `c` is the best, and the best on ImageNet is `d`."""
    values = {"moths": [0.70, 0.76, 0.82, 0.79], "birds": [0.50, 0.60, 0.55, 0.64]}
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "backbone": list("abcd"),
                    "imagenet_top1": [60.0, 70.0, 75.0, 80.0],
                    "task": task,
                    "metric": "accuracy",
                    "value": each,
                    "params_m": [5.0, 130.0, 25.0, 60.0],
                    "gmacs": [1.0, 15.0, 4.0, 11.0],
                    "train_seconds": [10.0, 90.0, 40.0, 80.0],
                }
            )
            for task, each in values.items()
        ],
        ignore_index=True,
    ).assign(**columns)


def of(found: Analysis, name: str) -> pd.DataFrame:
    index = ["task", "rule", "tried"] if name == "regret" else ["rule", "tried"]
    return found.over(name).table.set_index(index)


@pytest.mark.slow
def test_regrets_worked_by_hand() -> None:
    found = of(analyse(table()), "regret")
    moths = found.loc["moths"]
    assert moths.loc[(ON_IMAGENET, 0), ["backbone", "regret", "best"]].tolist() == ["d", pytest.approx(3), "c"]
    assert moths.loc[("biggest", 0), ["backbone", "regret"]].tolist() == ["b", pytest.approx(6)]
    # on birds d is the best, so the other task says d
    assert moths.loc[("best on the other tasks", 0), ["backbone", "regret"]].tolist() == ["d", pytest.approx(3)]
    assert moths.loc[("best of the 3 best on ImageNet", 3), ["backbone", "regret"]].tolist() == ["c", pytest.approx(0)]
    # 82 less the mean of all; less (3 of 6 pairs 82, 2 of 6 79, 1 of 6 76); less (3 of 4 triples 82, one 79)
    for tried, expected in ((1, 5.25), (2, 2.0), (3, 0.75)):
        assert moths.loc[(AT_RANDOM, tried), "regret"] == pytest.approx(expected)
    assert np.isnan(moths["low"]).all()  # the table tells no errors
    over = of(analyse(table()), "rules")
    # 3 on moths, 0 on birds; t of one degree of freedom is 12.706
    assert over.loc[(ON_IMAGENET, 0), ["regret", "worst", "worst_task"]].tolist() == pytest.approx([1.5, 3, "moths"])
    assert over.loc[(ON_IMAGENET, 0), "high"] == pytest.approx(1.5 + 12.706 * 1.5, abs=1e-3)
    assert over.loc[("biggest", 0), "against_imagenet"] == pytest.approx((6 + 4) / 2 - 1.5)


@pytest.mark.slow
def test_the_words_say_what_the_best_on_imagenet_is_worth() -> None:
    found = analyse(table())
    words = found.over("rules").words
    assert words.startswith(
        "Points lost against the best of four backbones, mean over two tasks: best on ImageNet 1.5 (0.0 to 20.6), at "
        "most 3.0 (moths); biggest 5.0"
    )
    # of two at random 2.0 on moths and 2.33 on birds, of three 0.75 and 1.0
    assert "The best on ImageNet beats the best of two tried at random, but not the best of three." in words
    assert "which flatters trying" in words
    assert found.over("regret").words.startswith(
        "The best on ImageNet (d) is the best on test on one of two tasks; points below it: moths 3.0, birds 0.0."
    )


@pytest.mark.slow
def test_of_one_task_the_words_say_whether_the_best_on_imagenet_is_the_best_there() -> None:
    two = table()
    alone = {task: analyse(rows).over("regret").words for task, rows in two.groupby("task")}
    assert alone["moths"].startswith("The best on ImageNet (d) lies 3.0 points below the best on test.")
    assert alone["birds"].startswith("The best on ImageNet (d) is the best on test, too.")


@pytest.mark.slow
def test_whom_is_tried_is_chosen_on_validation_where_the_table_has_it() -> None:
    validation = [0.9, 0.6, 0.5, 0.8] * 2
    found = analyse(table(validation=validation))
    moths = of(found, "regret").loc["moths"]
    assert set(moths["chosen_on"]) == {"", "validation"}
    assert moths.loc[(AT_RANDOM, 4), ["backbone", "regret"]].tolist() == ["a", pytest.approx(12)]
    assert moths.loc[("best of the 3 best on ImageNet", 3), "backbone"] == "d"
    assert "flatters trying" not in found.over("regret").words
    holed = analyse(table(validation=[0.9, None, 0.5, 0.8, 0.9, 0.6, 0.5, 0.8])).over("regret").table
    assert set(holed.loc[holed["task"] == "moths", "chosen_on"]) == {"", "test"}
    on_test = analyse(table(validation=validation, selected_on="test")).over("regret").table
    assert set(on_test["chosen_on"]) == {"", "test"}


@given(values=st.lists(st.integers(0, 9), min_size=2, max_size=6), seed=st.integers(0, 99), k=st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_the_mean_over_draws_is_that_of_all_draws(values: list[int], seed: int, k: int) -> None:
    criterion = np.random.default_rng(seed).integers(0, 4, len(values)).astype(float)
    k = min(k, len(values))
    every = []
    for drawn in combinations(range(len(values)), k):
        most = max(criterion[list(drawn)])
        every.append(np.mean([values[place] for place in drawn if criterion[place] == most]))
    known = np.array(values, float)
    assert expected_value(known, criterion, k) == pytest.approx(np.mean(every))
    more = [expected_value(known, known, each) for each in range(1, len(values) + 1)]
    assert all(after >= before - 1e-9 for before, after in pairwise(more))
    assert more[-1] == pytest.approx(max(values))


@pytest.mark.slow
def test_how_far_below_the_best_covers_the_truth() -> None:
    """Hsu's limits, for each of five whose true distances are known: in 95 of 100 studies or more, of every one."""
    generator = np.random.default_rng(5)
    truth = np.array([0.0, 1.0, 1.2, 3.0, 3.0])
    errors = 0.3 * np.ones((5, 5)) + np.diag([0.5, 0.5, 1.0, 0.2, 0.2])
    drawn = generator.multivariate_normal(truth, errors, size=400)
    for chosen in range(5):
        limits = [below_the_best(values, errors, chosen) for values in drawn]
        covered = np.mean([each.low <= 3.0 - truth[chosen] <= each.high for each in limits])
        assert covered >= 0.95
    # by hand: two of them, 2 apart, standard error of the difference 1: one-sided 2.5 % at both ends
    pair = below_the_best(np.array([1.0, 3.0]), np.diag([0.5, 0.5]), 0)
    assert (pair.value, pair.low, pair.high) == pytest.approx((2.0, 2 - 1.959964, 2 + 1.959964))
    best = below_the_best(np.array([1.0, 3.0]), np.diag([0.5, 0.5]), 1)
    assert (best.value, best.low, best.high) == (0.0, 0.0, 0.0)


def test_the_best_of_equals_flatters_itself_as_the_largest_of_normal_numbers_does() -> None:
    # the mean of the larger of two standard normal numbers is 1 / sqrt(pi); of five 1.16296 (Harter 1961)
    assert flattery(np.zeros(2), np.eye(2)) == pytest.approx(1 / np.sqrt(np.pi), abs=0.06)
    assert flattery(np.zeros(5), np.eye(5)) == pytest.approx(1.16296, abs=0.06)
    assert flattery(np.array([0.0, 50.0]), np.eye(2)) == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(flattery(np.zeros(2), np.zeros((2, 2))))


@pytest.mark.slow
def test_errors_of_the_table_make_the_interval() -> None:
    told = table().assign(low=lambda each: each["value"] - 0.0196, high=lambda each: each["value"] + 0.0196)
    row = of(analyse(told), "regret").loc[("moths", ON_IMAGENET, 0)]
    # d and c, 3 points apart, each with a standard error of 1: Bonferroni's over three differences is 2.394
    assert row["low"] == 0
    assert row["high"] == pytest.approx(3 + 2.394 * np.sqrt(2), abs=2e-3)
    assert 0 < row["flattery"] < 1
    assert "The best on test flatters itself by " in analyse(told).over("regret").words


@pytest.mark.slow
def test_pools_tell_how_much_it_hangs_on_who_takes_part() -> None:
    found = of(analyse(table()), "regret").loc["moths"]
    # pools of two: a d, b d and c d have d; a b, a c, b c have the other
    assert found.loc[(ON_IMAGENET, 0), ["pool_low", "pool_high"]].tolist() == pytest.approx([0, 3])
    assert np.isnan(found["pool_high"][AT_RANDOM, 3])
    assert (found["pool_low"] <= found["pool_high"])[found["pool_high"].notna()].all()


@pytest.mark.slow
def test_equals_count_as_their_mean() -> None:
    row = of(analyse(table(params_m=10.0)), "regret").loc[("moths", "biggest", 0)]
    assert row["backbone"] == "a, b, c and d"
    assert row["regret"] == pytest.approx(5.25)
    unknown = analyse(table(params_m=[5.0, None, 25.0, 60.0] * 2)).over("regret")
    assert "biggest" not in set(unknown.table["rule"])
    assert "Who is the biggest is not known" in unknown.words


@pytest.mark.slow
def test_who_stands_level_for_the_last_place_of_a_shortlist_has_it_in_half_of_the_orders() -> None:
    # on ImageNet d 80, then b and c level at 75, a at 60: of the best two d is one, and b or c the other. By the
    # validation metric c is the best of all, then d, then b: with c on the list it is taken, with b there d is
    level = table(imagenet_top1=[60.0, 75.0, 75.0, 80.0] * 2, validation=[0.1, 0.2, 0.9, 0.5] * 2)
    chance = shortlisted(np.array([60.0, 75, 75, 80]), np.array([0.1, 0.2, 0.9, 0.5]), 2)
    assert chance.tolist() == pytest.approx([0, 0, 0.5, 0.5])
    # whatever the backbones are called, the regret of the best three on ImageNet (b, c, d) is that of c: none on moths
    for names in (list("abcd"), list("zyxw")):
        found = of(analyse(level.assign(backbone=names * 2)), "regret").loc["moths"]
        row = found.loc[("best of the 3 best on ImageNet", 3)]
        assert (row["backbone"], row["regret"]) == (names[2], pytest.approx(0))
    # three level at 75 for two places: c is there in two of three choices, else d is taken (b is behind d)
    three = table(imagenet_top1=[75.0, 75.0, 75.0, 80.0] * 2, validation=[0.1, 0.2, 0.9, 0.5] * 2)
    for names in (list("abcd"), list("zyxw")):
        row = of(analyse(three.assign(backbone=names * 2)), "regret").loc[
            ("moths", "best of the 3 best on ImageNet", 3)
        ]
        assert row["regret"] == pytest.approx(82 - (2 / 3 * 82 + 1 / 3 * 79))
        assert set(row["backbone"].split(" and ")) == {names[2], names[3]}
        assert np.isnan(row["low"])


@given(level=st.lists(st.integers(0, 2), min_size=1, max_size=5), seed=st.integers(0, 99), k=st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_a_shortlist_is_the_mean_over_all_orders_of_equals(level: list[int], seed: int, k: int) -> None:
    order, k = np.array(level, float), min(k, len(level))
    criterion = np.random.default_rng(seed).integers(0, 3, len(level)).astype(float)
    taken = np.zeros(len(level))
    every = list(permutations(range(len(level))))
    for first in every:
        listed = sorted(first, key=lambda place: -order[place])[:k]
        best = [place for place in listed if criterion[place] == max(criterion[listed])]
        taken[best] += 1 / len(best)
    assert shortlisted(order, criterion, k) == pytest.approx(taken / len(every))


@pytest.mark.slow
def test_one_task_has_no_interval_over_tasks_and_no_others() -> None:
    alone = analyse(table(), TableChoice(tasks=("moths",))).over("rules")
    assert np.isnan(alone.table["low"]).all()
    assert "best on the other tasks" not in set(alone.table["rule"])
    few = analyse(table(), TableChoice(without=("a", "b")))
    for name in ("regret", "rules"):
        assert few.over(name).table.empty
        assert "takes three backbones that have every task, and here are two" in few.over(name).words


@pytest.mark.slow
def test_a_study_chooses_as_its_answer_does(record: StudyRecord) -> None:
    fits, rows = fit_study(record, 0.1), told_rows(record)
    found = regret(fits, rows).table.set_index(["rule", "tried"])
    chosen = found.loc[(AT_RANDOM, 4)]
    assert chosen["chosen_on"] == "validation"
    assert str(rank_backbones(record, "elpv").winner) in chosen["backbone"]  # equals are named both
    sure = found.loc[(ON_IMAGENET, 0)]
    assert 0 <= sure["low"] <= sure["regret"] <= sure["high"]
    assert rules(fits, rows).table["tasks"].eq(1).all()
    costs = fronts(fits, rows).table
    assert set(costs["cost"]) == {"train_seconds", "predict_ms", "params_m", "gmacs"}


@pytest.mark.slow
def test_the_front_is_whom_nothing_as_cheap_beats() -> None:
    found = analyse(table()).over("fronts")
    by_size = found.table.query("task == 'moths' and cost == 'params_m'").set_index("backbone")
    assert by_size["on_front"].to_dict() == {"a": True, "b": False, "c": True, "d": False}
    assert by_size["beaten_by"].to_dict() == {"a": "", "b": "c", "c": "", "d": "c"}
    assert not by_size["clear"].any()
    assert "By parameters, nothing as cheap does better than a and c on any task." in found.words
    sure = table().assign(low=lambda each: each["value"] - 0.002, high=lambda each: each["value"] + 0.002)
    told = analyse(sure).over("fronts")
    assert told.table.query("task == 'moths' and cost == 'params_m'").set_index("backbone")["clear"]["b"]
    assert "clearly beaten by one as cheap on every task: b." in told.words


@pytest.mark.slow
def test_costs_that_are_not_known_or_not_comparable_are_on_no_front() -> None:
    bare = table().drop(columns=["params_m", "gmacs", "train_seconds"])
    nothing = analyse(bare).over("fronts")
    assert nothing.table.empty
    assert "no cost is known of more than half of them" in nothing.words
    found = analyse(table(machine=list("mmmn") * 2)).over("fronts")
    assert set(found.table["cost"]) == {"params_m", "gmacs"}
    assert "several machines are not held against each other" in found.words
    zero = analyse(table(train_seconds=[0.0, 1.0, 2.0, 3.0] * 2)).over("fronts").table
    assert set(zero.query("cost == 'train_seconds'")["backbone"]) == {"b", "c", "d"}


@pytest.mark.slow
@given(seed=st.integers(0, 1000), n=st.integers(4, 12))
@settings(max_examples=5, deadline=None)
def test_nobody_on_the_front_is_beaten_and_all_others_are(seed: int, n: int) -> None:
    generator = np.random.default_rng(seed)
    one = pd.DataFrame(
        {
            "backbone": [f"net{place}" for place in range(n)],
            "imagenet_top1": generator.uniform(50, 85, n),
            "value": generator.uniform(0.2, 0.9, n).round(1),
            "gmacs": generator.integers(1, 6, n),
        }
    )
    found = analyse(one).over("fronts").table.set_index("backbone")
    for name, row in found.iterrows():
        better = found[(found["amount"] <= row["amount"]) & (found["value"] >= row["value"])].drop(index=name)
        better = better[(better["amount"] < row["amount"]) | (better["value"] > row["value"])]
        assert row["on_front"] == better.empty


@pytest.mark.slow
def test_facts_that_contradict_or_are_no_numbers_are_refused() -> None:
    twice = table()
    twice.loc[0, "params_m"] = 6.0
    with pytest.raises(InputError, match=r"a has several values of params_m \(6.0 and 5.0\); give it one"):
        analyse(twice).over("regret")
    with pytest.raises(InputError, match=r"column params_m: 'big' \(row 1\) is no number"):
        analyse(table(params_m="big"))
    with pytest.raises(InputError, match="afield reads no such column; did you mean params_m"):
        analyse(table(), TableChoice(columns={"param_m": "params_m"}))
    counted = table(params_m=[5e6, 130e6, 25e6, 60e6] * 2)
    found = analyse(counted)
    assert any(note.startswith("Params_m: taken as parameters") for note in found.notes)
    assert set(found.over("fronts").table.query("cost == 'params_m'")["amount"]) == {5, 130, 25, 60}


@pytest.mark.slow
def test_biobench() -> None:
    """The best on ImageNet there is the biggest, too, and beats the best on the other tasks, which mammalnet fools."""
    columns = {"backbone": "model", "task": "dataset", "low": "ci_low", "high": "ci_high", "params_m": "params"}
    ecology = ("beluga", "ecdysis", "fishnet", "fungiclef", "herbarium19", "iwildcam", "kabr", "mammalnet", "plankton")
    found = analyse(
        shared("published/biobench_results_tidy.csv"), TableChoice(columns=columns, tasks=(*ecology, "plantnet"))
    )
    over = of(found, "rules")
    assert over.loc[[(ON_IMAGENET, 0), ("best on the other tasks", 0)], "regret"].tolist() == pytest.approx(
        [4.10, 6.99], abs=6e-3
    )
    assert over.loc[("best on the other tasks", 0), ["worst", "worst_task"]].tolist() == [
        pytest.approx(28.96, abs=6e-3),
        "mammalnet",
    ]
    assert over.loc[(AT_RANDOM, 1), "regret"] == pytest.approx(16.94, abs=6e-3)
    assert "beats the best of 14 tried at random, but not the best of 15." in found.over("rules").words
