"""Batches of uint8 images from prepared ones: each a pure function of (stream keys, epoch, step), whoever makes it.

On a CPU the crops are resized where the bytes are mapped, in this process or in loader processes. On a GPU they are
resized there, from the prepared images themselves where these fit into its memory, else from the crops' bytes, which
loader processes gather; both ways give the same bits.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from afield.base.streams import stream_seed
from afield.images.augment import Crops, Draws, apply, draw, locate, scale_boxes, send
from afield.images.prepared import PreparedImages, open_prepared
from afield.images.sampling import Alike, each_once, groups_alike, times_before

Position = tuple[int, int]
"""epoch and step, both from 0"""
Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class Batch:
    """n images [n, channels, size, size] (uint8) with the labels [n] of their samples."""

    epoch: int
    step: int
    images: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor | None = None
    """[n] how much each sample counts in the loss; None: all alike"""


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


@lru_cache(maxsize=16)
def _mapped(folder: Path) -> torch.Tensor:
    """The shared bytes as a tensor that views the read-only memory map; it may be larger than memory, and nothing
    writes to it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(open_prepared(folder).pixels)


@lru_cache(maxsize=2)  # a training's and a validation split's
def _resident(folder: Path, device: torch.device) -> torch.Tensor | None:
    """The shared bytes in a GPU's memory, where they take a quarter of what is free at most."""
    pixels = _mapped(folder)
    free = torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return pixels.to(device) if 4 * len(pixels) <= free else None


@dataclass(frozen=True)
class TrainingBatches(Dataset[Batch]):
    """The batches of a training, by position."""

    samples: Samples
    size: int
    interpolation: str
    batch_size: int
    seed: int
    augmentation: str
    flips: tuple[str, ...]
    alike: Alike | None = None
    """groups that an epoch shows equally often; None: each sample once"""

    def steps(self) -> int:
        """Batches an epoch: the last partial one is kept, unless it is a single sample."""
        whole, rest = divmod(len(self.samples), self.batch_size)
        return whole + (rest > 1)

    def seen(self) -> int:
        """Samples an epoch: all, but for one that would be a batch of its own."""
        return min(len(self.samples), self.steps() * self.batch_size)

    def order(self, epoch: int) -> npt.NDArray[np.int64]:
        """The samples of an epoch in the order they are seen in."""
        if self.alike is None:
            return each_once(self.seed, epoch, len(self.samples))
        return groups_alike(self.seed, epoch, self.alike)

    def chosen(self, position: Position) -> npt.NDArray[np.int64]:
        """The samples of a batch."""
        epoch, step = position
        return self.order(epoch)[step * self.batch_size : (step + 1) * self.batch_size]

    def drawn_as(self, position: Position) -> npt.NDArray[np.int64]:
        """Whose random values the samples of a batch get: their own where they are shown for the first time in that
        epoch; numbers that no sample has where they are shown once more, so that they do not look the same again.
        """
        if self.alike is None:
            return self.chosen(position)
        epoch, step = position
        again = times_before(self.seed, epoch, self.alike)[step * self.batch_size : (step + 1) * self.batch_size]
        return self.chosen(position) + again * len(self.samples)

    def weights(self, position: Position) -> torch.Tensor | None:
        """How much each sample of a batch counts, [n]; None: all alike."""
        weight = self.samples.weight
        return None if weight is None else torch.from_numpy(weight[self.chosen(position)])

    def crops(self, position: Position) -> tuple[Crops, torch.Tensor]:
        """What a batch shows, as crops of the prepared bytes, and its labels [n]."""
        chosen = self.chosen(position)
        images, rows = self.samples.images, self.samples.row[chosen]
        sizes, originals = images.sizes[rows], images.originals[rows]
        if self.augmentation == "none":
            whole = np.concatenate([np.zeros_like(sizes), sizes], axis=1).astype(np.int64)
            draws = Draws(whole, np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_))
        else:
            key, who = stream_seed(self.seed, "augmentation"), self.drawn_as(position)
            drawn = draw(key, position[0], who, originals, self.flips)
            draws = Draws(scale_boxes(drawn.box, originals, sizes), drawn.horizontal, drawn.vertical)
        crops = locate(images.offsets[rows], sizes, draws, images.channels)
        return crops, torch.from_numpy(self.samples.label[chosen])

    def batch(self, position: Position, pixels: torch.Tensor) -> Batch:
        """The batch from the prepared bytes, on the device where these lie."""
        crops, labels = self.crops(position)
        images = apply(pixels, crops, self.size, self.interpolation)
        weights = self.weights(position)
        return Batch(
            *position,
            images,
            send(labels, pixels.device),
            None if weights is None else send(weights, pixels.device),
        )

    def __getitem__(self, position: Position) -> Batch:
        return self.batch(position, _mapped(self.samples.images.folder))


