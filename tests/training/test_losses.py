import numpy as np
import pytest
import torch
from torch.nn import functional

from afield.training.losses import mean_loss


def test_one_class_a_sample_is_cross_entropy() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    expected = (np.log1p(np.exp(-2)) + np.log1p(np.exp(1))) / 2
    assert float(mean_loss(logits, torch.tensor([0, 0]))) == pytest.approx(expected)


def test_several_labels_are_binary_cross_entropies_of_what_is_known() -> None:
    logits = torch.tensor([[2.0, -1.0], [0.5, 9.0]], requires_grad=True)
    labels = torch.tensor([[1, 0], [0, -1]])
    loss = mean_loss(logits, labels)
    expected = np.log1p(np.exp([-2.0, -1.0, 0.5])).mean()
    assert float(loss.detach()) == pytest.approx(expected)
    loss.backward()
    assert logits.grad is not None
    assert float(logits.grad[1, 1]) == 0  # nothing is learned from what is unknown


def test_a_mixed_sample_is_taught_both_labels_by_their_shares() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, -1.0]])
    labels, partner = torch.tensor([0, 1, 1]), torch.tensor([2, 0, 1])
    share = torch.tensor([0.25, 0.5, 1.0])
    alone = functional.cross_entropy(logits, labels, reduction="none")
    other = functional.cross_entropy(logits, labels[partner], reduction="none")
    expected = (share * alone + (1 - share) * other).mean()
    torch.testing.assert_close(mean_loss(logits, labels, partner, share), expected)
    probabilities = (
        share[:, None] * functional.one_hot(labels) + (1 - share)[:, None] * functional.one_hot(labels)[partner]
    )
    torch.testing.assert_close(functional.cross_entropy(logits, probabilities), expected, msg="as with soft labels")


def test_of_mixed_labels_what_is_known_counts_by_its_share() -> None:
    """The second sample's second label is unknown, and so teaches its partner nothing either."""
    logits = torch.tensor([[2.0, -1.0], [0.5, 9.0]], requires_grad=True)
    labels, partner = torch.tensor([[1, 0], [0, -1]]), torch.tensor([1, 0])
    share = torch.tensor([0.75, 0.75])
    loss = mean_loss(logits, labels, partner, share)
    positive = np.log1p(np.exp([[-2.0, 1.0], [-0.5, -9.0]]))  # the loss of each label if it is one
    negative = np.log1p(np.exp([[2.0, -1.0], [0.5, 9.0]]))
    total = 0.75 * positive[0, 0] + 0.25 * negative[0, 0] + 0.75 * negative[0, 1]
    total += 0.75 * negative[1, 0] + 0.25 * positive[1, 0] + 0.25 * negative[1, 1]
    assert float(loss.detach()) == pytest.approx(total / (1 + 0.75 + 1 + 0.25))
    nothing = mean_loss(logits, torch.full((2, 2), -1), partner, share)
    assert float(nothing.detach()) == 0


def test_a_sample_mixed_with_itself_alone_is_not_mixed() -> None:
    logits, labels = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
    mixed = mean_loss(logits, labels, torch.arange(4), torch.full((4,), 0.3))
    torch.testing.assert_close(mixed, mean_loss(logits, labels))


def test_a_batch_of_which_nothing_is_known_teaches_nothing() -> None:
    assert float(mean_loss(torch.ones(2, 3), torch.full((2, 3), -1))) == 0
