"""Balance and ordinal losses on constructed sets: they help where they should, and do nothing where they should not."""

from pathlib import Path

import numpy as np
import pytest
import torch

from afield.base.errors import InputError
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions
from afield.training.grades import OFFSETS, cut_points
from tests.fixtures.constructed import Set, constructed, trained

WAYS = ("loss", "sampler", "focal", "logit-adjust")
EVEN = {"validation": (150, 150), "test": (150, 150)}


def value(metric: str, test: Predictions) -> float:
    return METRICS[metric].compute(test)


@pytest.fixture(scope="module")
def rare(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Set:
    counts = {"train": (1000, 20), **EVEN}
    return constructed(tmp_path_factory.mktemp("rare") / "set", cache, counts, step=30, spread=16)


@pytest.fixture(scope="module")
def even(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Set:
    counts = {"train": (250, 250), **EVEN}
    return constructed(tmp_path_factory.mktemp("even") / "set", cache, counts, step=30, spread=16)


@pytest.fixture(scope="module")
def grades(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Set:
    """As many of each as in the grades of diabetic retinopathy, more or less."""
    counts = dict.fromkeys(("train", "validation", "test"), (200, 45, 110, 20, 35))
    return constructed(tmp_path_factory.mktemp("grades") / "set", cache, counts, step=22, spread=20, ordinal=True)


@pytest.mark.slow
def test_balance_helps_where_one_class_is_fifty_times_as_large(rare: Set) -> None:
    plain = trained(rare, "accuracy", epochs=6)[2]
    for balance in WAYS:
        helped = trained(rare, "accuracy", epochs=6, balance=balance)[2]
        for metric in ("balanced_accuracy", "macro_f1"):
            assert value(metric, helped) > value(metric, plain) + 0.1, (balance, metric)


@pytest.mark.slow
def test_balance_does_nothing_where_classes_are_of_one_size(even: Set) -> None:
    plain = trained(even, "accuracy", epochs=6)[2]
    same = trained(even, "accuracy", epochs=6, balance="loss")[2]
    assert np.array_equal(same.logits, plain.logits), "all weights are 1"
    focal = trained(even, "accuracy", epochs=6, loss="focal")[2]
    assert np.array_equal(trained(even, "accuracy", epochs=6, balance="focal")[2].logits, focal.logits)
    for balance in ("sampler", "logit-adjust"):
        found = trained(even, "accuracy", epochs=6, balance=balance)[2]
        assert abs(value("balanced_accuracy", found) - value("balanced_accuracy", plain)) < 0.03, balance


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["smooth-l1", "mse"])
def test_an_ordinal_loss_helps_the_kappa_of_grades(grades: Set, loss: str) -> None:
    _, _, plain = trained(grades, "qwk", epochs=12)
    state, validation, helped = trained(grades, "qwk", epochs=12, loss=loss)
    assert value("qwk", helped) > value("qwk", plain) + 0.03
    assert state.best is not None
    assert torch.equal(state.best.logits, torch.from_numpy(validation.logits)), "what is kept says what was validated"
    assert value("qwk", validation) == state.best.metric
    offsets = state.best.network[OFFSETS].numpy()
    assert np.array_equal(np.argsort(cut_points(offsets)), range(4)), "cut points rise"
    halves = Predictions(**{**vars(validation), "logits": validation.logits + offsets})
    assert value("qwk", validation) >= value("qwk", halves)
    for metric in ("log_loss", "brier", "calibration_error"):
        assert np.isfinite(value(metric, helped)), metric


@pytest.mark.slow
def test_an_ordinal_loss_is_refused_on_classes_without_an_order(even: Set) -> None:
    with pytest.raises(InputError, match=r"loss = mse: is for grades in an order, and this task has classes without"):
        trained(even, "accuracy", loss="mse")
