"""Image sizes: what is allowed is found by trying, what is not is refused in words before anything is trained."""

import subprocess
import sys
from dataclasses import replace

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from timm.layers import resample_abs_pos_embed

from afield.backbones.architectures import make
from afield.backbones.backbone import Backbone
from afield.backbones.build import build
from afield.backbones.sizes import check_size, probe_sizes, set_size
from afield.base.errors import InputError

ANY = Backbone(id="any", build=torch.nn.Identity)


def row(library, architecture, tag=""):
    return Backbone(id=f"{architecture}.{tag}", library=library, architecture=architecture, tag=tag)


DEIT = row("timm", "deit_tiny_patch16_224", "fb_in1k")
SWIN = row("timm", "swin_tiny_patch4_window7_224", "ms_in1k")
MIXER = row("timm", "mixer_s32_224")
CLIP_RN = row("open_clip", "RN50", "openai")


@pytest.mark.parametrize(
    ("backbone", "found"),
    [
        (row("torchvision", "squeezenet1_1"), (32, 1)),
        (row("torchvision", "alexnet"), (63, 1)),
        pytest.param(row("torchvision", "vit_b_32"), (32, 32), marks=pytest.mark.slow),
        pytest.param(row("timm", "efficientnet_b0", "ra_in1k"), (32, 1), marks=pytest.mark.slow),
        pytest.param(row("timm", "dla46_c", "in1k"), (32, 32), marks=pytest.mark.slow),
        pytest.param(DEIT, (32, 16), marks=pytest.mark.slow),
        pytest.param(SWIN, (32, 32), marks=pytest.mark.slow),
        (MIXER, (224, 0)),
        pytest.param(CLIP_RN, (32, 32), marks=pytest.mark.slow),
        (row("open_clip", "ViT-B-32", "openai"), (32, 32)),
    ],
    ids=lambda value: value.architecture if isinstance(value, Backbone) else "",
)
def test_sizes_of_architectures(backbone, found):
    assert probe_sizes(backbone) == found


@pytest.mark.slow
@pytest.mark.parametrize(("size", "runs"), [(62, False), (63, True)])
def test_what_probing_finds_without_computing_holds_where_it_is_computed(size, runs):
    network = make(row("torchvision", "alexnet"), 2).eval()
    images = torch.zeros(1, 3, size, size)
    if runs:
        assert network(images).shape == (1, 2)
    else:
        with pytest.raises(RuntimeError, match="too small"):
            network(images)


def test_a_network_that_refuses_its_own_size_is_an_error():
    with pytest.raises(InputError, match="does not take images of its own size, 40 pixels"):
        probe_sizes(replace(row("torchvision", "alexnet"), input_size=40))


@pytest.mark.parametrize(
    ("smallest", "step", "size", "words"),
    [
        (75, 1, 64, "image_size = 64: its architecture takes sizes of at least 75 pixels; set .* to 75$"),
        (32, 16, 100, "at least 32 pixels and a multiple of 16; set recipe.image_size to 96 or 112$"),
        (32, 32, 40, "set recipe.image_size to 32 or 64$"),
        (42, 14, 32, "set recipe.image_size to 42$"),
        (224, 0, 256, "takes images of 224 pixels alone; set recipe.image_size to 224$"),
    ],
)
def test_a_size_that_cannot_be_is_refused_with_the_nearest(smallest, step, size, words):
    with pytest.raises(InputError, match=f"^any: .*{words}"):
        check_size(replace(ANY, smallest_size=smallest, size_step=step), size)


def test_a_refusal_names_what_set_the_size():
    with pytest.raises(InputError, match=r"^any: --size = 40: .*; set --size to 32 or 64$"):
        check_size(replace(ANY, size_step=32), 40, key="--size")


@given(smallest=st.integers(1, 300), step=st.integers(0, 64), size=st.integers(1, 600))
def test_the_sizes_that_a_refusal_offers_are_allowed(smallest, step, size):
    backbone = replace(ANY, smallest_size=smallest, size_step=step)
    try:
        check_size(backbone, size)
    except InputError as refused:
        for offered in str(refused).rpartition(" to ")[2].split(" or "):
            check_size(backbone, int(offered))
    else:
        assert size == smallest if step == 0 else (size >= smallest and size % step == 0)


def test_a_size_is_checked_without_torch():
    code = """
import sys
from afield.backbones.backbone import Backbone
from afield.backbones.sizes import check_size
check_size(Backbone(id="a", library="timm", architecture="a"), 64)
print([name for name in ("torch", "timm", "torchvision") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_position_embeddings_are_resampled_by_timm_from_those_of_the_weights():
    torch.manual_seed(0)
    network = make(DEIT, 2)
    before = network.pos_embed.detach().clone()
    set_size(network, replace(DEIT, size_step=16), 96)
    expected = resample_abs_pos_embed(before, [6, 6], num_prefix_tokens=1)
    assert torch.equal(network.pos_embed.detach(), expected)
    assert network.pos_embed.requires_grad
    assert network(torch.zeros(1, 3, 96, 96)).shape == (1, 2)


@pytest.mark.parametrize(
    "backbone",
    [
        DEIT,
        pytest.param(SWIN, marks=pytest.mark.slow),
        pytest.param(CLIP_RN, marks=pytest.mark.slow),
        pytest.param(row("torchvision", "vit_b_32"), marks=pytest.mark.slow),
    ],
    ids=lambda backbone: backbone.architecture,
)
def test_the_size_of_the_weights_changes_nothing(backbone):
    torch.manual_seed(0)
    network = make(backbone, 2)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    set_size(network, backbone, 224)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.slow
def test_swins_windows_keep_their_share_of_the_image():
    network = build(SWIN, 2, initialisation="scratch", seed=0, weights=None, size=128)
    assert network.layers[0].blocks[0].window_size == (4, 4)  # 7 of 56 tokens a side -> 4 of 32
    assert network(torch.zeros(1, 3, 128, 128)).shape == (1, 2)


@pytest.mark.slow
def test_a_window_that_does_not_divide_is_refused():
    swin = replace(SWIN, smallest_size=32, size_step=32)  # as probing finds it, above
    with pytest.raises(InputError, match=r"multiple of 32; set recipe\.image_size to 224 or 256"):
        build(swin, 2, initialisation="scratch", seed=0, weights=None, size=240)


@pytest.mark.slow
@pytest.mark.parametrize("size", [64, pytest.param(320, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "backbone",
    [CLIP_RN, pytest.param(row("torchvision", "vit_b_32"), marks=pytest.mark.slow)],
    ids=lambda backbone: backbone.architecture,
)
def test_clips_attention_pooling_and_torchvisions_vit_take_other_sizes(backbone, size):
    network = build(backbone, 2, initialisation="scratch", seed=0, weights=None, size=size).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 3, size, size)).shape == (1, 2)


@pytest.mark.slow
def test_timm_itself_would_cut_off_what_does_not_fill_a_patch():
    """Why the step of a ViT is its patch although timm runs at 100 pixels."""
    network = timm.create_model("deit_tiny_patch16_224", num_classes=2, img_size=100).eval()
    image = torch.randn(1, 3, 100, 100)
    other = image.clone()
    other[..., 96:] = 0
    with torch.no_grad():
        assert torch.equal(network(image), network(other))
