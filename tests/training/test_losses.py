"""Losses against torch's and torchvision's own functions and by hand; what is refused, and how."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional
from torchvision.ops import sigmoid_focal_loss

from afield.base.errors import InputError
from afield.tasks.kinds import Target
from afield.training.balance import count
from afield.training.losses import LOSSES, Loss, check_loss, loss_for
from afield.training.recipe import BUILT_IN_LOSSES, Recipe

EXACT: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-6}
GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(12, 4, generator=GENERATOR) * 3
CLASSES = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3])
LABELS = torch.randint(0, 2, (12, 4), generator=GENERATOR)


def made(target: Target = "class", truth: torch.Tensor | None = None, **recipe: object) -> Loss:
    """The loss of a recipe whose training split is the labels above."""
    labels = LABELS if target == "labels" else CLASSES
    return loss_for(Recipe.model_validate(recipe), target, count((labels if truth is None else truth).numpy(), 4))


def test_the_names_of_the_recipe_are_the_losses() -> None:
    assert tuple(LOSSES) == BUILT_IN_LOSSES


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_torchs(smoothing: float) -> None:
    expected = functional.cross_entropy(LOGITS, CLASSES, reduction="none", label_smoothing=smoothing)
    torch.testing.assert_close(made(label_smoothing=smoothing).compute(LOGITS, CLASSES), expected, **EXACT)


def test_cross_entropy_by_hand() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    found = made().compute(logits, torch.tensor([0, 0]))
    assert found.tolist() == pytest.approx([math.log1p(math.exp(-2)), math.log1p(math.exp(1))])


def test_several_labels_are_torchs_binary_cross_entropies() -> None:
    expected = functional.binary_cross_entropy_with_logits(LOGITS, LABELS.float(), reduction="none").mean(dim=1)
    torch.testing.assert_close(made("labels").compute(LOGITS, LABELS), expected, **EXACT)
    smooth = functional.binary_cross_entropy_with_logits(LOGITS, LABELS * 0.8 + 0.1, reduction="none").mean(dim=1)
    torch.testing.assert_close(made("labels", label_smoothing=0.2).compute(LOGITS, LABELS), smooth, **EXACT)


def test_what_is_unknown_teaches_nothing_and_every_known_label_counts_alike() -> None:
    logits = torch.tensor([[2.0, -1.0], [0.5, 9.0]], requires_grad=True)
    for loss in (LOSSES["bce"], LOSSES["focal"]):
        found = loss.compute(logits, torch.tensor([[1, 0], [0, -1]]))
        (gradient,) = torch.autograd.grad(found.sum(), logits)
        assert float(gradient[1, 1]) == 0
        assert (gradient.flatten()[:3] != 0).all()
    found = LOSSES["bce"].compute(logits, torch.tensor([[1, 0], [0, -1]]))
    hand = np.log1p(np.exp([-2.0, -1.0, 0.5]))
    assert found.tolist() == pytest.approx([(hand[0] + hand[1]) / 2, hand[2] / 2])
    assert LOSSES["bce"].compute(logits, torch.full((2, 2), -1)).tolist() == [0, 0]


def test_bce_of_classes_is_one_against_the_rest() -> None:
    truth = functional.one_hot(CLASSES, 4).float()
    expected = functional.binary_cross_entropy_with_logits(LOGITS, truth, reduction="none").mean(dim=1)
    torch.testing.assert_close(made(loss="bce").compute(LOGITS, CLASSES), expected, **EXACT)


@pytest.mark.parametrize("gamma", [0.0, 1.5, 2.0])
def test_focal_of_labels_is_torchvisions(gamma: float) -> None:
    expected = sigmoid_focal_loss(LOGITS, LABELS.float(), alpha=-1, gamma=gamma, reduction="none").mean(dim=1)
    found = made("labels", loss="focal", focal_gamma=gamma).compute(LOGITS, LABELS)
    torch.testing.assert_close(found, expected, **EXACT)


def test_focal_of_classes_by_hand() -> None:
    """Of probability p the loss is -(1 - p) ** gamma * log p; with gamma 0 it is cross-entropy."""
    logits = torch.tensor([[0.9, 0.1], [0.25, 0.75]]).log()
    found = made(loss="focal").compute(logits, torch.tensor([0, 0]))
    assert found.tolist() == pytest.approx([-(0.1**2) * math.log(0.9), -(0.75**2) * math.log(0.25)], rel=1e-5)
    plain = made(loss="focal", focal_gamma=0.0).compute(LOGITS, CLASSES)
    torch.testing.assert_close(plain, functional.cross_entropy(LOGITS, CLASSES, reduction="none"), **EXACT)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_focal_has_a_finite_slope_where_the_network_is_sure(gamma: float) -> None:
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    found = made(loss="focal", focal_gamma=gamma).compute(logits, torch.tensor([0, 0]))
    (gradient,) = torch.autograd.grad(found.sum(), logits)
    assert bool(torch.isfinite(found).all())
    assert bool(torch.isfinite(gradient).all())


def test_grades_are_regressed_as_torch_does() -> None:
    outputs, grades = LOGITS[:, :1], CLASSES.float()
    for name, function in (("smooth-l1", functional.smooth_l1_loss), ("mse", functional.mse_loss)):
        expected = function(outputs[:, 0], grades, reduction="none")
        torch.testing.assert_close(made("grade", loss=name).compute(outputs, CLASSES), expected, **EXACT)
    by_hand = made("grade", loss="smooth-l1").compute(torch.tensor([[0.5], [3.0]]), torch.tensor([0, 1]))
    assert by_hand.tolist() == [0.125, 1.5]


def test_balanced_loss_is_torchs_weighted_one_scaled_to_the_same_size() -> None:
    """Class weights n / (classes * n_c), as scikit-learn's `balanced`; their mean over the training split is 1."""
    weights = torch.tensor([12 / (4 * n) for n in (6, 3, 2, 1)])
    expected = functional.cross_entropy(LOGITS, CLASSES, weight=weights, reduction="none")
    torch.testing.assert_close(made(balance="loss").compute(LOGITS, CLASSES), expected, **EXACT)
    assert float(weights[CLASSES].mean()) == pytest.approx(1)


