"""Batches of uint8 images from prepared ones: each a pure function of (stream keys, epoch, step), whoever makes it.

On a CPU the crops are resized where the bytes are mapped, in this process or in loader processes. On a GPU they are
resized there, from the prepared images themselves where these fit into its memory, else from the crops' bytes, which
loader processes gather; both ways give the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from afield.base.streams import stream_seed
from afield.images.augmentation.augmentation import Augmentation, Parameters
from afield.images.augmentation.crops import Crops, Draws, apply, draw, locate, scale_boxes
from afield.images.augmentation.erasing import Erased, draw_erased, erase
from afield.images.augmentation.mixing import NO_MIXING, Mixing, Mixture, draw_mixture, mix
from afield.images.augmentation.own import NONE, apply_parameters, draw_parameters, kept_augmentation
from afield.images.augmentation.uniform import uniforms
from afield.images.batch import WHOLE, Batch, Position, Share
from afield.images.samples import Samples, mapped, resident
from afield.images.sampling import Alike, each_once, groups_alike, times_before
from afield.images.sending import send

Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class Drawn:
    """All that was drawn for a batch of n samples: which bytes it shows, and what is done with them."""

    position: Position
    crops: Crops
    labels: torch.Tensor
    weights: torch.Tensor | None
    parameters: Parameters
    """of the augmentation's own operations"""
    erased: Erased | None
    mixture: Mixture | None
    whole: int
    """samples of the whole batch, where this is a share of it"""


@dataclass(frozen=True)
class TrainingBatches(Dataset[Batch]):
    """The batches of a training, by position."""

    samples: Samples
    size: int
    interpolation: str
    batch_size: int
    seed: int
    augmentation: str
    """its name"""
    flips: tuple[str, ...]
    alike: Alike | None = None
    """groups that an epoch shows equally often; None: each sample once"""
    mixing: Mixing = NO_MIXING
    erasing: float = 0.0
    """probability"""
    extension: tuple[str, str] = ("", "")
    """of one's own augmentation: the copy that it is loaded from, and its sha256"""
    share: Share = WHOLE
    """which part of each batch is made"""

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

    def weights(self, chosen: npt.NDArray[np.int64], counts: bool = True) -> torch.Tensor | None:
        """How much each of these samples counts, [n]: nothing where the share they are in does not; None: all alike."""
        weight = self.samples.weight
        if not counts:
            return torch.zeros(len(chosen))
        return None if weight is None else torch.from_numpy(weight[chosen])

    def names(self, position: Position) -> list[str]:
        """The names of a batch's samples; empty where they have none."""
        name = self.samples.name
        return [] if name is None else [str(each) for each in name[self.chosen(position)]]

    def load(self, positions: list[Position], workers: int, device: torch.device) -> Iterator[Batch]:
        """`load` of them."""
        return load(self, positions, workers, device)

    def draw(self, position: Position) -> Drawn:
        """What a batch, or this process's share of it, shows and what is done with it, on the CPU; no pixel is read.

        A sample's draws are the same in any share of its batch.
        """
        epoch, step = position
        chosen, who = self.chosen(position), self.drawn_as(position)
        count = len(chosen)
        mixture = draw_mixture(self.mixing, self.seed, epoch, step, count, self.size)
        if self.share != WHOLE:
            shown = np.arange(count)[self.share.of(count)]
            if mixture is not None:  # the partners follow the samples that they are mixed with
                mine, shown = len(shown), np.concatenate([shown, mixture.partner[shown]])
                mixture = replace(mixture, partner=np.arange(mine, 2 * mine))
            chosen, who = chosen[shown], who[shown]
        images, rows = self.samples.images, self.samples.row[chosen]
        sizes, originals = images.sizes[rows], images.originals[rows]
        parameters: Parameters = {}
        if self.augmentation == NONE:
            whole = np.concatenate([np.zeros_like(sizes), sizes], axis=1).astype(np.int64)
            draws = Draws(whole, np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_))
        else:
            drawn = draw(stream_seed(self.seed, "augmentation"), epoch, who, originals, self.flips)
            draws = Draws(scale_boxes(drawn.box, originals, sizes), drawn.horizontal, drawn.vertical)
            own = self._own()
            uniform = uniforms(stream_seed(self.seed, "augmentation", "operations"), epoch, who, own.numbers)
            parameters = draw_parameters(self.augmentation, own, uniform, self.size)
        return Drawn(
            position,
            locate(images.offsets[rows], sizes, draws, images.channels),
            torch.from_numpy(self.samples.label[chosen]),
            self.weights(chosen, self.share.counts(count)),
            parameters,
            draw_erased(self.erasing, self.seed, epoch, step, who, images.channels, self.size),
            mixture,
            count,
        )

    def make(self, drawn: Drawn, pixels: torch.Tensor) -> Batch:
        """The batch that was drawn, from the bytes that its crops lie in, on the device where these are."""
        images = apply(pixels, drawn.crops, self.size, self.interpolation)
        if self.augmentation != NONE:
            images = apply_parameters(self.augmentation, self._own(), images, drawn.parameters)
        if drawn.erased is not None:
            images = erase(images, drawn.erased)
        labels = send(drawn.labels, pixels.device)
        weights = None if drawn.weights is None else send(drawn.weights, pixels.device)
        if drawn.mixture is None:
            return Batch(*drawn.position, images, labels, weights, whole=drawn.whole)
        images = mix(images, drawn.mixture)
        partner = send(torch.from_numpy(drawn.mixture.partner), pixels.device)
        share = torch.full((len(images),), drawn.mixture.share, device=pixels.device)
        return Batch(*drawn.position, images, labels, weights, partner, share, drawn.whole)

    def _own(self) -> Augmentation:
        return kept_augmentation(self.augmentation, *self.extension)

    def __getitem__(self, position: Position) -> Batch:
        return self.make(self.draw(position), mapped(self.samples.images.folder))


