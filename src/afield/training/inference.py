"""What a trained network takes for one image: time, and on a GPU memory. Measured, so never part of a key."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn

from afield.training.device import autocast
from afield.training.numerics import Numerics
from afield.training.preprocessing import Preprocess

RUNS = 9
"""that count, after `WARM` ones in which kernels are chosen and memory is fetched"""
WARM = 2


@dataclass(frozen=True)
class Inference:
    """Of one image alone, as it stands prepared, to its logits."""

    seconds: float
    """the median over `RUNS`"""
    memory: int | None
    """bytes on the device at most, the network's own weights among them; None but on CUDA, where alone they are
    counted"""


def measure_inference(
    network: nn.Module, image: torch.Tensor, preprocessing: Preprocess, numerics: Numerics
) -> Inference:
    """Measure a network on its device with one image, uint8 [1, channels, height, width], there."""
    counted = numerics.device == "cuda"
    network.eval()
    took, before = list[float](), 0
    with torch.inference_mode(), autocast(numerics):
        for run in range(WARM + RUNS):
            if counted and run == WARM:
                before = torch.cuda.memory_allocated()
                torch.cuda.reset_peak_memory_stats()
            since = time.perf_counter()
            network(preprocessing(image, numerics)).float().cpu()  # waits for the device
            took.append(time.perf_counter() - since)
    memory = torch.cuda.max_memory_allocated() - before + _weights(network) if counted else None
    return Inference(median(took[WARM:]), memory)


def _weights(network: nn.Module) -> int:
    """Bytes of all parameters and buffers."""
    return sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))