def test_balanced_labels_weigh_as_torchs_pos_weight_does() -> None:
    has = LABELS.sum(dim=0)
    pos_weight, scale = (12 - has) / has, 12 / (2 * (12 - has))
    losses = functional.binary_cross_entropy_with_logits(
        LOGITS, LABELS.float(), pos_weight=pos_weight, reduction="none"
    )
    expected = (losses * scale).mean(dim=1)
    torch.testing.assert_close(made("labels", balance="loss").compute(LOGITS, LABELS), expected, **EXACT)


def test_balanced_focal_weighs_by_the_effective_number() -> None:
    inverse = torch.tensor([(1 - 0.999) / (1 - 0.999**n) for n in (6, 3, 2, 1)])
    weights = inverse / inverse[CLASSES].mean()
    plain = made(loss="focal").compute(LOGITS, CLASSES)
    torch.testing.assert_close(made(balance="focal").compute(LOGITS, CLASSES), plain * weights[CLASSES], **EXACT)


def test_logits_are_adjusted_by_the_logarithms_of_the_priors() -> None:
    prior = torch.tensor([6, 3, 2, 1]) / 12
    expected = functional.cross_entropy(LOGITS + prior.log(), CLASSES, reduction="none")
    torch.testing.assert_close(made(balance="logit-adjust").compute(LOGITS, CLASSES), expected, **EXACT)


@pytest.mark.parametrize("balance", ["loss", "focal", "logit-adjust"])
def test_classes_of_one_size_are_left_as_they_are(balance: str) -> None:
    even = torch.arange(12) % 4
    plain: dict[str, Any] = {"loss": "focal"} if balance == "focal" else {}
    expected = made(**plain).compute(LOGITS, even)
    found = made(truth=even, balance=balance).compute(LOGITS, even)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"loss": "focall"}, "loss: focall: unknown loss; did you mean focal"),
        ({"loss": "mse", "balance": "focal"}, 'balance: focal is a loss of its own beside loss = "mse"; take one'),
        ({"loss": "bce", "balance": "logit-adjust"}, 'balance: logit-adjust changes cross-entropy, not loss = "bce"'),
        ({"loss": "focal", "label_smoothing": 0.1}, "label_smoothing: is for cross-entropy and bce; leave it at 0"),
        ({"balance": "focal", "label_smoothing": 0.1}, "label_smoothing: is for cross-entropy and bce"),
        ({"loss": "my_lab:mine", "label_smoothing": 0.1}, "label_smoothing: is for cross-entropy and bce"),
        ({"focal_gamma": 1.0}, 'focal_gamma: is of loss = "focal" and balance = "focal"; leave it at 2'),
    ],
)
def test_keys_that_contradict_each_other_are_refused(recipe: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Recipe.model_validate(recipe)


@pytest.mark.parametrize(
    ("recipe", "target", "words"),
    [
        ({"loss": "mse"}, "class", "eyes: loss = mse: is for grades in an order, and this task has classes without an"),
        ({"loss": "smooth-l1"}, "labels", "this task has several labels a sample; those that fit: bce, focal"),
        ({"loss": "cross-entropy"}, "labels", "is for classes without an order or grades in an order"),
        ({"balance": "logit-adjust"}, "labels", "is for one class a sample, .* use loss, sampler or focal"),
    ],
)
def test_a_loss_that_is_not_for_a_task_is_refused(recipe: dict[str, object], target: Target, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_loss("eyes", target, Recipe.model_validate(recipe))


def test_ones_own_loss_is_weighed_by_class_but_not_by_label() -> None:
    own = Loss(compute=lambda logits, labels: logits.sum(dim=1), targets=("class", "labels"))
    recipe = Recipe(loss="my_lab:mine", balance="loss")
    found = loss_for(recipe, "class", count(CLASSES.numpy(), 4), own).compute(LOGITS, CLASSES)
    weights = torch.tensor([12 / (4 * n) for n in (6, 3, 2, 1)])
    torch.testing.assert_close(found, LOGITS.sum(dim=1) * weights[CLASSES])
    with pytest.raises(InputError, match="weighs each label of a sample, which a loss of one's own"):
        check_loss("cells", "labels", recipe, own)
    odd = Loss(compute=own.compute, targets=("grades",))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"targets: grades: is no kind of task; .*grade"):
        check_loss("cells", "class", recipe, odd)
