"""Networks: the same bits for the same seed, the body of the weights, a head of its own."""

import hashlib
import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from afield.backbones.architectures import Grid
from afield.backbones.backbone import Backbone, Library
from afield.backbones.build import build, build_imagenet
from afield.backbones.catalogue import find
from afield.backbones.convert import load_state
from afield.backbones.heads import head_name
from afield.backbones.weights import Sources, Weights, locate
from afield.base.errors import InputError
from afield.study.check import check_extension

SQUEEZENET = find("squeezenet1_1.caffe_in1k")
LITE = find("tf_efficientnet_lite0.in1k")
ALL = [
    pytest.param(row, id=row.id, marks=[] if row in (SQUEEZENET, LITE) else [pytest.mark.slow])
    for row in (SQUEEZENET, *(find(f"tf_efficientnet_lite{n}.in1k") for n in (0, 1, 2)))
]


def pretrained(row, classes=2, seed=0):
    return build(row, classes, initialisation="pretrained", seed=seed, weights=locate(row))


def split(network, row):
    """Body and head tensors."""
    head = head_name(network, row) + "."
    state = network.state_dict()
    return (
        {name: tensor for name, tensor in state.items() if not name.startswith(head)},
        {name: tensor for name, tensor in state.items() if name.startswith(head)},
    )


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
@pytest.mark.parametrize("row", ALL)
def test_pretrained_body_is_the_published_one_and_the_head_is_new(row):
    published = load_state(row, locate(row))
    network = pretrained(row, classes=3)
    body, head = split(network, row)
    assert equal(body, {name: published[name] for name in body})
    assert len(body) == len(published) - 2
    assert {tensor.shape[0] for tensor in head.values()} == {3}
    assert network.training
    assert all(p.dtype == torch.float32 and p.requires_grad and p.device.type == "cpu" for p in network.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("row", ALL)
@pytest.mark.parametrize("side", [64, 96])
def test_any_size_gives_logits_of_the_classes(row, side):
    network = pretrained(row, classes=5).eval()
    with torch.no_grad():
        logits = network(torch.zeros(2, 3, side, side))
    assert logits.shape == (2, 5)
    assert torch.isfinite(logits).all()


@pytest.mark.slow
@pytest.mark.parametrize("row", ALL)
@pytest.mark.parametrize("initialisation", ["pretrained", "scratch"])
def test_equal_seeds_give_equal_bits_whatever_ran_before(row, initialisation):
    weights = locate(row)
    torch.manual_seed(1)
    one = build(row, 2, initialisation=initialisation, seed=7, weights=weights)
    torch.manual_seed(2)
    torch.rand(5)
    other = build(row, 2, initialisation=initialisation, seed=7, weights=weights)
    assert equal(one.state_dict(), other.state_dict())


@pytest.mark.slow
@pytest.mark.parametrize("row", ALL)
def test_seeds_change_the_head_and_from_scratch_the_body(row):
    (body, head), (other_body, other_head) = (split(pretrained(row, seed=seed), row) for seed in (0, 1))
    assert equal(body, other_body)
    assert not equal(head, other_head)
    scratch, other = (build(row, 2, initialisation="scratch", seed=seed, weights=None) for seed in (0, 1))
    assert not equal(split(scratch, row)[0], split(other, row)[0])
    # the head comes from the same stream either way, so pretrained and scratch start with the same one
    assert equal(split(scratch, row)[1], head)


def test_the_global_generator_stays_as_it_was():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    pretrained(SQUEEZENET)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.slow
def test_weights_that_do_not_fit_are_listed():
    lite1, lite2 = find("tf_efficientnet_lite1.in1k"), find("tf_efficientnet_lite2.in1k")
    with pytest.raises(InputError, match=r"do not fit the architecture \(of another shape or type: .* and \d+ more\)"):
        build(lite1, 2, initialisation="pretrained", seed=0, weights=locate(lite2))


def test_wrong_calls_are_errors():
    with pytest.raises(ValueError, match="needs its weights"):
        build(SQUEEZENET, 2, initialisation="pretrained", seed=0, weights=None)
    with pytest.raises(ValueError, match="at least one output"):
        build(SQUEEZENET, 0, initialisation="scratch", seed=0, weights=None)


# --- channels


@pytest.mark.parametrize("channels", [1, 4, 13])
@pytest.mark.parametrize(
    "row",
    [
        SQUEEZENET,
        LITE,
        Backbone(id="deit", library="timm", architecture="deit_tiny_patch16_224"),
        Backbone(id="resnet18", library="torchvision", architecture="resnet18"),
        pytest.param(
            Backbone(id="clip", library="open_clip", architecture="ViT-B-32", tag="openai"), marks=pytest.mark.slow
        ),
        Backbone(id="mine:small", build=lambda: nn.Sequential(nn.Conv2d(3, 8, 3), Mean(), nn.Linear(8, 4))),
    ],
    ids=lambda row: row.id,
)
def test_equal_channels_give_what_they_gave_as_rgb(row, channels):
    """What timm's rule keeps: as many equal channels as one likes look like a grey RGB picture."""
    rgb = build(row, 2, initialisation="scratch", seed=0, weights=None).eval()
    other = build(row, 2, initialisation="scratch", seed=0, weights=None, channels=channels).eval()
    # zeros pad every channel alike, so borders agree too; 13 channels repeat R four times more than B
    side = 224 if row.id in ("deit", "clip") else 64
    grey = torch.randn(2, 1, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, found = rgb(grey.expand(-1, 3, -1, -1)), other(grey.expand(-1, channels, -1, -1))
    assert other(torch.randn(1, channels, side, side)).shape == (1, 2)
    if channels == 1:  # summed: exact
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    kernel, wide = (next(m.weight for m in net.modules() if isinstance(m, nn.Conv2d)) for net in (rgb, other))
    assert wide.shape[1] == channels
    if channels > 3:
        for channel in range(channels):
            torch.testing.assert_close(wide[:, channel], kernel[:, channel % 3] * 3 / channels)


def test_a_network_without_a_convolution_of_rgb_takes_no_other_channels():
    row = Backbone(id="mine:flat", build=lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 4)), input_size=4)
    with pytest.raises(InputError, match="mine:flat: no convolution of it takes RGB"):
        build(row, 2, initialisation="scratch", seed=0, weights=None, channels=4)


