"""Batches of uint8 images from prepared ones: each a pure function of (stream keys, epoch, step), whoever makes it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from afield.base.streams import stream, stream_seed
from afield.images.augment import apply, draw, scale_boxes
from afield.images.prepared import PreparedImages, open_prepared

Position = tuple[int, int]
"""epoch and step, both from 0"""


@dataclass(frozen=True)
class Batch:
    """n images [n, 3, size, size] (uint8) with the labels [n] of their samples."""

    epoch: int
    step: int
    images: torch.Tensor
    labels: torch.Tensor

    def pin_memory(self) -> Batch:
        """The same batch in page-locked memory, from where a GPU can fetch it while it computes."""
        return Batch(self.epoch, self.step, self.images.pin_memory(), self.labels.pin_memory())


@dataclass(frozen=True)
class Samples:
    """The n samples of one split and their prepared images."""

    images: PreparedImages
    row: npt.NDArray[np.int64]
    """[n] position of each sample's image in `images` (several samples may show one image)"""
    label: npt.NDArray[np.int64]
    """[n]"""

    def __len__(self) -> int:
        return len(self.row)

    def tensor(self, sample: int) -> torch.Tensor:
        """The prepared image of a sample as a view [3, height, width] of the shared bytes, channels last in memory."""
        position = int(self.row[sample])
        height, width = self.images.sizes[position].tolist()
        start, end = self.images.offsets[position : position + 2].tolist()
        return _pixels(self.images.folder)[start:end].view(height, width, 3).permute(2, 0, 1)


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, samples: int) -> npt.NDArray[np.int64]:
    return stream(seed, "order", epoch).permutation(samples)


@lru_cache(maxsize=16)
def _pixels(folder: Path) -> torch.Tensor:
    """The shared bytes as a tensor that views the read-only memory map; it may be larger than memory, and nothing
    writes to it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(open_prepared(folder).pixels)


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

    def steps(self) -> int:
        """Batches an epoch: the last partial one is kept, unless it is a single sample."""
        whole, rest = divmod(len(self.samples), self.batch_size)
        return whole + (rest > 1)

    def order(self, epoch: int) -> npt.NDArray[np.int64]:
        """The samples of an epoch in the order they are seen in."""
        return _order(self.seed, epoch, len(self.samples))

    def __getitem__(self, position: Position) -> Batch:
        epoch, step = position
        chosen = self.order(epoch)[step * self.batch_size : (step + 1) * self.batch_size]
        pictures = [self.samples.tensor(int(sample)) for sample in chosen]
        if self.augmentation == "none":
            images = torch.stack(pictures)
        else:
            rows = self.samples.row[chosen]
            originals, sizes = self.samples.images.originals[rows], self.samples.images.sizes[rows]
            draws = draw(stream_seed(self.seed, "augmentation"), epoch, chosen, originals, self.flips)
            images = apply(pictures, scale_boxes(draws.box, originals, sizes), draws, self.size, self.interpolation)
        return Batch(epoch, step, images, torch.from_numpy(self.samples.label[chosen]))


def load(batches: TrainingBatches, positions: list[Position], workers: int, pin: bool) -> Iterator[Batch]:
    """The batches at these positions in order, made here (`workers` = 0) or by worker processes ahead of time."""
    if workers == 0 and not pin:
        return (batches[position] for position in positions)
    return iter(
        DataLoader(
            batches,
            batch_size=None,
            sampler=positions,
            num_workers=workers,
            pin_memory=pin,
            multiprocessing_context="spawn" if workers else None,
        )
    )


def evaluation_batches(samples: Samples, batch_size: int) -> Iterator[torch.Tensor]:
    """The evaluation views of a split in order, uint8 [n, 3, size, size]."""
    for start in range(0, len(samples), batch_size):
        yield torch.stack([samples.tensor(sample) for sample in range(start, min(start + batch_size, len(samples)))])
