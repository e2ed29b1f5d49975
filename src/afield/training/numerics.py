"""Numerics are declared: plain values, a fixed rule for what the study leaves open. One is measured into the key: the
micro-batch on CUDA, once a folder (study/preparing/micro_batches.py). Needs no torch.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Device = Literal["cpu", "cuda", "mps"]
Precision = Literal["float32", "bfloat16", "float16", "float64"]
MemoryFormat = Literal["contiguous", "channels_last"]


class NumericsChoice(BaseModel):
    """The study's [numerics]: what it leaves `auto` follows the rule of `settle`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16", "float64"] = "auto"
    """bfloat16 and float16 are those of the forward and backward pass (autocast; float16 with a scaler of the loss):
    weights and optimiser are float32 then. float64 is for checks: all of it, several times slower"""
    memory_format: Literal["auto", "contiguous", "channels_last"] = "auto"
    threads: Literal["auto"] | Annotated[int, Field(ge=1, le=1024)] = "auto"
    """threads of one trial on a CPU; they order the sums, so they are part of the numerics"""
    micro_batch: Literal["auto"] | Annotated[int, Field(ge=0)] = "auto"
    """samples of an update that the device takes at once, their gradients added up; 0: all of them; `auto`: all, and
    on CUDA as many as fit, tried once for each backbone and size before the first trial. Less memory, the
    same update but for BatchNorm, whose statistics then come from so many"""
    devices: Annotated[int, Field(ge=1, le=64)] = 1
    """GPUs of one trial or, on a CPU, processes: each takes its share of every batch, and gradients are added up. The
    same updates, but for BatchNorm, whose statistics each takes from its own share, and for the order of sums"""
    compile: bool = False
    """torch.compile"""
    tf32: bool = False
    """TensorFloat-32 in float32 products on CUDA"""
    deterministic: bool = True
    """on CUDA, refuse operations that have no deterministic way; without it equal trials may differ there"""


class Numerics(BaseModel):
    """The settled numerics of one trial; in its key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    device: Device
    precision: Precision
    memory_format: MemoryFormat
    threads: int
    micro_batch: int
    """of each device"""
    devices: int = 1
    compile: bool
    tf32: bool
    deterministic: bool

    def at_once(self, batch_size: int) -> int:
        """Samples of a batch that a device takes at once, which is what BatchNorm sees."""
        share = -(-batch_size // min(self.devices, batch_size // 2))  # images/batch.py: 2 samples at least
        return min(self.micro_batch, share) if self.micro_batch else share


def settle(choice: NumericsChoice, device: Device) -> NumericsChoice:
    """Fill what is `auto` on that device; only `memory_format` and `micro_batch` may stay open, they depend
    on the backbone.

    The rule: bfloat16 autocast on CUDA, float32 elsewhere; one thread a trial on a CPU (with as many trials at once
    as cores that is faster than one trial on all cores: docs/benchmarks.md).
    """
    return choice.model_copy(
        update={
            "device": device,
            "precision": ("bfloat16" if device == "cuda" else "float32")
            if choice.precision == "auto"
            else choice.precision,
            "threads": 1 if choice.threads == "auto" else choice.threads,
        }
    )


def numerics_for(settled: NumericsChoice, convolutional: bool) -> Numerics:
    """The numerics of one backbone's trials: channels-last for convolutional ones, contiguous for the others."""
    memory_format = settled.memory_format
    if memory_format == "auto":
        memory_format = "channels_last" if convolutional else "contiguous"
    if settled.device == "auto" or settled.precision == "auto" or settled.threads == "auto":
        raise ValueError("numerics must be settled first")
    return Numerics(
        device=settled.device,
        precision=settled.precision,
        memory_format=memory_format,
        threads=settled.threads,
        micro_batch=0 if settled.micro_batch == "auto" else settled.micro_batch,
        devices=settled.devices,
        compile=settled.compile,
        tf32=settled.tf32,
        deterministic=settled.deterministic,
    )
