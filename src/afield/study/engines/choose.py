"""Which engine a command names, with the slots that its machines have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from afield.base.errors import InputError
from afield.study.engines.engine import Engine
from afield.study.engines.local import LocalEngine
from afield.study.engines.slots import Need, settled_slots
from afield.training.numerics import NumericsChoice

EngineName = Literal["local", "ray"]


@dataclass(frozen=True)
class Machines:
    """Where trials run, and how many at once; nothing of it is in a key or changes a result, but for how much of a
    GPU's memory is left to each trial where a first run settles micro-batches (study/preparing/micro_batches.py).
    """

    engine: EngineName = "local"
    address: str | None = None
    """of a Ray cluster; None: the one that RAY_ADDRESS names, else this machine alone"""
    slots: int | None = None
    """trials at once; None: as many as cores and memory, or GPUs, allow"""
    trials_per_device: int | None = None
    """trials at once on a GPU, or on the GPUs of one trial; None: 1"""
    workers: int | None = None
    """loader processes of each trial; None: none on a CPU, up to eight on a GPU"""


def make_engine(
    machines: Machines,
    numerics: NumericsChoice,
    need: Need | None = None,
    say: Callable[[str], None] = lambda words: None,
) -> Engine:
    """The engine for trials under settled numerics, the largest of which needs so much; says where memory leaves it
    fewer slots than cores do. Raises InputError for what does not go together, and where Ray is not installed.
    """
    if machines.trials_per_device is not None and numerics.device != "cuda":
        raise InputError(f"trials per device: this study runs on {numerics.device}; give --slots, the trials at once")
    if machines.engine == "ray":
        if numerics.device == "mps":
            raise InputError("--engine ray: runs trials on cpu or cuda, and this study runs on mps; use --engine local")
        from afield.study.engines.ray import RayEngine

        per_device = machines.trials_per_device or 1
        if per_device > 1 and numerics.devices > 1:
            raise InputError(
                f"trials per device: {per_device}: Ray gives a training a part of one GPU, or whole ones, and those of "
                f"this study have {numerics.devices} each (numerics.devices); leave it at 1, or use --engine local"
            )
        return RayEngine(numerics, machines.address, machines.slots, machines.workers, per_device, need, say)
    if machines.address is not None:
        raise InputError("--address is that of a Ray cluster; add --engine ray")
    slots, workers = settled_slots(numerics, machines.slots, machines.workers, machines.trials_per_device or 1, need)
    if slots.short:
        say(slots.short)
    return LocalEngine(slots, workers)
