"""The loop: epochs of updates, each followed by a validation, and the best epoch. Short enough to read at one sitting.

What an update does, learner.py tells; how fast it learns, schedule.py.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from afield.base.errors import AfieldError, Stopped
from afield.images.batch import Batches, Position, Views
from afield.training import devices
from afield.training.checkpoint import Best, State, Tensors
from afield.training.device import autocast, dtype, may_lack_memory, nondeterminism_named
from afield.training.learner import Layers, Learner
from afield.training.losses import LOSSES, Loss
from afield.training.numerics import Numerics
from afield.training.preprocessing import Preprocess
from afield.training.recipe import Recipe
from afield.training.schedule import learning_rate

EVALUATION_BATCH = 64
"""images at once in evaluation: a constant, since the size of a product may order its sums"""
SHOWN = 5
"""samples of a batch that a message names"""

Measure = Callable[[npt.NDArray[np.float32]], tuple[float, float]]
"""validation logits [n, classes] to the task's metric (higher is better) and the log-loss"""
Settle = Callable[[torch.Tensor], tuple[Tensors, torch.Tensor]]
"""validation logits to what is chosen by them, as tensors of the network that is kept, and the logits under it"""


@dataclass(frozen=True)
class Hooks:
    """What the surroundings are told, and what they may ask."""

    save: Callable[[State], None] = lambda state: None
    """called at the end and before a stop, and after each epoch that `due` says so of"""
    progress: Callable[[int, int, int, float], None] = lambda epoch, step, steps, images_per_second: None
    before: Callable[[str, int, int, float], None] = lambda what, done, total, per_second: None
    """told how far what comes before the first epoch is: frozen features, a probe"""
    stop: Callable[[], bool] = lambda: False
    """asked before each step, and often before the first epoch"""
    due: Callable[[], bool] = lambda: True
    """asked after each epoch but the last: whether it is time to save"""


@dataclass(frozen=True)
class Setup:
    """Everything that one training works with; it does not change while it runs."""

    network: nn.Module
    """on its device, in its memory format"""
    batches: Batches
    validation: Views
    measure: Measure
    preprocessing: Preprocess
    recipe: Recipe
    numerics: Numerics
    layers: Layers | None = None
    """where the recipe treats them differently"""
    loss: Loss = LOSSES["cross-entropy"]
    settle: Settle = lambda logits: ({}, logits)
    """asked after each epoch"""
    workers: int = 0
    """loader processes; they change nothing but the speed"""


def train(setup: Setup, state: State, until: int, hooks: Hooks) -> State:
    """Go on from `state` until `until` whole epochs are done, and return where that is.

    A state without tensors is the beginning. Raises Stopped, after saving, where `hooks.stop` says so, and
    AfieldError where a loss is no longer finite, where the split does not make a batch of two, and where an
    operation has no deterministic way on the device.
    """
    batches, numerics = setup.batches, setup.numerics
    learner = Learner(
        setup.network, setup.recipe, numerics, setup.preprocessing, batches.seed, setup.layers, setup.loss
    )
    restore(learner, state)
    devices.begin_alike(state.epoch, state.step)
    steps = batches.steps()
    if steps == 0:
        raise AfieldError("the training split holds a single sample, which makes no batch; add samples to it")
    positions = [(epoch, step) for epoch in range(state.epoch, until) for step in range(steps)][state.step :]
    source = batches.load(positions, setup.workers, torch.device(numerics.device))
    while state.epoch < until:
        begun = time.perf_counter() - state.seconds
        losses = torch.zeros(steps, dtype=dtype(numerics)) if state.losses is None else state.losses
        losses = losses.to(numerics.device)
        setup.network.train()
        first, since = state.step, time.perf_counter()
        while state.step < steps:
            if devices.agreed(hooks.stop):
                state.losses, state.seconds = losses.cpu(), time.perf_counter() - begun
                hooks.save(with_tensors(learner, state))
                raise Stopped("stopped between two steps; run the same command again to go on")
            rate = learning_rate(setup.recipe, state.epoch, state.step, steps)
            losses[state.step] = learner.update(next(source), rate, state.epoch * steps + state.step)
            state.step += 1
            speed = (state.step - first) * batches.batch_size / (time.perf_counter() - since)
            hooks.progress(state.epoch, state.step, steps, speed)
        _end_epoch(state, setup, learner.kept, losses.cpu(), begun)
        if state.epoch == until or hooks.due():
            hooks.save(with_tensors(learner, state))
    return state