@dataclass(frozen=True)
class Packed:
    """A batch before its crops are resized: their bytes alone, one crop after the other."""

    position: Position
    pixels: torch.Tensor
    crops: Crops
    labels: torch.Tensor

    def pin_memory(self) -> Packed:
        """The same in page-locked memory, from where a GPU can fetch it while it computes."""
        return Packed(self.position, self.pixels.pin_memory(), self.crops, self.labels.pin_memory())


@dataclass(frozen=True)
class PackedBatches(Dataset[Packed]):
    """The batches of a training, by position, for a device that resizes them itself."""

    batches: TrainingBatches

    def __getitem__(self, position: Position) -> Packed:
        crops, labels = self.batches.crops(position)
        pixels = _mapped(self.batches.samples.images.folder)
        row_bytes = crops.channels * crops.width
        ends = np.cumsum(crops.height * row_bytes)
        packed = torch.empty(int(ends[-1]), dtype=torch.uint8)
        places = (crops.first, crops.pitch, crops.height, row_bytes, ends)
        for first, pitch, height, width, end in zip(*(place.tolist() for place in places), strict=True):
            packed[end - height * width : end].view(height, width).copy_(
                pixels.as_strided((height, width), (pitch, 1), first)
            )
        alone = replace(crops, first=ends - crops.height * row_bytes, pitch=row_bytes)
        return Packed(position, packed, alone, labels)

    def unpack(self, packed: Packed, device: torch.device) -> Batch:
        """Resize on the device what `__getitem__` packed."""
        pixels, labels = (tensor.to(device, non_blocking=True) for tensor in (packed.pixels, packed.labels))
        images = apply(pixels, packed.crops, self.batches.size, self.batches.interpolation)
        weights = self.batches.weights(packed.position)
        return Batch(*packed.position, images, labels, None if weights is None else send(weights, device))


def load(batches: TrainingBatches, positions: list[Position], workers: int, device: torch.device) -> Iterator[Batch]:
    """The batches at these positions in order, made in this process (`workers` = 0) or with the help of others ahead of
    time. For a GPU they are made on it, for all else on the CPU; workers change nothing but the speed, and a GPU that
    holds all images needs none.
    """
    if device.type == "cuda":
        resident = _resident(batches.samples.images.folder, device)
        if resident is not None:
            return (batches.batch(position, resident) for position in positions)
        packed = PackedBatches(batches)
        return (packed.unpack(item, device) for item in _loader(packed, positions, workers, pin=True))
    if workers == 0:
        return (batches[position] for position in positions)
    return iter(_loader(batches, positions, workers, pin=False))


def _loader(dataset: Dataset[Loaded], positions: list[Position], workers: int, pin: bool) -> DataLoader[Loaded]:
    return DataLoader(
        dataset,
        batch_size=None,
        sampler=positions,
        num_workers=workers,
        pin_memory=pin,
        multiprocessing_context="spawn" if workers else None,
    )


def evaluation_batches(samples: Samples, batch_size: int, device: torch.device) -> Iterator[torch.Tensor]:
    """The evaluation views of a split in order, uint8 [n, channels, size, size], on the device."""
    height, width = samples.images.sizes[0].tolist()
    resident = _resident(samples.images.folder, device) if device.type == "cuda" else None
    views = (_mapped(samples.images.folder) if resident is None else resident).view(
        -1, height, width, samples.images.channels
    )
    rows = send(torch.from_numpy(samples.row), views.device)
    for start in range(0, len(samples), batch_size):
        yield send(views[rows[start : start + batch_size]], device).permute(0, 3, 1, 2)