# --- one's own


class Mean(nn.Module):
    def forward(self, features):
        return features.mean((2, 3))


class Lab(nn.Module):
    """The head is not the last linear layer in it."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), Mean())
        self.out = nn.Linear(8, 1000)
        self.projection = nn.Linear(8, 8)

    def forward(self, images):
        return self.out(self.projection(self.body(images)))


def own(make=Lab, **facts):
    known: dict[str, Any] = {"head": "out", "input_size": 32}
    return Backbone(id="my_lab:net", build=make, **known | facts)


def file_of(tmp_path, state):
    path = tmp_path / "mine.safetensors"
    save_file(state, path)
    return Weights(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), origin=f"one's own file {path}")


def scratch(row, classes=2, **options):
    return build(row, classes, initialisation="scratch", seed=0, weights=None, **options)


def test_ones_own_network_gets_its_weights_and_a_new_head(tmp_path):
    torch.manual_seed(3)
    published = {name: tensor.half() for name, tensor in Lab().state_dict().items()}
    network = build(own(), 5, initialisation="pretrained", seed=1, weights=file_of(tmp_path, published))
    body, head = split(network, own())
    assert equal(body, {name: published[name].float() for name in body})
    assert head["out.weight"].shape == (5, 8)
    again = build(own(), 5, initialisation="scratch", seed=1, weights=None)
    assert equal(split(again, own())[1], head)


def test_ones_own_head_by_default_is_the_last_linear_layer_and_a_wrong_guess_is_noticed():
    named = Backbone(id="my_lab:net", build=lambda: nn.Sequential(nn.Conv2d(3, 8, 3), Mean(), nn.Linear(8, 9)))
    assert scratch(named, 4)(torch.zeros(1, 3, 32, 32)).shape == (1, 4)
    with pytest.raises(InputError, match=r"its layer projection was replaced; name the layer that gives the logits"):
        scratch(own(head=None), 8)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (own(head="outt"), r"my_lab:net: head = outt: is no layer of that name; .* did you mean out\?"),
        (own(head="body"), "head = body: is Sequential; a head is an nn.Linear or an nn.Conv2d of 1x1"),
        (own(lambda: nn.Conv2d(3, 2, 3), head=None), "has no head to replace"),
        (own(lambda: "a network"), "its build function gave str, not a torch.nn.Module"),
        (own(lambda: 1 / 0), "its build function failed.* ZeroDivisionError: division by zero"),
        (own(input_size=2), r"its network fails at an image of \[1, 3, 2, 2\] .* set recipe.image_size"),
    ],
    ids=["wrong head", "no layer for logits", "no head", "no network", "raises", "size"],
)
def test_one_s_own_that_cannot_be_built_is_refused_in_words(row, words):
    with pytest.raises(InputError, match=words):
        scratch(row)


def test_a_factory_that_gives_what_it_gave_before_is_refused():
    """Else the second trial begins with the first one's trained weights."""
    net, body = Lab(), nn.Sequential(nn.Conv2d(3, 8, 3), Mean())
    for factory in (lambda: net, lambda: nn.Sequential(body, nn.Linear(8, 9))):
        row = own(factory, head=None if factory() is not net else "out")
        first = scratch(row)
        with pytest.raises(InputError, match=r"my_lab:net: .* it must make a new network at each call"):
            scratch(row)
        assert first.training
    act = nn.ReLU()  # has nothing that a training changes
    for _ in range(2):
        scratch(own(lambda: nn.Sequential(nn.Conv2d(3, 8, 3), act, Mean(), nn.Linear(8, 9)), head=None))


