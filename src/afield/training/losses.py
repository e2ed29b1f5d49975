"""What a training makes small: a loss gives a number a sample, so that samples can be weighed and mixed.

Formulas and sources: docs/losses.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch.nn import functional

from afield.base.errors import InputError, nearest
from afield.base.extensions import Extension, find_object, is_own
from afield.tasks.kinds import Target
from afield.training.balance import Counts, Floats, class_weights, label_weights, log_prior
from afield.training.recipe import FOCAL_GAMMA, Recipe


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss. A built-in one and a user's own are the same thing."""

    name: str = ""
    """of one's own, in an extension: left out, since its reference (`my_losses:lovasz`) is its name"""
    compute: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    """logits [n, classes] and labels -> the loss of each sample [n], of the logits' type, on their device. Labels are
    the positions of the samples' classes, int64 [n]; where the target is `labels`, [n, classes] of 1 (has it), 0 (has
    it not) and -1 (unknown). The batch's loss is the mean of what it gives, each sample weighed"""
    targets: tuple[Target, ...] = ("class", "grade")
    """the kinds of tasks that it serves"""


def cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, smoothing: float = 0.0, offsets: torch.Tensor | None = None
) -> torch.Tensor:
    """Cross-entropy of logits [n, classes] and classes [n]; `smoothing` is the share of a label that is spread over all
    classes alike, `offsets` [classes] are added to the logits first.
    """
    if offsets is not None:
        logits = logits + offsets
    return functional.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)


def binary_cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, smoothing: float = 0.0, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Binary cross-entropy of each class, summed over what is known of a sample and divided by the number of classes.

    Classes [n] mean one against the rest. `smoothing` draws the targets 1 and 0 towards a half by that share.
    `weights` [2, classes] weigh what a sample has not (row 0) and what it has (row 1).
    """
    truth = _of_each_class(logits, labels)
    targets = truth.clamp(min=0).to(logits.dtype) * (1 - smoothing) + smoothing / 2
    losses = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return _mean_of_known(losses, truth, weights)


def focal(
    logits: torch.Tensor, labels: torch.Tensor, gamma: float, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Cross-entropy times (1 - p) ** gamma, where p is the probability of the truth: softmax for classes [n]; for
    labels [n, classes] the sigmoid of each, which is summed and weighed as in `binary_cross_entropy`.
    """
    if labels.ndim == 1:
        losses = functional.cross_entropy(logits, labels, reduction="none")
        return losses * _unsure(losses) ** gamma
    losses = functional.binary_cross_entropy_with_logits(logits, labels.clamp(min=0).to(logits.dtype), reduction="none")
    return _mean_of_known(losses * _unsure(losses) ** gamma, labels, weights)


def smooth_l1(outputs: torch.Tensor, grades: torch.Tensor) -> torch.Tensor:
    """Of outputs [n, 1] and grades [n]: half the squared difference below 1, from there on the difference less 1/2."""
    return functional.smooth_l1_loss(outputs[:, 0], grades.to(outputs.dtype), reduction="none")


def squared_error(outputs: torch.Tensor, grades: torch.Tensor) -> torch.Tensor:
    """Squared difference of outputs [n, 1] and grades [n]."""
    return functional.mse_loss(outputs[:, 0], grades.to(outputs.dtype), reduction="none")


LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss(name="cross-entropy", compute=cross_entropy),
        Loss(name="bce", compute=binary_cross_entropy, targets=("class", "grade", "labels")),
        Loss(name="focal", compute=partial(focal, gamma=FOCAL_GAMMA), targets=("class", "grade", "labels")),
        Loss(name="smooth-l1", compute=smooth_l1, targets=("grade",)),
        Loss(name="mse", compute=squared_error, targets=("grade",)),
    )
}
"""the built-in ones as they stand: without smoothing, balance or a gamma of the recipe's"""


def loss_name(recipe: Recipe, target: Target) -> str:
    """The recipe's loss; what `auto` means for a target."""
    if recipe.loss != "auto":
        return recipe.loss
    if recipe.balance == "focal":
        return "focal"
    return "bce" if target == "labels" else "cross-entropy"


