"""Grades as one number: a network with one output, whose logits of the grades follow from it by cut points.

A network that gives r has the logits k * r - k * k / 2 - offset of the grades k = 0, 1, ...: of two neighbours the
higher is likelier where r lies above the cut point between them, k - 1/2 at first (docs/decisions/0009).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

OFFSETS = "grade_offsets"
"""name of the buffer [grades] in the network: what cut points other than the halves take from the logits"""


def with_grades(network: nn.Module, grades: int) -> nn.Module:
    """The same network of one output, which in evaluation mode gives logits [n, grades] instead; in training mode its
    output [n, 1], which the loss compares with the grades. Its cut points are the halves until others are loaded.
    """
    device = next(network.parameters()).device
    network.register_buffer(OFFSETS, torch.zeros(grades, device=device))
    network.register_forward_hook(_as_logits)
    return network


def grade_logits(outputs: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """Outputs [n, 1] and offsets [grades] to logits [n, grades], of the offsets' type."""
    grade = torch.arange(len(offsets), dtype=offsets.dtype, device=offsets.device)
    return (outputs.to(offsets.dtype) * grade - grade * grade / 2) - offsets


def cut_points(offsets: npt.NDArray[np.float32]) -> list[float]:
    """Between each two neighbouring grades the output from which on the higher one is said, [grades - 1]."""
    halves = np.arange(1, len(offsets)) - 0.5
    return [float(cut) for cut in halves + np.diff(offsets.astype(np.float64))]


def _as_logits(network: nn.Module, _: tuple[torch.Tensor, ...], outputs: torch.Tensor) -> torch.Tensor:
    return outputs if network.training else grade_logits(outputs, network.get_buffer(OFFSETS))
