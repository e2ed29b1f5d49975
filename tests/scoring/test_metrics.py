import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn
from sklearn.calibration import calibration_curve
from sklearn.preprocessing import label_binarize

from afield.base.errors import AfieldError, InputError
from afield.scoring.metrics import METRICS, metric, metric_title
from afield.scoring.panel import fitting
from afield.scoring.predictions import Predictions, select


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


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), n=st.integers(1, 40), classes=st.integers(2, 5))
@settings(max_examples=10, deadline=None)
def test_resampled_equals_compute_on_repeated_samples(seed: int, n: int, classes: int) -> None:
    given_predictions = random_predictions(seed, n, classes)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=8)
    for each in (METRICS[name] for name in (*fitting(classes, ordinal=True), "map_11")):
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
        "qwk": lambda w: sklearn.cohen_kappa_score(many.label, said, weights="quadratic", sample_weight=w),
        "average_precision": lambda w: sklearn.average_precision_score(many.label, positive, sample_weight=w),
        "brier": lambda w: sklearn.brier_score_loss(many.label, positive, sample_weight=w),
    }
    for name, by_sklearn in expected.items():
        resampled = METRICS[name].resampled
        assert resampled is not None
        np.testing.assert_allclose(resampled(many, weights), [by_sklearn(w) for w in weights], rtol=0, atol=1e-12)


def ranked(truths: str) -> Predictions:
    """Two classes; + and - are the samples' labels, the surest of class 1 first, bracketed ones equally sure."""
    labels, scores, score, tied = [], [], 0, False
    for sign in truths:
        if sign in "()":
            tied = sign == "("
            score -= not tied
            continue
        labels.append(int(sign == "+"))
        scores.append((0, score))
        score -= not tied
    return predictions(labels, scores)


@pytest.mark.parametrize(
    ("truths", "average_precision", "map_11"),
    [
        ("+-+-", (1 + 2 / 3) / 2, (6 * 1 + 5 * 2 / 3) / 11),
        ("+(+-)-", (1 + 2 / 3) / 2, (6 * 1 + 5 * 2 / 3) / 11),  # equals count together: two of three
        ("-++", (1 / 2 + 2 / 3) / 2, 2 / 3),  # interpolated: at every recall the best that is still to come
        ("(+--)", 1 / 3, 1 / 3),
        ("--+", 1 / 3, 1 / 3),
        ("++--", 1, 1),
        # recall 0.3 is reached by three of ten: four of the eleven recalls have precision 1
        ("+++-+++++++", (3 + sum(n / (n + 1) for n in range(4, 11))) / 10, (4 + 7 * 10 / 11) / 11),
    ],
)
def test_precision_at_recalls_worked_by_hand(truths: str, average_precision: float, map_11: float) -> None:
    assert METRICS["average_precision"].compute(ranked(truths)) == pytest.approx(average_precision, abs=1e-14)
    assert METRICS["map_11"].compute(ranked(truths)) == pytest.approx(map_11, abs=1e-14)


def test_kappa_worked_by_hand() -> None:
    # said 0 1 1 0 of 0 0 1 2: squares 0 1 0 4, in all 5; by chance (2 2 0 said, 2 1 1 true) 16 / 4
    four = predictions([0, 0, 1, 2], np.eye(3)[[0, 1, 1, 0]])
    assert METRICS["qwk"].compute(four) == pytest.approx(1 - 5 / 4, abs=1e-15)
    assert METRICS["qwk"].compute(predictions([0, 1, 2], np.eye(3))) == 1
    assert METRICS["qwk"].compute(predictions([0, 2], np.eye(3)[[2, 0]])) == -1
    # as good as chance: one class is said, or one is true, and the other varies
    assert METRICS["qwk"].compute(predictions([0, 1, 2], np.eye(3)[[1, 1, 1]])) == 0
    assert METRICS["qwk"].compute(predictions([1, 1, 1], np.eye(3))) == 0


def test_brier_score_worked_by_hand() -> None:
    # P(class 1) is 1/2 and 3/4, labels 1 and 0
    two = predictions([1, 0], [[0, 0], [0, np.log(3)]])
    assert METRICS["brier"].compute(two) == pytest.approx((1 / 4 + 9 / 16) / 2, abs=1e-7)
    # three classes: summed over all of them
    assert METRICS["brier"].compute(predictions([2], [[0, 0, 0]])) == pytest.approx(1 / 9 + 1 / 9 + 4 / 9, abs=1e-15)
    assert METRICS["brier"].compute(predictions([2], [[99, 0, 0]])) == pytest.approx(2, abs=1e-15)


