"""`run_trial` trains a cell: one of the two functions that every engine calls.

Pure: the same trial on the same platform gives the same bits. torch is imported when it runs, so that plans and
tables, which need a trial's key alone, start at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from afield.backbones.backbone import Backbone
from afield.backbones.weights import Weights
from afield.base.errors import AfieldError
from afield.base.extensions import is_own
from afield.scoring.metric import Metric
from afield.training.balance import alike, count
from afield.trial.inputs import SplitInputs
from afield.trial.network import network_of
from afield.trial.trial import Trial
from afield.trial.validation import measure_on, settle_on

if TYPE_CHECKING:
    from torch import nn

    from afield.backbones.own_heads import Head
    from afield.images.loader import TrainingBatches
    from afield.images.samples import Samples
    from afield.training import loop
    from afield.training.checkpoint import State
    from afield.training.loop import Hooks
    from afield.training.losses import Loss
    from afield.training.start import Frozen


def run_trial(
    trial: Trial,
    train: SplitInputs,
    validation: SplitInputs,
    backbone: Backbone,
    weights: Weights | None,
    leading: Metric,
    own_loss: Loss | None = None,
    *,
    own_head: Head | None = None,
    state: State,
    until: int,
    workers: int,
    hooks: Hooks,
    extensions: Mapping[str, str] = MappingProxyType({}),
    views: SplitInputs | None = None,
    cache: Path | None = None,
) -> State:
    """Train from `state` until `until` epochs are done; `state.best` holds network and validation logits of the best
    epoch.

    `backbone`, `weights` and `leading` are what `trial.backbone`, `trial.weights` and `trial.metric` name, `own_loss`
    and `own_head` what its recipe's loss and head do, where they are one's own. Where `recipe.probed`, `views` is the
    training split as evaluation views, and `cache` where features and probes are kept. `extensions` says of each of
    `trial.extensions` where it is loaded from, by name (`keep_copy`). Raises Stopped (after `hooks.save`) or
    AfieldError, also where the device's memory does not suffice. A trial on several devices runs in as many processes
    at once (training/spread.py), each of which comes to the same state.
    """
    import torch

    from afield.training import devices, loop, start

    recipe = trial.recipe
    if trial.numerics.devices != devices.share().processes:
        raise ValueError(f"a trial on {trial.numerics.devices} devices runs in as many processes (training/spread.py)")
    network, batches, setup = set_up(
        trial, train, validation, backbone, weights, leading, own_loss, own_head, workers=workers, extensions=extensions
    )
    frozen = _frozen(trial, views, validation, cache) if recipe.probed else None
    try:
        begun = start.begin(setup, batches, backbone, frozen, state, hooks)
        state = loop.train(begun, state, until, hooks)
    except torch.OutOfMemoryError as error:
        at_once = trial.numerics.at_once(recipe.batch_size)
        raise AfieldError(
            f"the device's memory has no room to train on {at_once} of {recipe.batch_size} images of {recipe.size} px "
            "at once beside what else is there; "
            + (f"set numerics.micro_batch to {at_once // 2}" if at_once > 1 else "set a smaller recipe.image_size")
        ) from error
    return start.completed(state, recipe, network)


def set_up(
    trial: Trial,
    train: SplitInputs,
    validation: SplitInputs,
    backbone: Backbone,
    weights: Weights | None,
    leading: Metric,
    own_loss: Loss | None,
    own_head: Head | None,
    *,
    workers: int,
    extensions: Mapping[str, str],
) -> tuple[nn.Module, TrainingBatches, loop.Setup]:
    """The whole network of a trial, its batches, and all that the loop works with; the arguments are `run_trial`'s."""
    from afield.backbones.heads import head_names
    from afield.backbones.layers import layer_of_each
    from afield.training import loop
    from afield.training.losses import loss_for
    from afield.training.preprocessing import Preprocessing

    recipe, samples = trial.recipe, train.samples()
    network = network_of(trial, backbone, weights, own_head)
    layered = recipe.layer_decay != 1
    batches = _batches(trial, samples, extensions)
    setup = loop.Setup(
        network=network,
        batches=batches,
        validation=validation.samples(),
        measure=measure_on(trial, validation, leading),
        preprocessing=Preprocessing(trial.mean, trial.std, trial.channels),
        recipe=recipe,
        numerics=trial.numerics,
        layers=layer_of_each(network, head_names(network, backbone)) if layered else None,
        loss=loss_for(recipe, trial.target, count(samples.label, len(trial.classes)), own_loss, trial.numerics.device),
        settle=settle_on(trial, validation, leading),
        workers=workers,
    )
    return network, batches, setup


def _batches(trial: Trial, samples: Samples, extensions: Mapping[str, str]) -> TrainingBatches:
    """The trial's batches of the training split's samples."""
    from afield.images.augmentation.mixing import Mixing
    from afield.images.loader import TrainingBatches
    from afield.training import devices

    recipe = trial.recipe
    return TrainingBatches(
        samples,
        recipe.size,
        trial.interpolation,
        recipe.batch_size,
        trial.seed,
        recipe.augmentation,
        trial.flips,
        alike=alike(samples.label, len(trial.classes)) if recipe.balance == "sampler" else None,
        mixing=Mixing(recipe.mixup, recipe.cutmix),
        erasing=recipe.erasing,
        extension=_place(trial, extensions),
        share=devices.share(),
    )


def _frozen(trial: Trial, views: SplitInputs | None, validation: SplitInputs, cache: Path | None) -> Frozen:
    """What features and probe of a trial depend on, and where they are kept."""
    from afield.training.start import Frozen

    if views is None or cache is None or trial.weights is None:
        raise ValueError("a trial that is probed needs weights, its training split as evaluation views, and a cache")
    plain = trial.model_dump(mode="json")
    shapes = ("backbone", "weights", "mean", "std", "channels", "interpolation", "preparation", "extensions")
    features = {name: plain[name] for name in shapes}
    features |= {name: plain["recipe"][name] for name in ("image_size", "pooling", "head")}
    choice = ("task", "task_version", "classes", "data", "split_seed", "protocol", "metric", "extensions")
    probe = {name: plain[name] for name in choice}
    return Frozen(views.samples(), validation.samples(), cache, features, probe)


def _place(trial: Trial, extensions: Mapping[str, str]) -> tuple[str, str]:
    """Where the trial's own augmentation is loaded from, and the sha256 that it has there; empty for a built-in one."""
    name = trial.recipe.augmentation
    if not is_own(name):
        return "", ""
    extension = name.partition(":")[0]
    return extensions[extension], dict(trial.extensions)[extension]
