"""What learns: a network with its optimiser and, where the recipe wants one, the running average of its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from timm.utils.model_ema import ModelEmaV3
from torch import nn

from afield.base.streams import stream_seed
from afield.images.batch import Batch
from afield.training import devices
from afield.training.device import autocast, compiled, dtype, gradient_scaler, nondeterminism_named
from afield.training.losses import LOSSES, Loss
from afield.training.numerics import Numerics
from afield.training.preprocessing import Preprocess
from afield.training.recipe import Recipe

Layers = Mapping[str, int]
"""the layer of each parameter by its name, from 0 at the input"""


def make_optimiser(
    network: nn.Module, recipe: Recipe, layers: Layers | None = None, *, scaled_loss: bool = False
) -> torch.optim.Optimizer:
    """AdamW, or SGD with Nesterov's momentum, over all parameters that train, biases and norms included, as the study
    did.

    With `layers` there is a group a layer; its `scale` is what the schedule's learning rate is multiplied by:
    recipe.layer_decay ** (layers above it). What torch is given as decay says `recipe.decay`. In SGD the decay is part
    of the gradient, so momentum gathers it: it shrinks weights by up to 1 / (1 - momentum) times as much.

    With `scaled_loss` (float16) a step whose gradients overflow is left out. torch's fused SGD does that after it has
    made the momentum, which it leaves unwritten where it was the first step, so there SGD is not fused.
    """
    groups: dict[int, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups.setdefault(0 if layers is None else layers[name], []).append(parameter)
    top = max(groups)
    scaled = [
        {"params": groups[layer], "scale": recipe.layer_decay ** (top - layer)}
        for layer in sorted(groups, reverse=True)
    ]
    decay = recipe.weight_decay / (recipe.learning_rate if recipe.decay == "study" else 1)
    if recipe.optimiser == "sgd":
        nesterov = recipe.momentum > 0
        return torch.optim.SGD(
            scaled,
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            nesterov=nesterov,
            weight_decay=decay,
            fused=None if scaled_loss else True,
        )
    return torch.optim.AdamW(scaled, lr=recipe.learning_rate, weight_decay=decay, fused=True)


@dataclass
class Learner:
    """A network in training. Its updates depend on nothing but its state, the batch and the seed."""

    network: nn.Module
    """on its device, in its memory format and type"""
    recipe: Recipe
    numerics: Numerics
    preprocessing: Preprocess
    seed: int
    layers: Layers | None = None
    loss: Loss = LOSSES["cross-entropy"]
    """what an update makes smaller"""
    optimiser: torch.optim.Optimizer = field(init=False)
    average: ModelEmaV3 | None = field(init=False)
    """of weights and BatchNorm's statistics. After t updates it keeps min(recipe.ema, 1 - (1 + t) ** (-2 / 3)), so that
    the first weights, a random head among them, are soon forgotten"""

    def __post_init__(self) -> None:
        self.scaler = gradient_scaler(self.numerics)
        scaled_loss = self.scaler.is_enabled()
        self.optimiser = make_optimiser(self.network, self.recipe, self.layers, scaled_loss=scaled_loss)
        ema = self.recipe.ema
        self.average = ModelEmaV3(self.network, decay=ema, use_warmup=True, warmup_power=2 / 3) if ema else None

    @cached_property
    def forward(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """The network as it trains, compiled where the numerics say so."""
        return compiled(self.network, self.numerics)

    @property
    def kept(self) -> nn.Module:
        """The network that is validated and kept."""
        return self.network if self.average is None else self.average.module

    def update(self, batch: Batch, learning_rate: float, done: int) -> torch.Tensor:
        """One update in training mode; returns the sum of the batch's losses, on the device, without waiting for it.

        The gradient is that of the whole batch's mean loss, each truth weighed as the batch says, gathered from parts
        of numerics.micro_batch samples and from the shares of all devices. `done` says how many updates came before, in
        all epochs.
        """
        rank = devices.share().rank
        torch.manual_seed(stream_seed(self.seed, "dropout", batch.epoch, batch.step, *([rank] if rank else [])))
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate * group["scale"]
        self.optimiser.zero_grad(set_to_none=True)
        truths = batch.truths(torch.device(self.numerics.device))
        own = len(batch.images)
        count = batch.whole or own
        at_once = self.numerics.micro_batch or own
        total = torch.zeros((), dtype=dtype(self.numerics), device=self.numerics.device)
        with nondeterminism_named():
            for first in range(0, own, at_once):
                part = slice(first, first + at_once)
                with autocast(self.numerics):
                    logits = self.forward(self.preprocessing(batch.images[part], self.numerics))
                logits = logits.to(dtype(self.numerics))
                losses = [self.loss.compute(logits, labels[part]) * weights[part] for labels, weights in truths]
                loss = torch.stack(losses).sum(dim=0).sum() / count
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
                total += loss.detach() * count
            devices.add_up(total, self.network.parameters())
            if self.recipe.clip_norm:
                self.scaler.unscale_(self.optimiser)
                nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
            self.scaler.step(self.optimiser)
            self.scaler.update()
        if self.average is not None:
            self.average.update(self.network, step=done + 1)
        return total
