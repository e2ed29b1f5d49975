"""What a training makes small."""

from __future__ import annotations

import torch
from torch.nn import functional


def mean_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean loss of a batch of logits [n, classes].

    Labels [n] name the class of each sample: cross-entropy. Labels [n, classes] say of each class that the sample has
    it (1), has it not (0), or that it is unknown (-1): binary cross-entropy, a mean over what is known; 0 where nothing
    is.
    """
    if labels.ndim == 1:
        return functional.cross_entropy(logits, labels)
    known = labels >= 0
    losses = functional.binary_cross_entropy_with_logits(logits, labels.clamp(min=0).to(logits.dtype), reduction="none")
    return (losses * known).sum() / known.sum().clamp(min=1)
