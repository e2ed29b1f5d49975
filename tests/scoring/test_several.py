"""Metrics of samples that may have several classes, some of them unknown."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from afield.scoring.labels import label_array
from afield.scoring.metrics import METRICS
from afield.scoring.panel import fitting
from afield.scoring.predictions import Predictions, select

SEVERAL = fitting(3, multi_label=True)


def labelled(labels, logits) -> Predictions:
    labels, logits = np.asarray(labels), np.asarray(logits, np.float32)
    names = np.arange(len(labels)).astype(str)
    return Predictions(tuple("abcdefgh"[: logits.shape[1]]), names, names, names, labels, logits)


def random_labelled(seed: int, n: int, classes: int, unknown: float = 0.2) -> Predictions:
    """Logits on few levels, so that scores tie; a share of the labels is unknown."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, (n, classes))
    logits = generator.integers(-2, 3, (n, classes)) + labels
    labels[generator.random((n, classes)) < unknown] = -1
    return labelled(labels, logits)


def test_values_worked_by_hand() -> None:
    # class a: has 1 1 0, said 1 0 0: F1 = 2*1/(2+1); class b: has 0 1, said 1 1 (third unknown): F1 = 2*1/(1+2)
    # class c: nobody has it, so it is left out
    three = labelled([[1, 0, 0], [1, 1, 0], [0, -1, 0]], [[1, 1, 1], [-1, 2, -1], [-1, 3, -1]])
    assert METRICS["macro_f1"].compute(three) == pytest.approx(2 / 3)
    # class a ranks 1 > -1 = -1: of the two pairs one is won, one is even
    # class b: the sample that has it scores higher than the one that has it not
    assert METRICS["auroc"].compute(three) == pytest.approx((3 / 4 + 1) / 2)
    losses = np.log1p(np.exp([-1, 1, -1, 1, -2, 1, -1, -1]))
    assert METRICS["log_loss"].compute(three) == pytest.approx(losses.mean())


def test_a_logit_of_zero_says_yes() -> None:
    assert METRICS["macro_f1"].compute(labelled([[1], [0]], [[0.0], [-0.1]])) == 1


def test_values_are_scikit_learns_where_all_is_known() -> None:
    many = random_labelled(0, 300, 4, unknown=0)
    said = many.logits >= 0
    assert METRICS["macro_f1"].compute(many) == pytest.approx(
        sklearn.f1_score(many.label, said, average="macro"), abs=1e-12
    )
    for name, measure in (("auroc", sklearn.roc_auc_score), ("average_precision", sklearn.average_precision_score)):
        expected = measure(many.label, many.probabilities(), average="macro")
        assert METRICS[name].compute(many) == pytest.approx(expected, abs=1e-12)


def test_what_is_unknown_changes_nothing() -> None:
    many = random_labelled(1, 60, 3)
    other = many.logits.copy()
    other[many.label < 0] = 99
    for name in SEVERAL:
        metric, changed = METRICS[name], labelled(many.label, other)
        assert metric.on(many).compute(many) == metric.on(changed).compute(changed)


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), n=st.integers(1, 40), classes=st.integers(1, 4))
@settings(max_examples=10, deadline=None)
def test_resampled_equals_compute_on_repeated_samples(seed: int, n: int, classes: int) -> None:
    many = random_labelled(seed, n, classes)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=8)
    for name in SEVERAL:
        each = METRICS[name].on(many)
        assert each.resampled is not None
        slow = [each.compute(select(many, np.repeat(np.arange(n), row))) for row in weights]
        fast = each.resampled(many, weights.astype(np.float64))
        np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-12, err_msg=name)


def test_nothing_known_is_no_number() -> None:
    nothing = labelled([[-1, -1]], [[1.0, -1.0]])
    assert all(np.isnan(METRICS[name].on(nothing).compute(nothing)) for name in SEVERAL)


def test_the_table_gives_back_what_it_was_given() -> None:
    many = random_labelled(2, 5, 3)
    again = Predictions.from_frame(many.to_frame(key="k"), many.classes)
    assert again.several
    np.testing.assert_array_equal(again.label, many.label)
    np.testing.assert_array_equal(again.logits, many.logits)
    assert label_array(many.to_frame()["label"].iloc[:0]).shape == (0,)
