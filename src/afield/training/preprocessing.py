"""What stands between prepared bytes and a network: numbers around zero, in the order of channels that it wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch

from afield.images.sending import send
from afield.training.device import dtype, memory_format
from afield.training.numerics import Numerics

Preprocess = Callable[[torch.Tensor, Numerics], torch.Tensor]
"""what a batch holds to what a network takes, on its device: `Preprocessing` for images"""


@dataclass(frozen=True)
class Preprocessing:
    """What a network wants of its input: (pixel / 255 - mean) / std, channel by channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    """one value a channel each"""
    channels: str = "RGB"
    """the order of the colours that it gets; BGR turns the first three channels round, and further ones stay. Mean and
    std belong to positions, not to colours"""

    def __call__(self, images: torch.Tensor, numerics: Numerics) -> torch.Tensor:
        """uint8 [n, channels, h, w] anywhere to floats on the device, in its memory format."""
        height, width = images.shape[2:]
        mean, std = (_planes(values, height, width, numerics) for values in (self.mean, self.std))
        moved = send(images, torch.device(numerics.device))
        if self.channels == "BGR":
            moved = torch.cat((moved[:, :3].flip(1), moved[:, 3:]), dim=1)
        return moved.to(dtype(numerics), memory_format=memory_format(numerics)).div_(255).sub_(mean).div_(std)


@lru_cache(maxsize=8)
def _planes(values: tuple[float, ...], height: int, width: int, numerics: Numerics) -> torch.Tensor:
    """One value a channel as a whole image [1, channels, height, width], laid out as the images are: three values alone
    would be spread over pixels that lie three by three, several times slower on a CPU.
    """
    with torch.inference_mode(False):  # made in evaluation, used in training too
        channels = torch.tensor(values, dtype=dtype(numerics), device=numerics.device).view(1, -1, 1, 1)
        return channels.expand(1, -1, height, width).contiguous(memory_format=memory_format(numerics))
