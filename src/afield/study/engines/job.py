"""One job of an engine: bring a trial to an epoch, make a soup, or score a network, one that was chosen or is audited.
Reads inputs, calls the pure function, hands the outcome to the store.
"""

from __future__ import annotations

import platform as host
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import pandas as pd

from afield.backbones.backbone import Backbone
from afield.backbones.own import resolve
from afield.backbones.weights import Weights
from afield.base.extensions import Extension, is_own, load_kept
from afield.images.prepared import open_prepared
from afield.scoring.metric import Metric
from afield.scoring.metrics import metric
from afield.study.combining.soups import Soup
from afield.study.engines.make_soup import make_soup
from afield.study.keep import keep_network
from afield.study.measured import keep_measured
from afield.study.own_metrics import own_metric
from afield.study.split_view import TEST, SplitView
from afield.study.store import Store
from afield.tasks.boxes import Cropping, pictures
from afield.tasks.places import cache_folder
from afield.training.spread import spread
from afield.trial.inputs import SplitInputs
from afield.trial.run import run_trial
from afield.trial.score import score
from afield.trial.trial import Trial
from afield.trial.validation import taster

if TYPE_CHECKING:
    from afield.backbones.own_heads import Head
    from afield.training.checkpoint import State, Tensors
    from afield.training.inference import Inference
    from afield.training.losses import Loss


class Progress(Protocol):
    """Whoever is told how far a job is."""

    def __call__(self, epoch: int, step: int, steps: int, per_second: float, before: str = "") -> None:
        """Steps done of an epoch (from 0) and images a second; with `before` of what comes before the first epoch."""


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
    shown = pictures(table)
    place = {picture: number for number, picture in enumerate(dict.fromkeys(shown))}
    row = np.array([place[picture] for picture in shown], np.int64)
    return SplitInputs(table, open_prepared(paths.images), row)


@dataclass(frozen=True)
class Job:
    """What an engine is given; small and picklable."""

    kind: Literal["train", "soup", "score", "audit"]
    trial: Trial
    """to train, or what tells how the network is built that is made or scored"""
    out: Path
    splits: Mapping[str, SplitPaths]
    weights: Weights | None
    extensions: Mapping[str, str] = field(default_factory=dict)
    """where those of the trial are loaded from, by name: the copies in the result folder"""
    metrics: tuple[str, ...] = ()
    """that are kept of a scored network"""
    scored_on: tuple[SplitView, ...] = (TEST,)
    """splits and views that a network is scored on, in order"""
    cropping: Cropping | None = None
    """how the boxes were made, where samples are parts of pictures"""
    until: int = 0
    """epochs to bring the trial to"""
    workers: int = 0
    """loader processes"""
    sharing: int = 1
    """jobs that share its GPU, and the room there for images"""
    soup: Soup | None = None
    """to make or to score, in place of the trial's network"""

    @property
    def key(self) -> str:
        """Of the network that it is about: the trial's, or the soup's."""
        return self.trial.key if self.soup is None else self.soup.key

    @property
    def name(self) -> str:
        """What claims this work: one run at a time."""
        return f"{self.key}-score" if self.kind in ("score", "audit") else self.key

    def backbone(self) -> Backbone:
        """What the trial's backbone refers to. Raises InputError where an extension is not the planned one."""
        return resolve(self.trial.backbone, self._loaded())

    def metric(self) -> Metric:
        """What the trial's metric refers to. Raises as `backbone` does."""
        name = self.trial.metric
        return own_metric(name, self._loaded()) if is_own(name) else metric(name)

    def platform(self) -> dict[str, str]:
        """What equal bits depend on beside the key, here: with the libraries that only some trainings meet."""
        from afield.training.device import platform

        clip = ("open_clip_torch",) if self.backbone().library == "open_clip" else ()
        lora = ("peft",) if self.trial.recipe.trained == "lora" else ()
        return platform(self.trial.numerics.device, *clip, *lora)

    def own_loss(self) -> Loss | None:
        """What the recipe's loss refers to, where it is one's own. Raises as `backbone` does."""
        from afield.training.losses import own_loss

        name = self.trial.recipe.loss
        return own_loss(name, self._loaded()) if is_own(name) else None

    def own_head(self) -> Head | None:
        """What the recipe's head refers to, where it is one's own. Raises as `backbone` does."""
        from afield.backbones.own_heads import own_head

        name = self.trial.recipe.head
        return own_head(name, self._loaded()) if is_own(name) else None

    def _loaded(self) -> dict[str, Extension]:
        return {name: load_kept(self.extensions[name], sha256) for name, sha256 in self.trial.extensions}

    @property
    def label(self) -> str:
        """What a person reads of it."""
        recipe = self.trial.recipe
        start = "" if recipe.initialisation == "pretrained" else f" {recipe.initialisation}"
        start += "" if recipe.trained == "all" else f" {recipe.trained}"
        if self.soup is not None:
            what = "scoring " if self.kind == "score" else ""
            return f"{self.trial.task} {self.trial.backbone} {what}soup {self.soup.name}"
        rate = f"lr {recipe.learning_rate:g}"
        what = {"score": "scoring", "audit": f"auditing {rate}"}.get(self.kind, rate)
        return f"{self.trial.task} {self.trial.backbone}{start} {what} seed {self.trial.seed}"