@dataclass(frozen=True)
class Packed:
    """A batch before its crops are resized: their bytes alone, one crop after the other."""

    pixels: torch.Tensor
    drawn: Drawn

    def pin_memory(self) -> Packed:
        """The same in page-locked memory, from where a GPU can fetch it while it computes."""
        drawn = self.drawn
        weights = None if drawn.weights is None else drawn.weights.pin_memory()
        return Packed(self.pixels.pin_memory(), replace(drawn, labels=drawn.labels.pin_memory(), weights=weights))


@dataclass(frozen=True)
class PackedBatches(Dataset[Packed]):
    """The batches of a training, by position, for a device that resizes them itself."""

    batches: TrainingBatches

    def __getitem__(self, position: Position) -> Packed:
        drawn = self.batches.draw(position)
        crops = drawn.crops
        pixels = mapped(self.batches.samples.images.folder)
        row_bytes = crops.channels * crops.width
        ends = np.cumsum(crops.height * row_bytes)
        packed = torch.empty(int(ends[-1]), dtype=torch.uint8)
        places = (crops.first, crops.pitch, crops.height, row_bytes, ends)
        for first, pitch, height, width, end in zip(*(place.tolist() for place in places), strict=True):
            packed[end - height * width : end].view(height, width).copy_(
                pixels.as_strided((height, width), (pitch, 1), first)
            )
        alone = replace(crops, first=ends - crops.height * row_bytes, pitch=row_bytes)
        return Packed(packed, replace(drawn, crops=alone))

    def unpack(self, packed: Packed, device: torch.device) -> Batch:
        """Make on the device what `__getitem__` packed."""
        return self.batches.make(packed.drawn, packed.pixels.to(device, non_blocking=True))


def load(batches: TrainingBatches, positions: list[Position], workers: int, device: torch.device) -> Iterator[Batch]:
    """The batches at these positions in order, made in this process (`workers` = 0) or with the help of others ahead of
    time. For a GPU they are made on it, for all else on the CPU; workers change nothing but the speed, and a GPU that
    holds all images needs none.
    """
    if device.type == "cuda":
        held = resident(batches.samples.images.folder, device)
        if held is not None:
            return (batches.make(batches.draw(position), held) for position in positions)
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
