from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.tasks.splits import iterative_split, stratified_split
from afield.tasks.task import Split

FRACTIONS: dict[Split, float] = {"train": 0.6, "validation": 0.2, "test": 0.2}
sizes = st.lists(st.integers(1, 40), min_size=1, max_size=12)
divisions = st.sampled_from([(0.6, 0.2, 0.2), (0.7, 0.15, 0.15), (0.5, 0.3, 0.2), (0.34, 0.33, 0.33)])


def strata(counts: list[int]) -> pd.DataFrame:
    rows = [(f"{label}-{number}", label) for label, count in enumerate(counts) for number in range(count)]
    return pd.DataFrame(rows, columns=["id", "label"])


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(sizes, divisions, st.integers(0, 2**31 - 1))
def test_each_stratum_gets_its_quota_rounded_and_the_totals_come_right(
    counts: list[int], division: tuple[float, float, float], seed: int
) -> None:
    table = strata(counts)
    fractions: dict[Split, float] = dict(zip(FRACTIONS, division, strict=True))
    sides = stratified_split(table, ["label"], fractions, seed)
    for split, fraction in fractions.items():
        for label, count in enumerate(counts):
            got = int(((sides == split) & (table["label"] == label)).sum())
            assert abs(got - fraction * count) < 1 - 1e-9
        assert abs(int((sides == split).sum()) - fraction * len(table)) < 1.5


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(sizes, st.integers(0, 2**31 - 1), st.randoms())
def test_the_order_of_the_rows_does_not_matter(counts: list[int], seed: int, random) -> None:
    table = strata(counts)
    order = list(range(len(table)))
    random.shuffle(order)
    expected = dict(zip(table["id"], stratified_split(table, ["label"], FRACTIONS, seed), strict=True))
    shuffled = table.iloc[order]
    sides = stratified_split(shuffled, ["label"], FRACTIONS, seed)
    assert sides.index.equals(shuffled.index)
    assert dict(zip(shuffled["id"], sides, strict=True)) == expected


def test_exact_quotas_are_met_exactly() -> None:
    sides = stratified_split(strata([10, 50, 5]), ["label"], FRACTIONS, 0)
    assert Counter(sides) == {"train": 39, "validation": 13, "test": 13}


def test_the_split_is_the_same_for_ever() -> None:
    # Worked apart from the code: ids by blake2b("0/split/<id>"), the first three train, then the quota's remainders.
    table = pd.DataFrame({"id": list("abcde"), "label": 0})
    sides = stratified_split(table, ["label"], FRACTIONS, 0)
    order = _by_hash(list("abcde"))
    assert [dict(zip(table["id"], sides, strict=True))[name] for name in order] == [
        "train",
        "train",
        "train",
        "validation",
        "test",
    ]


def _by_hash(names: list[str]) -> list[str]:
    from hashlib import blake2b

    return sorted(names, key=lambda name: blake2b(f"0/split/{name}".encode(), digest_size=16).digest())


def test_another_seed_gives_another_split() -> None:
    table = strata([60])
    assert not stratified_split(table, ["label"], FRACTIONS, 0).equals(stratified_split(table, ["label"], FRACTIONS, 1))


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 2)), min_size=5, max_size=60), st.integers(0, 99))
def test_groups_stay_together_and_quotas_are_nearly_met(groups: list[tuple[int, int]], seed: int) -> None:
    rows = [
        (f"{group}-{number}", f"g{group}", label)
        for group, (size, label) in enumerate(groups)
        for number in range(size)
    ]
    table = pd.DataFrame(rows, columns=["id", "site", "label"])
    sides = stratified_split(table, ["label"], FRACTIONS, seed, group="site")
    assert sides.groupby(table["site"]).nunique().max() == 1
    largest = max(size for size, _ in groups)
    for label in range(3):
        here = table["label"] == label
        for split, fraction in FRACTIONS.items():
            assert abs(int(((sides == split) & here).sum()) - fraction * int(here.sum())) <= 2 * largest


def test_a_group_of_several_strata_counts_for_its_most_frequent() -> None:
    table = pd.DataFrame(
        {"id": list("abcdef"), "site": ["s", "s", "s", "t", "u", "v"], "label": [0, 0, 1, 1, 1, 0]},
    )
    sides = stratified_split(table, ["label"], {"train": 0.5, "test": 0.5}, 0, group="site")
    assert sides[:3].nunique() == 1


@pytest.mark.parametrize("fractions", [{"train": 0.6, "test": 0.3}, {"train": 1.0, "test": 0.0}])
def test_fractions_that_do_not_divide_the_whole_are_refused(fractions: dict[Split, float]) -> None:
    with pytest.raises(ValueError, match="sum to one"):
        stratified_split(strata([5]), ["label"], fractions, 0)


def labelled(rows: int, seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    shares = np.array([0.5, 0.2, 0.05, 0.01])
    return pd.DataFrame(
        {
            "id": [f"i{row:04d}" for row in range(rows)],
            "label": [tuple(int(has) for has in generator.random(4) < shares) for _ in range(rows)],
            "group": [f"g{row // 3}" for row in range(rows)],
        }
    )


THIRDS = {"train": 0.73, "validation": 0.18, "test": 0.09}


def test_each_label_is_dealt_out_in_its_shares() -> None:
    table = labelled(2000)
    side = iterative_split(table, THIRDS, seed=0)
    for index in range(4):
        having = side[[label[index] == 1 for label in table["label"]]]
        for split, share in THIRDS.items():
            assert abs((having == split).sum() - share * len(having)) <= 2, (index, split)
    for split, share in THIRDS.items():
        assert abs((side == split).sum() - share * len(table)) <= 4


def test_groups_of_several_labels_stay_whole_and_rows_may_come_in_any_order() -> None:
    table = labelled(600)
    side = iterative_split(table, THIRDS, seed=1, group="group")
    assert side.groupby(table["group"]).nunique().max() == 1
    shuffled = table.sample(frac=1, random_state=0)
    again = iterative_split(shuffled, THIRDS, seed=1, group="group")
    pd.testing.assert_series_equal(again.sort_index(), side)
    assert not iterative_split(table, THIRDS, seed=2, group="group").equals(side)


def test_unknown_labels_count_for_nothing_in_a_split() -> None:
    table = labelled(300)
    unknown = table.assign(label=table["label"].map(lambda label: tuple(has or -1 for has in label)))
    pd.testing.assert_series_equal(iterative_split(table, THIRDS, 0), iterative_split(unknown, THIRDS, 0))


def test_a_label_of_one_sample_is_there_to_learn_from() -> None:
    table = pd.DataFrame({"id": list("abcdefghij"), "label": [(1, 0)] * 9 + [(0, 1)]})
    assert iterative_split(table, THIRDS, 0).iloc[-1] == "train"
