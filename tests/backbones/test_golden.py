"""Golden logits: the same picture gives the same logits as the source library's own documented pipeline; and real
weights name what is in photographs.
"""

import hashlib
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file, save_file
from timm.models.efficientnet import _gen_mobilenet_v1

from afield.backbones.backbone import Backbone, CropMode
from afield.backbones.build import build, build_imagenet
from afield.backbones.catalogue import find
from afield.backbones.heads import pooled_features
from afield.backbones.preprocessing import evaluation_image
from afield.backbones.weights import Weights, locate
from afield.base.errors import InputError

SHARED = Path(__file__).parents[3] / "shared" / "weights"
HALF = (0.5, 0.5, 0.5)


def file_weights(path):
    return Weights(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), origin=f"directory {path.parent}")


@pytest.fixture(scope="module")
def picture():
    """Colours that differ everywhere under a fine grain, wider than high: resizing, cropping, channel order show."""
    rows, columns = np.mgrid[0:300, 0:420].astype(np.float64)
    red = 128 + 100 * np.sin(rows / 17) * np.cos(columns / 29)
    green = 255 * columns / 420
    blue = 128 + 90 * np.sin((rows + 2 * columns) / 41)
    grain = np.random.default_rng(0).normal(scale=40, size=(300, 420, 3))
    return Image.fromarray((np.stack([red, green, blue], axis=-1) + grain).clip(0, 255).astype(np.uint8))


def same(found, expected, scale=1e-4):
    torch.testing.assert_close(found, expected, rtol=0, atol=scale)


def unlike_others(backbone, network, picture, expected, upset=("crop", "interpolation", "mean")):
    """A pipeline that differed in one point would be seen."""
    others = {
        "crop": replace(backbone, crop=0.7),
        "interpolation": replace(
            backbone, interpolation="bilinear" if backbone.interpolation == "bicubic" else "bicubic"
        ),
        "mean": replace(backbone, mean=(0.4, 0.45, 0.5)),
    }
    for point in upset:
        with torch.no_grad():
            other = network(evaluation_image(others[point], picture)[None])
        assert (other - expected).abs().max() > 1e-4, point


