"""The linear probe against an independent one, and what it may depend on."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from afield.base.errors import Stopped
from afield.probing import probe as probing
from afield.probing.probe import PENALTIES, fit_probe, kept_probe


def clusters(samples: int = 90, classes: int = 3, features: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    """Features around a centre a class, on very different scales, one of which never varies."""
    generator = np.random.default_rng(0)
    labels = np.arange(samples) % classes
    centres = generator.normal(size=(classes, features))
    found = (centres[labels] + generator.normal(size=(samples, features))) * 10.0 ** np.arange(-2, features - 2)
    found[:, 0] = 5.0
    return torch.from_numpy(found.astype(np.float32)), torch.from_numpy(labels)


def says(labels: torch.Tensor):
    """A measure: accuracy and log-loss of classes."""

    def measure(logits):
        loss = float(torch.nn.functional.cross_entropy(torch.from_numpy(logits), labels))
        return float((logits.argmax(axis=1) == labels.numpy()).mean()), loss

    return measure


@pytest.mark.parametrize("penalty", [1.0, 1e-2, 1e-4])
def test_it_is_the_logistic_regression_of_scikit_learn(penalty: float, monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = clusters()
    monkeypatch.setattr(probing, "PENALTIES", (penalty,))
    probe = fit_probe(features, labels, 3, features, says(labels))
    standard = (features - features.mean(0)) / features.std(0, correction=0).where(features.std(0) > 0, torch.ones(6))
    reference = LogisticRegression(C=1 / (len(labels) * penalty), tol=1e-10, max_iter=10_000).fit(standard, labels)
    expected = reference.predict_log_proba(standard)
    torch.testing.assert_close(
        probe.logits(features).log_softmax(1).double(), torch.from_numpy(expected), rtol=1e-3, atol=1e-3
    )


def test_the_penalty_is_the_best_on_validation_and_of_equals_the_strongest() -> None:
    features, labels = clusters()
    seen: list[float] = []

    def measure(logits):
        seen.append(len(seen))
        return (1.0, 0.5) if len(seen) in (3, 4) else (0.5, 0.1)

    assert fit_probe(features, labels, 3, features, measure).penalty == PENALTIES[2]
    assert len(seen) == len(PENALTIES)


def test_of_equal_metrics_the_smaller_log_loss_decides() -> None:
    features, labels = clusters()
    losses = iter([0.5, 0.4, 0.3, 0.2, 0.3, 0.4])
    assert fit_probe(features, labels, 3, features, lambda logits: (1.0, next(losses))).penalty == PENALTIES[3]


def test_several_labels_are_one_regression_each_on_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    features, classes = clusters()
    labels = torch.stack([(classes == 0).long(), (classes != 1).long(), torch.full_like(classes, -1)], dim=1)
    labels[::4, 0] = -1
    monkeypatch.setattr(probing, "PENALTIES", (1e-2,))
    probe = fit_probe(features, labels, 3, features, lambda logits: (1.0, 0.0))
    standard = (features - features.mean(0)) / features.std(0, correction=0).where(features.std(0) > 0, torch.ones(6))
    for place in (0, 1):
        known = labels[:, place] >= 0
        reference = LogisticRegression(C=1 / (int(known.sum()) * 1e-2), tol=1e-10, max_iter=10_000)
        reference.fit(standard[known], labels[known, place])
        expected = reference.decision_function(standard)
        torch.testing.assert_close(
            probe.logits(features)[:, place].double(), torch.from_numpy(expected), rtol=1e-3, atol=1e-3
        )
    assert not probe.weight[2].any()
    assert probe.bias[2] == 0


@pytest.mark.slow
def test_the_same_bits_twice_and_a_stop_leaves_nothing(tmp_path) -> None:
    features, labels = clusters()

    def fit(stop=lambda: False):
        return fit_probe(features, labels, 3, features, says(labels), stop)

    asked = iter(range(1000))
    with pytest.raises(Stopped):
        kept_probe(tmp_path, {"a": 1}, lambda: fit(lambda: next(asked) == 9), lambda: False)
    first = kept_probe(tmp_path, {"a": 1}, fit, lambda: False)
    again = kept_probe(tmp_path, {"a": 1}, lambda: pytest.fail("it is there"), lambda: False)
    other = fit()
    for one in (again, other):
        assert torch.equal(first.weight, one.weight)
        assert torch.equal(first.bias, one.bias)
        assert first.penalty == one.penalty
