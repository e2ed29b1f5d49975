"""Pooling: how a network's last map, or its tokens, become one vector; exchangeable after the weights are loaded."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from typing import Literal

import torch
import torchvision
from timm.layers.adaptive_avgmax_pool import SelectAdaptivePool2d
from torch import nn

from afield.backbones.architectures import Tower, make
from afield.backbones.backbone import Backbone
from afield.backbones.heads import head_names, is_of_head, make_linear, widen_heads
from afield.base.errors import InputError

Pooling = Literal["own", "average", "max", "average+max", "concat", "gem", "class token", "mean of tokens"]

OF_MAPS: tuple[Pooling, ...] = ("own", "average", "max", "average+max", "concat", "gem")
_APPENDED = {"ShuffleNetV2": "conv5", "MNASNet": "layers", "_MNASNet": "layers", "MobileNetV2": "features"}
"""torchvision's networks that average in their code, behind this sequence: a pool at its end leaves them one value"""


class Pool(nn.Module):
    """One value (of `concat` two) a channel of a map [n, c, h, w], or [n, h, w, c] with `channels_last`.

    average+max: (average + max) / 2, timm's `avgmax`; the number of features stays, so pretrained layers behind it
    still fit. concat: average and max side by side, twice the features. gem: generalised mean, mean(x^p)^(1/p) with x
    at least 1e-6 and one p a network, learned from 3 (Radenovic, Tolias & Chum 2019, eq. 3). With `flatten` the result
    is [n, c], else the map's sides stay as 1.
    """

    def __init__(self, kind: Pooling, *, flatten: bool = False, channels_last: bool = False) -> None:
        super().__init__()
        self.kind = kind
        self.flatten = flatten
        self.sides = (1, 2) if channels_last else (2, 3)
        if kind == "gem":
            self.p = nn.Parameter(torch.full((1,), 3.0))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Pool over the map's sides."""
        keep = not self.flatten
        if self.kind == "average":
            return features.mean(self.sides, keepdim=keep)
        if self.kind == "max":
            return features.amax(self.sides, keepdim=keep)
        if self.kind == "average+max":
            return (features.mean(self.sides, keepdim=keep) + features.amax(self.sides, keepdim=keep)) / 2
        if self.kind == "concat":
            both = [features.mean(self.sides, keepdim=keep), features.amax(self.sides, keepdim=keep)]
            return torch.cat(both, dim=3 if keep and self.sides == (1, 2) else 1)
        positive = features.float().clamp(min=1e-6)  # powers overflow in half precision
        pooled: torch.Tensor = positive.pow(self.p).mean(self.sides, keepdim=keep).pow(1 / self.p)
        return pooled.to(features.dtype)

    def extra_repr(self) -> str:
        """Say the kind when the network is printed."""
        return self.kind


@cache  # a plan asks again for each task
def check_pooling(backbone: Backbone, pooling: Pooling, head: Literal["own", "linear"] = "own") -> None:
    """Refuse a pooling, or a linear head, that the backbone cannot have, before anything is trained.

    Makes the network once, a library's without memory or computation (torch's meta device). Raises InputError with
    what it can have.
    """
    if pooling == head == "own":
        return
    own = backbone.library == "own"
    with torch.random.fork_rng(devices=[]), torch.device("cpu" if own else "meta"):
        network = make(backbone, None if own else 2)
        if head == "linear":
            make_linear(network, backbone, 2)
        set_pooling(network, backbone, pooling)
        head_names(network, backbone)  # refuses a named head that went with the old pooling


def set_pooling(network: nn.Module, backbone: Backbone, pooling: Pooling) -> None:
    """Exchange the network's pooling; `own` leaves it as the architecture has it. Logits keep their shape.

    Maps (CNNs, Swin, CAFormer): average, max, average+max, gem, and concat where nothing that learns stands between
    pool and head, which then takes twice the features. In SqueezeNet it then comes before the 1x1
    convolution, in AlexNet and VGG it replaces the grid and the fully connected layers that take the grid (as
    Radenovic et al. did), in CLIP's ResNets the attention pooling with its projection; their heads then stand on the
    pooled map. Tokens (ViT, DeiT, CLIP's ViT): `class token` and `mean of tokens` (of the normalised patches);
    MLP-Mixer has no class token.

    Raises InputError where the architecture cannot have it, with what it can have.
    """
    if pooling == "own":
        return
    possible = _possible(network, backbone)
    if pooling not in possible:
        words = " or ".join(f'"{kind}"' for kind in possible)
        raise InputError(f'{backbone.id}: pooling = "{pooling}": is not possible here; it can have {words}')
    if pooling in OF_MAPS:
        _set_map_pooling(network, backbone, pooling)
        if pooling == "concat":
            widen_heads(network, backbone, 2)
    elif isinstance(network, Tower):
        network.visual.pool_type = "tok" if pooling == "class token" else "avg"  # type: ignore[assignment]
    else:
        network.global_pool = "token" if pooling == "class token" else "avg"  # type: ignore[assignment]