def lively(network):
    """Random values that all show in the logits: no two tensors alike, and BatchNorm with statistics that fit."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("bias"):
                tensor.normal_(std=0.1)
            elif tensor.is_floating_point() and tensor.ndim == 1:
                tensor.uniform_(0.8, 1.2)
        norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        if norms:
            for module in norms:
                module.momentum = 1.0
            network.train()(torch.randn(4, 3, 96, 96))
    return network.eval()


# --- random weights, in the format of each source


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("resnet18.a1_in1k", ".safetensors"),
        ("mobilenetv3_small_100.lamb_in1k", ".bin"),
        ("vit_tiny_patch16_224.augreg_in21k_ft_in1k", ".safetensors"),
        pytest.param("swin_tiny_patch4_window7_224.ms_in1k", ".pth", marks=pytest.mark.slow),
    ],
)
def test_timm(name, suffix, picture, tmp_path):
    theirs = lively(timm.create_model(name))
    path = tmp_path / f"{name}{suffix}"
    state = {key: tensor.contiguous() for key, tensor in theirs.state_dict().items()}
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    # their documented way: a model of one's own file, and the transform of its data configuration
    theirs = timm.create_model(name, pretrained=True, pretrained_cfg_overlay={"file": str(path)}).eval()
    data = timm.data.resolve_data_config(model=theirs)
    architecture, _, tag = name.partition(".")
    backbone = Backbone(
        id=name, library="timm", architecture=architecture, tag=tag, input_size=data["input_size"][-1],
        mean=data["mean"], std=data["std"], interpolation=data["interpolation"], crop=data["crop_pct"],
    )  # fmt: skip
    with torch.no_grad():
        expected = theirs(timm.data.create_transform(**data)(picture)[None])
        ours = build_imagenet(backbone, file_weights(path))
        same(ours(evaluation_image(backbone, picture)[None]), expected)
    unlike_others(backbone, ours, picture, expected)


@pytest.mark.parametrize("crop", [None, 0.9])
@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("mode", ["squash", "center", "border"])
def test_every_crop_mode_is_timms(mode, upright, crop, picture):
    """On a row that has the mode, and at another crop; no row has `border` yet, so one is given it."""
    row = find({"squash": "eva_giant_patch14_336.clip_ft_in1k"}.get(mode, "resnet50.a1_in1k"))
    row = replace(row, crop_mode=mode) if mode == "border" else row
    assert row.crop_mode == mode
    row = replace(row, crop=crop or row.crop)
    image = picture.rotate(90, expand=True) if upright else picture
    data = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(row.id).to_dict())
    theirs = timm.data.create_transform(**{**data, "crop_mode": mode, "crop_pct": row.crop})(image)
    same(evaluation_image(row, image), theirs, scale=1e-6)
    modes: set[CropMode] = {"squash", "center", "border"}
    for other in modes - {mode}:
        assert not torch.equal(evaluation_image(replace(row, crop_mode=other), image), theirs), other


@pytest.mark.parametrize(
    "name",
    [
        "convnext_tiny.IMAGENET1K_V1",
        "efficientnet_b1.IMAGENET1K_V2",
        "efficientnet_b4.IMAGENET1K_V1",
        "inception_v3.IMAGENET1K_V1",
        "swin_b.IMAGENET1K_V1",
        "swin_s.IMAGENET1K_V1",
        "swin_v2_b.IMAGENET1K_V1",
    ],
)
def test_the_catalogues_rows_prepare_as_torchvisions_presets(name, picture):
    """Sizes whose quotient has no end: one pixel less to resize to would be another image."""
    row = find(name)
    preset = torchvision.models.get_model_weights(row.architecture)[row.tag].transforms()
    same(evaluation_image(row, picture), preset(picture), scale=1e-6)


@pytest.mark.slow
def test_timms_own_names_of_a_research_repository(picture, tmp_path):
    """DeiT as its authors publish it: `model` in a checkpoint; DINO's: another position of names; through timm."""
    name = "swin_tiny_patch4_window7_224.ms_in1k"
    theirs = lively(timm.create_model(name))
    original = {}
    for key, tensor in theirs.state_dict().items():  # the authors' file: downsampling counted with the stage before
        moved = re.sub(r"^layers\.(\d)\.downsample", lambda found: f"layers.{int(found[1]) - 1}.downsample", key)
        original[moved.replace("head.fc.", "head.")] = tensor
    path = tmp_path / "swin.pth"
    torch.save({"model": original, "epoch": 299}, path)
    backbone = Backbone(id=name, library="timm", architecture=name.partition(".")[0], tag="ms_in1k")
    image = evaluation_image(backbone, picture)[None]
    with torch.no_grad():
        same(build_imagenet(backbone, file_weights(path))(image), theirs(image), scale=0)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["resnet18", "squeezenet1_1", "mnasnet0_5"])
def test_torchvision(architecture, picture, tmp_path):
    theirs = lively(torchvision.models.get_model(architecture, weights=None))
    path = tmp_path / f"{architecture}.pth"
    torch.save(theirs.state_dict(), path)
    published = torchvision.models.get_model_weights(architecture).IMAGENET1K_V1
    view = published.transforms()
    backbone = Backbone(
        id=architecture, library="torchvision", architecture=architecture, tag="IMAGENET1K_V1",
        mean=tuple(view.mean), std=tuple(view.std), interpolation=view.interpolation.value,
        input_size=view.crop_size[0], crop=view.crop_size[0] / view.resize_size[0],
    )  # fmt: skip
    with torch.no_grad():
        expected = theirs(view(picture)[None])
        ours = build_imagenet(backbone, file_weights(path))
        same(ours(evaluation_image(backbone, picture)[None]), expected)
    unlike_others(backbone, ours, picture, expected)


