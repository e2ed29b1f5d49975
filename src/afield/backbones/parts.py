"""Parts of a network that can be trained alone: its head, or its last block with all that comes behind it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from functools import cache
from types import MethodType
from typing import cast

import torch
from torch import nn

from afield.backbones.architectures import Tower, make
from afield.backbones.backbone import Backbone
from afield.backbones.heads import LinearOnMap, head_names, is_of_head
from afield.backbones.layers import timm_layers
from afield.backbones.own_heads import OwnHead
from afield.base.errors import InputError

MOST = 0.9
"""a module that holds a larger share of the body's parameters is the body itself: its children are looked at"""
AGREEMENT = 0.01
"""how far logits of the head alone may be from the network's, as a share of the largest"""


class HeadAlone(nn.Module):
    """The layers of a network that give logits, without the body: pooled features [n, f] -> logits [n, classes].

    The layers are the network's own, not copies, and their tensors have the names that they have there. Two heads
    (distilled networks) stand on a part of the features each, and their logits are averaged, as in evaluation. There is
    no dropout: the features are what the head is given in evaluation.
    """

    def __init__(self, network: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        for name in self.names:
            *folders, last = name.split(".")
            parent: nn.Module = self
            for folder in folders:
                if folder not in parent._modules:
                    parent.register_module(folder, nn.Module())
                parent = parent.get_submodule(folder)
            parent.register_module(last, network.get_submodule(name))

    @property
    def layers(self) -> tuple[nn.Linear | nn.Conv2d | OwnHead, ...]:
        """The layers that give logits, each on its part of the features."""
        return tuple(cast("nn.Linear | nn.Conv2d | OwnHead", self.get_submodule(name)) for name in self.names)

    @property
    def outputs(self) -> int:
        """Logits an image."""
        first = self.layers[0]
        return first.outputs if isinstance(first, OwnHead) else first.weight.shape[0]

    @property
    def widths(self) -> list[int]:
        """How many of the features each layer gets."""
        return [layer.features if isinstance(layer, OwnHead) else layer.weight.shape[1] for layer in self.layers]

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits of pooled features."""
        logits = [
            layer(part[:, :, None, None] if _on_map(layer) else part).flatten(1)
            for layer, part in zip(self.layers, torch.split(features, self.widths, dim=1), strict=True)
        ]
        return logits[0] if len(logits) == 1 else torch.stack(logits).mean(dim=0)

    def put(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        """Let the logits be `weight` [classes, f] @ features + `bias` [classes]. Raises InputError for a head that is
        not linear or has no bias.
        """
        parts = torch.split(weight, self.widths, dim=1)
        with torch.no_grad():
            for name, layer, part in zip(self.names, self.layers, parts, strict=True):
                if isinstance(layer, OwnHead) or layer.bias is None:
                    raise InputError(
                        f"{name}: is a head without a bias, which a probe cannot start; leave recipe.initialisation "
                        'at "pretrained" or give the head a bias'
                    )
                layer.weight.copy_((len(parts) * part).view_as(layer.weight))
                layer.bias.copy_(bias)


def head_alone(network: nn.Module, backbone: Backbone, channels: int, size: int) -> HeadAlone:
    """The network's head apart from its body, after a look at two pictures of noise: whole and parted, the network
    must say the same of them in evaluation mode (in which it is left).

    Raises InputError where it does not: something behind the head, or beside it, shapes the logits too.
    """
    alone = HeadAlone(network, head_names(network, backbone))
    network.eval()
    noise = torch.randn(2, channels, size, size, generator=torch.Generator().manual_seed(0))
    noise = noise.to(next(network.parameters()))  # on its device, in its type
    with torch.no_grad():
        logits = network(noise)
        parted = alone(head_inputs(network, backbone, alone, noise))
    if logits.shape != parted.shape or float((logits - parted).abs().max()) > AGREEMENT * float(logits.abs().max()):
        raise InputError(
            f"{backbone.id}: its head ({', '.join(alone.names)}) alone does not give its logits, so it cannot be "
            'probed; use initialisation = "pretrained" and trained = "all" or "last block"'
        )
    return alone


def head_inputs(network: nn.Module, backbone: Backbone, alone: HeadAlone, images: torch.Tensor) -> torch.Tensor:
    """What the heads are given, side by side, [n, f] of normalised images; a map is averaged. The network's mode
    counts. Raises InputError for a head that stands on neither a vector nor a map.
    """
    caught: dict[str, torch.Tensor] = {}
    with ExitStack() as hooks:
        for name, layer in zip(alone.names, alone.layers, strict=True):

            def catch(_module: nn.Module, inputs: tuple[torch.Tensor, ...], name: str = name) -> None:
                caught[name] = inputs[0]

            hooks.callback(layer.register_forward_pre_hook(catch).remove)
        network(images)
    for name, layer in zip(alone.names, alone.layers, strict=True):
        if name not in caught or caught[name].ndim != (4 if _on_map(layer) else 2):
            found = list(caught[name].shape) if name in caught else "nothing"
            raise InputError(
                f"{backbone.id}: its head {name} is given {found}, not one vector or map an image, so it cannot be "
                'probed; use initialisation = "pretrained" and trained = "all" or "last block"'
            )
    return torch.cat([part.mean(dim=(2, 3)) if part.ndim == 4 else part for part in caught.values()], dim=1)


def _on_map(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d | LinearOnMap) or (isinstance(layer, OwnHead) and layer.on_map)


def last_block(network: nn.Module, backbone: Backbone) -> frozenset[str]:
    """Names of the parameters of the head, of the last block and of what comes behind that (norms, pooling).

    The last block is the last stage of a network with stages, the last transformer block of one without. timm says it
    itself (`group_matcher`, coarse; else the last of its `feature_info`), CLIP's towers have it at a known place. Of
    all others it is the last child of the network, in the order of definition, before the child that holds the head; a
    child that is nearly all of the body is opened, and children behind the block that hold no more than norms and 1x1
    convolutions are taken along.

    Raises InputError where there is no block that could be trained apart from the rest.
    """
    heads = head_names(network, backbone)
    names = [name for name, _ in network.named_parameters()]
    if isinstance(network, Tower):
        chosen = _of(names, _tower_end(network))
    elif backbone.library == "timm":
        chosen = _timm_end(network, names)
    else:
        chosen = _of(names, _last_children(network, heads))
    body = {name for name in names if not is_of_head(name, heads)}
    if not chosen & body or chosen >= body:
        raise InputError(
            f'{backbone.id}: trained = "last block": no block of it can be trained apart from the rest; '
            'use trained = "all" or "head"'
        )
    return frozenset(chosen | (set(names) - body))


def _of(names: Sequence[str], parts: Collection[str]) -> set[str]:
    return {name for name in names if any(name == part or name.startswith(f"{part}.") for part in parts)}


def _timm_end(network: nn.Module, names: list[str]) -> set[str]:
    layers = timm_layers(network, coarse=True)
    if not layers:
        stages = [str(stage["module"]) for stage in getattr(network, "feature_info", ())]
        first = next((place for place, name in enumerate(names) if stages and name.startswith(f"{stages[-1]}.")), 0)
        return set(names[first:])
    groups = sorted(set(layers.values()))  # the last group is the head, with what belongs to no block
    return {name for name, layer in layers.items() if layer in groups[-2:]}


def _tower_end(network: Tower) -> list[str]:
    visual = network.visual
    if hasattr(visual, "attnpool"):
        return ["visual.layer4", "visual.attnpool"]
    blocks = len(visual.transformer.resblocks)  # type: ignore[union-attr,arg-type]
    return [f"visual.transformer.resblocks.{blocks - 1}", "visual.ln_post", "visual.proj"]


def _last_children(network: nn.Module, heads: Sequence[str]) -> list[str]:
    """Names of the last block, of all behind it, and of the network's child that holds the head."""
    tops = {head.split(".")[0] for head in heads}
    children = [name for name, child in network.named_children() if _size(child)]
    body = [name for name in children if name not in tops] or children
    behind = children[children.index(body[-1]) + 1 :]
    whole = sum(_size(network.get_submodule(name)) for name in body)
    blocks = body
    while True:
        opened = [name for name in blocks if _size(network.get_submodule(name)) > MOST * whole]
        inside = [f"{opened[0]}.{name}" for name, child in _parts(network, opened) if _size(child)] if opened else []
        if not inside:
            break
        place = blocks.index(opened[0])
        blocks = [*blocks[:place], *inside, *blocks[place + 1 :]]
    end = len(blocks) - 1
    while end > 0 and _is_small(network.get_submodule(blocks[end])):
        end -= 1
    return [*blocks[end:], *behind, *heads] if end > 0 else []


def _parts(network: nn.Module, opened: Sequence[str]) -> list[tuple[str, nn.Module]]:
    return list(network.get_submodule(opened[0]).named_children())


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _is_small(module: nn.Module) -> bool:
    """Whether it mixes channels of one place at most: norms and 1x1 convolutions alone."""
    leaves = [leaf for leaf in module.modules() if next(leaf.children(), None) is None and _size(leaf)]
    pointwise = [isinstance(leaf, nn.Conv2d) and leaf.kernel_size == (1, 1) for leaf in leaves]
    norms = [leaf.__class__.__name__.lower().find("norm") >= 0 for leaf in leaves]
    return all(one or other for one, other in zip(pointwise, norms, strict=True))


@cache  # a plan asks again for each task
def last_block_of(backbone: Backbone) -> tuple[str, ...]:
    """The modules that `trained = "last block"` trains beside the head, by name, for most without memory or computation
    (torch's meta device). Raises InputError as `last_block` does.
    """
    network = made_without_weights(backbone)
    heads = head_names(network, backbone)
    chosen = last_block(network, backbone)
    return tuple(_largest(network, [name for name in chosen if not is_of_head(name, heads)]))


def made_without_weights(backbone: Backbone) -> nn.Module:
    """A backbone's network for its names and shapes: for most on torch's meta device, without any memory."""
    own = backbone.library == "own"
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("cpu" if own else "meta"):
                return make(backbone, None if own else 2)
        except NotImplementedError:  # torchvision's RegNets compute their widths with tensors
            return make(backbone, 2)


def _largest(network: nn.Module, chosen: Collection[str], prefix: str = "") -> list[str]:
    """The modules, and parameters of no such module, that lie in `chosen` as a whole, by name."""
    found = []
    for name, _ in network.named_parameters(recurse=False):
        found += [f"{prefix}{name}"] if f"{prefix}{name}" in chosen else []
    for name, child in network.named_children():
        inside = {f"{prefix}{name}.{inner}" for inner, _ in child.named_parameters()}
        if inside and inside <= set(chosen):
            found.append(f"{prefix}{name}")
        elif inside:
            found += _largest(child, chosen, f"{prefix}{name}.")
    return found


def freeze(network: nn.Module, trained: Collection[str]) -> None:
    """Let only the parameters of these names be trained.

    What is frozen takes no gradient, so no optimiser touches or decays it, and every module that holds frozen
    parameters alone stays in evaluation mode whatever `train` is asked: statistics of its BatchNorm do not move, its
    dropout does nothing.
    """
    frozen = [name for name, _ in network.named_parameters() if name not in trained]
    for name in frozen:
        network.get_parameter(name).requires_grad_(False)
    for name in _largest(network, frozen):
        module = dict(network.named_modules()).get(name)
        if module is not None:
            module.eval()
            module.train = MethodType(_stay, module)


def _stay(module: nn.Module, mode: bool = True) -> nn.Module:
    return module
