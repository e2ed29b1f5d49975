"""What a study found, as one value: the only thing that analysis and report are given."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from afield.backbones.backbone import Backbone
from afield.base.errors import AfieldError
from afield.scoring.metric import Metric
from afield.scoring.metrics import metric
from afield.scoring.predictions import Predictions
from afield.study.images_of_test import PreparedTest
from afield.study.registered_rules import RegisteredRule
from afield.study.study import Study
from afield.tasks.data import lacking_classes
from afield.tasks.kinds import Target
from afield.tasks.task import Card
from afield.tasks.training_split import TrainingSplit

TrialState = Literal["finished", "paused", "failed", "missing"]


@dataclass(frozen=True)
class TrialRecord:
    """One training as its folder tells it."""

    key: str
    task: str
    backbone: str
    intervention: str
    seed: int
    recipe: Mapping[str, Any]
    state: TrialState
    history: Sequence[Mapping[str, Any]]
    """a row an epoch: epoch (from 1), learning_rate, train_loss, validation_loss, validation (the task's metric),
    seconds, images_per_second"""
    best_epoch: int | None = None
    validation: float | None = None
    """the task's metric on validation at the best epoch"""
    validation_loss: float | None = None
    """log-loss on validation at that epoch"""
    train_seconds: float = 0.0
    """seconds of training and validating, all epochs so far"""


@dataclass(frozen=True)
class SearchRecord:
    """The search of one (task, backbone, intervention): its cells in order, and what was chosen."""

    task: str
    backbone: str
    intervention: str
    cells: tuple[TrialRecord, ...]
    """under the first seed: the grid in its order, or the first draws, then what each further generation added"""
    axes: Mapping[str, tuple[float, ...]]
    """the searched keys and the values that were tried: those of the grid with what was added to it, or drawn ones"""
    chosen: str | None
    """key of the chosen cell; None where the search has not ended, where all its cells failed, and where it lost"""
    lost: bool = False
    """whether it was in a race that went on, or ended, without it"""
    finalists: tuple[str, ...] = ()
    """keys of the cells that the search brought to their last epoch, in order, also of one that lost a race at its end;
    none where it has not ended"""
    repeats: tuple[TrialRecord, ...] = ()
    """the chosen recipe under every seed, the search's own first"""
    borders: tuple[str, ...] = ()
    """searched keys whose chosen value is an end of its axis (of at least three values), e.g. `learning_rate`"""
    epochs_spent: int = 0
    """by the cells; repeats under other seeds come on top"""
    seconds_spent: float = 0.0
    """that those epochs took"""
    asked: tuple[int, ...] = ()
    """epochs that the search has asked of each cell; a failed one may not have trained them, and one that another study
    shares may have trained more"""
    epochs_of_grid: int = 0
    """that training every cell to the end would have taken"""
    rung_correlation: float | None = None
    """Spearman correlation, over the cells that went on, of the order at the first rung and at the end; None below
    three"""
    micro_batch: int = 0
    """samples that a device took at once, in parts of a batch or as its share of it; 0: a whole batch"""
    generations: tuple[int, ...] = ()
    """cells of each generation: the grid or the first draws, then what was added from what came before"""


@dataclass(frozen=True)
class Audited:
    """What one cell of an audited search, the chosen one or another, reached by its task's leading metric."""

    validation: float
    """at its best epoch, with everything settled on validation"""
    test: float
    low: float
    """95 % of that, from the test samples"""
    high: float


@dataclass(frozen=True)
class TaskRecord:
    """A task as it was when the study ran."""

    name: str
    version: int
    classes: tuple[str, ...]
    metric: str
    """the leading one"""
    metrics: tuple[str, ...]
    """all that were recorded, the leading one first"""
    target: Target
    own_range: tuple[float, float] | None
    """of a leading metric of one's own: its least and greatest possible value"""
    card: Card
    split_seed: int
    selection: Literal["validation", "test"]
    """the split that chose recipe and epoch"""
    fingerprint: str
    counts: Mapping[str, Mapping[str, int]]
    """samples by split, then by class; where one may have several classes it counts for each"""
    sizes: Mapping[str, int]
    """samples by split"""
    extra_splits: tuple[str, ...] = ()
    """further test splits: what was chosen is scored on each, and nothing is chosen by them"""
    subgroups: tuple[str, ...] = ()
    """columns of the samples for whose values results are told apart"""
    test_samples: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"id": []}))
    """id, and a column a subgroup, of the samples of test"""
    dropped: Mapping[str, str] = field(default_factory=dict)
    """images that could not be read and were left out, each with the reason"""
    incomplete: str = ""
    """words for what the data lack of the published ones"""
    training: Mapping[str, TrainingSplit] = field(default_factory=dict)
    """what interventions made of the training split, by intervention; none for those that leave it as it is"""
    pictures: Mapping[str, tuple[npt.NDArray[np.uint8], ...]] = field(default_factory=dict)
    """a few images a class as the network sees them, [height, width, 3]"""
    prepared: PreparedTest | None = None
    """where its test images are, on a machine whose cache holds them as they were prepared"""

    def absent(self) -> dict[str, tuple[str, ...]]:
        """The classes that a split lacks; no entry for those that have all."""
        return lacking_classes(self.counts)


