"""How a network is kept: its tensors, with all that one must know to use them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from afield.backbones.backbone import Backbone
from afield.base.reading import AS_DECLARED
from afield.study.store import Store
from afield.tasks.boxes import Cropping
from afield.trial.trial import Trial

if TYPE_CHECKING:
    from afield.training.checkpoint import Tensors


def keep_network(
    store: Store, key: str, trial: Trial, row: Backbone, network: Tensors, cropping: Cropping | None
) -> None:
    """Write a network under a key: built and shown pictures as `trial` says, of the backbone `row`; `cropping` where
    samples are parts of pictures.
    """
    from safetensors.torch import save

    from afield.training.grades import OFFSETS, cut_points

    tensors = {name: tensor.contiguous() for name, tensor in network.items()}
    size = trial.recipe.size
    store.write_network(
        key,
        save(tensors),
        {
            "backbone": row.id,
            "library": row.library,
            "architecture": row.architecture,
            "tag": row.tag,
            "pooling": trial.recipe.pooling,
            "head": trial.recipe.head,
            "extensions": dict(trial.extensions),
            "classes": list(trial.classes),
            "target": trial.target,
            "image_size": size,
            "resize": f"short side to {size} px, {trial.interpolation}, antialiased; centre crop",
            "mean": list(trial.mean),
            "std": list(trial.std),
            "channels": trial.channels,
            **({"cut_points": cut_points(tensors[OFFSETS].numpy())} if trial.recipe.regresses else {}),
            **({} if trial.reading == AS_DECLARED else {"reading": asdict(trial.reading)}),
            **({} if cropping is None else {"boxes": asdict(cropping)}),
        },
    )
