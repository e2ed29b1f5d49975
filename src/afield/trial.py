"""The two functions that every engine calls: `run_trial` trains a cell, `score` reads a split with what came of it.

Both are pure: the same trial on the same platform gives the same bits. torch is imported when they run, so that plans
and tables, which need a trial's key alone, start at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

from afield.backbones.backbone import Backbone
from afield.backbones.weights import Weights
from afield.base.errors import AfieldError
from afield.base.hashing import digest
from afield.base.reading import AS_DECLARED, Reading
from afield.images.prepared import PreparedImages
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

    from afield.images.loader import Samples
    from afield.training.checkpoint import State
    from afield.training.loop import Hooks, Settle
    from afield.training.losses import Loss

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
        columns = {
            name: self.table[source].to_numpy(dtype=np.str_)
            for name, source in (("sample", "id"), ("unit", "unit"), ("cluster", "cluster"))
        }
        return Predictions(classes, label=label_array(self.table["label"]), logits=logits, **columns)


def run_trial(
    trial: Trial,
    train: SplitInputs,
    validation: SplitInputs,
    backbone: Backbone,
    weights: Weights | None,
    leading: Metric,
    own_loss: Loss | None = None,
    *,
    state: State,
    until: int,
    workers: int,
    hooks: Hooks,
) -> State:
    """Train from `state` until `until` epochs are done; `state.best` holds network and validation logits of the best
    epoch.

    `backbone`, `weights` and `leading` are what `trial.backbone`, `trial.weights` and `trial.metric` name, `own_loss`
    what `trial.recipe.loss` does, where it is one's own. Raises Stopped (after `hooks.save`) or AfieldError, also where
    the device's memory does not suffice.
    """
    import torch

    from afield.backbones.heads import head_names
    from afield.backbones.layers import layer_of_each
    from afield.images.loader import TrainingBatches
    from afield.training import loop
    from afield.training.losses import loss_for
    from afield.training.preprocessing import Preprocessing

    recipe, samples = trial.recipe, train.samples()

    def measure(logits: npt.NDArray[np.float32]) -> tuple[float, float]:
        predictions = validation.predictions(trial.classes, logits)
        return leading.on(predictions).compute(predictions), METRICS["log_loss"].compute(predictions)

    network = network_of(trial, backbone, weights)
    layered = recipe.layer_decay != 1
    setup = loop.Setup(
        network=network,
        batches=TrainingBatches(
            samples,
            recipe.size,
            trial.interpolation,
            recipe.batch_size,
            trial.seed,
            recipe.augmentation,
            trial.flips,
            alike(samples.label, len(trial.classes)) if recipe.balance == "sampler" else None,
        ),
        validation=validation.samples(),
        measure=measure,
        preprocessing=Preprocessing(trial.mean, trial.std, trial.channels),
        recipe=recipe,
        numerics=trial.numerics,
        layers=layer_of_each(network, head_names(network, backbone)) if layered else None,
        loss=loss_for(recipe, trial.target, count(samples.label, len(trial.classes)), own_loss, trial.numerics.device),
        settle=_cutting(trial, validation, leading) if recipe.regresses else lambda logits: ({}, logits),
        workers=workers,
    )
    try:
        return loop.train(setup, state, until, hooks)
    except torch.OutOfMemoryError as error:
        raise AfieldError(
            f"{recipe.batch_size} images of {recipe.size} px at once do not fit into the device's memory beside what "
            "else is there; set numerics.micro_batch to a smaller number, e.g. "
            f"{max(1, (trial.numerics.micro_batch or recipe.batch_size) // 2)}"
        ) from error


def _cutting(trial: Trial, validation: SplitInputs, leading: Metric) -> Settle:
    """What chooses the cut points between grades by a network's logits of the validation split."""
    import torch

    from afield.training.grades import OFFSETS

    def settle(logits: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        predictions = validation.predictions(trial.classes, logits.numpy())
        offsets = torch.from_numpy(grade_offsets(predictions, leading))
        return {OFFSETS: offsets}, logits - offsets

    return settle


def score(trial: Trial, backbone: Backbone, network: dict[str, torch.Tensor], split: SplitInputs) -> Predictions:
    """The predictions of a trained network (its tensors by name) on a split, plain view."""
    from afield.training import loop
    from afield.training.preprocessing import Preprocessing

    body = network_of(trial, backbone, weights=None)
    body.load_state_dict(network)
    preprocessing = Preprocessing(trial.mean, trial.std, trial.channels)
    logits = loop.predict(body, split.samples(), preprocessing, trial.numerics)
    return split.predictions(trial.classes, logits.numpy())


def network_of(trial: Trial, backbone: Backbone, weights: Weights | None) -> torch.nn.Module:
    """The trial's network on its device, before the first step."""
    from afield.backbones.build import build
    from afield.training.device import place, settle_process
    from afield.training.grades import with_grades

    settle_process(trial.numerics)
    initialisation = "scratch" if weights is None else trial.recipe.initialisation
    network = build(
        backbone,
        trial.outputs,
        initialisation=initialisation,
        seed=trial.seed,
        weights=weights,
        channels=len(trial.mean),
        pooling=trial.recipe.pooling,
        head=trial.recipe.head,
        size=trial.recipe.size,
    )
    if trial.recipe.regresses:
        with_grades(network, len(trial.classes))
    return place(network, trial.numerics)