def test_calibration_error_worked_by_hand() -> None:
    # four said with confidence 3/4, two of them right; four with 1/2, all right
    logits = [[np.log(3), 0]] * 4 + [[0, 0]] * 4
    eight = predictions([0, 0, 1, 1, 0, 0, 0, 0], logits)
    assert METRICS["calibration_error"].compute(eight) == pytest.approx((4 * 0.25 + 4 * 0.5) / 8, abs=1e-7)
    # a bin's gaps are summed before they lose their sign: 0.75 and 0.75 with one right of two
    assert METRICS["calibration_error"].compute(select(eight, np.array([0, 2]))) == pytest.approx(0.25, abs=1e-7)
    assert METRICS["calibration_error"].compute(predictions([0], [[99, 0]])) == pytest.approx(0, abs=1e-15)


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), n=st.integers(2, 60), classes=st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_new_metrics_equal_scikit_learn(seed: int, n: int, classes: int) -> None:
    many = random_predictions(seed, n, classes)
    probabilities, said, labels = many.probabilities(), many.logits.argmax(axis=1), np.arange(classes)
    values = {name: each.compute(many) for name, each in METRICS.items()}
    assert values["brier"] == pytest.approx(
        sklearn.brier_score_loss(many.label, probabilities, labels=labels), abs=1e-12
    )
    if len(set(many.label) | set(said)) > 1:
        kappa = sklearn.cohen_kappa_score(many.label, said, labels=labels, weights="quadratic")
        assert values["qwk"] == pytest.approx(kappa, abs=1e-12)
    present = np.unique(many.label)
    if len(present) > 1:
        one_hot = label_binarize(many.label, classes=labels)
        chosen = [0] if classes == 2 else present
        scores = probabilities[:, 1:] if classes == 2 else probabilities
        expected = sklearn.average_precision_score(one_hot[:, chosen], scores[:, chosen], average="macro")
        assert values["average_precision"] == pytest.approx(expected, abs=1e-12)
    # bins of scikit-learn's reliability curve, weighted by their counts
    confidence = probabilities.max(axis=1)
    share, mean = calibration_curve(said == many.label, confidence, n_bins=15)
    counts = [((confidence > low / 15) & (confidence <= (low + 1) / 15)).sum() for low in range(15)]
    filled = np.array([count for count in counts if count])
    assert values["calibration_error"] == pytest.approx((filled * np.abs(share - mean)).sum() / n, abs=1e-12)


@pytest.mark.slow
@given(seed=st.integers(0, 10_000), n=st.integers(1, 40), classes=st.integers(2, 5))
@settings(max_examples=20, deadline=None)
def test_values_lie_in_the_range_of_their_metric(seed: int, n: int, classes: int) -> None:
    many = random_predictions(seed, n, classes)
    for each in METRICS.values():
        least, greatest = each.range
        value = each.compute(many)
        assert np.isnan(value) or least - 1e-12 <= value <= greatest + 1e-12, each.name


def test_eleven_point_precision_is_the_definition() -> None:
    many = random_predictions(6, 90, 4, levels=40)
    scores, means = many.probabilities(), []
    for index in range(4):
        positive, best = many.label == index, []
        for tenths in range(11):
            precisions = []
            for threshold in scores[:, index]:
                found = scores[:, index] >= threshold
                if 10 * (found & positive).sum() >= tenths * positive.sum():
                    precisions.append((found & positive).sum() / found.sum())
            best.append(max(precisions))
        means.append(np.mean(best))
    assert METRICS["map_11"].compute(many) == pytest.approx(np.mean(means), abs=1e-14)


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
    for name in ("average_precision", "map_11"):
        assert np.isnan(METRICS[name].compute(predictions([0, 0], [[0, 1], [1, 0]])))
        assert np.isnan(METRICS[name].compute(predictions([1, 1], [[0, 1], [1, 0]])))  # every ranking would be perfect
    assert np.isnan(METRICS["qwk"].compute(predictions([1, 1], [[0, 1], [0, 1]])))
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


def test_every_metric_has_a_title_without_underscores() -> None:
    titles = [metric_title(name) for name in METRICS]
    assert len(set(titles)) == len(titles)
    assert not any("_" in title for title in titles)
    assert metric_title("qwk") == "quadratic weighted kappa"
