"""Two losses of competition winners: the Lovasz hinge, and learning from the hardest images of a batch alone."""

import math

import torch
from torch.nn import functional

from afield import Loss

HARDEST = 0.5
"""share of a batch (with numerics.micro_batch or devices of each part of it) that is learned from"""


def lovasz_hinge(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The Lovasz hinge (Berman, Triki, Blaschko 2018) of the labels of each sample: a convex bound of one minus the
    Jaccard index of the labels it has and those it is said to have. Unknown labels (-1) are left out.
    """
    known = labels >= 0
    margins = 1 - logits * (2 * labels.clamp(min=0) - 1)
    errors, order = margins.masked_fill(~known, -math.inf).sort(dim=1, descending=True, stable=True)
    has = (labels == 1).long().gather(1, order)  # whole numbers, whose sums are exact on every device
    total = has.sum(dim=1, keepdim=True)
    # what is lost when the labels of the largest errors are wrong: 1 - intersection / union
    union = total + (1 - has).cumsum(dim=1)
    lost = 1 - (total - has.cumsum(dim=1)).to(logits.dtype) / union
    steps = torch.diff(lost, dim=1, prepend=torch.zeros_like(lost[:, :1]))
    return (errors.relu() * steps).sum(dim=1)


def hardest(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, or binary cross-entropy of several labels, of the HARDEST share of the batch; 0 of the others."""
    if labels.ndim == 1:
        losses = functional.cross_entropy(logits, labels, reduction="none")
    else:
        truth = labels.clamp(min=0).to(logits.dtype)
        losses = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
        losses = (losses * (labels >= 0)).mean(dim=1)
    kept = math.ceil(HARDEST * len(losses))
    bound = losses.detach().topk(kept).values[-1]
    return torch.where(losses >= bound, losses, 0.0) * (len(losses) / kept)  # the batch's mean is theirs


lovasz = Loss(compute=lovasz_hinge, targets=("labels",))
hard_examples = Loss(compute=hardest, targets=("class", "grade", "labels"))
