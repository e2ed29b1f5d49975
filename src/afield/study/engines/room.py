"""What the machines of a cluster hold of trials at a time, by the resources that they announce."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from afield.base.text import count
from afield.study.engines.slots import Need, cpu_slots
from afield.training.numerics import NumericsChoice


@dataclass(frozen=True)
class Room:
    """What all machines hold together."""

    slots: int
    """trials at once, at least one"""
    processors: int
    memory: int = 0
    """bytes that each trial is to ask for: what the largest takes, or all of the largest machine where that is less, so
    that it can begin somewhere; 0: none
    """
    short: str = ""
    """words where memory holds fewer trials than cores do; else empty"""


def room_on(
    machines: Sequence[Mapping[str, float]], numerics: NumericsChoice, trials_per_device: int, need: Need | None
) -> Room:
    """What machines hold that announce so much: CPU, GPU, and memory in bytes. On CPUs their memory counts, where it is
    known what the largest trial takes of it (`need`); that of GPUs is tried (micro_batches.py).

    >>> machines = [{"CPU": 8.0, "memory": 10e9}, {"CPU": 2.0, "memory": 10e9}]
    >>> room_on(machines, NumericsChoice(device="cpu", threads=1), 1, Need(int(3e9), "resnet50.a1_in1k")).slots
    5
    """
    processors = sum(int(machine.get("CPU", 0)) for machine in machines)
    if numerics.device == "cuda":
        groups = sum(int(machine.get("GPU", 0)) // numerics.devices for machine in machines)
        return Room(max(1, groups * trials_per_device), processors)
    at_work = [machine for machine in machines if machine.get("CPU", 0) >= 1]
    by_cores = [cpu_slots(numerics, int(machine["CPU"])) for machine in at_work]
    announced = [int(machine.get("memory", 0)) for machine in at_work]
    slots = max(1, sum(by_cores))
    if need is None or not any(announced):
        return Room(slots, processors)
    asked = min(need.bytes, max(announced))
    fewer = sum(min(cores, memory // asked) for cores, memory in zip(by_cores, announced, strict=True))
    words = (
        f"{count(fewer, 'slot')} in place of {slots}, for want of memory: a training takes roughly "
        f"{need.bytes / 1e9:.1f} GB ({need.backbone}), and the machines announce {sum(announced) / 1e9:.1f} GB in all; "
        "`ray start --memory BYTES` announces another number"
    )
    return Room(fewer, processors, asked, words if fewer < slots else "")
