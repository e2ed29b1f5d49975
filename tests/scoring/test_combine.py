"""Several predictions as one: means of probabilities and ranks, and what they must and must not change."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax

from afield.base.errors import InputError
from afield.scoring.combine import combined
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions, select


def predictions(logits: np.ndarray, label: Sequence | np.ndarray | None = None) -> Predictions:
    """Of samples s0, s1, ..., each its own unit and cluster."""
    n, classes = logits.shape
    names = np.array([f"s{number}" for number in range(n)])
    labels = np.arange(n) % classes if label is None else np.asarray(label)
    return Predictions(tuple("abcdefgh"[:classes]), names, names, names, labels, logits.astype(np.float32))


def noisy(members: int, n: int = 400, classes: int = 3, seed: int = 5) -> list[Predictions]:
    """Members that all know a little, each with noise of its own."""
    generator = np.random.default_rng(seed)
    label = generator.integers(classes, size=n)
    signal = np.eye(classes)[label]
    return [predictions(signal + generator.normal(0, 1.2, (n, classes)), label) for _ in range(members)]


def several(members: int, n: int = 50, classes: int = 4) -> list[Predictions]:
    generator = np.random.default_rng(6)
    label = generator.integers(-1, 2, size=(n, classes))
    return [predictions(generator.normal(0, 4, (n, classes)), label) for _ in range(members)]


@pytest.mark.slow
@given(count=st.integers(1, 5), seed=st.integers(0, 99), scale=st.sampled_from([1e-6, 1.0, 60.0]))
def test_identical_members_give_their_own_logits_bit_for_bit(count: int, seed: int, scale: float) -> None:
    generator = np.random.default_rng(seed)
    logits = scale * generator.normal(size=(20, 3))
    one = predictions(logits)
    many = predictions(logits, generator.integers(-1, 2, size=(20, 3)))
    for member in (one, many):
        assert combined(count * [member]).logits.tobytes() == member.logits.tobytes()


def test_probabilities_are_the_mean_of_the_members() -> None:
    members = noisy(4)
    expected = np.mean([softmax(each.logits.astype(np.float64), axis=1) for each in members], axis=0)
    np.testing.assert_allclose(combined(members).probabilities(), expected, atol=1e-6)
    members = several(4)
    expected = np.mean([expit(each.logits.astype(np.float64)) for each in members], axis=0)
    np.testing.assert_allclose(combined(members).probabilities(), expected, atol=1e-6)


def test_an_ensemble_of_noisy_members_beats_the_mean_member() -> None:
    members = noisy(8)
    together = combined(members)
    for name, sign in (("accuracy", 1), ("auroc", 1), ("log_loss", -1), ("brier", -1)):
        alone = np.mean([METRICS[name].compute(each) for each in members])
        assert sign * METRICS[name].compute(together) > sign * alone, name


def test_samples_are_matched_by_name_not_by_place() -> None:
    first, second = noisy(2)
    order = np.random.default_rng(1).permutation(len(second.sample))
    mixed = combined([first, select(second, order)])
    assert mixed.sample.tolist() == first.sample.tolist()
    assert mixed.logits.tobytes() == combined([first, second]).logits.tobytes()


def test_ranks_leave_out_how_sure_a_member_is() -> None:
    loud, quiet = noisy(2, classes=2)
    louder = replace(loud, logits=loud.logits * 8)  # the same order of samples
    assert combined([louder, quiet], "ranks").logits.tobytes() == combined([loud, quiet], "ranks").logits.tobytes()
    assert combined([louder, quiet]).logits.tobytes() != combined([loud, quiet]).logits.tobytes()
    auroc = METRICS["auroc"].compute
    assert auroc(combined([loud, loud], "ranks")) == auroc(loud)
    labels = several(1)[0]
    ranked = combined([labels, labels], "ranks").probabilities()
    assert ranked[:, 0].argmax() == labels.logits[:, 0].argmax()
    assert 0 < ranked.min() < ranked.max() < 1


def test_ties_share_their_rank() -> None:
    flat = predictions(np.zeros((4, 2)))
    np.testing.assert_allclose(combined([flat], "ranks").probabilities(), 0.5)


def test_what_cannot_be_joined_is_refused() -> None:
    first, second = noisy(2)
    fewer = select(second, np.arange(len(second.sample) - 1))
    with pytest.raises(InputError, match=r"different samples .*sample s399 is in one alone"):
        combined([first, fewer])
    with pytest.raises(InputError, match=r"different samples .*one has samples that the other lacks"):
        combined([fewer, first])
    with pytest.raises(InputError, match="disagree on classes or labels"):
        combined([first, replace(second, label=(second.label + 1) % 3)])
    with pytest.raises(InputError, match="orders samples by one class, and there are 3"):
        combined([first, second], "ranks")
    with pytest.raises(InputError, match="at least one member"):
        combined([])