def own_loss(name: str, extensions: Mapping[str, Extension]) -> Loss:
    """One's own loss, by its reference. Raises InputError where there is none."""
    return replace(find_object(name, extensions, Loss), name=name)


def check_loss(task: str, target: Target, recipe: Recipe, own: Loss | None = None) -> None:
    """Raise InputError, which names the task and the mend, where the recipe's loss or balance is not for its target;
    `own` is what a loss of one's own refers to.
    """
    name = loss_name(recipe, target)
    loss = LOSSES[name] if own is None else own
    unknown = [each for each in loss.targets if each not in _KINDS]
    if unknown:
        raise InputError(f"{name}: targets: {unknown[0]}: is no kind of task; {nearest(str(unknown[0]), _KINDS)}")
    if target not in loss.targets:
        served = " or ".join(_KINDS[each] for each in loss.targets)
        fitting = ", ".join(each for each, built_in in LOSSES.items() if target in built_in.targets)
        raise InputError(
            f"{task}: loss = {name}: is for {served}, and this task has {_KINDS[target]}; those that fit: {fitting}"
        )
    if target == "labels" and recipe.balance == "logit-adjust":
        raise InputError(
            f"{task}: balance = logit-adjust: is for one class a sample, and this task has {_KINDS[target]}; use loss, "
            "sampler or focal"
        )
    if target == "labels" and recipe.balance == "loss" and is_own(name):
        raise InputError(
            f"{task}: balance = loss: weighs each label of a sample, which a loss of one's own ({name}) does not let "
            "it do; use sampler"
        )


_KINDS: dict[Target, str] = {
    "class": "classes without an order",
    "grade": "grades in an order",
    "labels": "several labels a sample",
}


def loss_for(
    recipe: Recipe, target: Target, counts: Counts, own: Loss | None = None, device: torch.device | str = "cpu"
) -> Loss:
    """The loss that a recipe asks for, with its smoothing, its gamma and the weights that its balance gives the
    classes; `counts` are those of the training split, `own` what a loss of one's own refers to.

    Raises InputError where they do not fit (`check_loss`).
    """
    check_loss("the task", target, recipe, own)
    name = loss_name(recipe, target)
    loss = LOSSES[name] if own is None else own

    def placed(values: Floats) -> torch.Tensor:
        return torch.from_numpy(values).to(device=device, dtype=torch.float32)

    weights = None
    if recipe.balance in ("loss", "focal"):
        weigh = label_weights if target == "labels" else class_weights
        weights = placed(weigh(counts, effective=recipe.balance == "focal"))
    inside = weights if target == "labels" else None  # of several labels each has its own
    if name == "cross-entropy":
        offsets = placed(log_prior(counts)) if recipe.balance == "logit-adjust" else None
        compute = partial(cross_entropy, smoothing=recipe.label_smoothing, offsets=offsets)
        loss = replace(loss, compute=compute)
    elif name == "bce":
        loss = replace(loss, compute=partial(binary_cross_entropy, smoothing=recipe.label_smoothing, weights=inside))
    elif name == "focal":
        loss = replace(loss, compute=partial(focal, gamma=recipe.focal_gamma, weights=inside))
    return loss if weights is None or target == "labels" else _weighed(loss, weights)


def _weighed(loss: Loss, weights: torch.Tensor) -> Loss:
    """The same with the loss of each sample times the weight of its class, [classes]."""
    plain = loss.compute
    return replace(loss, compute=lambda logits, labels: plain(logits, labels) * weights[labels].to(logits.dtype))


def _unsure(cross_entropies: torch.Tensor) -> torch.Tensor:
    """1 - p of p = exp(-loss), kept off 0, where a power below 1 has no slope."""
    return (-torch.expm1(-cross_entropies)).clamp(min=torch.finfo(cross_entropies.dtype).tiny)


def _of_each_class(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return labels if labels.ndim == 2 else functional.one_hot(labels, logits.shape[1])


def _mean_of_known(losses: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    """Each known label counts alike, however many are known of its sample: the mean's divisor is all classes."""
    if weights is not None:
        losses = losses * torch.where(truth > 0, weights[1], weights[0]).to(losses.dtype)
    return (losses * (truth >= 0)).sum(dim=1) / truth.shape[1]
