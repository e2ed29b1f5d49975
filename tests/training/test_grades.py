"""A network of one output: what it learns from, and what it says of grades."""

import copy

import numpy as np
import torch
from torch import nn

from afield.training.grades import OFFSETS, cut_points, grade_logits, with_grades


def test_it_trains_on_its_output_and_says_logits() -> None:
    network = with_grades(nn.Linear(3, 1), 4)
    images = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    assert network.train()(images).shape == (5, 1)
    raw, logits = network(images), network.eval()(images)
    assert logits.shape == (5, 4)
    torch.testing.assert_close(logits[:, 1] + 0.5, raw[:, 0])  # what the network gave can be had back
    nearest = raw[:, 0].round().clamp(0, 3).long()
    assert torch.equal(logits.argmax(dim=1), nearest)


def test_cut_points_travel_with_the_tensors() -> None:
    network, other = (with_grades(nn.Linear(2, 1), 3) for _ in range(2))
    tensors = network.state_dict()
    tensors[OFFSETS] = torch.tensor([0.0, 0.25, -0.25])
    other.load_state_dict(tensors)
    assert np.allclose(cut_points(other.get_buffer(OFFSETS).numpy()), [0.75, 1.0])
    outputs = torch.tensor([[0.7], [0.8], [1.1]])
    assert grade_logits(outputs, other.get_buffer(OFFSETS)).argmax(dim=1).tolist() == [0, 1, 2]


def test_probabilities_of_neighbours_follow_the_distance_from_their_cut_point() -> None:
    logits = grade_logits(torch.tensor([[1.7]]), torch.zeros(3)).double()
    log_probabilities = logits.log_softmax(dim=1)[0]
    torch.testing.assert_close(
        log_probabilities.diff(), torch.tensor([1.2, 0.2], dtype=torch.float64), atol=1e-6, rtol=0
    )


def test_copies_say_logits_too() -> None:
    """As an average of the weights is one."""
    network = copy.deepcopy(with_grades(nn.Linear(2, 1), 3)).eval()
    assert network(torch.zeros(1, 2)).shape == (1, 3)
