"""A batch, and what a training asks of whoever makes batches and shows samples: of images, or of stored features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch

from afield.images.sending import send

Position = tuple[int, int]
"""epoch and step, both from 0"""


@dataclass(frozen=True)
class Share:
    """Which part of each batch this process trains on, of `processes` that train together; by default all of it."""

    rank: int = 0
    processes: int = 1

    def of(self, count: int) -> slice:
        """Of `count` samples, at least 2, those of this process: consecutive, as many as others have or one more, and
        2 at least, since BatchNorm cannot train on one. Processes that are too many get those of the last.
        """
        parts = min(self.processes, count // 2)
        size, more = divmod(count, max(parts, 1))
        part = min(self.rank, parts - 1)
        first = part * size + min(part, more)
        return slice(first, first + size + (part < more))

    def counts(self, count: int) -> bool:
        """Whether this process's part of `count` samples counts, and is not another's once more."""
        return self.rank == 0 or self.rank < count // 2


WHOLE = Share()


@dataclass(frozen=True)
class Batch:
    """n images [n, channels, size, size] (uint8) with the labels [n] of their samples: all of a batch, or a process's
    share of it.
    """

    epoch: int
    step: int
    images: torch.Tensor
    labels: torch.Tensor
    """[n], or more where partners are beyond this share"""
    weights: torch.Tensor | None = None
    """as many: how much each sample counts in the loss; None: all alike"""
    partner: torch.Tensor | None = None
    """[n] int64: the sample that each is mixed with, by its place in `labels`; None: no sample is"""
    share: torch.Tensor | None = None
    """[n] float32: how much of each image is its own sample's; of its loss, too"""
    whole: int | None = None
    """samples of the whole batch, where this is a share of it"""

    def truths(self, device: torch.device) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """What the images show, on a device: labels [n], and how much each counts in the loss [n]; where samples were
        mixed, their own labels by their shares, then those of their partners by the rest.
        """
        labels, count = send(self.labels, device), len(self.images)
        weights = torch.ones(len(labels), device=device) if self.weights is None else send(self.weights, device)
        if self.partner is None or self.share is None:
            return [(labels, weights)]
        partner, share = send(self.partner, device), send(self.share, device)
        return [(labels[:count], share * weights[:count]), (labels[partner], (1 - share) * weights[partner])]


class Views(Protocol):
    """A split's samples as a network in evaluation is shown them: `Samples` of images, or of stored features."""

    def evaluation(self, batch_size: int, device: torch.device, share: Share = WHOLE) -> Iterator[torch.Tensor]:
        """All of them in order, [n, ...] at once, on the device; of several processes each is shown every n-th
        batch, beginning with that of its rank.
        """


class Batches(Protocol):
    """The batches of a training, by position: `loader.TrainingBatches` of images, or of stored features."""

    @property
    def seed(self) -> int:
        """Of every random stream."""

    @property
    def batch_size(self) -> int:
        """Samples a batch."""

    def steps(self) -> int:
        """Batches an epoch."""

    def seen(self) -> int:
        """Samples an epoch."""

    def names(self, position: Position) -> list[str]:
        """The names of a batch's samples; empty where they have none."""

    def load(self, positions: list[Position], workers: int, device: torch.device) -> Iterator[Batch]:
        """The batches at these positions in order."""
