"""All that differs between devices, behind one door."""

from __future__ import annotations

import os
import platform as host
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version

import torch
from torch import nn

from afield.base.errors import InputError
from afield.training import devices
from afield.training.numerics import Device, Numerics

_IN_OTHER_WORDS = (
    "unable to find an engine to execute this computation",
    "CUDA ran out of memory outside PyTorch's allocator",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
)
"""what torch says, beside OutOfMemoryError, where the device lacks memory: for a convolution it tries one of cuDNN's
engines after the other, and of those that find no room to work in it tells no more than that none was left"""
_LIBRARIES = ("torch", "torchvision", "timm", "numpy", "pillow")


def available_devices() -> tuple[Device, ...]:
    """The devices of this machine, the best first: cuda, then mps, then cpu."""
    here: list[Device] = ["cpu"]
    if torch.backends.mps.is_available():
        here.insert(0, "mps")
    if torch.cuda.is_available():
        here.insert(0, "cuda")
    return tuple(here)


def device_count(device: Device) -> int:
    """How many of that kind one training can use on this machine; processes on a CPU are as many as one likes."""
    if device == "cuda":
        return torch.cuda.device_count() if torch.distributed.is_nccl_available() else 1
    return 1 if device == "mps" else sys.maxsize


def platform(device: Device, *further: str) -> dict[str, str]:
    """What equal bits depend on beside the key: device model, instruction set and library versions, those of `further`
    distributions among them.
    """
    found = {name: version(name) for name in (*_LIBRARIES, *further)}
    found["system"] = f"{host.system()} {host.machine()}"
    # of several at one trial the first speaks for all: they go on from one checkpoint, or all begin anew
    mine = 0 if devices.share().processes > 1 else None
    found["device"] = torch.cuda.get_device_name(mine) if device == "cuda" else device
    if device == "cpu":
        found["instruction_set"] = torch.backends.cpu.get_cpu_capability()
        # these change which kernels run, and with them the last bits of a sum
        for name in ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "MKL_CBWR"):
            if name in os.environ:
                found[name] = os.environ[name]
    return found


def settle_process(numerics: Numerics) -> None:
    """Set this process's threads, TF32 and deterministic kernels for a trial, whatever the trial before it had.

    On CUDA an operation without a deterministic way then raises, unless `numerics.deterministic` is false; see
    `nondeterminism_named`. On a CPU each of ours has only one way.
    """
    torch.set_num_threads(numerics.threads)
    torch.use_deterministic_algorithms(numerics.device == "cuda" and numerics.deterministic)
    if numerics.device == "cuda":
        # cuBLAS is deterministic only with a fixed workspace, and reads this when it is first used
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        # guards against operations that read what nobody wrote, by a pass over every new tensor; torch's own do not
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark = False
        with warnings.catch_warnings():
            # torch 2.9 wishes for another way to say so, which its own compiler does not bear (pytorch#166387)
            warnings.filterwarnings("ignore", "Please use the new API settings to control TF32", UserWarning)
            torch.backends.cuda.matmul.allow_tf32 = numerics.tf32
            torch.backends.cudnn.allow_tf32 = numerics.tf32


def answers() -> bool:
    """Whether the GPU that this process uses, if it does, still works for it. After a fault inside a kernel (an address
    that is not there, an assertion that does not hold, memory that lost bits) CUDA answers whatever the process asks
    with the same error, until the process ends.
    """
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return True
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return False
    return True


def may_lack_memory(error: RuntimeError) -> bool:
    """Whether an error that is no OutOfMemoryError is in words that torch has where the device lacks memory, too."""
    return any(words in str(error) for words in _IN_OTHER_WORDS)


def memory_format(numerics: Numerics) -> torch.memory_format:
    """The layout of images and convolution weights in memory."""
    return torch.channels_last if numerics.memory_format == "channels_last" else torch.contiguous_format


def dtype(numerics: Numerics) -> torch.dtype:
    """The type of images, weights and losses; autocast narrows what lies between them."""
    return torch.float64 if numerics.precision == "float64" else torch.float32


def place(network: nn.Module, numerics: Numerics) -> nn.Module:
    """Put a network on its device, in its type and memory format."""
    return network.to(  # type: ignore[call-overload, no-any-return]
        device=numerics.device, dtype=dtype(numerics), memory_format=memory_format(numerics)
    )


_AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def autocast(numerics: Numerics) -> AbstractContextManager[object]:
    """The context of forward passes: autocast to bfloat16 or float16, or nothing."""
    if numerics.precision not in _AUTOCAST:
        return nullcontext()
    return torch.autocast(numerics.device, dtype=_AUTOCAST[numerics.precision])


def gradient_scaler(numerics: Numerics) -> torch.amp.GradScaler:
    """What keeps float16's gradients from vanishing; with any other precision it changes nothing."""
    return torch.amp.GradScaler(numerics.device, enabled=numerics.precision == "float16")


def compiled(network: nn.Module, numerics: Numerics) -> Callable[[torch.Tensor], torch.Tensor]:
    """What trains: the network itself or, where the numerics ask for it, torch.compile's version of it.

    What earlier trials of this process compiled is forgotten, and shapes are taken as they are: left alone, torch would
    compile a shape that it has seen change for any size, so that bits would depend on what ran before.
    """
    if not numerics.compile:
        return network
    torch.compiler.reset()
    return torch.compile(network, dynamic=False)


@contextmanager
def nondeterminism_named() -> Iterator[None]:
    """Torch's refusal of an operation that has no deterministic way (see `settle_process`) as an InputError that names
    the operation and what to do.
    """
    try:
        yield
    except RuntimeError as error:
        found = re.search(r"(\S+) does not have a deterministic implementation", str(error))
        if found is None:
            raise
        raise InputError(
            f"the operation {found[1]} of this network has no deterministic implementation on the device, so equal "
            "trials would not give equal bits; put deterministic = false into the study's [numerics] to train "
            'without that promise, or device = "cpu"'
        ) from error
