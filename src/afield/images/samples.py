"""The samples of a split with their prepared images, where these lie, and how a network in evaluation is shown them."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from afield.images.batch import WHOLE, Share
from afield.images.prepared import PreparedImages, open_prepared
from afield.images.sending import send

ON_DEVICE = 0.25
"""share of a GPU's memory that a process's prepared images take at most: the rest is for what trains"""
_SPLITS = 2
"""folders whose images are held there: a training's and a validation split's"""
_HELD = OrderedDict[tuple[Path, torch.device], torch.Tensor]()
"""the last used stands last"""


@dataclass(frozen=True)
class Samples:
    """The n samples of one split and their prepared images."""

    images: PreparedImages
    row: npt.NDArray[np.int64]
    """[n] position of each sample's image in `images` (several samples may show one image)"""
    label: npt.NDArray[np.int64]
    """[n], or [n, classes] of 1, 0 and -1 (unknown) where a sample may have several"""
    weight: npt.NDArray[np.float32] | None = None
    """[n] how much each counts in the loss, of mean 1; None: all alike"""
    name: npt.NDArray[np.str_] | None = None
    """[n] ids, for messages"""

    def __len__(self) -> int:
        return len(self.row)

    def evaluation(self, batch_size: int, device: torch.device, share: Share = WHOLE) -> Iterator[torch.Tensor]:
        """`evaluation_batches` of them."""
        return evaluation_batches(self, batch_size, device, share)


@lru_cache(maxsize=16)
def mapped(folder: Path) -> torch.Tensor:
    """The shared bytes as a tensor that views the read-only memory map; it may be larger than memory, and nothing
    writes to it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(open_prepared(folder).pixels)


def resident(folder: Path, device: torch.device) -> torch.Tensor | None:
    """The shared bytes in a GPU's memory; None where, with what this process holds there already, they would take more
    than ON_DEVICE of it, or more than that share of what is free.
    """
    held = _HELD.pop((folder, device), None)
    if held is None:
        while len(_HELD) >= _SPLITS:
            _HELD.popitem(last=False)
        pixels = mapped(folder)
        free, whole = torch.cuda.mem_get_info(device)
        free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        together = len(pixels) + sum(map(len, _HELD.values()))
        if together > ON_DEVICE * whole or len(pixels) > ON_DEVICE * free:
            return None
        held = pixels.to(device)
    _HELD[folder, device] = held
    return held


def evaluation_batches(
    samples: Samples, batch_size: int, device: torch.device, share: Share = WHOLE
) -> Iterator[torch.Tensor]:
    """The evaluation views of a split in order, uint8 [n, channels, size, size], on the device; of several processes
    each is shown every n-th batch, beginning with that of its rank.
    """
    height, width = samples.images.sizes[0].tolist()
    held = resident(samples.images.folder, device) if device.type == "cuda" else None
    views = (mapped(samples.images.folder) if held is None else held).view(-1, height, width, samples.images.channels)
    rows = send(torch.from_numpy(samples.row), views.device)
    for start in range(share.rank * batch_size, len(samples), share.processes * batch_size):
        yield send(views[rows[start : start + batch_size]], device).permute(0, 3, 1, 2)
