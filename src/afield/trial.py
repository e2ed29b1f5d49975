"""The two functions that every engine calls: `run_trial` trains a cell, `score` reads a split with what came of it.

Both are pure: the same trial on the same platform gives the same bits. torch is imported when they run, so that plans
and tables, which need a trial's key alone, start at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

from afield.backbones.backbone import Backbone
from afield.backbones.weights import Weights
from afield.base.errors import AfieldError
from afield.base.extensions import is_own
from afield.base.hashing import digest
from afield.base.reading import AS_DECLARED, Reading
from afield.images.prepared import PreparedImages
from afield.images.symmetries import PLAIN, symmetries
from afield.scoring.combine import combined
from afield.scoring.cut_points import grade_offsets
from afield.scoring.labels import label_array
from afield.scoring.metric import Metric
from afield.scoring.metrics import METRICS
from afield.scoring.predictions import Predictions
from afield.tasks.task import Target
from afield.training.balance import alike, count
from afield.training.numerics import Numerics
from afield.training.recipe import Recipe

if TYPE_CHECKING:
    import torch

    from afield.backbones.own_heads import Head
    from afield.images.loader import Samples, TrainingBatches
    from afield.training.checkpoint import State
    from afield.training.loop import Hooks, Measure, Settle
    from afield.training.losses import Loss
    from afield.training.soup import Tasted
    from afield.training.start import Frozen

TRIAL_VERSION = 1
"""raised whenever a change makes the same trial give other predictions"""


class Trial(BaseModel):
    """One training of a cell with its real bytes: all that its predictions depend on, the platform apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    task_version: int
    classes: tuple[str, ...]
    target: Target
    """what is told of a sample"""
    flips: tuple[str, ...]
    metric: str
    """selects the epoch: the best on validation, ties to the earliest"""
    data: str
    """fingerprint of images, labels and splits"""
    split_seed: int
    protocol: str
    backbone: str
    weights: str | None
    """sha256 of the pretrained weights; None from scratch"""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """one value a channel each, as many as the network gets"""
    interpolation: str
    """the preprocessing: what the weights want, or what the protocol puts in its place"""
    channels: str = "RGB"
    """in which order the network gets them: RGB or BGR"""
    reading: Reading = AS_DECLARED
    """which channels of which files an image is"""
    recipe: Recipe
    seed: int
    preparation: int
    """version of the rule by which images are prepared"""
    extensions: tuple[tuple[str, str], ...] = ()
    """name and sha256 of the extensions whose code shapes the training"""
    numerics: Numerics
    probing: int | None = None
    """version of how features are taken and probed; None where none are"""
    version: int = TRIAL_VERSION

    @property
    def outputs(self) -> int:
        """Numbers that the network gives of an image: a logit a class or, where the recipe regresses, the grade."""
        return 1 if self.recipe.regresses else len(self.classes)

    @property
    def key(self) -> str:
        """Names the experiment: 20 hexadecimal digits of the hash of all fields."""
        return _key(self)


@lru_cache(maxsize=100_000)
def _key(trial: Trial) -> str:
    """A trial's key, hashed once (not kept in the model: a changed copy would carry it along)."""
    return key_of(trial.model_dump(mode="json"))


def key_of(fields: Mapping[str, object]) -> str:
    """The key of the trial with these fields, as plain values."""
    return digest(fields)


@dataclass(frozen=True)
class SplitInputs:
    """One split's samples and their prepared images, in one order."""

    table: pd.DataFrame
    """id, label, unit, cluster of the n samples, and where they have one their weight"""
    images: PreparedImages
    row: npt.NDArray[np.int64]
    """[n] position of each sample's image in `images`"""

    def samples(self) -> Samples:
        """What the loader needs of it. Weights are scaled to a mean of 1."""
        from afield.images.loader import Samples

        weight = None
        if "weight" in self.table:
            given = self.table["weight"].to_numpy(np.float64)
            weight = (given / given.mean()).astype(np.float32)
        names = self.table["id"].to_numpy(dtype=np.str_)
        return Samples(self.images, self.row, label_array(self.table["label"]), weight, names)

    def predictions(self, classes: tuple[str, ...], logits: npt.NDArray[np.float32]) -> Predictions:
        """Logits [n, classes] with whom they are about."""
        sample, unit, cluster = (self.table[name].to_numpy(dtype=np.str_) for name in ("id", "unit", "cluster"))
        return Predictions(classes, sample, unit, cluster, label_array(self.table["label"]), logits)


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

    from afield.backbones.heads import head_names
    from afield.backbones.layers import layer_of_each
    from afield.training import devices, loop, start
    from afield.training.losses import loss_for
    from afield.training.preprocessing import Preprocessing

    recipe, samples = trial.recipe, train.samples()
    if trial.numerics.devices != devices.share().processes:
        raise ValueError(f"a trial on {trial.numerics.devices} devices runs in as many processes (training/spread.py)")
    network = network_of(trial, backbone, weights, own_head)
    layered = recipe.layer_decay != 1
    batches = _batches(trial, samples, extensions)
    setup = loop.Setup(
        network=network,
        batches=batches,
        validation=validation.samples(),
        measure=_measure(trial, validation, leading),
        preprocessing=Preprocessing(trial.mean, trial.std, trial.channels),
        recipe=recipe,
        numerics=trial.numerics,
        layers=layer_of_each(network, head_names(network, backbone)) if layered else None,
        loss=loss_for(recipe, trial.target, count(samples.label, len(trial.classes)), own_loss, trial.numerics.device),
        settle=_settle(trial, validation, leading),
        workers=workers,
    )
    frozen = _frozen(trial, views, validation, cache) if recipe.probed else None
    try:
        begun = start.begin(setup, batches, backbone, frozen, state, hooks)
        state = loop.train(begun, state, until, hooks)
    except torch.OutOfMemoryError as error:
        raise AfieldError(
            f"{recipe.batch_size} images of {recipe.size} px at once do not fit into the device's memory beside what "
            "else is there; set numerics.micro_batch to a smaller number, e.g. "
            f"{max(1, (trial.numerics.micro_batch or recipe.batch_size) // 2)}"
        ) from error
    return start.completed(state, recipe, network)


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


