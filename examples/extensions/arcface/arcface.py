"""ArcFace (Deng et al. 2019): a head that knows angles alone, and a loss with a margin between classes.

The head gives SCALE * cos(angle between an image's features and the centre of each class), in training as in
evaluation. The loss adds MARGIN to the angle of the true class first, so the margin acts in training alone.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from afield import Head, Loss

SCALE = 30.0
"""of the cosines: how sure the network can be at most"""
MARGIN = 0.3
"""radians by which the true class has to be nearer than the others"""


class Cosines(nn.Module):
    """Features [n, f] -> SCALE * cosines [n, classes] of their angles to the centres of the classes."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(classes, features))  # directions, uniform over the sphere

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits between -SCALE and SCALE."""
        with torch.autocast(features.device.type, enabled=False):  # angles near 0 need more digits than bfloat16 has
            directions = functional.normalize(features.to(self.centres.dtype))
            return SCALE * directions @ functional.normalize(self.centres).T


def with_margin(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy [n] of scaled cosines [n, classes], the angle of the true class [n] made larger by MARGIN first.

    Beyond a half turn cosines would rise again; there they are mirrored, so that a larger angle always costs more.
    """
    true = labels[:, None]
    cosines = (logits.gather(1, true) / SCALE).clamp(-1 + 1e-6, 1 - 1e-6)  # at 0 and at pi an angle has no slope
    angles = torch.acos(cosines) + MARGIN
    harder = torch.where(angles <= math.pi, angles.cos(), -2 - angles.cos())
    return functional.cross_entropy(logits.scatter(1, true, SCALE * harder), labels, reduction="none")


cosines = Head(build=Cosines)
margin = Loss(compute=with_margin, targets=("class", "grade"))