@pytest.mark.slow
def test_torchvisions_densenet_by_its_names_of_2017(picture, tmp_path):
    theirs = lively(torchvision.models.densenet121(weights=None))
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12]\.)", r"\1.\2", key): tensor
        for key, tensor in theirs.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "densenet.pth")
    backbone = Backbone(id="densenet121.tv_in1k", library="torchvision", architecture="densenet121")
    image = evaluation_image(backbone, picture)[None]
    with torch.no_grad():
        ours = build_imagenet(backbone, file_weights(tmp_path / "densenet.pth"))
        same(ours(image), theirs(image), scale=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "tag"),
    [
        pytest.param("RN50", "openai", marks=pytest.mark.slow),
        pytest.param("ViT-B-32", "openai", marks=pytest.mark.slow),
        ("ViT-S-32-alt", ""),  # small; no weights of it were published
    ],
)
def test_open_clip(architecture, tag, picture, tmp_path):
    open_clip = pytest.importorskip("open_clip")
    torch.manual_seed(0)
    quick = tag == "openai"
    whole = open_clip.create_model(architecture, force_quick_gelu=quick)
    path = tmp_path / "open_clip_model.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in whole.state_dict().items()}, path)
    # their documented way: a file of one's own as `pretrained`; OpenAI's weights want QuickGELU
    theirs, _, view = open_clip.create_model_and_transforms(architecture, pretrained=str(path), force_quick_gelu=quick)
    theirs.eval()
    backbone = Backbone(
        id=f"{architecture}.{tag}", library="open_clip", architecture=architecture, tag=tag, crop=1.0,
        mean=theirs.visual.image_mean, std=theirs.visual.image_std,
    )  # fmt: skip
    with torch.no_grad():
        expected = theirs.encode_image(view(picture)[None])
        ours = build_imagenet(backbone, file_weights(path))
        image = evaluation_image(backbone, picture)[None]
        same(ours(image), expected)
        trained = build(backbone, 3, initialisation="pretrained", seed=0, weights=file_weights(path)).eval()
        same(pooled_features(trained, backbone, image), expected)
    unlike_others(backbone, ours, picture, expected, upset=("crop", "mean"))


@pytest.mark.slow
def test_ones_own(picture, tmp_path):
    def make():
        return timm.create_model("mobilenetv3_small_050", num_classes=12)

    theirs = lively(make())
    path = tmp_path / "mine.safetensors"
    save_file(theirs.state_dict(), path)
    backbone = Backbone(id="my_lab:net", build=make, weights=str(path), mean=HALF, std=HALF, input_size=160, crop=0.9)
    view = torchvision.transforms.Compose(
        [
            torchvision.transforms.Resize(177, torchvision.transforms.InterpolationMode.BICUBIC),
            torchvision.transforms.CenterCrop(160),
            torchvision.transforms.ToTensor(),
            torchvision.transforms.Normalize(HALF, HALF),
        ]
    )
    with torch.no_grad():
        expected = theirs(view(picture)[None])
        ours = build_imagenet(backbone, locate(backbone))
        same(ours(evaluation_image(backbone, picture)[None]), expected)
    unlike_others(backbone, ours, picture, expected)


# --- the ten real weights


def photographs():
    """Twenty photographs with their ImageNet classes, as foolbox ships them (MIT); its code is not run."""
    package = find_spec("foolbox")
    if package is None:
        pytest.skip("foolbox's photographs are not installed (pip install foolbox)")
    paths = sorted(Path(package.submodule_search_locations[0], "data").glob("imagenet_*.jpg"))
    pictures = []
    for path in paths:
        with Image.open(path) as picture:
            pictures.append((picture.convert("RGB"), int(path.stem.rpartition("_")[2])))
    return pictures


def shared(name):
    path = SHARED / f"{name}.safetensors"
    if not path.exists():
        pytest.skip("the real weights are not beside this repository")
    return file_weights(path)


def mobilenet(width):
    return lambda: _gen_mobilenet_v1("mobilenetv1_100", channel_multiplier=width, pad_type="same")


def quickstart(name):
    row = find(name)
    assert row.imagenet_size
    return replace(row, input_size=row.imagenet_size), locate(row)


def own(name, make, size):
    return Backbone(id=f"shared:{name}", build=make, mean=HALF, std=HALF, input_size=size), shared(name)


def vit():
    name = "vit_tiny_patch16_224.augreg_in21k_ft_in1k"
    architecture, _, tag = name.partition(".")
    return Backbone(id=name, library="timm", architecture=architecture, tag=tag, mean=HALF, std=HALF, crop=0.9), shared(
        name
    )


