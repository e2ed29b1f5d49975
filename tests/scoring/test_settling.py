"""What is chosen on validation, and what it does to test."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as sklearn

from afield.scoring import settling
from afield.scoring.decisions import by_unit, most_likely, said_of_each
from afield.scoring.intervals import metric_interval
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions
from tests.scoring.test_metrics import predictions, random_predictions
from tests.scoring.test_several import labelled, random_labelled


def best_by_hand(labels, scores) -> float:
    """The best F1 that any threshold gives, by trying all."""
    return max(sklearn.f1_score(labels, scores >= threshold) for threshold in np.unique(scores))


def test_thresholds_by_class_are_the_best_that_there_are() -> None:
    many = random_labelled(0, 200, 3, unknown=0)
    found = METRICS["macro_f1_per_class"].on(many).compute(many)
    expected = [best_by_hand(many.label[:, index], many.logits[:, index]) for index in range(3)]
    assert found == pytest.approx(np.mean(expected), abs=1e-12)
    assert found >= METRICS["macro_f1_global"].on(many).compute(many) >= METRICS["macro_f1"].compute(many)


def test_one_threshold_is_the_best_of_all_that_could_be() -> None:
    many = random_labelled(1, 100, 2, unknown=0)
    expected = max(
        np.mean([sklearn.f1_score(many.label[:, index], many.logits[:, index] >= t) for index in range(2)])
        for t in np.unique(many.logits)
    )
    assert METRICS["macro_f1_global"].on(many).compute(many) == pytest.approx(expected, abs=1e-12)


def test_a_class_of_a_handful_of_samples_gets_no_threshold_of_its_own() -> None:
    generator = np.random.default_rng(0)
    labels = np.zeros((400, 2), np.int64)
    labels[:200, 0] = 1
    labels[: settling.LEAST_SUPPORT - 1, 1] = 1
    logits = generator.normal(size=(400, 2)) + 2 * labels
    few = labelled(labels, logits)
    shifts = (few.logits - settling.class_thresholds(few)(few).logits)[0]
    shared = (few.logits - settling.global_threshold(few)(few).logits)[0]
    assert shifts[1] == pytest.approx(shared[1], abs=1e-6)
    enough = labelled(np.vstack([labels, [[0, 1]]]), np.vstack([few.logits, [[-1, 3]]]))
    assert settling.class_thresholds(enough)(enough).logits.shape == (401, 2)


def test_thresholds_by_ratio_say_each_class_as_often_as_it_is_there() -> None:
    logits = np.random.default_rng(2).normal(size=(300, 4)).astype(np.float32)  # without ties
    many = replace(random_labelled(2, 300, 4, unknown=0.2), logits=logits)
    said = said_of_each(settling.ratio_thresholds(many)(many))
    for index in range(4):
        positive, known = many.truth(index)
        assert said[known, index].sum() == positive.sum() > 0
    none = replace(many, label=np.where(np.arange(4) == 3, np.minimum(many.label, 0), many.label))
    shifts, shared = (
        (many.logits - settle(none)(many).logits)[0]
        for settle in (settling.ratio_thresholds, settling.global_threshold)
    )
    assert shifts[3] == pytest.approx(shared[3], abs=1e-6)
    # by hand: two of five have it, so what is not below the second highest logit is said
    five = labelled([[1], [0], [1], [0], [0]], [[-3.0], [-1.0], [-2.0], [-5.0], [-4.0]])
    assert said_of_each(settling.ratio_thresholds(five)(five)).ravel().tolist() == [False, True, True, False, False]
    assert METRICS["macro_f1_by_ratio"].on(five).compute(five) == pytest.approx(0.5)


def test_test_is_decided_with_the_thresholds_of_validation() -> None:
    validation = labelled([[1]] * 10 + [[0]] * 10, [[-1.0]] * 10 + [[-3.0]] * 10)
    test = labelled([[1], [1], [0]], [[-0.9], [-1.1], [-2]])
    settled = settling.class_thresholds(validation)(test)
    assert said_of_each(settled).ravel().tolist() == [True, False, False]
    metric = METRICS["macro_f1_per_class"].on(validation)
    assert metric.compute(test) == pytest.approx(2 / 3)
    assert metric.settle is None
    assert metric.on(test) is metric  # settled once
    assert METRICS["accuracy"].on(validation) is METRICS["accuracy"]


def test_the_operating_point_keeps_its_specificity_on_validation() -> None:
    many = random_predictions(3, 400, 2, levels=100)
    settled = settling.operating_point(many)(many)
    negatives = many.label == 0
    assert (most_likely(settled)[negatives] == 0).mean() >= settling.SPECIFICITY
    # no lower bound would keep it: of the negatives below the bound one more would have to be let go
    least = np.sort((many.logits[:, 1] - many.logits[:, 0])[negatives])
    assert (least < least[int(np.ceil(settling.SPECIFICITY * len(least))) - 1]).mean() < settling.SPECIFICITY
    sensitivity = METRICS["sensitivity_at_90"].on(many)
    assert sensitivity.compute(many) == np.mean(most_likely(settled)[many.label == 1] == 1)
    interval = metric_interval(sensitivity, many)
    assert interval.low < interval.value < interval.high


@pytest.mark.slow
def test_scaling_mends_what_is_too_sure_and_changes_no_decision() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 3000)
    honest = generator.normal(size=(3000, 3)) * 0.7 + np.eye(3)[labels] * 1.5
    sharp = predictions(labels, 5 * honest)
    scaled = settling.temperature(sharp)(sharp)
    np.testing.assert_array_equal(most_likely(scaled), most_likely(sharp))
    for name in ("log_loss", "calibration_error"):
        assert METRICS[f"{name}_scaled"].on(sharp).compute(sharp) < METRICS[name].compute(sharp)
    # the least log-loss of all temperatures, by trying
    grid = [METRICS["log_loss"].compute(predictions(labels, 5 * honest / t)) for t in np.geomspace(0.1, 20, 300)]
    assert METRICS["log_loss_scaled"].on(sharp).compute(sharp) == pytest.approx(min(grid), abs=1e-4)


def test_units_are_scored_by_the_mean_of_their_samples() -> None:
    logits = np.log([[0.9, 0.1], [0.3, 0.7], [0.45, 0.55], [0.2, 0.8]])
    four = predictions([0, 0, 0, 1], logits)
    four = replace(four, unit=np.array(["a", "a", "b", "c"]), cluster=np.array(["a", "a", "b", "c"]))
    merged, first = by_unit(four)
    np.testing.assert_allclose(merged.probabilities(), [[0.6, 0.4], [0.45, 0.55], [0.2, 0.8]], atol=1e-6)
    assert first.tolist() == [0, 2, 3]
    metric = METRICS["accuracy_by_unit"]
    assert metric.compute(four) == pytest.approx(2 / 3)
    assert metric.resampled is not None
    weights = np.array([[1, 1, 1, 1], [2, 2, 0, 1]], np.float64)
    assert metric.resampled(four, weights).tolist() == [pytest.approx(2 / 3), 1.0]


def test_a_unit_has_the_label_that_most_of_its_samples_have() -> None:
    five = predictions([1, 1, 0, 1, 0], np.zeros((5, 2)))
    five = replace(five, unit=np.array(["a", "a", "a", "b", "b"]))
    merged, _ = by_unit(five)
    assert merged.label.tolist() == [1, 0]


@pytest.mark.parametrize("name", [name for name, each in METRICS.items() if each.settle is not None])
def test_validation_that_cannot_settle_leaves_things_as_they_are(name: str) -> None:
    several = name.startswith("macro_f1")
    none = labelled(np.zeros((3, 2), np.int64), np.zeros((3, 2))) if several else predictions([1, 1], [[0, 1], [1, 0]])
    test = random_labelled(0, 30, 2) if several else random_predictions(0, 30, 2)
    settle = METRICS[name].settle
    assert settle is not None
    if "scaled" not in name:
        np.testing.assert_array_equal(_decided(settle(none)(test)), _decided(test))


def _decided(said: Predictions):
    return said_of_each(said) if said.several else most_likely(said)
