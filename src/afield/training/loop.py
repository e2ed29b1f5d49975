"""The loop: AdamW, a cosine schedule per epoch, and the best epoch by validation. Short enough to read at one
sitting.

Facts in PAPER.md section 3: one learning rate for all parameters; weight_decay = decay / peak learning rate in
torch's AdamW, so that a step multiplies weights by 1 - decay * lr_t / lr_0; no warm-up, no clipping.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from afield.base.errors import AfieldError, Stopped
from afield.base.streams import stream_seed
from afield.images.loader import Batch, Samples, TrainingBatches, evaluation_batches, load
from afield.images.sending import send
from afield.training.checkpoint import Best, State, Tensors
from afield.training.device import autocast, compiled, memory_format, nondeterminism_named
from afield.training.losses import mean_loss
from afield.training.numerics import Numerics
from afield.training.recipe import Recipe

EVALUATION_BATCH = 64
"""images at once in evaluation: a constant, since the size of a product may order its sums"""

Measure = Callable[[npt.NDArray[np.float32]], tuple[float, float]]
"""validation logits [n, classes] to the task's metric (higher is better) and the log-loss"""


@dataclass(frozen=True)
class Hooks:
    """What the surroundings are told, and what they may ask."""

    save: Callable[[State], None] = lambda state: None
    """called after each epoch, and before a stop"""
    progress: Callable[[int, int, int, float], None] = lambda epoch, step, steps, images_per_second: None
    stop: Callable[[], bool] = lambda: False
    """asked before each step"""


@dataclass(frozen=True)
class Preprocessing:
    """What a network wants of its input: (pixel / 255 - mean) / std, channel by channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    """one value a channel each"""
    channels: str = "RGB"
    """the order of the channels that it gets; BGR is the reverse of the images' own. Mean and std belong to positions,
    not to colours"""

    def __call__(self, images: torch.Tensor, numerics: Numerics) -> torch.Tensor:
        """uint8 [n, channels, h, w] anywhere to float32 on the device, in its memory format."""
        height, width = images.shape[2:]
        mean, std = (_planes(values, height, width, numerics) for values in (self.mean, self.std))
        moved = send(images, torch.device(numerics.device))
        if self.channels == "BGR":
            moved = moved.flip(1)
        return moved.to(torch.float32, memory_format=memory_format(numerics)).div_(255).sub_(mean).div_(std)


@lru_cache(maxsize=8)
def _planes(values: tuple[float, ...], height: int, width: int, numerics: Numerics) -> torch.Tensor:
    """One value a channel as a whole image [1, channels, height, width], laid out as the images are: three values alone
    would be spread over pixels that lie three by three, several times slower on a CPU.
    """
    with torch.inference_mode(False):  # made in evaluation, used in training too
        channels = torch.tensor(values, device=numerics.device).view(1, -1, 1, 1)
        return channels.expand(1, -1, height, width).contiguous(memory_format=memory_format(numerics))


def learning_rate(recipe: Recipe, epoch: int) -> float:
    """The cosine's value in an epoch (from 0): lr_0 * (1 + cos(pi * epoch / epochs)) / 2."""
    return recipe.learning_rate * (1 + math.cos(math.pi * epoch / recipe.epochs)) / 2