@dataclass(frozen=True)
class BackboneRecord:
    """A backbone's row of the catalogue and the bytes that were used."""

    backbone: Backbone
    weights_sha256: str
    weights_from: str
    preprocessing: Mapping[str, Any]
    code: str = ""
    """of one's own: the extension that makes it, with its hash"""


@dataclass(frozen=True)
class Failure:
    """A trial that ended in an error."""

    key: str
    task: str
    backbone: str
    intervention: str
    seed: int
    reason: str
    """the error in one line"""
    trace: str


@dataclass(frozen=True)
class Counterpart:
    """What a study of the other protocol found on the same tasks."""

    study: Study
    results: pd.DataFrame
    """its results table"""


@dataclass(frozen=True)
class Unjoined:
    """An ensemble or folds that lack members, or a soup that lacks networks or failed."""

    task: str
    words: str
    """which it is and why it has no result, without a full stop"""


@dataclass(frozen=True)
class StudyRecord:
    """Everything that was found: the input of every analysis and of the report."""

    study: Study
    results: pd.DataFrame
    """the results table: a row a backbone, task, metric, intervention and seed, of single networks on test, plain"""
    further: pd.DataFrame
    """the same columns for all that leads nothing: further test splits, views, ensembles, joined folds, soups"""
    predictions: pd.DataFrame
    """key, split, view, sample, unit, cluster, label, logits (list) of the scored trials, for validation and test"""
    searches: tuple[SearchRecord, ...]
    tasks: tuple[TaskRecord, ...]
    backbones: tuple[BackboneRecord, ...]
    failures: tuple[Failure, ...] = ()
    numerics: Mapping[str, Any] = field(default_factory=dict)
    platforms: tuple[Mapping[str, str], ...] = ()
    """the distinct platforms that trained, e.g. {"cpu": ..., "torch": ...}"""
    test_reads: int = 0
    unjoined: tuple[Unjoined, ...] = ()
    resampled: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    """of trials that one's own metric was computed of: its value in each resample of test, by key"""
    resampled_cells: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    """by key of cells that searches trained to the end the leading metric in each resample of the selecting split, once
    it was worked out (`resampled_cells.with_resampled_cells`)"""
    audits: Mapping[str, Audited] = field(default_factory=dict)
    """by key of cells that audited searches trained to the end, as far as they are scored on test. They stand in no
    table: nothing that chooses, fits, ranks or joins is shown them"""
    counterpart: Counterpart | None = None
    """where the folder holds a study of the other protocol too (`counterpart.with_counterpart`)"""
    uncompared: str = ""
    """words for studies of the folder that could not be read for that"""
    rules: tuple[RegisteredRule, ...] = ()
    """the rules of the verdict that runs registered, the first one first; none in folders of an older afield"""
    part: str = ""
    """words where the folder holds one part alone of a study that was run in shards"""

    def task(self, name: str) -> TaskRecord:
        """The record of that task."""
        return next(task for task in self.tasks if task.name == name)

    def predictions_of(self, key: str, split: str, classes: tuple[str, ...]) -> Predictions:
        """What a trial's network said of a split."""
        return Predictions.from_frame(self.said(key, split), classes)

    def said(self, key: str, split: str) -> pd.DataFrame:
        """The same as rows of `predictions`; none of a trial that is not scored."""
        said: pd.DataFrame = self.predictions.iloc[self._places.get((key, split), slice(0))]
        return said

    @cached_property
    def _places(self) -> Mapping[Hashable, slice | npt.NDArray[np.intp]]:
        """Where what is said stands in `predictions`, by key and split: a page asks for each many times, and of a
        million rows a slice takes microseconds, a search or a list of places tens of milliseconds.
        """
        indices = self.predictions.groupby(["key", "split"], sort=False).indices
        return {pair: _in_a_row(np.asarray(places)) for pair, places in indices.items()}

    def metric(self, task: str) -> Metric:
        """The metric that leads a task; one's own cannot be computed here (`resampled` has what it gave)."""
        found = self.task(task)
        if found.own_range is None:
            return metric(found.metric)
        return Metric(name=found.metric, compute=_elsewhere, range=found.own_range)


def _in_a_row(places: npt.NDArray[np.intp]) -> slice | npt.NDArray[np.intp]:
    first, last = int(places[0]), int(places[-1])
    return slice(first, last + 1) if last - first + 1 == len(places) else places


def _elsewhere(predictions: Predictions) -> float:
    raise AfieldError("one's own metric is computed where a trial is scored, and nowhere else")
