"""What a trained network takes for one image: time and memory. Measured, so never part of a key."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from afield.training.device import autocast
from afield.training.numerics import Numerics
from afield.training.preprocessing import Preprocess

RUNS = 9
"""whose time counts, after `WARM` ones in which kernels are chosen and memory is fetched"""
WARM = 2


@dataclass(frozen=True)
class Inference:
    """Of one image alone, as it stands prepared, to its logits."""

    seconds: float
    """the median over `RUNS`"""
    memory: int | None
    """bytes that torch's allocator held on the device at most: the network's own weights and all that was made of the
    image, without the image itself; what the libraries beneath fetch past the allocator is not counted (on a CPU the
    process grows by more). None where torch counts nothing, on MPS"""


def measure_inference(
    network: nn.Module, image: torch.Tensor, preprocessing: Preprocess, numerics: Numerics
) -> Inference:
    """Measure a network on its device with one image, uint8 [1, channels, height, width], there."""

    def once() -> float:
        since = time.perf_counter()
        network(preprocessing(image, numerics)).float().cpu()  # waits for the device
        return time.perf_counter() - since

    network.eval()
    with torch.inference_mode(), autocast(numerics):
        took = [once() for _ in range(WARM + RUNS)]
        made = _PEAKS[numerics.device](once) if numerics.device in _PEAKS else None
    return Inference(median(took[WARM:]), None if made is None else made + _weights(network))


def _peak_on_cuda(run: Callable[[], object]) -> int:
    """Bytes that a run holds at most beyond what was there before it."""
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    run()
    return torch.cuda.max_memory_allocated() - before


def _peak_on_cpu(run: Callable[[], object]) -> int:
    """The same on a CPU, where the allocator keeps no account but tells the profiler of each piece that it gives or
    takes back, and of what it holds then.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else the profiler writes lines of its own to stderr
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        run()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder, "trace.json")
        profiled.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    told = sorted((each for each in events if each.get("name") == "[memory]"), key=lambda each: each["ts"])
    pieces = [each["args"] for each in told if each["args"]["Device Type"] == 0]
    if not pieces:
        return 0
    before = pieces[0]["Total Allocated"] - pieces[0]["Bytes"]
    return max(int(each["Total Allocated"]) for each in pieces) - int(before)


_PEAKS: dict[str, Callable[[Callable[[], object]], int]] = {"cuda": _peak_on_cuda, "cpu": _peak_on_cpu}


def _weights(network: nn.Module) -> int:
    """Bytes of all parameters and buffers."""
    return sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))
