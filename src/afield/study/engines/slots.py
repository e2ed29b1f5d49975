"""How many trials run at once on a machine, by its cores, memory and GPUs, and which GPUs each of them sees."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from afield.base.memory import free_memory
from afield.base.process import cores
from afield.base.text import count as counted
from afield.training.numerics import Numerics, NumericsChoice

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""the variable by which CUDA shows a process some of the machine's devices: numbers or names, parted by commas"""


@dataclass(frozen=True)
class Need:
    """What the largest trial of a study takes of a machine's memory."""

    bytes: int
    """roughly, of all its processes"""
    backbone: str
    """whose trial that is"""


@dataclass(frozen=True)
class Slots:
    """Slots of one machine."""

    count: int
    environments: tuple[Mapping[str, str], ...] = ({},)
    """what is set in the environment of a worker before it imports torch; slot i has the one at i modulo their number,
    so that further slots share devices evenly
    """
    short: str = ""
    """words where memory holds fewer trials than cores do; else empty"""

    @property
    def sharing(self) -> int:
        """Trials at once that are shown the same devices, at most.

        >>> Slots(4, ({"a": "0"}, {"a": "1"}, {"a": "2"})).sharing
        2
        """
        return -(-self.count // len(self.environments))

    def environment(self, slot: int) -> Mapping[str, str]:
        """What is set for the worker of a slot."""
        return self.environments[slot % len(self.environments)]


def cpu_slots(numerics: NumericsChoice, cores: int) -> int:
    """Trials at once on so many cores: each of its processes has as many threads as the numerics say.

    >>> cpu_slots(NumericsChoice(threads=2), cores=8)
    4
    """
    return max(1, cores // (_threads(numerics) * numerics.devices))


def within_memory(count: int, need: Need | None, free: int | None) -> Slots:
    """As many of `count` slots as `free` bytes hold, and one where they hold none; all of them where either is not
    known.

    >>> within_memory(8, Need(int(3e9), "resnet50.a1_in1k"), free=int(10e9)).count
    3
    """
    if need is None or free is None or need.bytes * count <= free:
        return Slots(count)
    fewer = max(1, free // need.bytes)
    words = (
        f"{counted(fewer, 'slot')} in place of {count}, for want of memory: a training takes roughly "
        f"{need.bytes / 1e9:.1f} GB ({need.backbone}), and {free / 1e9:.1f} GB are free. --slots N goes before"
    )
    return Slots(fewer, short=words if fewer < count else "")


def gpu_environments(devices: int, per_trial: int, visible: str | None) -> tuple[Mapping[str, str], ...]:
    """What the workers of a machine with so many devices are shown of them, `per_trial` each; `visible` is what this
    process itself is shown (CUDA_VISIBLE_DEVICES), None for all of them. Devices that are too few for a further trial
    stay unused.

    >>> gpu_environments(4, 2, None)
    ({'CUDA_VISIBLE_DEVICES': '0,1'}, {'CUDA_VISIBLE_DEVICES': '2,3'})
    >>> gpu_environments(2, 1, "5,GPU-8932f937")
    ({'CUDA_VISIBLE_DEVICES': '5'}, {'CUDA_VISIBLE_DEVICES': 'GPU-8932f937'})
    """
    named = [name.strip() for name in visible.split(",")] if visible else [str(number) for number in range(devices)]
    groups = [named[start : start + per_trial] for start in range(0, devices - per_trial + 1, per_trial)]
    if len(groups) < 2:
        return ({},)  # a worker that sees what this process sees needs nothing
    return tuple({VISIBLE: ",".join(group)} for group in groups)


def environments_here(numerics: NumericsChoice | Numerics) -> tuple[Mapping[str, str], ...]:
    """What this machine's workers are shown of its devices under settled numerics, as `Slots.environments`."""
    if numerics.device != "cuda":
        return ({},)
    import torch

    return gpu_environments(torch.cuda.device_count(), numerics.devices, os.environ.get(VISIBLE))


def slots_here(
    numerics: NumericsChoice,
    cores: int,
    trials_per_device: int = 1,
    slots: int | None = None,
    need: Need | None = None,
) -> Slots:
    """The slots of this machine for trials under settled numerics: on a CPU by cores and by the memory that is free,
    where it is known what a trial takes of it (`need`), on GPUs `trials_per_device` for each group of devices that one
    trial has; `slots` in place of that number, as it is said, spread over the devices all the same.

    The memory of GPUs is not counted: what a trial takes of it is tried (micro_batches.py).
    """
    if numerics.device == "cpu":
        return Slots(slots) if slots else within_memory(cpu_slots(numerics, cores), need, free_memory())
    if numerics.device != "cuda":
        return Slots(slots or trials_per_device)
    shown = environments_here(numerics)
    return Slots(slots or len(shown) * trials_per_device, shown)


def workers_for(numerics: NumericsChoice, cores: int, slots: int) -> int:
    """Loader processes of each trial: none on a CPU, where a trial makes its own batches; on GPUs up to eight, as far
    as the cores reach for all that run at once.

    >>> workers_for(NumericsChoice(device="cuda"), cores=64, slots=16)
    4
    """
    return 0 if numerics.device == "cpu" else min(8, max(1, cores // (slots * numerics.devices)))


def settled_slots(
    numerics: NumericsChoice,
    slots: int | None,
    workers: int | None,
    trials_per_device: int = 1,
    need: Need | None = None,
) -> tuple[Slots, int]:
    """The slots of this machine and loader processes of each trial, where they are not named."""
    here = slots_here(numerics, cores(), trials_per_device, slots, need)
    return here, workers_for(numerics, cores(), here.count) if workers is None else workers


def _threads(numerics: NumericsChoice) -> int:
    return int(numerics.threads)
