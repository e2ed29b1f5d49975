"""Pooling and heads exchanged: the right place, the right numbers, and refused where an architecture cannot have it."""

import copy

import numpy as np
import pytest
import torch
import torchvision

from afield.backbones.architectures import make
from afield.backbones.backbone import Backbone
from afield.backbones.build import build
from afield.backbones.heads import head_name, make_linear, pooled_features
from afield.backbones.pooling import OF_MAPS, Pool, Pooling, check_pooling, set_pooling
from afield.base.errors import InputError
from tests.backbones.studied import CLIP, EVERY, THE_7, THE_19

OF_TOKENS: tuple[Pooling, ...] = ("class token", "mean of tokens")
TOKENS = {"deit_tiny_patch16_224", "deit_small_patch16_224", "mixer_b16_224"} | {
    one.architecture for one in CLIP if one.architecture.startswith("ViT")
}
MAPS = [one for one in (*THE_19, *THE_7, *CLIP[:2]) if one.architecture not in TOKENS]
NORMED_BEHIND = {"mobilenet_v3_small", "convnext_tiny", "caformer_b36"}
"""with layers that learn between their pool and their head, made for so many features"""
NOT_AVERAGED = {"alexnet", "vgg13_bn", "vgg16_bn", "RN50", "RN101"}
"""whose own pooling is a grid or attention"""


def network_of(architecture, **options):
    row = next(one for one in EVERY if one.architecture == architecture).row
    return row, build(row, 3, initialisation="scratch", seed=0, weights=None, **options).eval()


def marked(some):
    return [pytest.param(one, id=one.architecture, marks=[pytest.mark.slow] if one.slow else []) for one in some]


@pytest.mark.slow
@pytest.mark.parametrize("studied", marked(MAPS))
def test_every_map_can_be_pooled_in_every_way(studied):
    with torch.device("meta"):
        network = make(studied.row, 3)
        possible = [one for one in OF_MAPS if one != "concat" or studied.architecture not in NORMED_BEHIND]
        for pooling in possible:
            other = copy.deepcopy(network)
            set_pooling(other, studied.row, pooling)
            powers = [m for m in other.modules() if isinstance(m, Pool) and hasattr(m, "p")]
            assert len(powers) == (pooling == "gem")
            if pooling in ("concat", "gem"):
                assert other(torch.zeros(2, 3, studied.size, studied.size)).shape == (2, 3)
        if "concat" not in possible:
            with pytest.raises(InputError, match=r'pooling = "concat": is not possible here; .* or "gem"'):
                set_pooling(network, studied.row, "concat")
        for pooling in OF_TOKENS:
            with pytest.raises(
                InputError, match=r'is not possible here; it can have "own" or "average" or .* or "gem"'
            ):
                set_pooling(network, studied.row, pooling)


@pytest.mark.slow
@pytest.mark.parametrize(
    "studied",
    marked(one for one in MAPS if one.architecture not in NOT_AVERAGED),
)
def test_average_is_what_they_do_themselves_and_the_others_are_not(studied):
    """The pool sits where the network's own did: then averaging gives the same logits."""
    torch.manual_seed(0)
    network = make(studied.row, 3).eval()
    side = {"swin_base_patch4_window7_224": 224, "inception_resnet_v2": 160}.get(studied.architecture, 96)
    images = torch.randn(2, 3, side, side)
    logits = {}
    with torch.no_grad():
        logits["own"] = network(images)
        for pooling in ("average", "max", "average+max"):
            other = copy.deepcopy(network)
            set_pooling(other, studied.row, pooling)
            logits[pooling] = other(images)
    torch.testing.assert_close(logits["average"], logits["own"], rtol=1e-4, atol=1e-5)
    assert (logits["max"] - logits["own"]).abs().max() > 1e-4 * logits["own"].abs().max()
    assert not torch.equal(logits["average+max"], logits["max"])


@pytest.mark.parametrize("architecture", ["alexnet", "vgg13_bn"])
def test_networks_with_a_grid_lose_the_layers_that_take_it(architecture):
    row = next(one for one in EVERY if one.architecture == architecture).row
    with torch.device("meta"):
        network = make(row, 3)
        set_pooling(network, row, "gem")
        assert pooled_features(network, row, torch.zeros(2, 3, 96, 96)).shape == (2, network.classifier[0].in_features)
    assert network.classifier[0].in_features == {"alexnet": 256, "vgg13_bn": 512}[architecture]
    assert head_name(network, row) == "classifier.0"