def _possible(network: nn.Module, backbone: Backbone) -> tuple[Pooling, ...]:
    if isinstance(network, Tower):
        if hasattr(network.visual, "attnpool"):
            return OF_MAPS
        if getattr(network.visual, "pool_type", None) in ("tok", "avg") and network.visual.attn_pool is None:
            return "own", "class token", "mean of tokens"
        return ("own",)
    if _is_special(network):
        return OF_MAPS
    place = _place(network)
    if place is not None:
        learns_behind = _learns_behind(network, backbone, place)
        return tuple(kind for kind in OF_MAPS if not (kind == "concat" and learns_behind))
    now: object = getattr(network, "global_pool", None)
    others = ("attn_pool", "head_dist")  # attention pooling, and two tokens with two heads: they do not look at it
    if now not in ("token", "avg") or any(getattr(network, name, None) is not None for name in others):
        return ("own",)
    if getattr(network, "cls_token", None) is not None and hasattr(type(network), "pool"):
        return "own", "class token", "mean of tokens"
    return "own", "class token" if now == "token" else "mean of tokens"  # what it does anyway


def _is_special(network: nn.Module) -> bool:
    models = torchvision.models
    return type(network).__name__ in _APPENDED or isinstance(
        network, models.AlexNet | models.VGG | models.SqueezeNet | models.DenseNet
    )


def _place(network: nn.Module) -> str | None:
    """The name of the layer that pools the whole map: the last of its kind in the order of definition."""
    names = [
        name
        for name, module in network.named_modules()
        if (isinstance(module, SelectAdaptivePool2d) and module.pool_type)
        or (isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d) and module.output_size in (1, (1, 1)))
    ]
    outer = [name for name in names if not any(name.startswith(f"{other}.") for other in names)]
    return outer[-1] if outer else None


def _learns_behind(network: nn.Module, backbone: Backbone, place: str) -> bool:
    """Whether anything but the heads that learns stands behind the pool: it was made for so many features, and cannot
    take twice as many.
    """
    modules = [name for name, _ in network.named_modules()]
    behind = set(modules[modules.index(place) + 1 :])
    heads = head_names(network, backbone)
    return any(
        name.rpartition(".")[0] in behind and not is_of_head(name, heads) for name, _ in network.named_parameters()
    )


def _set_map_pooling(network: nn.Module, backbone: Backbone, kind: Pooling) -> None:
    models = torchvision.models
    if isinstance(network, Tower):
        visual = network.visual
        width = visual.attnpool.c_proj.in_features  # type: ignore[union-attr]  # ModifiedResNet's
        visual.attnpool = Pool(kind, flatten=True)
        if isinstance(network.head, nn.Linear):
            network.head = nn.Linear(width, network.head.out_features)  # type: ignore[arg-type]
    elif isinstance(network, models.AlexNet | models.VGG):
        width = next(m.out_channels for m in reversed(network.features) if isinstance(m, nn.Conv2d))
        classes = network.classifier[-1].out_features
        network.avgpool = Pool(kind)
        # a head that one's own backbone names keeps its name
        place = "0" if backbone.head is None else list(network.classifier._modules)[-1]
        network.classifier = nn.Sequential(OrderedDict({place: nn.Linear(width, classes)}))
    elif isinstance(network, models.SqueezeNet):
        network.classifier[0] = nn.Sequential(Pool(kind), network.classifier[0])
    elif isinstance(network, models.DenseNet):
        network.features.append(nn.ReLU(inplace=True))  # its own comes behind `features`; on a pooled map it is idle
        network.features.append(Pool(kind))
    elif type(network).__name__ in _APPENDED:
        sequence = network.get_submodule(_APPENDED[type(network).__name__])
        assert isinstance(sequence, nn.Sequential)
        sequence.append(Pool(kind))
    else:
        name = _place(network)
        assert name is not None, "checked by _possible"
        _exchange(network, name, kind)


def _exchange(network: nn.Module, name: str, kind: Pooling) -> None:
    """Put a pool where `name` is, with the same layout on both sides; a map with unequal sides shows which it is."""
    with torch.no_grad():
        old = network.get_submodule(name)
        result = old(torch.zeros(1, 2, 5, 3))
    flatten = result.ndim == 2
    channels_last = (result.shape[1] if flatten else result.shape[-1]) == 3
    parent, _, child = name.rpartition(".")
    network.get_submodule(parent).register_module(child, Pool(kind, flatten=flatten, channels_last=channels_last))
