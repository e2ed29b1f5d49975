"""How fast a backbone trains here, measured: a few real steps on real images through the real loader, in as many
processes at once as a run has slots, so that they share the machine as they will.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import sqrt
from multiprocessing.connection import Connection, wait
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import fmean, median, stdev
from tempfile import TemporaryDirectory
from threading import BrokenBarrierError
from typing import TYPE_CHECKING

from afield.base.errors import AfieldError, Stopped
from afield.base.process import begun_in
from afield.study.engines.job import Job
from afield.study.engines.slots import Slots, environments_here
from afield.study.planning.pace import Speed
from afield.trial.inputs import SplitInputs

if TYPE_CHECKING:
    from afield.images.samples import Samples
    from afield.training.checkpoint import State
    from afield.training.loop import Setup

WARM, STEPS = 3, 20
"""updates that do not count, since kernels are chosen and pages read in them, and updates that do"""
BATCHES = 4
"""of evaluation, the first of which does not count"""
LIMIT = 20.0
"""seconds after which a probe begins no further step, if it has at least one"""
SCATTER = 0.1
"""relative standard error where too few steps were made to tell"""
PATIENCE = 900.0
"""seconds that a probe may take in all"""


@dataclass(frozen=True)
class Subject:
    """What is measured: a trial with its inputs. Small and picklable."""

    job: Job
    train: SplitInputs
    validation: SplitInputs


@dataclass(frozen=True)
class Steps:
    """What one process measured, in seconds."""

    starting: float
    begin: float
    steps: tuple[float, ...]
    """of updates, their batches made meanwhile as in a training"""
    batch: int
    """samples of each"""
    evaluate: float
    """of an image"""
    save: float
    memory: int
    """bytes"""


@dataclass
class _Watch:
    """The hooks of a short training: notes when updates end, and waits for the other processes after the warm-up."""

    barrier: Barrier
    cuda: bool
    folder: Path
    ends: list[float] = field(default_factory=list)
    """when each update was through"""
    first: set[int] = field(default_factory=set)
    """the updates that begin an epoch: what comes before them is no update"""
    save_seconds: float = 0.0

    def progress(self, epoch: int, step: int, steps: int, per_second: float) -> None:
        if self.cuda:
            import torch

            torch.cuda.synchronize()
        if step == 1:
            self.first.add(len(self.ends))
        if len(self.ends) == WARM - 1:
            self.barrier.wait(PATIENCE)
        self.ends.append(time.perf_counter())

    def stop(self) -> bool:
        counted = len(self.ends) - WARM
        return counted >= STEPS or (counted >= 1 and time.perf_counter() - self.ends[WARM - 1] > LIMIT)

    def save(self, state: State) -> None:
        from afield.training.checkpoint import save_checkpoint

        since = time.perf_counter()
        save_checkpoint(self.folder / "checkpoint.pt", state, {})
        self.save_seconds = time.perf_counter() - since

    def lengths(self) -> tuple[float, ...]:
        """Seconds of the updates that count; of a training that is over before, of all that it has."""
        warm = WARM if len(self.ends) > WARM else 1
        return tuple(
            self.ends[index] - self.ends[index - 1] for index in range(warm, len(self.ends)) if index not in self.first
        )


def measure(subject: Subject, slots: int) -> Speed:
    """Measure a trial's speed in `slots` processes at once, each with the GPU that a run gives its worker. Raises
    AfieldError, with the reason, where one cannot.

    Each process trains WARM updates, waits for the others, and is timed over STEPS more, or for LIMIT seconds; then
    over BATCHES of evaluation. A probe of a head alone times evaluation, by which its features are made.
    """
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(slots)
    pipes, processes = list[Connection](), []
    shown = Slots(slots, environments_here(subject.job.trial.numerics))
    subject = replace(subject, job=replace(subject.job, sharing=shown.sharing))
    try:
        for slot in range(slots):
            mine, theirs = context.Pipe()
            process = context.Process(target=_take_part, args=(theirs, barrier, subject, time.time()))
            with begun_in(shown.environment(slot)):
                process.start()
            theirs.close()
            pipes.append(mine)
            processes.append(process)
        return speed_of(_heard(pipes))
    finally:
        for process in processes:
            process.join(timeout=5)
            if process.is_alive():
                process.kill()
                process.join()


def speed_of(measured: Sequence[Steps]) -> Speed:
    """What processes measured together: means over them, the largest memory, and the standard error of a step from the
    scatter between all of theirs.
    """
    steps = [length / each.batch for each in measured for length in each.steps]
    train = fmean(steps)
    scatter = stdev(steps) / train / sqrt(len(steps)) if len(steps) > 2 else SCATTER
    return Speed(
        train=train,
        evaluate=fmean(each.evaluate for each in measured),
        begin=fmean(each.begin for each in measured),
        save=fmean(each.save for each in measured),
        starting=max(each.starting for each in measured),
        memory=max(each.memory for each in measured),
        scatter=scatter,
    )


def _heard(pipes: Sequence[Connection]) -> list[Steps]:
    """What all processes say; the first that failed on its own account is told."""
    open_pipes, told, failures = list(pipes), list[Steps](), list[str]()
    limit = time.monotonic() + PATIENCE
    while open_pipes and time.monotonic() < limit:
        for pipe in wait(open_pipes, 1.0):
            assert isinstance(pipe, Connection), "nothing else is waited for"
            open_pipes.remove(pipe)
            try:
                said: Steps | str = pipe.recv()
            except (EOFError, OSError):
                said = "its process died; out of memory is a frequent cause"
            if isinstance(said, Steps):
                told.append(said)
            elif said:
                failures.append(said)
    if failures or len(told) < len(pipes):
        raise AfieldError(failures[0] if failures else f"nothing was measured within {PATIENCE:.0f} s")
    return told


def _take_part(pipe: Connection, barrier: Barrier, subject: Subject, asked: float) -> None:
    """The life of one of the processes: measures, tells, ends. Interrupts are for the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with TemporaryDirectory(prefix="afield-") as folder:
            pipe.send(_measured(subject, barrier, Path(folder), asked))
    except BrokenBarrierError:
        pipe.send("")  # another one failed, and tells why
    except Exception as error:  # noqa: BLE001 - whatever a backbone raises is told
        barrier.abort()
        pipe.send(str(error) if isinstance(error, AfieldError) else f"{type(error).__name__}: {error}")


