import numpy as np
import pandas as pd
import pytest

from afield.scoring.intervals import clopper_pearson, metric_interval
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import select
from afield.scoring.subgroups import LEAST, by_subgroup
from tests.scoring.test_metrics import predictions, random_predictions

ACCURACY = METRICS["accuracy"]


def test_a_table_worked_by_hand() -> None:
    # north: 20 samples, 15 right; south: 12 samples, 3 right; east: nine samples, too few
    right = np.array([1] * 15 + [0] * 5 + [1] * 3 + [0] * 9 + [1] * 9)
    labels = np.arange(41) % 2
    sites = pd.Series(["north"] * 20 + ["south"] * 12 + ["east"] * 9)
    table = by_subgroup(predictions(labels, np.eye(2)[np.where(right, labels, 1 - labels)]), sites, ACCURACY)
    assert list(table["subgroup"]) == ["east", "north", "south"]
    assert list(table["n"]) == list(table["n_clusters"]) == [9, 20, 12]
    assert list(table["why"]) == ["fewer than ten samples", "", ""]
    assert table.loc[0, ["value", "low", "high"]].isna().all()
    # two subgroups have a number, so each interval is at 97.5 %
    for row, exact in ((1, clopper_pearson(15, 20, 0.975)), (2, clopper_pearson(3, 12, 0.975))):
        assert tuple(table.loc[row, ["value", "low", "high"]]) == pytest.approx((exact.value, exact.low, exact.high))


def test_numbers_come_by_size_and_what_is_missing_last() -> None:
    ages = pd.Series([10.0] * 12 + [np.nan] * 12 + [9.0] * 12 + [2.5] * 12)
    table = by_subgroup(random_predictions(0, 48, 2), ages, ACCURACY)
    assert list(table["subgroup"]) == ["2.5", "9", "10", "not known"]
    sexes = pd.Series(["m", None, " ", "f"] * 12)
    table = by_subgroup(random_predictions(0, 48, 2), sexes, ACCURACY)
    assert list(zip(table["subgroup"], table["n"], strict=True)) == [("f", 12), ("m", 12), ("not known", 24)]


def test_a_metric_that_the_labels_do_not_define_says_so() -> None:
    labels = np.array([0, 1] * 10 + [1] * 20)
    logits = np.random.default_rng(0).normal(size=(40, 2))
    table = by_subgroup(predictions(labels, logits), pd.Series(["both"] * 20 + ["one"] * 20), METRICS["auroc"])
    assert list(table["why"]) == ["", "not defined by their labels"]
    assert table["value"].isna().tolist() == [False, True]


def test_few_clusters_give_no_number_however_many_samples() -> None:
    clusters = np.concatenate([np.repeat(np.arange(LEAST - 1), 10), 100 + np.arange(LEAST)]).astype(str)
    logits = np.eye(2)[np.random.default_rng(0).integers(0, 2, len(clusters))]
    many = predictions(np.arange(len(clusters)) % 2, logits, clusters)
    table = by_subgroup(many, pd.Series(["few"] * 90 + ["enough"] * 10), ACCURACY).set_index("subgroup")
    assert table.loc["few", "why"] == "fewer than ten clusters"
    assert table.loc["enough", "why"] == ""


def test_intervals_are_those_of_the_metric_on_these_samples_alone() -> None:
    many = random_predictions(3, 300, 4)
    sites = pd.Series(np.where(np.arange(300) < 120, "a", "b"))
    table = by_subgroup(many, sites, METRICS["macro_f1"], resamples=800)
    for row, rows in enumerate((np.arange(120), np.arange(120, 300))):
        alone = metric_interval(METRICS["macro_f1"], select(many, rows), level=0.975, resamples=800)
        assert tuple(table.loc[row, ["value", "low", "high"]]) == (alone.value, alone.low, alone.high)
