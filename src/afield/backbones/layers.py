"""Layers of a network from the input up, for what treats them differently."""

from __future__ import annotations

import re
from collections.abc import Sequence

from timm.models import group_parameters
from torch import nn

from afield.backbones.heads import is_of_head


def layer_of_each(network: nn.Module, heads: Sequence[str]) -> dict[str, int]:
    """The layer of each parameter by its name: 0 at the input, one more from layer to layer, the heads' the highest.

    Of timm's networks the layers are those that timm names (`group_matcher`: the stem, then block by block). Of others
    a layer is what stands under one name up to its first part that ends in a number (`layer1`, `features.3`,
    `transformer.resblocks.0`), in the order of definition.
    """
    body = [name for name, _ in network.named_parameters() if not is_of_head(name, tuple(heads))]
    named = timm_layers(network, coarse=False)
    groups = {name: named[name] if named else _stem(name) for name in body}
    order = sorted(set(groups.values())) if named else list(dict.fromkeys(groups.values()))
    rank = {group: number for number, group in enumerate(order)}
    return {name: rank[groups[name]] if name in groups else len(order) for name, _ in network.named_parameters()}


def timm_layers(network: nn.Module, *, coarse: bool) -> dict[str, int]:
    """Timm's own layer of each parameter by its name (`group_matcher`), by stages where `coarse`; empty for networks
    that have no grouping, or none of that kind.
    """
    try:
        matcher = network.group_matcher(coarse=coarse)  # type: ignore[operator]
        return dict(group_parameters(network, matcher, reverse=True))
    except (AttributeError, AssertionError):
        return {}


def _stem(name: str) -> str:
    parts = name.split(".")
    for number, part in enumerate(parts[:-1]):
        if re.search(r"\d$", part):
            return ".".join(parts[: number + 1])
    return parts[0]
