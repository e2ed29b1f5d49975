"""How fast searches go here, and what that is known from: steps that were measured, or multiply-adds that are scaled.

Needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import geometric_mean
from typing import Literal

from afield.backbones.backbone import Backbone
from afield.study.plan import ON_FEATURES
from afield.study.planning.makespan import Line, Stage
from afield.study.planning.workload import Images, Workload
from afield.training.numerics import Device
from afield.training.recipe import Recipe
from afield.training.saving import CHEAP, SHARE

MEASURED = 1.2
"""an honest factor for what some seconds of steps cannot know: other work on the machine, its heat, pages that are not
in memory yet, several backbones side by side"""
SCALED_HERE = 3.0
"""of multiply-adds, scaled by backbones that were measured on this platform: on one thread of an EPYC, networks of the
catalogue did 3 (EfficientNet-Lite) to 13 (SqueezeNet) billion a second while they trained"""
ASSUMED = 5.0
"""of multiply-adds, by a machine that nobody measured"""
ASSUMED_GMACS: dict[Device, float] = {"cpu": 5.0, "cuda": 6_000.0, "mps": 300.0}
"""billions of multiply-adds a second, of forward passes, of one trial in training. cpu: one thread, about the geometric
mean of what docs/benchmarks.md measured; the others are assumed and were never measured here"""
EVALUATED = 0.35
"""seconds of an image in evaluation beside one in training: a forward pass of a step's three parts"""
STARTING = 6.0
"""seconds until a worker has come up, where it was not measured"""
SCORING = 1.5
"""seconds that a network's metrics and their intervals take beside its images, roughly"""
DISK = 200e6
"""bytes a second of a checkpoint that is flushed, where it was not measured"""

Source = Literal["measured", "scaled", "assumed"]
FACTORS: dict[Source, float] = {"measured": MEASURED, "scaled": SCALED_HERE, "assumed": ASSUMED}


@dataclass(frozen=True)
class Speed:
    """How fast a backbone at a size trains, one trial in each slot."""

    train: float
    """seconds of a training image"""
    evaluate: float
    """seconds of an image in evaluation"""
    begin: float
    """seconds from a job to its first step, the worker being up"""
    save: float
    """seconds of a checkpoint"""
    starting: float = STARTING
    """seconds until a worker is up"""
    memory: int | None = None
    """bytes that a trial takes at most, of the device where that is a GPU; None: not measured"""
    scatter: float = 0.0
    """relative standard error of `train`"""
    source: Source = "measured"

    @property
    def factor(self) -> float:
        """By what the truth may be more or less: twice the standard error, and what its source does not know."""
        return (1 + 2 * self.scatter) * FACTORS[self.source]


@dataclass(frozen=True)
class Calibration:
    """What turns multiply-adds into seconds."""

    gmacs: float
    """billions a second, of forward passes, of one trial in training"""
    backbones: tuple[str, ...] = ()
    """that were measured on this platform; none: the value that ships"""

    @staticmethod
    def of(measured: Sequence[tuple[str, float, Speed]], device: Device) -> Calibration:
        """From backbones with their multiply-adds of an image (billions) and speeds; with none, the shipped value."""
        if not measured:
            return Calibration(ASSUMED_GMACS[device])
        names = tuple(dict.fromkeys(name for name, _, _ in measured))
        return Calibration(geometric_mean([gmacs / speed.train for _, gmacs, speed in measured]), names)

    def speed(self, load: Workload) -> Speed:
        """What it says of a workload."""
        train = load.gmacs / self.gmacs
        return Speed(
            train=train,
            evaluate=EVALUATED * train,
            begin=1 + 4e6 * (load.backbone.params_m or 0) / DISK,
            save=checkpoint_bytes(load.backbone, load.recipe) / DISK,
            source="scaled" if self.backbones else "assumed",
        )


@dataclass(frozen=True)
class Pace:
    """Seconds of the parts of a search, one trial in each slot."""

    epoch: float
    """with its validation"""
    save: float
    """of a checkpoint"""
    begin: float
    """of a job, before its first step"""
    score: float
    """of a network, all splits and views"""
    features: float = 0.0
    """of frozen features, once, where the recipe needs them"""
    factor: float = 1.0
    """by what the truth may be more or less"""
    known: bool = True
    """whether it is in seconds; else only in proportion to those of other searches"""

    def times(self, factor: float) -> Pace:
        """All of it so many times as long."""
        parts = {name: getattr(self, name) * factor for name in ("epoch", "save", "begin", "score", "features")}
        return replace(self, **parts)


def pace_of(load: Workload, images: Images, speed: Speed) -> Pace:
    """The pace of a workload. A head alone learns from features, which are made once."""
    shown = images.train + images.validation
    body = images.train * speed.train + images.validation * speed.evaluate
    epoch = ON_FEATURES * shown * speed.evaluate if load.recipe.trained == "head" else body
    return Pace(
        epoch=epoch,
        save=speed.save,
        begin=speed.begin,
        score=speed.begin + images.scored * speed.evaluate + SCORING,
        features=shown * speed.evaluate if load.recipe.probed else 0.0,
        factor=speed.factor,
    )


def whole_line(load: Workload, pace: Pace) -> Line:
    """All of a search: features, its rungs, then the repeats; the chosen cell itself lacks only its score, and so does
    what is audited.
    """
    return (
        *([(pace.features,)] if pace.features else []),
        *(proposed(load, pace) if load.together else rung_stages(load.rungs, 0, pace)),
        *([last_stage(pace, load.recipe.epochs, load.repeats)] if load.chooses else []),
        *([(pace.score,) * load.audits] if load.audits else []),
    )


def proposed(load: Workload, pace: Pace) -> Line:
    """The stages of cells that are proposed together, each trained to the end."""
    one = training(load.recipe.epochs, pace)
    return tuple((one,) * min(load.together, load.cells - begun) for begun in range(0, load.cells, load.together))


def rung_stages(rungs: Sequence[tuple[int, int]], reached: int, pace: Pace) -> Line:
    """The stages of the rungs (epochs, cells) beyond those that are reached."""
    stages = []
    for rung, cells in rungs:
        if rung > reached:
            stages.append((training(rung - reached, pace),) * cells)
            reached = rung
    return tuple(stages)


def last_stage(pace: Pace, epochs: int, repeats: int) -> Stage:
    """The chosen cell's score, and each repeat with its own."""
    return (pace.score,) + (training(epochs, pace) + pace.score,) * repeats


def training(epochs: float, pace: Pace) -> float:
    """Seconds of a job of so many epochs."""
    saves = epochs * pace.save
    if pace.known and pace.save > CHEAP:
        saves = min(saves, pace.save + SHARE * epochs * pace.epoch)
    return pace.begin + epochs * pace.epoch + saves


def checkpoint_bytes(backbone: Backbone, recipe: Recipe) -> float:
    """Bytes of a training's checkpoint: weights, what its optimiser keeps, the best network, the average's; of what is
    trained in part hardly more than the networks.
    """
    kept = 2 if recipe.optimiser == "adamw" else 1
    copies = 2 + (kept if recipe.trained == "all" else 0) + recipe.averages
    return 0.0 if recipe.trained == "head" else 4e6 * (backbone.params_m or 0) * copies
