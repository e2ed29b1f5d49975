"""A network of a backbone: the library's architecture, a body pretrained or random, and a new random head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import nn

from afield.backbones.architectures import make
from afield.backbones.backbone import Backbone
from afield.backbones.channels import adapt_channels
from afield.backbones.convert import load_state, mend
from afield.backbones.heads import draw_heads, head_name, head_names, is_of_head, make_linear, put_head, replace_head
from afield.backbones.own_heads import Head
from afield.backbones.pooling import Pooling, set_pooling
from afield.backbones.sizes import set_size
from afield.backbones.weights import Weights
from afield.base.errors import InputError
from afield.base.streams import stream_seed
from afield.base.text import first_few


def build(
    backbone: Backbone,
    classes: int,
    *,
    initialisation: Literal["pretrained", "scratch"],
    seed: int,
    weights: Weights | None,
    channels: int = 3,
    pooling: Pooling = "own",
    head: Head | Literal["own", "linear"] = "own",
    size: int | None = None,
) -> nn.Module:
    """Make a float32 network for `classes` classes on the CPU: images [n, channels, side, side] -> logits [n, classes].

    Images must be normalised by the backbone's mean and std. `side` is `size`, where the architecture has a fixed one;
    None leaves it as the weights have it. All random values come from the streams "initialisation" and "head" of
    `seed` (the global generator stays as it was), so equal arguments give equal bits. The head is drawn by one rule
    for all backbones. `pretrained` then loads the whole body from `weights`; `scratch` ignores `weights`.

    The order: made as the library makes it, weights loaded, then size (sizes.py), channels (channels.py), head
    (heads.py) and pooling (pooling.py) changed. What is changed is the same from scratch, so that a trained network's
    tensors fit into one that was built from scratch with equal arguments.

    Raises InputError where the weights do not fit the architecture, where the architecture cannot have the size, the
    pooling, the head or the channels, and for one's own that cannot be built; ValueError for `pretrained` without
    weights and for less than one output.
    """
    if classes < 1:
        raise ValueError(f"a network needs at least one output, not {classes}")
    if initialisation == "pretrained" and weights is None:
        raise ValueError(f"{backbone.id}: a pretrained network needs its weights")
    own = backbone.library == "own"
    with torch.random.fork_rng(devices=[]):  # networks are made on the CPU; a GPU's generator is not touched
        torch.manual_seed(stream_seed(seed, "initialisation"))
        network = make(backbone, None if own else classes).float()
        if initialisation == "pretrained" and weights is not None:
            _load_body(network, backbone, weights)
        if own:
            replace_head(network, backbone, classes)
        if size is not None:
            set_size(network, backbone, size)
        adapt_channels(network, backbone, channels)
        if head != "own":
            make_linear(network, backbone, classes)
        set_pooling(network, backbone, pooling)
        if isinstance(head, Head):
            put_head(network, backbone, head, classes)
        torch.manual_seed(stream_seed(seed, "head"))
        draw_heads(network, backbone)
        if own or isinstance(head, Head):
            _try(network, backbone, classes, channels, size or backbone.input_size)
    return network


def build_imagenet(backbone: Backbone, weights: Weights, *, size: int | None = None) -> nn.Module:
    """The network as it was published, with the head of its weights, in evaluation mode: to measure or to compare.

    Images [n, 3, side, side] -> logits of the pretraining's classes; CLIP's tower -> image embeddings. Every tensor
    has to be in the file. Raises InputError as `build` does, and where the file holds no head.
    """
    with torch.random.fork_rng(devices=[]):
        network = make(backbone)
    put(network, load_state(backbone, weights, network), (), f"{weights.path}", mend(backbone, weights))
    if size is not None:
        set_size(network, backbone, size)
    return network.eval()


def _load_body(network: nn.Module, backbone: Backbone, weights: Weights) -> None:
    heads = head_names(network, backbone)
    put(network, load_state(backbone, weights, network), heads, f"{weights.path}", mend(backbone, weights))


def put(
    network: nn.Module, state: Mapping[str, torch.Tensor], heads: tuple[str, ...], origin: str, remedy: str
) -> None:
    """Copy every tensor but the heads' into the network; each must be there, and no other, with equal shape and type.

    Counters of BatchNorm's batches may be missing, as in files from before torch 0.4.1: nothing reads them.
    """
    body = {name: tensor for name, tensor in network.state_dict().items() if not is_of_head(name, heads)}
    given = {name: tensor for name, tensor in state.items() if not is_of_head(name, heads)}
    faults = {
        "missing": [name for name in body if name not in given and not name.endswith("num_batches_tracked")],
        "unexpected": [name for name in given if name not in body],
        "of another shape or type": [
            name
            for name in body
            if name in given and (body[name].shape, body[name].dtype) != (given[name].shape, given[name].dtype)
        ],
    }
    if any(faults.values()):
        words = "; ".join(f"{fault}: {first_few(names, 5)}" for fault, names in faults.items() if names)
        raise InputError(f"{origin}: these weights do not fit the architecture ({words}); {remedy}")
    with torch.no_grad():
        for name, tensor in given.items():
            body[name].copy_(tensor)


def _try(network: nn.Module, backbone: Backbone, classes: int, channels: int, size: int) -> None:
    """Show a network of one's own, or with one's own head, an empty image: it has to give one row of logits."""
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            logits = network(torch.zeros(1, channels, size, size))
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        words = " ".join(str(error).split())[:300]
        raise InputError(
            f"{backbone.id}: its network fails at an image of [1, {channels}, {size}, {size}] "
            f"({type(error).__name__}: {words}); mend the network, or set recipe.image_size to a size that it takes"
        ) from error
    finally:
        network.train(training)
    found = list(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
    if found != [1, classes]:
        raise InputError(
            f"{backbone.id}: its network gives {found} for one image, not [1, {classes}] logits, after its layer "
            f"{head_name(network, backbone)} was replaced; name the layer that gives the logits as `head`"
        )
