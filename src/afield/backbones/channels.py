"""Other inputs than RGB: the first convolution adapted by timm's rule, whatever the library."""

from __future__ import annotations

from functools import cache

import torch
from timm.models import adapt_input_conv
from torch import nn

from afield.backbones.architectures import make
from afield.backbones.backbone import Backbone
from afield.base.errors import InputError


@cache  # a plan asks again for each task
def check_channels(backbone: Backbone, channels: int) -> None:
    """Refuse channels that the backbone cannot take, before anything is trained; raises InputError.

    Makes the network once, a library's without memory or computation (torch's meta device).
    """
    if channels == 3:
        return
    own = backbone.library == "own"
    with torch.random.fork_rng(devices=[]), torch.device("cpu" if own else "meta"):
        adapt_channels(make(backbone, None if own else 2), backbone, channels)


def adapt_channels(network: nn.Module, backbone: Backbone, channels: int) -> None:
    """Let a network made for RGB take `channels` channels.

    One channel: the kernel's three are summed, so a grey picture gives what it gave as RGB with equal channels. More
    than three: the kernel's channels are repeated in order (R, G, B, R, ...) and scaled by 3 / channels, so the answer
    to equal channels stays as it was. The rule is `timm.models.adapt_input_conv`; a network from scratch follows it
    too. One's own that was made for as many channels stays as it is.

    Raises InputError for less than one channel and where no convolution takes RGB.
    """
    if channels < 1:
        raise InputError(f"{backbone.id}: channels = {channels}: an image has at least one")
    if channels == 3 or _made_for(network, backbone, channels):
        return
    for name in _first_convolutions(network, backbone):
        convolution = network.get_submodule(name)
        assert isinstance(convolution, nn.Conv2d)
        kernel = adapt_input_conv(channels, convolution.weight.detach())
        convolution.weight = nn.Parameter(kernel.contiguous())
        convolution.in_channels = channels
    if getattr(network, "transform_input", False):  # torchvision's Inceptions shift R, G and B towards 0.5 / 0.5
        network.transform_input = False  # type: ignore[assignment]  # an ordinary attribute of theirs


def _first_convolutions(network: nn.Module, backbone: Backbone) -> tuple[str, ...]:
    named: object = network.pretrained_cfg["first_conv"] if backbone.library == "timm" else None  # type: ignore[index]
    names: tuple[str, ...]
    if isinstance(named, str):
        names = (named,)
    elif named:
        names = tuple(named)  # type: ignore[arg-type]  # a tuple of names
    else:
        names = tuple(name for name, module in network.named_modules() if _takes_rgb(module))[:1]
    if not names or not all(_takes_rgb(network.get_submodule(name)) for name in names):
        raise InputError(f"{backbone.id}: no convolution of it takes RGB; only three channels are possible")
    return names


def _made_for(network: nn.Module, backbone: Backbone, channels: int) -> bool:
    """Whether the first convolution of one's own network takes that many already."""
    first = next((module for module in network.modules() if isinstance(module, nn.Conv2d)), None)
    return backbone.library == "own" and first is not None and first.in_channels == channels


def _takes_rgb(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.in_channels == 3 and module.groups == 1
