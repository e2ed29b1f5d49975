"""Five backbones of the study of ten that no catalogue has: MobileNets converted from TensorFlow Lite.

TensorFlow pads a convolution with stride more on its far side ("SAME"); timm's `pad_type="same"` does as well. Three of
the widths have no constructor in timm. Top-1 figures: TensorFlow Lite's table of hosted models.
"""

from collections.abc import Callable
from functools import partial

import timm
from timm.models._efficientnet_builder import decode_arch_def
from timm.models.efficientnet import EfficientNet
from torch import nn

from afield import Backbone

_STAGES = [
    ["dsa_r1_k3_s1_c64"],
    ["dsa_r2_k3_s2_c128"],
    ["dsa_r2_k3_s2_c256"],
    ["dsa_r6_k3_s2_c512"],
    ["dsa_r2_k3_s2_c1024"],
]
"""of MobileNetV1 in timm's words: depthwise-separable blocks, their number, kernel, stride, channels at width 1"""


def mobilenet_v1(width: float) -> nn.Module:
    """MobileNetV1 (Howard et al. 2017, arXiv 1704.04861) of a width that leaves whole channels, 1000 classes."""
    network = EfficientNet(
        block_args=decode_arch_def(_STAGES),  # type: ignore[no-untyped-call]  # timm's
        num_features=0,  # no convolution between the last block and the head
        stem_size=32,
        round_chs_fn=lambda channels: int(width * channels),
        act_layer=nn.ReLU6,
        pad_type="same",
    )
    assert isinstance(network, nn.Module)
    return network


def mobilenet_v2() -> nn.Module:
    """MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381), 1000 classes."""
    network = timm.create_model("mobilenetv2_100", pad_type="same")
    assert isinstance(network, nn.Module)
    return network


def _converted(name: str, build: Callable[[], nn.Module], family: str, year: int, top1: float, size: int) -> Backbone:
    return Backbone(
        build=build,
        weights=f"{name}.tflite_in1k.safetensors",
        imagenet_top1=top1,
        imagenet_size=size,
        input_size=size,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        pretraining_data="ImageNet-1k",
        family=family,
        year=year,
        licence="Apache-2.0",
        source="TensorFlow Lite, hosted models",
    )


mobilenetv1_025 = _converted("mobilenetv1_025", partial(mobilenet_v1, 0.25), "MobileNetV1", 2017, 39.5, 128)
mobilenetv1_050 = _converted("mobilenetv1_050", partial(mobilenet_v1, 0.50), "MobileNetV1", 2017, 57.2, 160)
mobilenetv1_075 = _converted("mobilenetv1_075", partial(mobilenet_v1, 0.75), "MobileNetV1", 2017, 66.1, 192)
mobilenetv1_100 = _converted("mobilenetv1_100", partial(mobilenet_v1, 1.00), "MobileNetV1", 2017, 70.0, 224)
mobilenetv2_100 = _converted("mobilenetv2_100", mobilenet_v2, "MobileNetV2", 2018, 70.8, 224)
