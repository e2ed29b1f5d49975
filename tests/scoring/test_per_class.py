import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from afield.base.errors import AfieldError
from afield.scoring.intervals import clopper_pearson
from afield.scoring.metrics import METRICS
from afield.scoring.per_class import per_class
from afield.scoring.settling import class_thresholds
from tests.scoring.test_metrics import predictions, random_predictions
from tests.scoring.test_several import labelled, random_labelled


def test_a_table_worked_by_hand() -> None:
    # labels 0 0 0 1 1, said 0 0 1 1 3; class 2 is neither had nor said, class 3 only said
    table = per_class(predictions([0, 0, 0, 1, 1], np.eye(4)[[0, 0, 1, 1, 3]])).set_index("class")
    assert list(table.index) == ["a", "b", "c", "d"]
    assert list(table["n"]) == [3, 2, 0, 0]
    np.testing.assert_allclose(table["recall"], [2 / 3, 1 / 2, np.nan, np.nan])
    np.testing.assert_allclose(table["precision"], [1, 1 / 2, np.nan, 0])
    np.testing.assert_allclose(table["f1"], [4 / 5, 1 / 2, np.nan, np.nan])
    exact = clopper_pearson(2, 3)
    assert (table.loc["a", "low"], table.loc["a", "high"]) == (exact.low, exact.high)
    assert table.loc[["c", "d"], ["low", "high"]].isna().all(axis=None)


def test_a_class_that_is_never_said_has_recall_and_f1_of_zero_and_no_precision() -> None:
    row = per_class(predictions([0, 1], [[1, 0], [1, 0]])).iloc[1]
    assert (row["recall"], row["f1"]) == (0, 0)
    assert np.isnan(row["precision"])


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60), classes=st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_means_over_classes_are_the_macro_metrics(seed: int, n: int, classes: int) -> None:
    many = random_predictions(seed, n, classes)
    table = per_class(many)
    assert table["n"].sum() == n
    assert table["recall"].mean() == pytest.approx(METRICS["balanced_accuracy"].compute(many), abs=1e-12)
    assert table["f1"].mean() == pytest.approx(METRICS["macro_f1"].compute(many), abs=1e-12)
    known = table.dropna(subset=["low", "high"])
    assert (known["low"] <= known["recall"]).all()
    assert (known["recall"] <= known["high"]).all()


def test_clusters_widen_the_interval_of_a_recall() -> None:
    labels = np.repeat([0, 1], 100)
    right = np.random.default_rng(0).random(20) < 0.7
    said = np.where(np.repeat(right, 10), labels, 1 - labels)
    exact = per_class(predictions(labels, np.eye(2)[said]))
    clustered = per_class(predictions(labels, np.eye(2)[said], np.repeat(np.arange(20), 10).astype(str)))
    np.testing.assert_array_equal(exact["recall"], clustered["recall"])
    assert (clustered["high"] - clustered["low"] > 1.5 * (exact["high"] - exact["low"])).all()


def test_limits_are_unknown_where_clusters_cannot_tell() -> None:
    labels, said = np.array([0, 0, 1, 1, 1, 1]), np.array([0, 1, 1, 0, 1, 1])
    # all of class 0 lies in one cluster
    table = per_class(predictions(labels, np.eye(2)[said], np.array(list("aabbcd"))))
    assert table[["low", "high"]].isna().all(axis=1).tolist() == [True, False]


def test_no_samples_give_no_numbers_and_a_diverged_network_none_at_all() -> None:
    table = per_class(predictions(np.zeros(0, np.int64), np.zeros((0, 2))))
    assert list(table["n"]) == [0, 0]
    assert table[["recall", "precision", "f1", "low", "high"]].isna().all(axis=None)
    with pytest.raises(AfieldError, match="NaN or infinite"):
        per_class(predictions([0, 1], [[np.nan, 0], [0, 1]]))


def test_several_labels_worked_by_hand_with_what_is_unknown_left_out() -> None:
    # a: has 1 1 0, said 1 0 0; b: has 0 1 and one unknown, said 1 1; c: nobody has it, and it is said once
    table = per_class(labelled([[1, 0, 0], [1, 1, 0], [0, -1, 0]], [[1, 1, 1], [-1, 2, -1], [-1, 3, -1]]))
    assert list(table["n"]) == list(table["n_clusters"]) == [2, 1, 0]
    assert list(table["unknown"]) == [0, 1, 0]
    np.testing.assert_allclose(table["recall"], [1 / 2, 1, np.nan])
    np.testing.assert_allclose(table["precision"], [1, 1 / 2, 0])
    np.testing.assert_allclose(table["f1"], [2 / 3, 2 / 3, np.nan])
    exact = clopper_pearson(1, 2)
    assert (table.loc[0, "low"], table.loc[0, "high"]) == (exact.low, exact.high)


def test_several_labels_are_scikit_learns_under_the_thresholds_that_were_settled() -> None:
    many = random_labelled(4, 200, 3, unknown=0)
    settled = class_thresholds(many)(many)
    table = per_class(settled)
    expected = precision_recall_fscore_support(many.label, settled.logits >= 0)
    for column, values in zip(("precision", "recall", "f1", "n"), expected, strict=True):
        np.testing.assert_allclose(table[column], values, rtol=0, atol=1e-12)
    value = METRICS["macro_f1_per_class"].on(many).compute(many)
    assert table["f1"].mean() == pytest.approx(value, abs=1e-12)
    assert table["f1"].mean() > per_class(many)["f1"].mean()


def test_clusters_of_a_class_are_counted() -> None:
    table = per_class(predictions([0, 0, 0, 1], np.eye(2)[[0, 1, 0, 1]], np.array(list("aabc"))))
    assert list(table["n_clusters"]) == [2, 1]
