"""One's own backbones: objects in an extension, found by `FILE:NAME`, completed by what can be known before training.

Needs torch only where a network has to be made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from afield.backbones.backbone import Backbone
from afield.backbones.catalogue import find
from afield.base.errors import InputError
from afield.base.extensions import Extension, find_object, is_own, load_extension, where


def resolve(name: str, extensions: Mapping[str, Extension]) -> Backbone:
    """The backbone of that name: the catalogue's, or one's own with its id filled in and its weights' path absolute.

    Raises InputError for unknown names, with the nearest, and for one's own that cannot be built.
    """
    if not is_own(name):
        return find(name)
    found = find_object(name, extensions, Backbone)
    if found.library != "own":
        raise InputError(
            f"{name}: library = {found.library}: is for the catalogue; leave it out and let `build` make the network, "
            "from that library too"
        )
    if not callable(found.build):
        raise InputError(f"{name}: build: must be a function without arguments that makes the network")
    weights = found.weights
    if weights is not None:
        weights = str((extension_of(name, extensions).folder / Path(weights).expanduser()).resolve())
    return replace(found, id=name, weights=weights)


def from_command(name: str) -> Backbone:
    """The backbone that a command names: an id of the catalogue or, of one's own, `FILE.py:NAME` (of an installed
    package: its entry point's name and `:NAME`).

    Raises InputError as `resolve` does, and where the file cannot be loaded.
    """
    if not is_own(name):
        return find(name)
    source, _, own = name.rpartition(":")
    extension = load_extension(source)
    return resolve(f"{extension.name}:{own}", {extension.name: extension})


def planned(name: str, extensions: Mapping[str, Extension]) -> Backbone:
    """What `resolve` gives, and of one's own the parameters and multiply-adds that `measured` counts: all that a plan
    needs to know of a backbone.
    """
    found = resolve(name, extensions)
    return measured(found) if is_own(name) else found


def extension_of(name: str, extensions: Mapping[str, Extension]) -> Extension:
    """The extension that a reference of one's own names."""
    return extensions[name.partition(":")[0]]


def measured(backbone: Backbone) -> Backbone:
    """One's own with its parameters (millions) and multiply-adds (billions, of one image at its input size) counted
    where its file does not say.

    The network is made once, on the meta device where it can be (no memory, no computation). Raises InputError where it
    cannot be made, has no head to replace, or does not take an image of its input size.
    """
    try:
        parameters, products = _counted(backbone, "meta")
    except InputError:  # some networks look at values, or make tensors of a named device: then in earnest
        parameters, products = _counted(backbone, "cpu")
    return replace(
        backbone,
        params_m=parameters / 1e6 if backbone.params_m is None else backbone.params_m,
        gmacs=products / 1e9 if backbone.gmacs is None else backbone.gmacs,
    )


def _counted(backbone: Backbone, device: str) -> tuple[int, float]:
    """Parameters, and multiply-adds of an image."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from afield.backbones.architectures import make
    from afield.backbones.heads import head_names

    size = backbone.input_size
    with torch.random.fork_rng(devices=[]), torch.device(device):
        network = make(backbone).eval()
        head_names(network, backbone)  # refuses a network that has none
        try:
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                network(torch.zeros(1, 3, size, size))
        except (Exception, SystemExit) as error:  # the user's code may raise anything
            raise InputError(
                f"{backbone.id}: does not take an image of [1, 3, {size}, {size}]: {where(error)}; "
                "mend the network, or set input_size to the side that it was made for"
            ) from error
    return sum(parameter.numel() for parameter in network.parameters()), counter.get_total_flops() / 2
