"""Parts of networks: the head says the same alone, the last block is where an expert would point, the rest is still."""

from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import nn

from afield.backbones.architectures import make
from afield.backbones.backbone import Backbone, Library
from afield.backbones.build import build
from afield.backbones.parts import freeze, head_alone, head_inputs, last_block, last_block_of
from afield.base.errors import InputError


def row(library: Library, architecture: str, tag: str = "none", size: int = 64) -> Backbone:
    return Backbone(id=architecture, library=library, architecture=architecture, tag=tag, input_size=size)


LAST: dict[tuple[Library, str], tuple[str, ...]] = {
    ("timm", "resnet18"): ("layer4",),
    ("timm", "vit_tiny_patch16_224"): ("blocks.11", "norm"),
    ("timm", "tf_efficientnet_b0"): ("blocks.6", "conv_head", "bn2"),
    ("timm", "mixer_b16_224"): ("blocks.11", "norm"),
    ("timm", "swin_tiny_patch4_window7_224"): ("layers.3", "norm"),
    ("timm", "pnasnet5large"): ("cell_11",),
    ("timm", "poolformer_s12"): ("stages.3", "head.norm"),
    ("torchvision", "resnet50"): ("layer4",),
    ("torchvision", "squeezenet1_1"): ("features.12",),
    ("torchvision", "densenet121"): ("features.denseblock4", "features.norm5"),
    ("torchvision", "mobilenet_v2"): ("features.17", "features.18"),
    ("torchvision", "efficientnet_b0"): ("features.7", "features.8"),
    ("torchvision", "shufflenet_v2_x0_5"): ("stage4", "conv5"),
    ("torchvision", "vit_b_16"): ("encoder.layers.encoder_layer_11", "encoder.ln"),
    ("torchvision", "regnet_y_400mf"): ("trunk_output.block4",),
    ("torchvision", "alexnet"): ("features.10", "classifier.1", "classifier.4"),
    ("open_clip", "RN50"): ("visual.layer4", "visual.attnpool"),
    ("open_clip", "ViT-B-32"): ("visual.proj", "visual.transformer.resblocks.11", "visual.ln_post"),
}
"""the last stage or transformer block as the papers name it, and what comes behind it"""


@pytest.mark.slow
@pytest.mark.parametrize(("library", "architecture"), LAST)
def test_the_last_block_is_the_architectures_own(library: Library, architecture: str) -> None:
    tag = "openai" if library == "open_clip" else "none"
    assert last_block_of(row(library, architecture, tag, 224)) == LAST[library, architecture]


def test_an_architecture_without_blocks_is_refused_by_name() -> None:
    one = Backbone(build=lambda: nn.Sequential(nn.Flatten(), nn.Linear(12, 3), nn.Linear(3, 2)))
    with pytest.raises(InputError, match=r'lab:flat: trained = "last block": no block of it .* use trained = "all"'):
        last_block_of(replace(one, id="lab:flat"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("library", "architecture", "head"),
    [
        ("torchvision", "squeezenet1_1", "own"),
        ("torchvision", "squeezenet1_1", "linear"),
        ("torchvision", "mobilenet_v3_small", "own"),
        ("timm", "resnet18", "own"),
        ("timm", "dla46_c", "own"),
        ("timm", "deit_tiny_distilled_patch16_224", "own"),  # two heads
    ],
)
def test_a_head_alone_says_what_the_network_says(
    library: Library, architecture: str, head: Literal["own", "linear"]
) -> None:
    size = 224 if architecture.startswith("deit") else 64
    backbone = row(library, architecture, size=size)
    network = build(backbone, 3, initialisation="scratch", seed=0, weights=None, head=head)
    alone = head_alone(network, backbone, 3, size)
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits = alone.train()(head_inputs(network, backbone, alone, images))
        torch.testing.assert_close(logits, network(images), rtol=1e-5, atol=1e-5)
    assert set(alone.state_dict()) <= set(network.state_dict())


def test_a_head_that_is_not_all_is_refused() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return 7 * self.fc(self.body(images).mean((2, 3)))

    backbone = replace(Backbone(build=Scaled), id="lab:scaled")
    with pytest.raises(InputError, match=r"lab:scaled: its head \(fc\) alone does not give its logits"):
        head_alone(make(backbone), backbone, 3, 32)


@pytest.mark.slow
def test_what_is_frozen_stays_in_evaluation_and_takes_no_gradient() -> None:
    backbone = row("timm", "resnet18")
    network = build(backbone, 2, initialisation="scratch", seed=0, weights=None)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    trained = last_block(network, backbone)
    freeze(network, trained)
    network.train()
    network(torch.randn(4, 3, 64, 64)).sum().backward()
    assert not network.layer1[0].bn1.training
    assert network.layer4[0].bn1.training
    assert {name for name, one in network.named_parameters() if one.grad is not None} == trained
    moved = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved
    assert all(name.startswith("layer4.") for name in moved)