def make_optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW whose decay does not depend on the peak learning rate (PAPER.md 3)."""
    return torch.optim.AdamW(
        network.parameters(),
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay / recipe.learning_rate,
        fused=True,
    )


@dataclass(frozen=True)
class Setup:
    """Everything that one training works with; it does not change while it runs."""

    network: nn.Module
    """on its device, in its memory format"""
    batches: TrainingBatches
    validation: Samples
    measure: Measure
    preprocessing: Preprocessing
    recipe: Recipe
    numerics: Numerics
    workers: int = 0
    """loader processes; they change nothing but the speed"""


def train(setup: Setup, state: State, until: int, hooks: Hooks) -> State:
    """Go on from `state` until `until` whole epochs are done, and return where that is.

    A state without tensors is the beginning. Raises Stopped, after saving, where `hooks.stop` says so, and
    AfieldError where the loss is no longer finite, where the split does not make a batch of two, and where an
    operation has no deterministic way on the device.
    """
    network, batches, numerics = setup.network, setup.batches, setup.numerics
    optimiser = make_optimiser(network, setup.recipe)
    if state.network:
        network.load_state_dict(state.network)
        optimiser.load_state_dict(state.optimiser)
    forward = compiled(network, numerics)
    steps = batches.steps()
    if steps == 0:
        raise AfieldError("the training split holds a single sample, which makes no batch; add samples to it")
    positions = [(epoch, step) for epoch in range(state.epoch, until) for step in range(steps)][state.step :]
    source = load(batches, positions, setup.workers, torch.device(numerics.device))
    while state.epoch < until:
        begun = time.perf_counter() - state.seconds
        loss_sum = torch.zeros(()) if state.loss_sum is None else state.loss_sum
        loss_sum = loss_sum.to(numerics.device)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(setup.recipe, state.epoch)
        network.train()
        first, since = state.step, time.perf_counter()
        while state.step < steps:
            if hooks.stop():
                state.loss_sum, state.seconds = loss_sum.cpu(), time.perf_counter() - begun
                hooks.save(_with_tensors(state, network, optimiser))
                raise Stopped("stopped between two steps; run the same command again to go on")
            loss_sum += update(forward, optimiser, next(source), batches.seed, setup.preprocessing, numerics)
            state.step += 1
            speed = (state.step - first) * batches.batch_size / (time.perf_counter() - since)
            hooks.progress(state.epoch, state.step, steps, speed)
        _end_epoch(state, setup, float(loss_sum) / batches.seen(), begun)
        hooks.save(_with_tensors(state, network, optimiser))
    return state


def update(
    forward: Callable[[torch.Tensor], torch.Tensor],
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    seed: int,
    preprocessing: Preprocessing,
    numerics: Numerics,
) -> torch.Tensor:
    """One step of a network in training mode; returns the sum of the batch's losses, on the device, without waiting
    for it.
    """
    torch.manual_seed(stream_seed(seed, "dropout", batch.epoch, batch.step))
    labels, partner, share = batch.targets(torch.device(numerics.device))
    with nondeterminism_named():
        with autocast(numerics):
            logits = forward(preprocessing(batch.images, numerics))
        loss = mean_loss(logits.float(), labels, partner, share)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return loss.detach() * len(labels)


def _end_epoch(state: State, setup: Setup, train_loss: float, begun: float) -> None:
    """Validate, keep the best network (ties: the earliest), write the row of the history."""
    epoch = state.epoch + 1
    if not math.isfinite(train_loss):
        raise AfieldError(
            f"epoch {epoch}: the training loss is {train_loss} "
            f"at learning rate {learning_rate(setup.recipe, state.epoch):g}; "
            "a smaller learning rate may help"
        )
    seconds = time.perf_counter() - begun
    logits = predict(setup.network, setup.validation, setup.preprocessing, setup.numerics)
    metric, loss = setup.measure(logits.numpy())
    if not math.isfinite(metric):
        raise AfieldError(
            f"epoch {epoch}: the leading metric is {metric} on the samples that select; their labels do not define it"
        )
    if state.best is None or metric > state.best.metric:
        state.best = Best(epoch, metric, loss, _copy(setup.network), logits)
    state.history.append(
        {
            "epoch": epoch,
            "learning_rate": learning_rate(setup.recipe, state.epoch),
            "train_loss": train_loss,
            "validation": metric,
            "validation_loss": loss,
            "seconds": time.perf_counter() - begun,
            "images_per_second": setup.batches.seen() / seconds,
        }
    )
    state.epoch, state.step, state.loss_sum, state.seconds = epoch, 0, None, 0.0


def predict(network: nn.Module, samples: Samples, preprocessing: Preprocessing, numerics: Numerics) -> torch.Tensor:
    """Logits of a split's evaluation views in order, float32 [n, classes], on the CPU."""
    network.eval()
    with torch.inference_mode(), autocast(numerics), nondeterminism_named():
        parts = [
            network(preprocessing(images, numerics)).float()
            for images in evaluation_batches(samples, EVALUATION_BATCH, torch.device(numerics.device))
        ]
        logits = torch.cat(parts).cpu()
    if not bool(torch.isfinite(logits).all()):
        raise AfieldError(
            "the network's outputs on the evaluation images are not finite; a smaller learning rate may help"
        )
    return logits


def _copy(network: nn.Module) -> Tensors:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in network.state_dict().items()}


def _with_tensors(state: State, network: nn.Module, optimiser: torch.optim.Optimizer) -> State:
    state.network, state.optimiser = _copy(network), optimiser.state_dict()
    return state