REAL = {  # how many of the twenty each is to get right at least; measured: 14, 18, 18, 18, 10, 13, 17, 18, 16, 14
    "squeezenet": (lambda: quickstart("squeezenet1_1.caffe_in1k"), 12),
    "lite0": (lambda: quickstart("tf_efficientnet_lite0.in1k"), 16),
    "lite1": (lambda: quickstart("tf_efficientnet_lite1.in1k"), 16),
    "lite2": (lambda: quickstart("tf_efficientnet_lite2.in1k"), 16),
    "mobilenetv1_025": (lambda: own("mobilenetv1_025.tflite_in1k", mobilenet(0.25), 128), 8),
    "mobilenetv1_050": (lambda: own("mobilenetv1_050.tflite_in1k", mobilenet(0.5), 160), 11),
    "mobilenetv1_075": (lambda: own("mobilenetv1_075.tflite_in1k", mobilenet(0.75), 192), 15),
    "mobilenetv2": (
        lambda: own("mobilenetv2_100.tflite_in1k", lambda: timm.create_model("mobilenetv2_100", pad_type="same"), 224),
        16,
    ),
    "vit_tiny": (vit, 14),
    "squeezenet of a folder": (
        lambda: (quickstart("squeezenet1_1.caffe_in1k")[0], shared("squeezenet1_1.caffe_in1k")),
        12,
    ),
}


SLOW = ("lite0", "lite1", "lite2", "mobilenetv1_075", "mobilenetv2", "vit_tiny", "squeezenet of a folder")
"""Lite0's guesses are held against timm's own pipeline by tests/training/test_measure.py"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "which", [pytest.param(which, marks=[pytest.mark.slow] if which in SLOW else []) for which in REAL]
)
def test_real_weights_name_what_is_in_photographs(which):
    make, at_least = REAL[which]
    backbone, weights = make()
    pictures = photographs()
    network = build_imagenet(backbone, weights)
    with torch.no_grad():
        logits = network(torch.stack([evaluation_image(backbone, image) for image, _ in pictures]))
    right = sum(int(row.argmax()) == label for row, (_, label) in zip(logits, pictures, strict=True))
    assert right >= at_least
    # with ImageNet's mean where 0.5 is due, or a mirror of the channels, fewer would be right
    with torch.no_grad():
        swapped = network(torch.stack([evaluation_image(backbone, image) for image, _ in pictures]).flip(1))
    assert sum(int(row.argmax()) == label for row, (_, label) in zip(swapped, pictures, strict=True)) < right


@pytest.mark.slow
def test_the_headless_mobilenet_loads_and_gives_the_features_of_timms():
    """The tenth: it has no classifier, so its classes cannot be asked for; its features can."""
    weights = shared("mobilenetv1_100.tflite_in1k")
    make = lambda: timm.create_model("mobilenetv1_100", pad_type="same")  # noqa: E731
    backbone = Backbone(id="shared:mobilenetv1_100", build=make, mean=HALF, std=HALF)
    network = build(backbone, 3, initialisation="pretrained", seed=0, weights=weights).eval()
    theirs = timm.create_model("mobilenetv1_100", pad_type="same", num_classes=0)
    theirs.load_state_dict(load_file(weights.path), strict=True)
    image = torch.stack([evaluation_image(backbone, image) for image, _ in photographs()[:2]])
    with torch.no_grad():
        same(pooled_features(network, backbone, image), theirs.eval()(image))
    with pytest.raises(InputError, match=r"missing: classifier\.weight, classifier\.bias"):
        build_imagenet(backbone, weights)


@pytest.mark.slow
def test_half_precision_is_read_as_float32():
    backbone, weights = vit()
    network = build(backbone, 2, initialisation="pretrained", seed=0, weights=weights)
    stored = load_file(weights.path)
    assert stored["blocks.0.attn.qkv.weight"].dtype == torch.float16
    assert torch.equal(network.blocks[0].attn.qkv.weight, stored["blocks.0.attn.qkv.weight"].float())
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