def _measure(trial: Trial, validation: SplitInputs, leading: Metric) -> Measure:
    """What gives the leading metric and the log-loss of logits of the validation split."""

    def measure(logits: npt.NDArray[np.float32]) -> tuple[float, float]:
        predictions = validation.predictions(trial.classes, logits)
        return leading.on(predictions).compute(predictions), METRICS["log_loss"].compute(predictions)

    return measure


def _settle(trial: Trial, validation: SplitInputs, leading: Metric) -> Settle:
    """What is chosen by a network's logits of the validation split: where it regresses, the cut points between grades;
    else nothing.
    """
    if not trial.recipe.regresses:
        return lambda logits: ({}, logits)
    import torch

    from afield.training.grades import OFFSETS

    def settle(logits: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        predictions = validation.predictions(trial.classes, logits.numpy())
        offsets = torch.from_numpy(grade_offsets(predictions, leading))
        return {OFFSETS: offsets}, logits - offsets

    return settle


def _place(trial: Trial, extensions: Mapping[str, str]) -> tuple[str, str]:
    """Where the trial's own augmentation is loaded from, and the sha256 that it has there; empty for a built-in one."""
    name = trial.recipe.augmentation
    if not is_own(name):
        return "", ""
    extension = name.partition(":")[0]
    return extensions[extension], dict(trial.extensions)[extension]


def score(
    trial: Trial,
    backbone: Backbone,
    network: dict[str, torch.Tensor],
    split: SplitInputs,
    view: str = PLAIN,
    own_head: Head | None = None,
) -> Predictions:
    """The predictions of a trained network (its tensors by name) on a split under a view (`images.symmetries`): the
    mean of the probabilities of all that the view shows of each picture. Raises InputError for a view that the task's
    flips do not allow.
    """
    from afield.images.turned import Turned
    from afield.training import loop
    from afield.training.preprocessing import Preprocessing

    body = network_of(trial, backbone, None, own_head)
    body.load_state_dict(network)
    preprocessing = Preprocessing(trial.mean, trial.std, trial.channels)
    shown = symmetries(view, trial.flips)
    samples = split.samples()
    return combined(
        [
            split.predictions(
                trial.classes, loop.predict(Turned(body, symmetry), samples, preprocessing, trial.numerics).numpy()
            )
            for symmetry in shown
        ]
    )


def taster(
    trial: Trial, backbone: Backbone, validation: SplitInputs, leading: Metric, own_head: Head | None = None
) -> Callable[[dict[str, torch.Tensor]], Tasted]:
    """What holds networks (their tensors by name), built as the trial's, against the validation split, with what is
    settled there settled anew.
    """
    from afield.training import loop
    from afield.training.grades import OFFSETS
    from afield.training.preprocessing import Preprocessing
    from afield.training.soup import Tasted

    body = network_of(trial, backbone, None, own_head)
    preprocessing = Preprocessing(trial.mean, trial.std, trial.channels)
    samples = validation.samples()
    measure, settle = _measure(trial, validation, leading), _settle(trial, validation, leading)

    def taste(network: dict[str, torch.Tensor]) -> Tasted:
        body.load_state_dict(network)
        if trial.recipe.regresses:
            body.get_buffer(OFFSETS).zero_()
        chosen, logits = settle(loop.predict(body, samples, preprocessing, trial.numerics))
        metric, loss = measure(logits.numpy())
        return Tasted({**network, **chosen}, metric, loss, logits)

    return taste


def network_of(
    trial: Trial, backbone: Backbone, weights: Weights | None, own_head: Head | None = None
) -> torch.nn.Module:
    """The trial's network on its device, before any probe and the first step; without weights from scratch. `own_head`
    is what the recipe's head refers to, where it is one's own.
    """
    from afield.backbones.build import build
    from afield.backbones.own_heads import head_of
    from afield.training.device import place, settle_process
    from afield.training.grades import with_grades

    settle_process(trial.numerics)
    random = weights is None or trial.recipe.initialisation == "scratch"
    network = build(
        backbone,
        trial.outputs,
        initialisation="scratch" if random else "pretrained",
        seed=trial.seed,
        weights=weights,
        channels=len(trial.mean),
        pooling=trial.recipe.pooling,
        head=head_of(trial.recipe.head, own_head),
        size=trial.recipe.size,
    )
    if trial.recipe.regresses:
        with_grades(network, len(trial.classes))
    return place(network, trial.numerics)
