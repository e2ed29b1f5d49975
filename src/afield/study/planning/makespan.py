"""How long work takes on several slots: lines of stages, a line's stages one after the other, a stage's jobs at once.

One arithmetic for what `afield plan` says before a run and for the time left that a run shows.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

Stage = tuple[float, ...]
"""seconds of the jobs that may run at once"""
Line = tuple[Stage, ...]
"""stages that can only come one after the other: of a search its rungs, then its repeats with their scores"""

MANY = 2_000
"""jobs beyond which they are not followed one by one: where they end unevenly is lost in the sum"""


def total_seconds(lines: Sequence[Line]) -> float:
    """Seconds of all jobs together, as one slot would take for them.

    >>> total_seconds([((2.0, 2.0), (3.0,)), ((1.0,),)])
    8.0
    """
    return math.fsum(seconds for line in lines for stage in line for seconds in stage)


def alone(line: Line, slots: int) -> float:
    """Seconds that a line takes where nothing else runs and the jobs of each stage are alike: as often as its jobs fill
    the slots, the longest of them.

    >>> alone(((2.0, 2.0, 2.0), (3.0,)), 2)
    7.0
    """
    return sum(math.ceil(len(stage) / slots) * max(stage) for stage in line if stage)


def wall_seconds(lines: Sequence[Line], slots: int) -> float:
    """Seconds until the last job ends, where the job with the longest rest of its line goes first, as in a run.

    Never less than the sum over the slots, nor than the longest line on slots without end. Beyond MANY jobs it is the
    larger of the sum over the slots and the longest line alone.

    >>> wall_seconds([((3.0,),), ((3.0,),), ((3.0,),)], 2)  # two slots, and one of them waits for the third
    6.0
    """
    if sum(len(stage) for line in lines for stage in line) > MANY:
        return max(total_seconds(lines) / slots, *(alone(line, slots) for line in lines))
    return _followed([tuple(stage for stage in line if stage) for line in lines], slots)


def _followed(lines: Sequence[Line], slots: int) -> float:
    """The same, job by job; no stage is empty."""
    ready: list[tuple[float, int, float]] = []
    """waiting jobs: minus the rest of the line, which line, seconds"""
    running: list[tuple[float, int]] = []
    """when each ends, of which line"""
    open_jobs, stage_at = [0] * len(lines), [-1] * len(lines)
    now = 0.0

    def begin_next_stage(index: int) -> None:
        stage_at[index] += 1
        if stage_at[index] == len(lines[index]):
            return
        stage, *later = lines[index][stage_at[index] :]
        rest = sum(max(each) for each in later)
        open_jobs[index] = len(stage)
        for seconds in stage:
            heapq.heappush(ready, (-(seconds + rest), index, seconds))

    for index in range(len(lines)):
        begin_next_stage(index)
    while ready or running:
        while ready and len(running) < slots:
            _, index, seconds = heapq.heappop(ready)
            heapq.heappush(running, (now + seconds, index))
        now = running[0][0]
        while running and running[0][0] == now:  # all that end now, before anything begins
            _, index = heapq.heappop(running)
            open_jobs[index] -= 1
            if open_jobs[index] == 0:
                begin_next_stage(index)
    return now
