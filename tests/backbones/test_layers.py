"""Layers from the input up, of networks of each library."""

import pytest

from afield.backbones.build import build
from afield.backbones.catalogue import find
from afield.backbones.heads import head_names
from afield.backbones.layers import layer_of_each


@pytest.mark.parametrize(
    ("backbone", "expected"),
    [
        (
            "resnet18.tv_in1k",
            {"conv1.weight": 0, "layer1.0.conv1.weight": 1, "layer4.1.conv2.weight": 8, "fc.weight": 9},
        ),
        (
            "squeezenet1_1.caffe_in1k",
            {"features.0.weight": 0, "features.3.squeeze.weight": 1, "classifier.1.weight": 9},
        ),
        ("deit_tiny_patch16_224.fb_in1k", {"cls_token": 0, "blocks.0.attn.qkv.weight": 1, "head.bias": 13}),
    ],
)
def test_layers_rise_from_the_stem_to_the_head(backbone: str, expected: dict[str, int]) -> None:
    row = find(backbone)
    network = build(row, 2, initialisation="scratch", seed=0, weights=None)
    layers = layer_of_each(network, head_names(network, row))
    assert {name: layers[name] for name in expected} == expected
    assert list(layers) == [name for name, _ in network.named_parameters()]
    assert sorted(set(layers.values())) == list(range(max(layers.values()) + 1))
