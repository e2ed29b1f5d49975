"""Published weights into the library's names: each format is read without running any code that it may carry."""

from __future__ import annotations

import io
import pickle
import re
import warnings
from collections.abc import Mapping

import safetensors.torch
import timm
import torch
from safetensors import SafetensorError
from torch import nn

from afield.backbones.architectures import make, timm_name
from afield.backbones.backbone import Backbone
from afield.backbones.foreign import State, is_lite, read_caffe_squeezenet, rename_lite
from afield.backbones.formats import is_safetensors
from afield.backbones.heads import is_of_head
from afield.backbones.weights import Weights, read
from afield.base.errors import InputError

_UNREADABLE = (
    SafetensorError,
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
)
"""what readers raise at bytes of another format or at names that are not the architecture's"""
_NESTED = ("state_dict", "model", "model_state_dict")
"""where checkpoints of a training keep the network"""
_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)$")
_AUXILIARY = {"googlenet": ("aux1.", "aux2."), "inception_v3": ("AuxLogits.",)}
"""heads of torchvision's that only pretraining used"""


def load_state(backbone: Backbone, weights: Weights, like: nn.Module | None = None) -> State:
    """All tensors of a backbone's published weights by the library's own names, on the CPU, ImageNet head included
    where the file has one. Half precision becomes float32.

    Formats: safetensors, or what torch.save wrote, read with weights_only=True (a checkpoint of a training: its
    `state_dict` or `model`). timm: files of the hub, those with other names through timm's own conversion for the
    architecture. torchvision: its .pth, DenseNet's names of 2017 too, without auxiliary heads. open_clip: the visual
    tower out of the whole CLIP. One's own: the network's names. The PyPI packages of the quickstart: their own.

    `like` is a network of the backbone whose names count; by default one is made where names have to be compared.
    Whether all tensors fit is for `build` to say. Raises InputError where the bytes have changed, cannot be read, hold
    something else than tensors, or are of another architecture.
    """
    content = read(weights)
    try:
        return _in_our_names(backbone, _parse(backbone, content), like)
    except _UNREADABLE as error:
        words = " ".join(str(error).split())[:300]
        raise InputError(
            f"{weights.path}: these are not weights of {backbone.id} ({type(error).__name__}: {words}); "
            f"{mend(backbone, weights)}"
        ) from error


def mend(backbone: Backbone, weights: Weights) -> str:
    """What to do about a file that does not fit."""
    if backbone.library == "own":
        return "name another file as `weights`, or mend `build`; save a network's state_dict() with safetensors"
    return f"get them again (these came from: {weights.origin})"


def _parse(backbone: Backbone, content: bytes) -> State:
    if is_safetensors(content[:9], len(content)):
        tensors: object = safetensors.torch.load(content)
    elif backbone.id == "squeezenet1_1.caffe_in1k":
        tensors = read_caffe_squeezenet(content)
    else:
        with warnings.catch_warnings():  # torch warns of pickles by others' hands, which it then reads or refuses
            warnings.simplefilter("ignore", UserWarning)
            tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return _tensors_of(tensors)


def _tensors_of(content: object) -> State:
    """The tensors of a checkpoint, in float32 where they are floating-point numbers."""
    if not isinstance(content, Mapping):
        raise TypeError(f"it holds a {type(content).__name__}, not tensors by name")
    for key in _NESTED:
        if isinstance(content.get(key), Mapping):
            return _tensors_of(content[key])
    if others := [name for name, value in content.items() if not isinstance(value, torch.Tensor)]:
        raise TypeError(f"it holds other things than tensors: {', '.join(map(str, others[:5]))}")
    state = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in content.items()}
    if state and all(name.startswith("module.") for name in state):  # saved from torch's data-parallel wrapper
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return state


def _in_our_names(backbone: Backbone, published: State, like: nn.Module | None) -> State:
    if is_lite(published):
        return rename_lite(published, backbone.architecture)
    if backbone.library == "timm":
        return _through_timm(backbone, published, like)
    if backbone.library == "torchvision":
        if backbone.architecture.startswith("densenet"):  # names of 2017 have a dot that today's lack: norm.1, norm1
            published = {_DENSENET.sub(r"\1\2", name): tensor for name, tensor in published.items()}
        if any(name.startswith("attacker.") for name in published):  # Madry lab's: the network beside its attacker
            published = {name[6:]: tensor for name, tensor in published.items() if name.startswith("model.")}
        extra = _AUXILIARY.get(backbone.architecture, ())
        return {name: tensor for name, tensor in published.items() if not name.startswith(extra or "\0")}
    if backbone.library == "open_clip":
        tower = {name: tensor for name, tensor in published.items() if name.startswith("visual.")}
        if not tower:
            raise KeyError("nothing in it is called visual.*, as in the weights of a whole CLIP")
        return tower
    return published


def _through_timm(backbone: Backbone, published: State, like: nn.Module | None) -> State:
    """Convert by timm's own rules where names or shapes are not the network's; the same tensors where that fails.

    timm loads some architectures (DLA, SigLIP) without asking for every tensor, and what a file lacks keeps its random
    values. A second conversion, of the file with NaN for every number, shows which tensors come from it: only those
    are given, so that `build` misses the others.
    """
    network = make(backbone) if like is None else like
    classifier = network.pretrained_cfg["classifier"]  # type: ignore[index]  # timm's own dict
    heads = (classifier,) if isinstance(classifier, str) else tuple(classifier or ())
    if _shapes(published, heads) == _shapes(network.state_dict(), heads):
        return published
    unknown = {name: torch.full_like(t, torch.nan) if t.is_floating_point() else t for name, t in published.items()}
    try:
        converted, traced = _converted(backbone, published), _converted(backbone, unknown)
    except _UNREADABLE:
        return published  # `build` lists what does not fit
    given = {f"{head}.bias" for head in heads}  # timm's rules give CLIP's projections, which have none, one of zeros
    return {
        name: tensor
        for name, tensor in converted.items()
        if not tensor.is_floating_point() or bool(traced[name].isnan().any()) or name in given
    }


def _converted(backbone: Backbone, published: State) -> State:
    """All tensors of the network after timm has loaded the file's into it."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = timm.create_model(
            timm_name(backbone),
            pretrained=True,
            pretrained_cfg_overlay={"state_dict": dict(published), "custom_load": False},
        )
    return dict(network.state_dict())


def _shapes(state: Mapping[str, torch.Tensor], heads: tuple[str, ...]) -> dict[str, torch.Size]:
    """Shapes of all tensors but the heads' and the counters that older files lack."""
    return {
        name: tensor.shape
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked") and not is_of_head(name, heads)
    }
