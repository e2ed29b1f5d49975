"""All that differs between devices, behind one door."""

from __future__ import annotations

import os
import platform as host
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version

import torch
from torch import nn

from afield.training.numerics import Device, Numerics

_LIBRARIES = ("torch", "torchvision", "timm", "numpy", "pillow")


def available_devices() -> tuple[Device, ...]:
    """The devices of this machine, the best first: cuda, then mps, then cpu."""
    here: list[Device] = ["cpu"]
    if torch.backends.mps.is_available():
        here.insert(0, "mps")
    if torch.cuda.is_available():
        here.insert(0, "cuda")
    return tuple(here)


def platform(device: Device) -> dict[str, str]:
    """What equal bits depend on beside the key: device model, instruction set and library versions."""
    found = {name: version(name) for name in _LIBRARIES}
    found["system"] = f"{host.system()} {host.machine()}"
    found["device"] = torch.cuda.get_device_name() if device == "cuda" else device
    if device == "cpu":
        found["instruction_set"] = torch.backends.cpu.get_cpu_capability()
        # these change which kernels run, and with them the last bits of a sum
        for name in ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "MKL_CBWR"):
            if name in os.environ:
                found[name] = os.environ[name]
    return found


def settle_process(numerics: Numerics) -> None:
    """Set this process's threads, TF32 and deterministic kernels for a trial."""
    torch.set_num_threads(numerics.threads)
    if numerics.device == "cuda":
        os.environ.setdefault(
            "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
        )  # cuBLAS is deterministic only with a fixed workspace
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False
        torch.backends.cuda.matmul.allow_tf32 = numerics.tf32
        torch.backends.cudnn.allow_tf32 = numerics.tf32


def memory_format(numerics: Numerics) -> torch.memory_format:
    """The layout of images and convolution weights in memory."""
    return torch.channels_last if numerics.memory_format == "channels_last" else torch.contiguous_format


def place(network: nn.Module, numerics: Numerics) -> nn.Module:
    """Put a network on its device, in its memory format."""
    return network.to(device=numerics.device, memory_format=memory_format(numerics))  # type: ignore[call-overload, no-any-return]


def autocast(numerics: Numerics) -> AbstractContextManager[object]:
    """The context of forward passes: bfloat16 autocast, or nothing."""
    if numerics.precision == "float32":
        return nullcontext()
    return torch.autocast(numerics.device, dtype=torch.bfloat16)