def test_a_factory_that_leaves_python_is_refused_in_words():
    with pytest.raises(InputError, match=r"my_lab:net: its build function failed: .* SystemExit: 3; mend the function"):
        scratch(own(lambda: sys.exit(3)))


def test_a_network_that_leaves_python_is_refused_in_words():
    class Leaves(Lab):
        def forward(self, images):
            sys.exit(3)

    with pytest.raises(InputError, match=r"my_lab:net: its network fails .*\(SystemExit: 3\); mend the network"):
        scratch(own(Leaves))


def test_a_network_that_leaves_python_fails_its_check_in_words(tmp_path):
    file = tmp_path / "leaves.py"
    file.write_text(
        "import sys\nfrom torch import nn\nfrom afield.backbones.backbone import Backbone\n"
        "class Net(nn.Linear):\n    def forward(self, images):\n        sys.exit(3)\n"
        "mine = Backbone(build=lambda: Net(2, 2), input_size=4, smallest_size=4)\n"
    )
    (found,) = check_extension(file, Sources())
    assert found.outcome == "failed"
    assert "leaves.py, line 6: SystemExit: 3" in found.words


def test_ones_own_weights_that_do_not_fit_are_listed(tmp_path):
    state = Lab().state_dict()
    state["extra.weight"] = state.pop("projection.weight")
    with pytest.raises(InputError, match=r"missing: projection.weight; unexpected: extra.weight\); name another file"):
        build(own(), 2, initialisation="pretrained", seed=0, weights=file_of(tmp_path, state))


@pytest.mark.slow
def test_an_architecture_that_the_library_lacks_offers_the_nearest():
    libraries: dict[Library, tuple[str, str]] = {
        "timm": ("resnet_50", "resnet50"),
        "torchvision": ("resnet_50", "resnet50"),
        "open_clip": ("ViT-B-31", "ViT-B-32"),
    }
    for library, (name, near) in libraries.items():
        with pytest.raises(InputError, match=f"{library} .* has no architecture {name}; did you mean .*{near}"):
            scratch(Backbone(id="x", library=library, architecture=name))


def test_a_file_without_a_head_serves_for_training_but_not_for_imagenet(tmp_path):
    state = {name: tensor for name, tensor in Lab().state_dict().items() if not name.startswith("out.")}
    weights = file_of(tmp_path, state)
    assert build(own(), 3, initialisation="pretrained", seed=0, weights=weights).out.out_features == 3
    with pytest.raises(InputError, match=r"missing: out\.weight, out\.bias"):
        build_imagenet(own(), weights)


def test_counters_that_old_files_lack_are_no_fault(tmp_path):
    def make():
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), Mean(), nn.Linear(8, 9))

    state = make().state_dict()
    counter = state.pop("1.num_batches_tracked")
    network = build(own(make, head=None), 2, initialisation="pretrained", seed=0, weights=file_of(tmp_path, state))
    assert network[1].num_batches_tracked == counter == 0
    state.pop("1.running_mean")
    with pytest.raises(InputError, match=r"missing: 1\.running_mean"):
        build(own(make, head=None), 2, initialisation="pretrained", seed=0, weights=file_of(tmp_path, state))


@pytest.mark.slow
@pytest.mark.parametrize(
    "architecture",
    [
        "mobilenet_v2",
        "convnext_tiny",
        pytest.param("vit_b_32", marks=pytest.mark.slow),
        "regnet_y_400mf",
        "googlenet",
    ],
)
def test_other_architectures_of_torchvision_follow_the_general_rule(architecture):
    row = Backbone(id=architecture, library="torchvision", architecture=architecture)
    network = scratch(row, 3).train()
    assert network(torch.randn(2, 3, 224, 224)).shape == (2, 3)
    layer = network.get_submodule(head_name(network, row))
    assert layer.weight.abs().max() <= layer.in_features**-0.5  # drawn by the one rule


def test_sizes_that_a_row_forbids_are_refused_before_anything_is_made():
    row = replace(SQUEEZENET, smallest_size=64)
    with pytest.raises(InputError, match=r"image_size = 32: .* set recipe.image_size to 64"):
        scratch(row, size=32)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (6, 6), (13, 9), (16, 16)])
def test_the_grid_of_alexnet_and_vgg_is_torch_s_adaptive_average(height, width):
    maps = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0), requires_grad=True)
    counts = torch.arange(36.0).view(6, 6)
    (ours, my_gradient), (theirs, its_gradient) = (
        (pool(maps), torch.autograd.grad((pool(maps) * counts).sum(), maps)[0])
        for pool in (Grid(6, 6), nn.AdaptiveAvgPool2d(6))
    )
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    torch.testing.assert_close(my_gradient, its_gradient, atol=1e-4, rtol=1e-5)
