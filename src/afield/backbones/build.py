"""A network of a backbone: the library's architecture, a body pretrained or random, and a new random head."""

from __future__ import annotations

from typing import Literal

import timm
import torch
import torchvision
from torch import nn

from afield.backbones.catalogue import Backbone
from afield.backbones.convert import load_state
from afield.backbones.weights import Weights
from afield.base.errors import InputError
from afield.base.streams import stream_seed

_TORCHVISION_HEADS = {"squeezenet1_1": "classifier.1"}
"""the layer that gives the classes; timm tells it itself"""


def build(
    backbone: Backbone,
    classes: int,
    *,
    initialisation: Literal["pretrained", "scratch"],
    seed: int,
    weights: Weights | None,
) -> nn.Module:
    """Make a float32 network for `classes` classes on the CPU: images [n, 3, side, side] -> logits [n, classes].

    Images must be RGB, normalised by the backbone's mean and std. All random values come from the streams
    "initialisation" and "head" of `seed` (the global generator stays as it was), so equal arguments give equal bits.
    The head is drawn by one rule for all backbones. `pretrained` then loads the whole body from `weights`; `scratch`
    ignores `weights`.

    Raises InputError where the weights do not fit the architecture; ValueError for `pretrained` without weights and
    for less than two classes.
    """
    if classes < 2:
        raise ValueError(f"a classifier needs at least two classes, not {classes}")
    with torch.random.fork_rng(devices=[]):  # networks are made on the CPU; a GPU's generator is not touched
        torch.manual_seed(stream_seed(seed, "initialisation"))
        network = _architecture(backbone, classes)
        torch.manual_seed(stream_seed(seed, "head"))
        _draw_head(network.get_submodule(head_name(network, backbone)))
    if initialisation == "pretrained":
        if weights is None:
            raise ValueError(f"{backbone.id}: a pretrained network needs its weights")
        _load_body(network, head_name(network, backbone), load_state(backbone, weights), weights)
    return network


def _architecture(backbone: Backbone, classes: int) -> nn.Module:
    if backbone.library == "timm":
        network = timm.create_model(backbone.architecture, pretrained=False, num_classes=classes)
    else:
        network = torchvision.models.get_model(backbone.architecture, weights=None, num_classes=classes)
        if backbone.architecture == "squeezenet1_1":
            # torchvision keeps a ReLU behind the head: it cuts logits below zero, and a class whose logits are all zero
            # never learns again (docs/decisions/0005-one-rule-for-heads.md)
            network.classifier[2] = nn.Identity()
    assert isinstance(network, nn.Module)
    return network


def _draw_head(head: nn.Module) -> None:
    """Draw every backbone's head by one rule, torch's for Linear and Conv2d: uniform within 1 / sqrt(inputs).

    The libraries' own rules differ (timm's EfficientNets begin with logits of several units for two classes) and
    would be compared along with the backbones: docs/decisions/0005-one-rule-for-heads.md.
    """
    if not isinstance(head, nn.Linear | nn.Conv2d):
        raise TypeError(f"a head of type {type(head).__name__} has no rule yet")
    head.reset_parameters()


def head_name(network: nn.Module, backbone: Backbone) -> str:
    """The name of the head, the layer that gives the logits; its tensors' names begin with it and a dot."""
    if backbone.library == "torchvision":
        return _TORCHVISION_HEADS[backbone.architecture]
    name = network.pretrained_cfg["classifier"]  # type: ignore[index]  # timm's own dict on its networks
    assert isinstance(name, str)
    return name


def _load_body(network: nn.Module, head: str, state: dict[str, torch.Tensor], weights: Weights) -> None:
    """Put every tensor but the head's into the network; each must be there, and no other, with equal shape and type."""
    body = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith(f"{head}.")}
    given = {name: tensor for name, tensor in state.items() if not name.startswith(f"{head}.")}
    faults = {
        "missing": [name for name in body if name not in given],
        "unexpected": [name for name in given if name not in body],
        "of another shape or type": [
            name
            for name in body
            if name in given and (body[name].shape, body[name].dtype) != (given[name].shape, given[name].dtype)
        ],
    }
    if any(faults.values()):
        words = "; ".join(f"{fault}: {_some(names)}" for fault, names in faults.items() if names)
        raise InputError(
            f"{weights.path}: these weights do not fit the architecture ({words}); install {weights.origin} again"
        )
    network.load_state_dict(given, strict=False)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
