"""Heads: which layer gives the logits, a new one in its place, and what it is given (the pooled features)."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from afield.backbones.backbone import Backbone
from afield.backbones.own_heads import Head, OwnHead
from afield.base.errors import InputError, nearest


class LinearOnMap(nn.Linear):
    """A linear head where the architecture has a 1x1 convolution: features [n, f, h, w] -> logits [n, classes, 1, 1].

    The map is averaged first, so whatever the architecture does behind (SqueezeNet pools the logits) changes nothing.
    """

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Average over the map, then the linear layer."""
        return super().forward(features.mean(dim=(2, 3)))[:, :, None, None]


def head_names(network: nn.Module, backbone: Backbone) -> tuple[str, ...]:
    """The names of the layers that give logits: one, or two where a distilled network has a second.

    timm says it itself; of torchvision's and one's own it is the last nn.Linear or 1x1 nn.Conv2d in the order of
    definition, unless `backbone.head` names it. For the 19 that is the layer that the study replaced (PAPER.md 1.1).
    Raises InputError where there is none, or none of that name.
    """
    if backbone.library == "timm":
        named = network.pretrained_cfg["classifier"]  # type: ignore[index]  # timm's own dict on its networks
        names = (named,) if isinstance(named, str) else tuple(cast("tuple[str, ...]", named or ()))
    elif backbone.library == "open_clip":
        names = ("head",)
    elif backbone.head is not None:
        names = (backbone.head,)
    else:
        names = tuple(_linear_layers(network)[-1:])
    if not names:
        raise InputError(f"{backbone.id}: has no head to replace: no nn.Linear and no nn.Conv2d of 1x1 in it")
    modules = dict(network.named_modules())
    for name in names:
        if not _gives_logits(modules.get(name)):
            what = type(modules[name]).__name__ if name in modules else "no layer of that name"
            raise InputError(
                f"{backbone.id}: head = {name}: is {what}; a head is an nn.Linear or an nn.Conv2d of 1x1; "
                f"{nearest(name, _linear_layers(network)) if _linear_layers(network) else 'there is none in it'}"
            )
    return names


def head_name(network: nn.Module, backbone: Backbone) -> str:
    """The name of the (first) head; its tensors' names begin with it and a dot."""
    return head_names(network, backbone)[0]


def is_of_head(tensor: str, heads: tuple[str, ...]) -> bool:
    """Whether a tensor's name is that of a head's weight or bias."""
    return any(tensor.startswith(f"{head}.") for head in heads)


def replace_head(network: nn.Module, backbone: Backbone, classes: int) -> None:
    """Put a new layer of the same kind for `classes` classes where the head is: for networks made with another's."""
    for name in head_names(network, backbone):
        old = network.get_submodule(name)
        bias = getattr(old, "bias", None) is not None
        if isinstance(old, nn.Conv2d):
            _put(network, name, nn.Conv2d(old.in_channels, classes, 1, bias=bias))
        elif isinstance(old, nn.Linear):
            _put(network, name, nn.Linear(old.in_features, classes, bias=bias))


def widen_heads(network: nn.Module, backbone: Backbone, times: int) -> None:
    """Let each head take `times` as many features, in a new layer of its kind."""
    for name in head_names(network, backbone):
        old = network.get_submodule(name)
        bias = getattr(old, "bias", None) is not None
        if isinstance(old, nn.Conv2d):
            _put(network, name, nn.Conv2d(times * old.in_channels, old.out_channels, 1, bias=bias))
        elif isinstance(old, nn.Linear):
            kind = LinearOnMap if isinstance(old, LinearOnMap) else nn.Linear
            _put(network, name, kind(times * old.in_features, old.out_features, bias=bias))


def make_linear(network: nn.Module, backbone: Backbone, classes: int) -> None:
    """Let a plain nn.Linear on the pooled features give the logits, without dropout before it.

    Most heads are that already and lose at most their dropout. A 1x1 convolution (SqueezeNet, DLA) becomes a linear
    layer on the averaged map: the study's SqueezeNetLin, for every backbone. Layers that were pretrained between
    pooling and head (VGG, MobileNetV3, CAFormer) stay: they belong to the features.

    Raises InputError for a distilled network, whose logits are the average of two heads.
    """
    names = head_names(network, backbone)
    if len(names) > 1:
        raise InputError(f'{backbone.id}: head = "linear": it has {len(names)} heads; leave recipe.head at "own"')
    old = network.get_submodule(names[0])
    if isinstance(old, nn.Conv2d):
        _put(network, names[0], LinearOnMap(old.in_channels, classes))
    elif isinstance(old, nn.Linear):
        _put(network, names[0], nn.Linear(old.in_features, classes))
    _drop_dropout(network, names[0])


def put_head(network: nn.Module, backbone: Backbone, head: Head, outputs: int) -> None:
    """Let a head of one's own give the logits, where `make_linear` has put a linear layer on the pooled features."""
    name = head_name(network, backbone)
    old = cast(nn.Linear, network.get_submodule(name))
    _put(network, name, OwnHead(head, old.in_features, outputs, on_map=isinstance(old, LinearOnMap)))


def draw_heads(network: nn.Module, backbone: Backbone) -> None:
    """Draw every backbone's head by one rule, torch's for Linear and Conv2d: uniform within 1 / sqrt(inputs). One's
    own head is made anew.

    The libraries' own rules differ (timm's EfficientNets begin with logits of several units for two classes) and
    would be compared along with the backbones: docs/decisions/0005-one-rule-for-heads.md.
    """
    for name in head_names(network, backbone):
        cast("nn.Linear | nn.Conv2d | OwnHead", network.get_submodule(name)).reset_parameters()


def pooled_features(network: nn.Module, backbone: Backbone, images: torch.Tensor) -> torch.Tensor:
    """What the head is given, [n, features] of images [n, channels, side, side]; a map (SqueezeNet) is averaged.

    The network's mode counts: put it into evaluation mode for features that do not depend on the batch. Gradients
    flow, unless they are switched off.
    """
    caught: list[torch.Tensor] = []

    def catch(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        caught.append(inputs[0])

    handle = network.get_submodule(head_name(network, backbone)).register_forward_pre_hook(catch)
    try:
        network(images)
    finally:
        handle.remove()
    features = caught[-1]
    return features.mean(dim=(2, 3)) if features.ndim == 4 else features


def _gives_logits(module: nn.Module | None) -> bool:
    if isinstance(module, nn.Conv2d):
        return module.kernel_size == (1, 1) and module.groups == 1
    return isinstance(module, nn.Linear | OwnHead)


def _linear_layers(network: nn.Module) -> list[str]:
    """The layers that could be a head, in the order of definition; what one's own head is made of is none."""
    own = tuple(f"{name}." for name, module in network.named_modules() if isinstance(module, OwnHead))
    return [name for name, module in network.named_modules() if _gives_logits(module) and not name.startswith(own)]


def _put(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    network.get_submodule(parent).register_module(child, module)


def _drop_dropout(network: nn.Module, head: str) -> None:
    """Take out the dropout between features and head: the layer before it, or its siblings where no order is known."""
    parent_name, _, child = head.rpartition(".")
    parent = network.get_submodule(parent_name)
    siblings = list(parent._modules)  # named_children leaves out a layer that stands in it twice
    if isinstance(parent, nn.Sequential):
        place = siblings.index(child)
        siblings = siblings[max(place - 1, 0) : place]
    for name in siblings:
        if isinstance(parent._modules[name], nn.Dropout):
            parent.register_module(name, nn.Identity())
