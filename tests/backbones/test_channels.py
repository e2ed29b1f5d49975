"""Other inputs than RGB: what a backbone can take is known at once. (What the adapted kernels give: test_build.py.)"""

import pytest
import torch
from torch import nn

from afield.backbones.backbone import Backbone
from afield.backbones.build import build
from afield.backbones.channels import check_channels
from afield.base.errors import InputError


@pytest.mark.slow
def test_what_a_backbone_cannot_take_is_known_before_it_is_trained() -> None:
    for architecture in ("deit_tiny_patch16_224", "mixer_s32_224", "convnext_atto"):
        check_channels(Backbone(id=architecture, library="timm", architecture=architecture), 4)
    row = Backbone(id="mine:flat", build=lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 2)), input_size=8)
    check_channels(row, 3)
    with pytest.raises(InputError, match="mine:flat: no convolution of it takes RGB; only three channels are possible"):
        check_channels(row, 4)


def test_a_network_of_one_s_own_that_was_made_for_them_stays_as_it_is() -> None:
    def made() -> nn.Module:
        return nn.Sequential(nn.Conv2d(4, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))

    row = Backbone(id="mine:four", build=made, input_size=32)
    check_channels(row, 4)
    network = build(row, 3, initialisation="scratch", seed=0, weights=None, channels=4)
    assert network(torch.zeros(1, 4, 32, 32)).shape == (1, 3)
