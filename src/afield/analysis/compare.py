"""Which backbone to take: paired comparisons on the same test samples, over seeds where there are several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from afield.scoring.intervals import Interval
from afield.study.record import StudyRecord

Compares = Literal["networks", "backbones"]
"""With one seed trained networks are compared; what a backbone gives needs repetitions."""


@dataclass(frozen=True)
class RankRow:
    """One backbone of a ranking."""

    backbone: str
    validation: float
    """the task's metric on validation, mean over seeds"""
    test: Interval
    """the same on test, interval from test samples and seeds"""
    difference: Interval | None
    """this backbone minus the winner on test, metric's own scale; None for the winner itself"""
    sample_error: float | None
    """standard error of the difference from test samples"""
    seed_error: float | None
    """standard error of the difference from seeds; None with one seed"""
    tied: bool
    """the difference's interval holds 0 (False for the winner)"""
    train_seconds: float
    """one training of the chosen recipe, mean over seeds"""
    search_seconds: float
    params_m: float
    gmacs: float
    imagenet_top1: float
    seeds: int


@dataclass(frozen=True)
class Ranking:
    """The backbones of one task in the order of validation; the first is the one to take."""

    task: str
    metric: str
    winner: str | None
    """None where nothing was scored"""
    rows: tuple[RankRow, ...]
    n_test: int
    n_clusters: int
    seeds: int
    """the most that a backbone has"""
    compares: Compares
    cheapest_tied: str | None
    """of the backbones that tie with the winner the one that trains fastest, where that is faster than the winner"""
    missing: tuple[str, ...]
    """a sentence for each backbone that lacks cells, with the reason"""


@dataclass(frozen=True)
class Effect:
    """What an intervention changed for one backbone on one task."""

    task: str
    metric: str
    backbone: str
    intervention: str
    baseline: str
    value: Interval
    """the metric on test under the intervention, mean over seeds"""
    baseline_value: Interval
    difference: Interval
    """intervention minus baseline, metric's own scale"""
    clear: bool
    """the difference's interval excludes 0"""
    seeds: int
    """the fewer of the two sides"""
    compares: Compares


def rank_backbones(record: StudyRecord, task: str) -> Ranking:
    raise NotImplementedError


def effect_of(record: StudyRecord, task: str, intervention: str, baseline: str = "plain") -> tuple[Effect, ...]:
    raise NotImplementedError
