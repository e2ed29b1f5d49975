"""The weights of samples: from the table to the loss, where each counts as often as it says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from afield.images.batch import Batch
from afield.images.loader import TrainingBatches
from afield.training.learner import Learner
from afield.training.losses import LOSSES
from afield.training.numerics import NumericsChoice, numerics_for, settle
from afield.training.preprocessing import Preprocessing
from afield.training.recipe import Recipe
from afield.trial.inputs import SplitInputs
from tests.fixtures.tiny import tiny_inputs


def test_a_batch_carries_the_weights_of_its_samples_scaled_to_a_mean_of_1(photos: Path, cache: Path) -> None:
    _, splits = tiny_inputs(photos, cache)
    plain = splits["train"]
    given = np.arange(1, len(plain.table) + 1, dtype=np.float64)
    split = SplitInputs(plain.table.assign(weight=given), plain.images, plain.row)
    samples = split.samples()
    assert samples.weight is not None
    assert samples.weight.mean() == pytest.approx(1, abs=1e-6)
    batches = TrainingBatches(samples, 32, "bicubic", 5, 3, "none", ())
    batch = batches[0, 1]
    assert batch.weights is not None
    np.testing.assert_allclose(batch.weights, given[batches.chosen((0, 1))] / given.mean(), rtol=1e-6)
    assert TrainingBatches(plain.samples(), 32, "bicubic", 5, 3, "none", ())[0, 1].weights is None


def test_a_sample_of_weight_2_counts_as_two_of_it() -> None:
    """The gradient of weights (2, 1), whose mean is 3 / 2, is that of the first sample twice and the second once."""
    numerics = numerics_for(settle(NumericsChoice(), "cpu"), convolutional=True).model_copy(
        update={"precision": "float64"}
    )
    images = torch.randint(256, (2, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1])

    def gradient(batch: Batch) -> torch.Tensor:
        torch.manual_seed(0)
        network = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 2)).double()
        learner = Learner(network, Recipe(), numerics, Preprocessing((0.5,) * 3, (0.5,) * 3), 0)
        learner.loss = LOSSES["cross-entropy"]
        learner.update(batch, 1e-3, 0)
        grad = network[2].weight.grad
        assert isinstance(grad, torch.Tensor)
        return grad

    weighed = gradient(Batch(0, 0, images, labels, torch.tensor([4 / 3, 2 / 3], dtype=torch.float64)))
    twice = gradient(Batch(0, 0, images[[0, 0, 1]], labels[[0, 0, 1]]))
    torch.testing.assert_close(weighed, twice, rtol=1e-12, atol=1e-15)
