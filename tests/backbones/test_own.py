"""One's own backbones: found by reference, completed by counting, and refused in words where they cannot be built."""

import pytest

from afield.backbones.backbone import Backbone
from afield.backbones.own import planned, resolve
from afield.base.errors import InputError
from afield.base.extensions import load_extensions

NET = """
from torch import nn
from afield import Backbone

def make_net():
    body = [nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*body, nn.Linear(4, 10))

"""


def load(folder, text, name="my_lab.py"):
    (folder / name).write_text(text, encoding="utf-8")
    return load_extensions([folder / name])


def test_id_is_the_reference_and_weights_are_relative_to_the_file(tmp_path, monkeypatch):
    extensions = load(
        tmp_path, NET + "hydra = Backbone(build=make_net, weights='w/hydra.safetensors', imagenet_top1=79.3)\n"
    )
    monkeypatch.chdir("/")
    found = resolve("my_lab:hydra", extensions)
    assert (found.id, found.library, found.imagenet_top1) == ("my_lab:hydra", "own", 79.3)
    assert found.weights == str(tmp_path / "w" / "hydra.safetensors")


def test_parameters_and_multiply_adds_are_counted_where_the_file_does_not_say(tmp_path):
    extensions = load(
        tmp_path,
        NET + "a = Backbone(build=make_net, input_size=32)\nb = Backbone(build=make_net, params_m=7.0, gmacs=8.0)\n",
    )
    found = planned("my_lab:a", extensions)
    assert found.params_m == pytest.approx((3 * 4 * 9 + 4 * 10 + 10) / 1e6)
    assert found.gmacs == pytest.approx((32 * 32 * 3 * 4 * 9 + 4 * 10) / 1e9)
    given = planned("my_lab:b", extensions)
    assert (given.params_m, given.gmacs) == (7.0, 8.0)


def test_a_network_that_looks_at_values_while_it_is_made_is_counted_too(tmp_path):
    text = NET + "def looks():\n    net = make_net()\n    assert net[0].weight.sum().item() != 7\n    return net\n"
    assert planned("my_lab:a", load(tmp_path, text + "a = Backbone(build=looks)\n")).params_m == pytest.approx(158e-6)


def test_a_network_that_names_its_device_is_counted_too(tmp_path):
    text = (
        NET
        + """
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = make_net()

    def forward(self, images):
        import torch
        return self.net(images + torch.ones(1, device="cpu"))

"""
    )
    assert planned("my_lab:a", load(tmp_path, text + "a = Backbone(build=Fixed)\n")).params_m == pytest.approx(158e-6)


def test_a_network_that_leaves_python_while_it_is_counted_is_refused_with_its_line(tmp_path):
    text = NET + "import sys\n\nclass Leaves(nn.Linear):\n    def forward(self, images):\n        sys.exit(3)\n\n"
    with pytest.raises(InputError, match=r"my_lab:a: does not take .*my_lab\.py, line 13: SystemExit: 3; mend the net"):
        planned("my_lab:a", load(tmp_path, text + "a = Backbone(build=lambda: Leaves(2, 2))\n"))


def test_the_catalogue_goes_on_as_before():
    assert resolve("tf_efficientnet_lite0.in1k", {}).library == "timm"
    with pytest.raises(InputError, match="did you mean"):
        resolve("tf_efficientnet_lite0.in1", {})


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ("Backbone(build=lambda: 1 / 0)", r"my_lab:a: .*my_lab\.py, line 9: ZeroDivisionError: division by zero"),
        ("Backbone(build=lambda: 'net')", r"my_lab:a: .* gave str, not a torch.nn.Module"),
        ("Backbone(build=make_net, library='timm')", "my_lab:a: library = timm: is for the catalogue"),
        (
            "Backbone(build=make_net, id='mine', library='own') if 0 else Backbone(id='mine')",
            "build: must be a function",
        ),
        ("Backbone(build=lambda: nn.Linear(5, 5))", r"my_lab:a: does not take an image of \[1, 3, 224, 224\]"),
        (
            "Backbone(build=lambda: nn.Sequential(nn.Flatten()), params_m=1, gmacs=1)",
            "my_lab:a: has no head to replace",
        ),
        ("make_net", "my_lab:a: is of type function, not Backbone"),
    ],
)
def test_what_cannot_be_built_is_refused_with_place_and_mend(tmp_path, definition, words):
    with pytest.raises(InputError, match=words) as caught:
        planned("my_lab:a", load(tmp_path, NET + f"a = {definition}\n"))
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ("imagenet_top1=7740", r"my_lab\.py, line 9: Backbone: imagenet_top1 = 7740: is no accuracy in per cent"),
        ("imagenet_top1='79.3'", "imagenet_top1 = 79.3: is no accuracy"),
        ("imagenet_top1=float('nan')", "imagenet_top1 = nan"),
        ("imagenet_a=-1", "imagenet_a = -1"),
        ("mean=(123.7, 116.3, 103.5)", "divide values made for 0..255 by 255"),
        ("std=(0, 0, 0)", "std = .*above 0"),
        ("mean=(0.5,)", "give three values"),
        ("interpolation='nearest'", "must be bilinear or bicubic"),
        ("crop_mode='centre'", "crop_mode = centre: must be center, squash or border"),
        ("imagenet_top1=True", "imagenet_top1 = True: is no accuracy"),
        ("imagenet_kind='x'", "imagenet_kind = x: must be supervised, linear probe, zero-shot or measured"),
        ("objective='x'", "objective = x: must be supervised, self-supervised, image-text or adversarial"),
        ("library='keras'", "library = keras: must be timm"),
        ("input_size=0", "input_size = 0: give a whole number of pixels, 1 or more"),
        ("input_size=224.5", "input_size = 224.5: give a whole number"),
        ("input_size=True", "input_size = True: give a whole number"),
        ("imagenet_size='224'", "imagenet_size = 224: give a whole number"),
        ("smallest_size=None", "smallest_size = None: give a whole number"),
        ("size_step=-1", "size_step = -1: give a whole number of pixels, 0 or more"),
        ("smallest_size=500", "smallest_size = 500: is above input_size = 224, .* to 224 or less"),
        ("input_size=28", "smallest_size = 32: is above input_size = 28, .* set smallest_size to 28 or less"),
        ("crop=0", "crop = 0: is no share"),
        ("crop=1.1", "crop = 1.1: is no share"),
        ("crop=True", "crop = True: is no share"),
        ("crop=float('nan')", "crop = nan: is no share"),
        ("imagenet_top2=3", "unexpected keyword argument 'imagenet_top2'"),
    ],
)
def test_values_that_cannot_be_are_refused_with_the_line(tmp_path, definition, words):
    with pytest.raises(InputError, match=words) as caught:
        load(tmp_path, NET + f"a = Backbone(build=make_net, {definition})\n")
    assert "my_lab.py, line 9" in str(caught.value)


def test_without_build_it_is_refused_where_it_is_written(tmp_path):
    with pytest.raises(InputError, match=r"my_lab\.py, line 9: Backbone: build: must be a function"):
        load(tmp_path, NET + "a = Backbone()\n")


def test_plain_values_come_back_equal_but_for_what_belongs_to_this_machine(tmp_path):
    import json

    found = planned("my_lab:a", load(tmp_path, NET + "a = Backbone(build=make_net, weights='w.pth', mean=(0, 0, 0))\n"))
    back = Backbone.from_plain(json.loads(json.dumps(found.plain())))
    assert (back.id, back.mean, back.params_m, back.imagenet_top1) == ("my_lab:a", (0, 0, 0), found.params_m, None)
    assert (back.build, back.weights) == (None, None)
