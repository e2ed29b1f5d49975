import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from afield.base.errors import AfieldError, InputError
from afield.scoring.metrics import METRICS, metric, select
from afield.scoring.predictions import Predictions


def predictions(labels, logits, clusters=None) -> Predictions:
    labels, logits = np.asarray(labels), np.asarray(logits, np.float32)
    names = np.arange(len(labels)).astype(str)
    classes = tuple("abcdefgh"[: logits.shape[1]])
    return Predictions(classes, names, names, names if clusters is None else np.asarray(clusters), labels, logits)


def random_predictions(seed: int, n: int, classes: int, *, levels: int = 5) -> Predictions:
    """Logits on few levels, so that scores tie."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, n)
    return predictions(labels, generator.integers(0, levels, (n, classes)) + np.eye(classes)[labels])


def test_values_worked_by_hand() -> None:
    # said: 0 0 1 1 0 1 (first of equals is class 0); labels: 0 0 0 1 1 1
    six = predictions([0, 0, 0, 1, 1, 1], [[2, 0], [1, 0], [0, 1], [0, 2], [1, 1], [0, 3]])
    assert METRICS["accuracy"].compute(six) == pytest.approx(4 / 6)
    assert METRICS["balanced_accuracy"].compute(six) == pytest.approx(2 / 3)
    assert METRICS["macro_f1"].compute(six) == pytest.approx(2 / 3)
    # margins of positives 2, 0, 3; of negatives -2, -1, 1: eight of nine pairs in order
    assert METRICS["auroc"].compute(six) == pytest.approx(8 / 9)
    margins = np.array([2, 1, -1, 2, 0, 3])
    assert METRICS["log_loss"].compute(six) == pytest.approx(np.log1p(np.exp(-margins)).mean())


@given(seed=st.integers(0, 10_000), n=st.integers(1, 40), classes=st.integers(2, 5))
@settings(max_examples=25, deadline=None)
def test_resampled_equals_compute_on_repeated_samples(seed: int, n: int, classes: int) -> None:
    given_predictions = random_predictions(seed, n, classes)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=8)
    for each in METRICS.values():
        assert each.resampled is not None
        fast = each.resampled(given_predictions, weights.astype(np.float64))
        rows = np.arange(n)
        slow = [each.compute(select(given_predictions, np.repeat(rows, row))) for row in weights]
        np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-12, err_msg=each.name)


def test_resampled_equals_scikit_learn_with_sample_weights() -> None:
    many = random_predictions(0, 300, 2, levels=30)
    weights = np.random.default_rng(1).integers(1, 9, (3, 300)).astype(np.float64)
    said, positive = many.logits.argmax(axis=1), many.probabilities()[:, 1]
    expected = {
        "accuracy": lambda w: sklearn.accuracy_score(many.label, said, sample_weight=w),
        "balanced_accuracy": lambda w: sklearn.balanced_accuracy_score(many.label, said, sample_weight=w),
        "macro_f1": lambda w: sklearn.f1_score(many.label, said, average="macro", sample_weight=w),
        "auroc": lambda w: sklearn.roc_auc_score(many.label, positive, sample_weight=w),
        "log_loss": lambda w: sklearn.log_loss(many.label, many.probabilities(), sample_weight=w),
    }
    for name, by_sklearn in expected.items():
        resampled = METRICS[name].resampled
        assert resampled is not None
        np.testing.assert_allclose(resampled(many, weights), [by_sklearn(w) for w in weights], rtol=0, atol=1e-12)


def test_multiclass_auroc_is_scikit_learns_one_against_the_rest() -> None:
    many = random_predictions(3, 200, 4)
    expected = sklearn.roc_auc_score(many.label, many.probabilities(), multi_class="ovr", average="macro")
    assert METRICS["auroc"].compute(many) == pytest.approx(expected, abs=1e-14)


def test_a_class_that_no_sample_has_is_left_out() -> None:
    # three classes, none of class 2, which is said once: recall 1/2 and 1, F1 2/3 and 1
    absent = predictions([0, 0, 1], [[3, 0, 0], [0, 0, 3], [0, 3, 0]])
    assert METRICS["balanced_accuracy"].compute(absent) == pytest.approx(3 / 4)
    assert METRICS["macro_f1"].compute(absent) == pytest.approx((2 / 3 + 1) / 2)
    assert 0 <= METRICS["auroc"].compute(absent) <= 1


def test_what_the_labels_cannot_define_is_nan() -> None:
    assert np.isnan(METRICS["auroc"].compute(predictions([1, 1], [[0, 1], [1, 0]])))
    nothing = predictions(np.zeros(0, np.int64), np.zeros((0, 2)))
    assert all(np.isnan(each.compute(nothing)) for each in METRICS.values())


def test_a_network_that_diverged_has_no_score() -> None:
    diverged = predictions([0, 1], [[np.nan, 0], [0, 1]])
    for each in METRICS.values():
        with pytest.raises(AfieldError, match="NaN or infinite"):
            each.compute(diverged)


def test_an_unknown_metric_is_answered_with_the_nearest_name() -> None:
    assert metric("auroc").name == "auroc"
    with pytest.raises(InputError, match="did you mean accuracy"):
        metric("acuracy")
