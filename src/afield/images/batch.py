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
class Batch:
    """n images [n, channels, size, size] (uint8) with the labels [n] of their samples."""

    epoch: int
    step: int
    images: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor | None = None
    """[n] how much each sample counts in the loss; None: all alike"""
    partner: torch.Tensor | None = None
    """[n] int64: the sample that each is mixed with; None: no sample is"""
    share: torch.Tensor | None = None
    """[n] float32: how much of each image is its own sample's; of its loss, too"""

    def truths(self, device: torch.device) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """What the images show, on a device: labels [n], and how much each counts in the loss [n]; where samples were
        mixed, their own labels by their shares, then those of their partners by the rest.
        """
        labels = send(self.labels, device)
        weights = torch.ones(len(labels), device=device) if self.weights is None else send(self.weights, device)
        if self.partner is None or self.share is None:
            return [(labels, weights)]
        partner, share = send(self.partner, device), send(self.share, device)
        return [(labels, share * weights), (labels[partner], (1 - share) * weights[partner])]


class Views(Protocol):
    """A split's samples as a network in evaluation is shown them: `loader.Samples` of images, or of stored features."""

    def evaluation(self, batch_size: int, device: torch.device) -> Iterator[torch.Tensor]:
        """All of them in order, [n, ...] at once, on the device."""


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