def perform(job: Job, progress: Progress, stop: Callable[[], bool]) -> int:
    """Do a job and store what came of it; gives the epochs that it trained. Raises Stopped where `stop` says so,
    DamagedError where the trial's files are not what was written, and whatever the trial raises.
    """
    from afield.images.samples import begin_residents

    store = Store.open(job.out)
    if job.kind == "train":
        store.begin(job.trial)  # one that is finished, but whose network is gone, stays so until it is finished anew
        return spread(job.trial.numerics, partial(_train, job), progress, stop)
    begin_residents(job.sharing)
    if job.kind == "soup":
        _make_soup(job, store, stop)
    else:
        _score(job, store)
    return 0


def _train(job: Job, progress: Progress, stop: Callable[[], bool]) -> int:
    """Bring a trial to its epoch; of several processes at it the first alone writes."""
    from afield.images.samples import begin_residents
    from afield.training import devices
    from afield.training.checkpoint import State, load_checkpoint, save_checkpoint
    from afield.training.loop import Hooks
    from afield.training.saving import Saving

    store, trial, key = Store.open(job.out), job.trial, job.trial.key
    here, saving = job.platform(), Saving()
    begin_residents(job.sharing)  # not in `perform`: each of several devices has a process of its own

    def save(state: State) -> None:
        if devices.writes():
            with saving.timed():
                save_checkpoint(store.checkpoint(key), state, here)
            store.write_history(key, state.history)

    def before(what: str, done: int, total: int, per_second: float) -> None:
        progress(0, done, total, per_second, what)

    begun = load_checkpoint(store.checkpoint(key), here) or State()
    first = begun.epoch
    state = run_trial(
        trial, job.splits["train"].open(), job.splits["validation"].open(), job.backbone(), job.weights, job.metric(),
        job.own_loss(),
        own_head=job.own_head(), state=begun, until=job.until, workers=job.workers, extensions=job.extensions,
        hooks=Hooks(save, progress, before, stop, saving.due),
        views=job.splits["views"].open() if trial.recipe.probed else None, cache=cache_folder(),
    )  # fmt: skip
    if not devices.writes():
        return state.epoch - first
    store.write_history(key, state.history)  # where a killed run had saved the checkpoint alone
    if state.epoch == trial.recipe.epochs:
        _finish(job, store, state, here)
    return state.epoch - first


def _finish(job: Job, store: Store, state: State, here: Mapping[str, str]) -> None:
    trial, key, best = job.trial, job.trial.key, state.best
    assert best is not None, "a finished trial has a best epoch"
    store.reopen(key, here)
    keep_network(store, key, trial, job.backbone(), best.network, job.cropping)
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
            "machine": _machine(),
        },
    )


def _machine() -> str:
    """What costs are only compared within."""
    return f"{host.node()} ({host.machine()})"


def _make_soup(job: Job, store: Store, stop: Callable[[], bool]) -> None:
    soup, trial, backbone = job.soup, job.trial, job.backbone()
    assert soup is not None, "a job that makes a soup has one"
    validation, here = job.splits["validation"].open(), job.platform()

    def keep(network: Tensors) -> None:
        keep_network(store, soup.key, trial, backbone, network, job.cropping)

    taste = taster(trial, backbone, validation, job.metric(), job.own_head())
    make_soup(store, soup, trial, validation, taste, keep, here, stop)


def _score(job: Job, store: Store) -> None:
    """Score a network on what is missing; each split and view is whole before the next one begins."""
    from safetensors.torch import load_file

    trial, key, scores = job.trial, job.key, store.scores
    here = job.platform()
    network = load_file(store.check_network(key))
    for at in job.scored_on:
        if scores.holds(key, at):
            continue
        scores.log_read(key, at)
        split = job.splits[at.split].open()
        took: list[Inference] = []
        note = took.append if at == TEST else None
        scores.write(key, at, score(trial, job.backbone(), network, split, at.view, job.own_head(), note))
        if at != at.validation:
            keep_measured(store, key, trial.classes, job.metrics, job.metric(), at)
        about = {"key": key, "split": at.split, "view": at.view, "platform": here, "machine": _machine()}
        scores.seal(key, at, about | ({"inference": asdict(took[0])} if took else {}))
