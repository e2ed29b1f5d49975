import numpy as np
import pytest
import torch

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


def test_a_batch_of_which_nothing_is_known_teaches_nothing() -> None:
    assert float(mean_loss(torch.ones(2, 3), torch.full((2, 3), -1))) == 0
