"""A trial's network, as it is before the first step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from afield.backbones.backbone import Backbone
from afield.backbones.weights import Weights
from afield.trial.trial import Trial

if TYPE_CHECKING:
    import torch

    from afield.backbones.own_heads import Head


def network_of(
    trial: Trial, backbone: Backbone, weights: Weights | None, own_head: Head | None = None
) -> torch.nn.Module:
    """The trial's network on its device, before any probe and the first step; without weights from scratch. `own_head`
    is what the recipe's head refers to, where it is one's own.
    """
    from afield.backbones.build import build
    from afield.backbones.own_heads import head_of
    from afield.training.device import place, settle_process
    from afield.training.grades import with_grades

    settle_process(trial.numerics)
    random = weights is None or trial.recipe.initialisation == "scratch"
    network = build(
        backbone,
        trial.outputs,
        initialisation="scratch" if random else "pretrained",
        seed=trial.seed,
        weights=weights,
        channels=len(trial.mean),
        pooling=trial.recipe.pooling,
        head=head_of(trial.recipe.head, own_head),
        size=trial.recipe.size,
    )
    if trial.recipe.regresses:
        with_grades(network, len(trial.classes))
    return place(network, trial.numerics)
