"""A network that is shown every picture turned or mirrored."""

from __future__ import annotations

import torch
from torch import nn

from afield.images.symmetries import Symmetry


class Turned(nn.Module):
    """A network behind a symmetry: its outputs for the turned pictures [n, channels, side, side]. Mean and std are one
    value a channel, so that it does not matter whether a picture is turned before it is normalised or after.
    """

    def __init__(self, network: nn.Module, symmetry: Symmetry) -> None:
        super().__init__()
        self.network, self.symmetry = network, symmetry

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits [n, classes]."""
        logits: torch.Tensor = self.network(turned(images, self.symmetry))
        return logits


def turned(images: torch.Tensor, symmetry: Symmetry) -> torch.Tensor:
    """Pictures [..., side, side] turned, then mirrored; the same memory format, so that networks run as on others."""
    axes = [axis for axis, mirrored in ((-1, symmetry.horizontal), (-2, symmetry.vertical)) if mirrored]
    if not symmetry.turns and not axes:
        return images
    shown = torch.rot90(images, symmetry.turns, (-2, -1))
    shown = shown.flip(axes) if axes else shown
    last = images.ndim == 4 and images.is_contiguous(memory_format=torch.channels_last)
    return shown.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