def restore(learner: Learner, state: State) -> None:
    """Put a state's tensors, where it has any, into what learns."""
    if not state.network:
        return
    learner.network.load_state_dict(state.network)
    learner.optimiser.load_state_dict(state.optimiser)
    learner.scaler.load_state_dict(state.scaler)
    if learner.average is not None:
        learner.average.module.load_state_dict(state.average)


def with_tensors(learner: Learner, state: State) -> State:
    """The state with a copy of all tensors of what learns."""
    state.network, state.optimiser = _copy(learner.network), learner.optimiser.state_dict()
    state.scaler = learner.scaler.state_dict()
    state.average = {} if learner.average is None else _copy(learner.average.module)
    return state


def _end_epoch(state: State, setup: Setup, network: nn.Module, losses: torch.Tensor, begun: float) -> None:
    """Validate, keep the best network (ties: the earliest), write the row of the history. `losses` [steps] are the
    sums of the updates' losses.
    """
    epoch, steps = state.epoch + 1, len(losses)
    _refuse_infinite(losses, setup, state.epoch)
    seconds = time.perf_counter() - begun
    chosen, logits = setup.settle(predict(network, setup.validation, setup.preprocessing, setup.numerics))
    metric, loss = setup.measure(logits.numpy())
    if not math.isfinite(metric):
        raise AfieldError(
            f"epoch {epoch}: the leading metric is {metric} on the samples that select; their labels do not define it"
        )
    if state.best is None or metric > state.best.metric:
        state.best = Best(epoch, metric, loss, {**_copy(network), **chosen}, logits)
    state.history.append(
        {
            "epoch": epoch,
            "learning_rate": learning_rate(setup.recipe, state.epoch, steps - 1, steps),
            "train_loss": float(losses.sum()) / setup.batches.seen(),
            "validation": metric,
            "validation_loss": loss,
            "seconds": time.perf_counter() - begun,
            "images_per_second": setup.batches.seen() / seconds,
        }
    )
    state.epoch, state.step, state.losses, state.seconds = epoch, 0, None, 0.0


def _refuse_infinite(losses: torch.Tensor, setup: Setup, epoch: int) -> None:
    """Name the first update whose loss was not finite."""
    infinite = (~losses.isfinite()).nonzero()
    if len(infinite):
        step, steps = int(infinite[0]), len(losses)
        rate = learning_rate(setup.recipe, epoch, step, steps)
        raise AfieldError(
            f"epoch {epoch + 1}, step {step + 1} of {steps}: the training loss is {float(losses[step])} at learning "
            f"rate {rate:g}{_batch_of(setup.batches, (epoch, step))}; a smaller learning rate may help"
        )


def _batch_of(batches: Batches, position: Position) -> str:
    """Words for the samples of a batch, where they have names."""
    names = batches.names(position)
    return f", on the batch of {', '.join(names[:SHOWN])}" * bool(names) + ", ..." * (len(names) > SHOWN)


def predict(network: nn.Module, samples: Views, preprocessing: Preprocess, numerics: Numerics) -> torch.Tensor:
    """Logits of a split's evaluation views in order, float32 [n, classes], on the CPU; of several devices each makes
    its part of them.
    """
    devices.same_buffers(network)
    with evaluating(network, numerics):
        parts = [
            network(preprocessing(images, numerics)).float()
            for images in samples.evaluation(EVALUATION_BATCH, torch.device(numerics.device), devices.share())
        ]
        logits = torch.cat(devices.gathered(parts)).cpu()
    if not bool(torch.isfinite(logits).all()):
        raise AfieldError(
            "the network's outputs on the evaluation images are not finite; a smaller learning rate may help"
        )
    return logits


@contextmanager
def evaluating(network: nn.Module, numerics: Numerics) -> Iterator[None]:
    """Evaluation mode. Raises AfieldError where the device has no memory for it, or no deterministic way."""
    network.eval()
    try:
        with torch.inference_mode(), autocast(numerics), nondeterminism_named():
            yield
    except RuntimeError as error:
        if not (isinstance(error, torch.OutOfMemoryError) or may_lack_memory(error)):
            raise
        raise AfieldError(
            f"the device's memory has no room to evaluate {EVALUATION_BATCH} images at once beside what else is there; "
            "a smaller recipe.image_size or fewer trials on a device (--trials-per-device) take less"
        ) from error


def _copy(network: nn.Module) -> Tensors:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in network.state_dict().items()}
