"""What is counted in the training split, and what comes of it."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from afield.training.balance import EFFECTIVE, Counts, alike, class_weights, count, label_weights, log_prior

CLASSES = np.repeat([0, 1, 2], [50, 7, 1])


def test_class_weights_are_scikit_learns_and_have_a_mean_of_1() -> None:
    weights = class_weights(count(CLASSES, 3))
    np.testing.assert_allclose(weights, compute_class_weight("balanced", classes=np.arange(3), y=CLASSES), rtol=1e-12)
    assert weights[CLASSES].mean() == pytest.approx(1)


def test_effective_numbers_are_those_of_their_formula() -> None:
    weights = class_weights(count(CLASSES, 3), effective=True)
    effective = (1 - EFFECTIVE ** np.array([50, 7, 1])) / (1 - EFFECTIVE)
    np.testing.assert_allclose(weights / weights[0], effective[0] / effective, rtol=1e-12)
    assert weights[CLASSES].mean() == pytest.approx(1)


def test_unknown_labels_are_counted_nowhere() -> None:
    labels = np.array([[1, 0], [0, -1], [1, -1], [1, 1]])
    counts = count(labels, 2)
    assert (counts.has.tolist(), counts.has_not.tolist()) == ([3, 1], [1, 1])
    weights = label_weights(counts)
    np.testing.assert_allclose(weights, np.array([[2, 1], [2 / 3, 1]]))
    known = labels[:, 0] >= 0
    assert weights[labels[known, 0], 0].mean() == pytest.approx(1)


def test_a_label_that_all_samples_have_has_finite_weights() -> None:
    assert np.isfinite(label_weights(Counts(np.array([5]), np.array([0])))).all()


@pytest.mark.parametrize("effective", [True, False])
def test_a_label_of_which_nothing_is_known_weighs_nothing(effective: bool) -> None:
    """Its losses are left out, but 0 times a weight that is no number would be none."""
    assert label_weights(Counts(np.array([0, 2]), np.array([0, 2])), effective=effective)[:, 0].tolist() == [0, 0]


def test_priors_are_shares_of_the_samples() -> None:
    np.testing.assert_allclose(np.exp(log_prior(count(CLASSES, 3))), np.array([50, 7, 1]) / 58)


def test_a_sample_of_several_labels_belongs_to_the_rarest_that_it_has() -> None:
    labels = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0], [-1, 1, 0]])
    assert alike(labels, 3).group.tolist() == [0, 0, 2, 3, 1]  # labels 0 and 1 are equally rare: the first
    assert alike(CLASSES, 3).group is CLASSES