def test_pools_against_numpy():
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32))
    values = features.numpy().astype(np.float64).reshape(2, 3, 20)
    expected: dict[Pooling, np.ndarray] = {
        "average": values.mean(2),
        "max": values.max(2),
        "average+max": (values.mean(2) + values.max(2)) / 2,
        "concat": np.concatenate([values.mean(2), values.max(2)], axis=1),
        "gem": np.mean(np.maximum(values, 1e-6) ** 3, axis=2) ** (1 / 3),
    }
    for kind, pooled in expected.items():
        for channels_last in (False, True):
            laid = features.permute(0, 2, 3, 1) if channels_last else features
            found = Pool(kind, flatten=True, channels_last=channels_last)(laid)
            torch.testing.assert_close(found.detach().double(), torch.from_numpy(pooled), rtol=1e-5, atol=1e-6)
            kept = Pool(kind, channels_last=channels_last)(laid).detach()
            width = pooled.shape[1]
            assert kept.shape == ((2, 1, 1, width) if channels_last else (2, width, 1, 1))


def test_gem_learns_one_p_that_begins_at_three():
    _, network = network_of("squeezenet1_1", pooling="gem", size=64)
    network.train()
    learned = {name: p for name, p in network.named_parameters() if name.endswith(".p")}
    assert {name: p.tolist() for name, p in learned.items()} == {"classifier.0.0.p": [3.0]}
    network(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs() > 0 for p in learned.values())


def test_squeezenet_pools_before_its_convolution():
    """GeM takes nothing below zero, so it may not come behind the layer that gives logits."""
    _, network = network_of("squeezenet1_1", pooling="gem", size=64)
    with torch.no_grad():
        logits = network(torch.randn(8, 3, 64, 64))
    assert (logits < 0).any()


@pytest.mark.parametrize("head", ["own", "linear"])
def test_concat_gives_the_head_average_and_maximum_side_by_side(head):
    row, network = network_of("squeezenet1_1", pooling="concat", head=head, size=64)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        last = network.features(images)
        both = torch.cat([last.mean((2, 3)), last.amax((2, 3))], dim=1)
        layer = network.get_submodule("classifier.1")
        torch.testing.assert_close(pooled_features(network, row, images), both)
        expected = both @ layer.weight.flatten(1).T + layer.bias
        torch.testing.assert_close(network(images), expected, rtol=1e-4, atol=1e-5)
    assert layer.weight.shape[:2] == (3, 1024)
    assert layer.weight.abs().max() <= 1024**-0.5, "drawn by the rule of all heads, for as many inputs"


@pytest.mark.slow
def test_class_token_and_mean_of_tokens():
    row, network = network_of("deit_tiny_patch16_224", size=64)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        tokens = network.forward_features(images)  # normalised
        for pooling, expected in {"class token": tokens[:, 0], "mean of tokens": tokens[:, 1:].mean(1)}.items():
            other = network_of("deit_tiny_patch16_224", size=64, pooling=pooling)[1]
            torch.testing.assert_close(pooled_features(other, row, images), expected)
        assert torch.equal(
            pooled_features(network, row, images),
            pooled_features(network_of("deit_tiny_patch16_224", size=64, pooling="class token")[1], row, images),
        )


