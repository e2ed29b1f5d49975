"""One job of an engine: bring a trial to an epoch, or score it on test. Reads inputs, calls the pure function, hands
the outcome to the store.
"""

from __future__ import annotations

import platform as host
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from afield.backbones.catalogue import backbone
from afield.backbones.weights import Weights
from afield.images.prepared import open_prepared
from afield.study.store import Store
from afield.trial import SplitInputs, Trial, run_trial, score

if TYPE_CHECKING:
    from afield.training.checkpoint import State

Progress = Callable[[int, int, int, float], None]
"""epoch (from 0), step, steps of an epoch, images a second"""


@dataclass(frozen=True)
class SplitPaths:
    """Where one split's samples and prepared images lie."""

    samples: Path
    split: str
    images: Path

    def open(self) -> SplitInputs:
        """Read the samples and map the images."""
        return _open(self)


@lru_cache(maxsize=16)
def _open(paths: SplitPaths) -> SplitInputs:
    table = pd.read_parquet(paths.samples)
    table = table[table["split"] == paths.split].reset_index(drop=True)
    row, _ = pd.factorize(table["image"])
    return SplitInputs(table, open_prepared(paths.images), row.astype(np.int64))


@dataclass(frozen=True)
class Job:
    """What an engine is given; small and picklable."""

    kind: Literal["train", "score"]
    trial: Trial
    out: Path
    splits: Mapping[str, SplitPaths]
    weights: Weights | None
    until: int = 0
    """epochs to bring the trial to"""
    workers: int = 0
    """loader processes"""

    @property
    def name(self) -> str:
        """What claims this work: one run at a time."""
        return self.trial.key if self.kind == "train" else f"{self.trial.key}-score"

    @property
    def label(self) -> str:
        """What a person reads of it."""
        recipe = self.trial.recipe
        start = "" if recipe.initialisation == "pretrained" else f" {recipe.initialisation}"
        what = "scoring" if self.kind == "score" else f"lr {recipe.learning_rate:g}"
        return f"{self.trial.task} {self.trial.backbone}{start} {what} seed {self.trial.seed}"


def perform(job: Job, progress: Progress, stop: Callable[[], bool]) -> None:
    """Do a job and store what came of it. Raises Stopped where `stop` says so, and whatever the trial raises."""
    store = Store.open(job.out)
    if job.kind == "train":
        _train(job, store, progress, stop)
    else:
        _score(job, store)


def _train(job: Job, store: Store, progress: Progress, stop: Callable[[], bool]) -> None:
    from afield.training.checkpoint import State, load_checkpoint, save_checkpoint
    from afield.training.device import platform
    from afield.training.loop import Hooks

    trial, key = job.trial, job.trial.key
    if store.read(key).result is not None:
        store.set_aside(key)  # finished once, but its network is gone: train it again
    store.begin(trial)
    here = platform(trial.numerics.device)

    def save(state: State) -> None:
        save_checkpoint(store.checkpoint(key), state, here)
        store.write_history(key, state.history)

    state = run_trial(
        trial, job.splits["train"].open(), job.splits["validation"].open(), job.weights,
        state=load_checkpoint(store.checkpoint(key), here) or State(), until=job.until, workers=job.workers,
        hooks=Hooks(save=save, progress=progress, stop=stop),
    )  # fmt: skip
    store.write_history(key, state.history)
    if state.epoch == trial.recipe.epochs:
        _finish(job, store, state, here)


def _finish(job: Job, store: Store, state: State, here: Mapping[str, str]) -> None:
    from safetensors.torch import save

    from afield.base.files import write_atomic, write_json

    trial, key, best = job.trial, job.trial.key, state.best
    assert best is not None, "a finished trial has a best epoch"
    tensors = {name: tensor.contiguous() for name, tensor in best.network.items()}
    write_atomic(store.weights(key), lambda path: path.write_bytes(save(tensors)))
    row = backbone(trial.backbone)
    size = trial.recipe.image_size
    write_json(
        store.trial_folder(key) / "weights.json",
        {
            "backbone": row.id,
            "library": row.library,
            "architecture": row.architecture,
            "classes": list(trial.classes),
            "image_size": size,
            "resize": f"short side to {size} px, {trial.interpolation}, antialiased; centre crop",
            "mean": list(trial.mean),
            "std": list(trial.std),
        },
    )
    predictions = job.splits["validation"].open().predictions(trial.classes, best.logits.numpy())
    store.finish(
        key,
        predictions,
        {
            "key": key,
            "best_epoch": best.epoch,
            "validation": best.metric,
            "validation_loss": best.loss,
            "epochs": state.epoch,
            "seconds": sum(row["seconds"] for row in state.history),
            "platform": dict(here),
            "machine": f"{host.node()} ({host.machine()})",
        },
    )


def _score(job: Job, store: Store) -> None:
    from safetensors.torch import load_file

    from afield.training.device import platform

    key = job.trial.key
    store.log_test_read(key, "test", "plain")
    predictions = score(job.trial, load_file(store.weights(key)), job.splits["test"].open())
    store.write_score(key, predictions, {"key": key, "view": "plain", "platform": platform(job.trial.numerics.device)})
