"""Mixed batches in an update: every truth counts by its share, whatever the loss, the weights and the micro-batch."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

from afield.images.batch import Batch
from afield.training.learner import Learner
from afield.training.losses import LOSSES, Loss
from afield.training.numerics import NumericsChoice, numerics_for, settle
from afield.training.preprocessing import Preprocessing
from afield.training.recipe import Recipe

N, CLASSES = 6, 3
EXACT: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-9}
IMAGES = torch.randint(256, (N, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
PARTNER = torch.tensor([3, 0, 2, 5, 1, 4])
SHARE = torch.tensor([0.25, 0.5, 1.0, 0.0, 0.75, 0.375])
CPU = torch.device("cpu")


def batch_of(labels: torch.Tensor, weights: torch.Tensor | None = None) -> Batch:
    return Batch(0, 0, IMAGES, labels, weights, PARTNER, SHARE)


def update(
    batch: Batch, loss: Loss, outputs: int = CLASSES, micro_batch: int | None = None
) -> tuple[float, torch.Tensor]:
    """The sum of the losses of an update, and the gradient that it went by."""
    choice = numerics_for(settle(NumericsChoice(), "cpu"), convolutional=True)
    numerics = choice.model_copy(update={"precision": "float64", "micro_batch": micro_batch or choice.micro_batch})
    torch.manual_seed(0)
    network = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, outputs)).double()
    learner = Learner(network, Recipe(), numerics, Preprocessing((0.5,) * 3, (0.5,) * 3), 0)
    learner.loss = loss
    total = float(learner.update(batch, 1e-3, 0))
    gradient = network[2].weight.grad
    assert isinstance(gradient, torch.Tensor)
    return total, gradient


def soft_labels(logits: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Cross-entropy with the mixed labels themselves; `positions` count the samples."""
    truth = functional.one_hot(torch.tensor([0, 1, 2, 2, 1, 0])).double()
    share = SHARE[:, None].double()
    mixed = share * truth + (1 - share) * truth[PARTNER]
    return functional.cross_entropy(logits, mixed[positions], reduction="none")


def test_cross_entropy_of_mixed_samples_is_that_of_soft_labels() -> None:
    mixed = update(batch_of(torch.tensor([0, 1, 2, 2, 1, 0])), LOSSES["cross-entropy"])
    soft = update(Batch(0, 0, IMAGES, torch.arange(N)), Loss(name="soft", compute=soft_labels))
    assert mixed[0] == pytest.approx(soft[0], rel=1e-6)
    torch.testing.assert_close(mixed[1], soft[1], **EXACT)


@pytest.mark.parametrize("micro_batch", [1, 4])
@pytest.mark.parametrize("name", ["cross-entropy", "smooth-l1"])
def test_partners_may_be_in_another_part_of_the_batch(name: str, micro_batch: int) -> None:
    batch = batch_of(torch.tensor([0, 1, 2, 2, 1, 0]), torch.tensor([2.0, 1, 0.5, 0.5, 1, 1]))
    outputs = 1 if name == "smooth-l1" else CLASSES
    whole, parts = update(batch, LOSSES[name], outputs), update(batch, LOSSES[name], outputs, micro_batch)
    assert parts[0] == pytest.approx(whole[0], rel=1e-9)
    torch.testing.assert_close(parts[1], whole[1], rtol=1e-9, atol=1e-12)


def test_a_truth_counts_by_its_share_and_by_the_weight_of_whose_it_is() -> None:
    labels, weights = torch.tensor([0, 1, 2, 2, 1, 0]), torch.tensor([2.0, 1, 0.5, 0.5, 1, 1])
    (own, first), (others, second) = batch_of(labels, weights).truths(CPU)
    assert torch.equal(own, labels)
    assert torch.equal(others, labels[PARTNER])
    torch.testing.assert_close(first, SHARE * weights)
    torch.testing.assert_close(second, (1 - SHARE) * weights[PARTNER])
    ((alone, ones),) = replace(batch_of(labels), partner=None, share=None).truths(CPU)
    assert torch.equal(alone, labels)
    assert torch.equal(ones, torch.ones(N))


def test_an_unknown_label_teaches_neither_its_sample_nor_its_partner() -> None:
    """The last class is known of no sample: its row of the head's weights gets no gradient."""
    labels = torch.tensor([[1, 0, -1], [0, 1, -1], [1, 1, -1], [0, 0, -1], [1, 0, -1], [0, 1, -1]])
    _, gradient = update(batch_of(labels), LOSSES["bce"])
    assert not gradient[2].any()
    assert gradient[:2].any()


@pytest.mark.parametrize("key", ["mixup", "cutmix", "erasing"])
def test_features_that_are_computed_once_cannot_be_mixed(key: str) -> None:
    with pytest.raises(ValidationError, match=rf'{key}: changes images, and trained = "head"'):
        Recipe.model_validate({"trained": "head", "augmentation": "none", key: 0.5})
