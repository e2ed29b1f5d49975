"""Hours of a study, with an interval.

The middle: every search becomes a line of stages (its rungs, then its repeats with their scores), each job as long as
its epochs take at the speed that is known, and `makespan.wall_seconds` says when the last one ends on so many slots.
Starting workers and preparing images come on top; analysis and report do not.

The interval: the same with every search as fast, and as slow, as its speed may be (`pace.Speed.factor`): for a measured
one twice the standard error of its steps, times 1.2 for what some seconds of steps cannot know; for one that is scaled
from multiply-adds a factor of 3, or of 5 where no backbone was measured on this platform. All are taken to err on the
same side. Preparing may take a third more or less. Neither failures nor searches that grow beyond their grid are
counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from afield.study.planning.makespan import Line, wall_seconds
from afield.study.planning.pace import STARTING, Pace, pace_of, whole_line
from afield.study.planning.speeds import Timing
from afield.study.planning.workload import Workload
from afield.study.searching.planned_search import Identity

_PREPARING = 1.33
"""by what preparing may take more or less"""


@dataclass(frozen=True)
class Span:
    """Seconds, and between what they may lie."""

    middle: float
    low: float
    high: float


def paces_of(loads: Sequence[Workload], timing: Timing) -> dict[Identity, Pace]:
    """The paces of all workloads whose numbers of images are known."""
    return {load.identity: pace_of(load, load.images, timing.speed(load)) for load in loads if load.images is not None}


def estimate(loads: Sequence[Workload], timing: Timing, slots: int, preparing: float = 0.0) -> Span:
    """Seconds of whole workloads, distinct ones, after `preparing` seconds; those of unknown size are not counted."""
    paces = paces_of(loads, timing)
    by_load = {load.identity: load for load in loads if load.identity in paces}
    return span(
        {identity: (pace, whole_line(by_load[identity], pace)) for identity, pace in paces.items()},
        slots,
        preparing,
        max((timing.speed(load).starting for load in by_load.values()), default=STARTING),
    )


def span(
    lines: Mapping[Identity, tuple[Pace, Line]], slots: int, preparing: float = 0.0, starting: float = 0.0
) -> Span:
    """Seconds until all lines have ended, with each as long, and as short, as its pace may be."""

    def seconds(power: int) -> float:
        scaled = [
            tuple(tuple(job * pace.factor**power for job in stage) for stage in line) for pace, line in lines.values()
        ]
        before = preparing * _PREPARING**power + (starting if scaled else 0.0)
        return before + wall_seconds(scaled, slots)

    return Span(seconds(0), seconds(-1), seconds(1))


def seconds_to_prepare(images: int, timing: Timing, cores: int) -> float:
    """Of so many images on so many cores."""
    return images * timing.preparing / cores