@pytest.mark.slow
def test_clips_vit_takes_the_mean_of_its_tokens():
    row = Backbone(id="x", library="open_clip", architecture="ViT-B-32", tag="openai")
    torch.manual_seed(0)
    network = make(row, 3).eval()
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        visual = network.visual
        tokens = visual.ln_post(visual.transformer(visual._embeds(images)))
        expected = tokens[:, 1:].mean(1) @ visual.proj
        set_pooling(network, row, "mean of tokens")
        torch.testing.assert_close(pooled_features(network, row, images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("studied", marked(one for one in EVERY if one.architecture in TOKENS))
def test_tokens_have_no_map(studied):
    row = studied.row
    check_pooling(row, "mean of tokens")
    for pooling in OF_MAPS[1:]:
        with pytest.raises(InputError, match=f'pooling = "{pooling}": is not possible here'.replace("+", r"\+")):
            check_pooling(row, pooling)
    if studied.architecture == "mixer_b16_224":
        with pytest.raises(InputError, match='it can have "own" or "mean of tokens"'):
            check_pooling(row, "class token")
    else:
        check_pooling(row, "class token")


@pytest.mark.parametrize("architecture", ["deit_tiny_distilled_patch16_224", "vit_base_patch16_siglip_224"])
def test_what_would_change_nothing_is_refused(architecture):
    """Two tokens with two heads, and attention pooling, do not look at timm's switch."""
    row = Backbone(id=architecture, library="timm", architecture=architecture)
    with pytest.raises(InputError, match=r'it can have "own"$'):
        check_pooling(row, "mean of tokens")


@pytest.mark.slow
@pytest.mark.parametrize("head", ["classifier.6", None])
def test_ones_own_alexnet_keeps_its_heads_name_with_another_pooling(head):
    row = Backbone(id="mine:alexnet", build=lambda: torchvision.models.alexnet(weights=None), head=head, input_size=96)
    check_pooling(row, "gem")
    network = build(row, 3, initialisation="scratch", seed=0, weights=None, pooling="gem")
    assert head_name(network, row) == (head or "classifier.0")
    assert network(torch.zeros(2, 3, 96, 96)).shape == (2, 3)


@pytest.mark.slow
def test_a_head_that_goes_with_the_old_pooling_is_refused_before_training():
    row = Backbone(
        id="mine:alexnet", build=lambda: torchvision.models.alexnet(weights=None), head="classifier.4", input_size=96
    )
    with pytest.raises(InputError, match=r"head = classifier\.4: is no layer of that name; .*classifier\.6"):
        check_pooling(row, "gem")


# --- heads


@pytest.mark.slow
@pytest.mark.parametrize("studied", marked(EVERY))
def test_every_backbone_can_have_a_linear_head(studied):
    with torch.device("meta"):
        network = make(studied.row, 3)
        make_linear(network, studied.row, 3)
        size = studied.size
        assert network(torch.zeros(2, 3, size, size)).shape == (2, 3)
        head = network.get_submodule(head_name(network, studied.row))
        assert isinstance(head, torch.nn.Linear)
        assert pooled_features(network, studied.row, torch.zeros(2, 3, size, size)).shape == (2, head.in_features)


def test_dropout_before_a_linear_head_goes_where_layers_have_names():
    row = Backbone(id="x", library="timm", architecture="efficientvit_m0", tag="r224_in1k")
    with torch.device("meta"):
        network = make(row, 3)
        network.head.drop = torch.nn.Dropout(0.5)
        make_linear(network, row, 3)
    assert [type(module).__name__ for module in network.head] == ["BatchNorm1d", "Identity", "Linear"]


def test_only_the_dropout_before_the_head_goes():
    def net():
        drop = torch.nn.Dropout(0.5)  # stands in it twice
        return torch.nn.Sequential(drop, torch.nn.Flatten(), torch.nn.Linear(12, 8), drop, torch.nn.Linear(8, 3))

    row = Backbone(id="mine:net", build=net, input_size=2)
    network = build(row, 3, initialisation="scratch", seed=0, weights=None, head="linear")
    kinds = [type(module).__name__ for module in network._modules.values()]
    assert kinds == ["Dropout", "Flatten", "Linear", "Identity", "Linear"]


def test_squeezenets_linear_head_is_the_studys_squeezenetlin():
    """Average pooling of the last map, a linear layer, no dropout: so training and evaluation give the same."""
    row, network = network_of("squeezenet1_1", head="linear", size=64)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        pooled = network.features(images).mean((2, 3))
        head = network.get_submodule("classifier.1")
        expected = pooled @ head.weight.T + head.bias
        torch.testing.assert_close(network(images), expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(pooled_features(network, row, images), pooled)
        assert torch.equal(network.train()(images), network.eval()(images))


def test_own_heads_keep_their_dropout():
    _, network = network_of("squeezenet1_1", size=64)
    images = torch.randn(2, 3, 64, 64)
    assert not torch.equal(network.train()(images), network.eval()(images))


def test_linear_head_and_pooling_go_together():
    _, network = network_of("squeezenet1_1", head="linear", pooling="max", size=64)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        pooled = network.features(images).amax((2, 3))
        head = network.get_submodule("classifier.1")
        torch.testing.assert_close(network(images), pooled @ head.weight.T + head.bias, rtol=1e-4, atol=1e-5)
        assert torch.equal(network.train()(images), network.eval()(images))


@pytest.mark.slow
def test_a_distilled_network_has_two_heads_and_no_linear_one():
    row = Backbone(id="distilled", library="timm", architecture="deit_tiny_distilled_patch16_224")
    network = build(row, 3, initialisation="scratch", seed=0, weights=None)
    assert {network.head.out_features, network.head_dist.out_features} == {3}
    with pytest.raises(InputError, match="it has 2 heads"):
        build(row, 3, initialisation="scratch", seed=0, weights=None, head="linear")


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("squeezenet1_1", {"pooling": "gem"}),
        ("squeezenet1_1", {"pooling": "concat", "head": "linear"}),
        ("mnasnet0_5", {"pooling": "gem"}),  # whose own loading asks for a version that files of tensors lack
        pytest.param("alexnet", {"pooling": "average", "head": "linear"}, marks=pytest.mark.slow),
        ("deit_tiny_patch16_224", {"size": 64, "pooling": "mean of tokens"}),
        ("dla46_c", {"head": "linear", "channels": 4}),
    ],
)
def test_the_trained_tensors_fit_a_network_built_from_scratch(architecture, options):
    """How a stored network is read again, whatever was changed."""
    row, network = network_of(architecture, **options)
    other = build(row, 3, initialisation="scratch", seed=9, weights=None, **options).eval()
    other.load_state_dict(dict(network.state_dict()))
    size = options.get("size", 96)
    images = torch.randn(1, options.get("channels", 3), size, size)
    with torch.no_grad():
        assert torch.equal(network(images), other(images))
