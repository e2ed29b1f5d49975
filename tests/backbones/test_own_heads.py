"""Heads of one's own: in every kind of network, drawn from the seed, refused where they break the contract."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from afield.backbones.backbone import Backbone
from afield.backbones.build import build
from afield.backbones.heads import head_name, pooled_features
from afield.backbones.layers import layer_of_each
from afield.backbones.lora import adapt
from afield.backbones.own_heads import Head, OwnHead, check_head, head_of
from afield.backbones.parts import head_alone, head_inputs, last_block
from afield.base.errors import InputError
from afield.base.extensions import load_extension
from afield.training.recipe import Recipe

LINEAR = Head(build=nn.Linear)
DEEP = Head(build=lambda features, outputs: nn.Sequential(nn.Linear(features, 5), nn.ReLU(), nn.Linear(5, outputs)))


def network_of(architecture: str, library: str = "torchvision", **options: object) -> tuple[Backbone, nn.Module]:
    row = Backbone(id=architecture, library=library, architecture=architecture)  # type: ignore[arg-type]
    made = build(row, 3, initialisation="scratch", seed=0, weights=None, size=64, **options)  # type: ignore[arg-type]
    return row, made.eval()


KINDS = [
    pytest.param("squeezenet1_1", "torchvision", {}, id="a convolution on the map"),
    pytest.param("resnet18", "torchvision", {}, id="a linear layer"),
    pytest.param("resnet18", "torchvision", {"pooling": "gem"}, id="GeM"),
    pytest.param("alexnet", "torchvision", {"pooling": "gem"}, id="layers that went with the grid"),
    pytest.param("dla46_c", "timm", {}, id="timm's convolution"),
    pytest.param("deit_tiny_patch16_224", "timm", {}, id="tokens"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "library", "options"), KINDS)
def test_a_linear_head_of_ones_own_is_the_built_in_one(
    architecture: str, library: str, options: dict[str, str]
) -> None:
    """To the last bit: its place, what it is given, and how it is drawn."""
    row, own = network_of(architecture, library, head=LINEAR, **options)
    _, built_in = network_of(architecture, library, head="linear", **options)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(own(images), built_in(images))
        assert torch.equal(pooled_features(own, row, images), pooled_features(built_in, row, images))
    assert isinstance(own.get_submodule(head_name(own, row)), OwnHead)


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "library", "options"), KINDS)
def test_a_head_of_several_layers_is_one_head(architecture: str, library: str, options: dict[str, str]) -> None:
    row, network = network_of(architecture, library, head=DEEP, **options)
    name = head_name(network, row)
    inside = {each for each, _ in network.named_parameters() if each.startswith(f"{name}.")}
    assert len(inside) == 4
    assert inside < last_block(network, row)
    layers = layer_of_each(network, (name,))
    assert {layers[each] for each in inside} == {max(layers.values())}
    alone = head_alone(network, row, 3, 64)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(alone(head_inputs(network, row, alone, images)), network(images))
    other = network_of(architecture, library, head=DEEP, **options)[1]
    other.load_state_dict(dict(network.state_dict()))


@pytest.mark.slow
def test_it_is_drawn_from_the_stream_of_heads_alone() -> None:
    """The body is the same under every head, and torch's own generator stays where it was."""
    before = torch.get_rng_state()
    row, linear = network_of("resnet18", head="linear")
    _, deep = network_of("resnet18", head=DEEP)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(deep.conv1.weight, linear.conv1.weight)  # type: ignore[arg-type]
    again = build(row, 3, initialisation="scratch", seed=0, weights=None, head=DEEP)
    other = build(row, 3, initialisation="scratch", seed=1, weights=None, head=DEEP)
    weights = [network.fc.module[0].weight for network in (deep, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_distilled_network_has_no_place_for_it() -> None:
    with pytest.raises(InputError, match="it has 2 heads"):
        network_of("deit_tiny_distilled_patch16_224", "timm", head=LINEAR)


LAB = """
import random
import torch
from torch import nn
from afield import Head

class Odd(nn.Module):
    def __init__(self, features, outputs):
        super().__init__()
        self.outputs, self.layer = outputs, nn.Linear(features, outputs)

    def forward(self, x):
        return {forward}

def build(features, outputs):
    {build}

mine = Head(build=build)
"""


@pytest.mark.parametrize(
    ("forward", "build", "words"),
    [
        ("self.layer(x)", "return Odd(features, outputs)", None),
        ("self.layer(x)[0]", "return Odd(features, outputs)", r"mine: the head gives \[3\]; must give .* \[4, 3\]"),
        ("self.layer(x), 1", "return Odd(features, outputs)", "the head gives tuple"),
        ("self.layer(x).double()", "return Odd(features, outputs)", "gives torch.float64, .* finite torch.float32"),
        ("self.layer(x) / 0", "return Odd(features, outputs)", "or what is not finite"),
        ("self.layer(x - x.mean(0))", "return Odd(features, outputs)", "depend on those beside it"),
        ("self.layer(x).detach()", "return Odd(features, outputs)", "does not require grad|slope is missing"),
        ("0 * self.layer(x)", "return Odd(features, outputs)", "its slope is missing, not finite, or 0 everywhere"),
        ("self.layer(x)", "return 3", "the head's build gives int"),
        ("self.layer(x)", "return 1 / 0", r"build\(12, 3\) fails: .*my_lab.py, line 16: ZeroDivisionError"),
        ("self.layer(x)", "torch.manual_seed(7); return Odd(features, outputs)", "two heads of two seeds are equal"),
        (
            "self.layer(x)",
            "made = Odd(features, outputs); made.layer.bias.data += random.random(); return made",
            "two heads of one seed differ",
        ),
    ],
)  # fmt: skip
def test_a_head_that_breaks_the_contract_is_named(tmp_path: Path, forward: str, build: str, words: str | None) -> None:
    file = tmp_path / "my_lab.py"
    file.write_text(LAB.format(forward=forward, build=build))
    lab = {"my_lab": load_extension(file)}
    if words is None:
        assert check_head("my_lab:mine", lab) == "logits [4, 3] of 12 features, 39 weights"
        return
    with pytest.raises(InputError, match=words):
        check_head("my_lab:mine", lab)


def test_a_recipe_names_it_and_refuses_what_is_none() -> None:
    assert Recipe(head="my_lab:mine").named == ("auto", "paper", "my_lab:mine")
    Recipe(head="my_lab:mine", trained="head", augmentation="none")
    with pytest.raises(ValidationError, match="linaer: is no head; did you mean linear"):
        Recipe(head="linaer")
    with pytest.raises(ValidationError, match="a linear probe starts a linear head"):
        Recipe(head="my_lab:mine", initialisation="probe")
    with pytest.raises(ValueError, match="my_lab:mine: refers to a head of one's own, which is not given"):
        head_of("my_lab:mine", None)


@pytest.mark.slow
def test_lora_learns_the_whole_of_it_and_adapts_none_of_its_layers() -> None:
    row, network = network_of("deit_tiny_patch16_224", "timm", head=DEEP)
    adapt(network, row, rank=2, alpha=2, seed=0, channels=3, size=64)
    learned = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    head = {name for name in learned if name.startswith("head.")}
    assert head == {f"head.module.{place}.{what}" for place in (0, 2) for what in ("weight", "bias")}
    assert all("lora_" in name for name in learned - head)
