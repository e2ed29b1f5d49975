"""The samples of a split with their prepared images, where these lie, and how a network in evaluation is shown them."""

from __future__ import annotations

import gc
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from afield.images.batch import WHOLE, Share
from afield.images.prepared import PreparedImages, open_prepared
from afield.images.sending import send

ON_DEVICE = 0.25
"""share of a GPU's memory that prepared images take at most, those of all jobs on it together: the rest is for what
trains"""


@dataclass
class _Residents:
    """The images that this process holds in a GPU's memory."""

    sharing: int = 1
    """jobs that share the GPU, each of which has an equal part of ON_DEVICE"""
    held: OrderedDict[tuple[Path, torch.device], torch.Tensor] = field(default_factory=OrderedDict)
    """the last used stands last"""
    used: set[tuple[Path, torch.device]] = field(default_factory=set)
    """those that the job under way has asked for"""


_HERE = _Residents()


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


def begin_residents(sharing: int) -> None:
    """Begin a job in this process, one of `sharing` on its GPU. What earlier jobs hold there stays, for the next ones
    often show the same images, and goes once its room is needed.

    All else that they took goes back to the GPU: torch keeps what was freed for its own process, and those beside it
    could not have it.
    """
    _HERE.sharing = sharing
    _HERE.used.clear()
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        gc.collect()  # a network may refer to itself
        torch.cuda.empty_cache()


def resident(folder: Path, device: torch.device) -> torch.Tensor | None:
    """The shared bytes in a GPU's memory; None where, with what the job under way uses there already, they would take
    more than its part of ON_DEVICE, or more than ON_DEVICE of what is free.

    What that job uses makes no room: of a training and a validation split that do not fit together the first stays, in
    place of both being copied anew each epoch.
    """
    held, key = _HERE.held, (folder, device)
    if key in held:
        held.move_to_end(key)
    elif _make_room(len(mapped(folder)), device):
        held[key] = mapped(folder).to(device)
    else:
        return None
    _HERE.used.add(key)
    return held[key]


def _make_room(wanted: int, device: torch.device) -> bool:
    """Whether so many bytes more may be held; what earlier jobs hold goes for them, oldest first, if that is enough."""
    held = _HERE.held
    free, whole = torch.cuda.mem_get_info(device)
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    most = ON_DEVICE * whole / _HERE.sharing - sum(map(len, held.values()))
    old = [key for key in held if key not in _HERE.used]
    going = list[tuple[Path, torch.device]]()
    while wanted > most or wanted > ON_DEVICE * free:
        if not old:
            return False
        going.append(old.pop(0))
        most, free = most + len(held[going[-1]]), free + len(held[going[-1]])
    for key in going:
        del held[key]
    return True


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
