"""What a training makes small."""

from __future__ import annotations

import torch
from torch.nn import functional


def mean_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    partner: torch.Tensor | None = None,
    share: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean loss of a batch of logits [n, classes].

    Labels [n] name the class of each sample: cross-entropy. Labels [n, classes] say of each class that the sample has
    it (1), has it not (0), or that it is unknown (-1): binary cross-entropy, a mean over what is known; 0 where nothing
    is. Where samples were mixed, `share` [n] of the loss is that of a sample's own labels and the rest that of the
    labels of its `partner` [n], and what is known counts by the same shares.
    """
    if labels.ndim == 1 and partner is None:
        return functional.cross_entropy(logits, labels)
    losses, weights = _losses(logits, labels)
    if partner is not None and share is not None:
        others, weights_of_others = _losses(logits, labels[partner])
        share = share.view(-1, *(1,) * (losses.ndim - 1))
        losses = share * losses + (1 - share) * others
        weights = share * weights + (1 - share) * weights_of_others
    total = weights.sum()
    return losses.sum() / torch.where(total > 0, total, 1)


def _losses(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Losses and how much each counts: [n], or [n, classes] with 0 for what is unknown."""
    if labels.ndim == 1:
        return functional.cross_entropy(logits, labels, reduction="none"), logits.new_ones(len(labels))
    known = (labels >= 0).to(logits.dtype)
    truth = labels.clamp(min=0).to(logits.dtype)
    return known * functional.binary_cross_entropy_with_logits(logits, truth, reduction="none"), known