def _measured(subject: Subject, barrier: Barrier, folder: Path, asked: float) -> Steps:
    from afield.images.samples import begin_residents
    from afield.training import loop, start
    from afield.training.checkpoint import State
    from afield.trial.run import set_up

    starting, since = time.time() - asked, time.perf_counter()
    job, trial = subject.job, subject.job.trial
    begin_residents(job.sharing)
    backbone = job.backbone()
    _, batches, setup = set_up(
        trial, subject.train, subject.validation, backbone, job.weights, job.metric(), job.own_loss(), job.own_head(),
        workers=job.workers, extensions=job.extensions,
    )  # fmt: skip
    watch = _Watch(barrier, trial.numerics.device == "cuda", folder)
    if trial.recipe.trained == "head":  # learns from features, which evaluation makes
        begin = time.perf_counter() - since
        barrier.wait(PATIENCE)
        evaluate = _evaluated(setup, subject.validation.samples())
        return Steps(starting, begin, (evaluate,), 1, evaluate, 0.0, _memory(trial.numerics.device))
    hooks = loop.Hooks(watch.save, watch.progress, stop=watch.stop)
    begun = start.begin(setup, batches, backbone, None, State(), hooks)
    with suppress(Stopped):  # as the watch asks, once enough was measured
        loop.train(begun, State(), trial.recipe.epochs, hooks)
    first = watch.ends[0] - since  # with the first update
    steps = watch.lengths() or (first,)
    return Steps(
        starting,
        max(0.0, first - median(steps)),
        steps,
        min(batches.batch_size, len(batches.samples)),
        _evaluated(setup, subject.validation.samples()),
        watch.save_seconds,
        _memory(trial.numerics.device),
    )


def _evaluated(setup: Setup, samples: Samples) -> float:
    """Seconds of an image in evaluation."""
    from afield.training import loop

    def seconds(images: int) -> float:
        since = time.perf_counter()
        some = replace(samples, row=samples.row[:images])
        loop.predict(setup.network, some, setup.preprocessing, setup.numerics)
        return time.perf_counter() - since

    first = min(loop.EVALUATION_BATCH, len(samples))
    seconds(first)
    images = min(len(samples), (BATCHES - 1) * first)
    return seconds(images) / images


def _memory(device: str) -> int:
    """The most bytes that this process had: of the device where it is a GPU, else of the machine."""
    if device == "cuda":
        import torch

        return int(torch.cuda.max_memory_reserved())
    status = Path("/proc/self/status")
    if status.exists():  # getrusage's would count what the parent had before this process began
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    import resource
    import sys

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
