"""`afield backbones measure`: counts equal those of the libraries' own pipelines; what goes wrong is said in words."""

import csv
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from sklearn.metrics import top_k_accuracy_score
from timm.data import create_transform, resolve_data_config
from torchvision.transforms import v2

from afield.backbones.catalogue import find
from afield.backbones.convert import load_state
from afield.backbones.imagenet import class_places
from afield.backbones.weights import Sources, locate
from afield.base.errors import AfieldError, InputError
from afield.cli import main
from afield.training.measure import measure_imagenet
from tests.fixtures.images import class_folder

LITE, SQUEEZENET = "tf_efficientnet_lite0.in1k", "squeezenet1_1.caffe_in1k"
OFFLINE = Sources(offline=True)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Twenty photographs in class folders: foolbox's (MIT), whose names end with the place among the 1,000."""
    package = find_spec("foolbox")
    if package is None:
        pytest.skip("foolbox's photographs are not installed (pip install foolbox)")
    names = {place: name for name, place in class_places().items()}
    root = tmp_path_factory.mktemp("val")
    for path in sorted(Path(package.submodule_search_locations[0], "data").glob("imagenet_*.jpg")):
        folder = root / names[int(path.stem.rpartition("_")[2])]
        folder.mkdir(exist_ok=True)
        (folder / path.name).write_bytes(path.read_bytes())
    return root


def theirs(network, transform, root):
    """Counts of right first and right five guesses with torchvision's folder, a library's transform and sklearn's."""
    images = torchvision.datasets.ImageFolder(root, transform)
    with torch.no_grad():
        logits = network.eval()(torch.stack([picture for picture, _ in images]))
    labels = [int(Path(file).stem.rpartition("_")[2]) for file, _ in images.imgs]  # as foolbox says, not as we map
    return [int(top_k_accuracy_score(labels, logits, k=k, normalize=False, labels=range(1000))) for k in (1, 5)]


@pytest.mark.slow
def test_counts_are_those_of_timms_own_pipeline(photographs):
    """At another size than the weights' own: the crop keeps its share."""
    network = timm.create_model(LITE, pretrained=False)
    network.load_state_dict(load_state(find(LITE), locate(find(LITE))))
    data = resolve_data_config({"img_size": 128}, model=network)
    found = measure_imagenet(LITE, photographs, OFFLINE, size=128, batch_size=7)
    assert [found.right, found.right_of_five] == theirs(network, create_transform(**data), photographs)
    assert 10 <= found.right < found.right_of_five < 20
    assert (found.size, len(found.images.files), found.images.classes) == (128, 20, 19)


@pytest.mark.slow
def test_counts_are_those_of_torchvisions_own_pipeline(photographs):
    network = torchvision.models.squeezenet1_1(weights=None)
    network.load_state_dict(load_state(find(SQUEEZENET), locate(find(SQUEEZENET))))
    row = find(SQUEEZENET)
    view = v2.Compose(
        [
            v2.Resize(256, v2.InterpolationMode.BICUBIC),
            v2.CenterCrop(227),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(row.mean, row.std),
        ]
    )
    found = measure_imagenet(SQUEEZENET, photographs, OFFLINE)
    assert [found.right, found.right_of_five] == theirs(network, view, photographs)
    assert (found.right, found.size) == (14, 227)
    assert found.weights.sha256 == locate(row).sha256


# --- one's own networks, whose guesses are known

LAB = """
import torch
from torch import nn
from afield import Backbone

class Fixed(nn.Module):
    # the same guesses for every image: places 0, 1, 2, ... in this order
    def __init__(self, classes=1000):
        super().__init__()
        self.head = nn.Linear(1, classes)

    def forward(self, images):
        return self.head(images.mean(dim=(1, 2, 3))[:, None] * 0)

def mine(build, **values):
    return Backbone(**{"build": build, "weights": "fixed.safetensors", "input_size": 32, **values})

"""


def lab(folder, definition="net = mine(Fixed, imagenet_top1=50.0)\n", classes=1000, change=lambda scores: scores):
    (folder / "my_lab.py").write_text(LAB + definition)
    scores = change(-torch.arange(float(classes)))
    save_file({"head.weight": torch.zeros(classes, 1), "head.bias": scores}, folder / "fixed.safetensors")
    return f"{folder / 'my_lab.py'}:net"


def fold(root, *places_and_counts):
    names = {place: name for name, place in class_places().items()}
    return class_folder(root, {names[place]: count for place, count in places_and_counts})


@pytest.mark.slow
def test_images_are_counted_by_rank_over_batches_that_do_not_divide_them(tmp_path):
    images = fold(tmp_path / "val", (0, 3), (3, 1), (4, 2), (5, 4), (999, 1))
    told = []
    found = measure_imagenet(
        lab(tmp_path), images, batch_size=3, progress=lambda done, total, seconds: told.append((done, total, seconds))
    )
    assert (found.right, found.right_of_five) == (3, 6)
    assert [(done, total) for done, total, _ in told] == [(3, 11), (6, 11), (9, 11), (11, 11)]
    assert [seconds for *_, seconds in told] == sorted(seconds for *_, seconds in told)
    assert (found.backbone.id, found.size, found.device) == ("my_lab:net", 32, "cpu")


def test_every_image_that_cannot_be_read_is_named_and_none_is_passed_over(tmp_path):
    images = fold(tmp_path / "val", (0, 4), (7, 3))
    first, last = sorted(images.rglob("*.png"))[1], sorted(images.rglob("*.png"))[-1]
    first.write_bytes(first.read_bytes()[:60])
    Image.new("RGB", (1, 60_000)).save(last)
    with pytest.raises(InputError) as refused:
        measure_imagenet(lab(tmp_path), images, batch_size=2, size=256)
    said = str(refused.value)
    assert said.startswith("2 of 7 images cannot be used:\n")
    assert f"{first}: cannot be read as an image" in said
    assert f"{last}: 1 pixels wide and 60000 high is too narrow" in said


RAISES = "class Bad(Fixed):\n    def forward(self, images):\n        {}\n\nnet = mine(Bad)\n"


@pytest.mark.parametrize(
    ("definition", "kind", "words"),
    [
        (RAISES.format("raise ValueError('seven')"), InputError, r"fails at images of \[2, 3, 32, 32\].*seven; mend"),
        (RAISES.format("raise SystemExit(3)"), InputError, r"my_lab\.py, line \d+: SystemExit: 3; mend the network"),
        (RAISES.format("raise torch.OutOfMemoryError"), AfieldError, "2 images at once do not fit .*--batch-size"),
        (RAISES.format("return [1]"), InputError, "its network gives list for 2 images"),
        ("net = mine(Fixed, smallest_size=64, input_size=64)\n", InputError, "--size = 32: .* set --size to 64"),
        ("net = Backbone(build=Fixed, input_size=32)\n", InputError, "my_lab:net: has no weights"),
        ("other = mine(Fixed)\n", InputError, "my_lab.*net.*my_lab:other"),
    ],
    ids=["raises", "exits", "memory", "list", "size", "no weights", "no such name"],
)
def test_ones_own_that_cannot_be_measured_is_refused_in_words(tmp_path, definition, kind, words):
    with pytest.raises(kind, match=words):
        measure_imagenet(lab(tmp_path, definition), fold(tmp_path / "val", (0, 2)), size=32)


def test_other_heads_than_imagenets_are_refused(tmp_path):
    name = lab(tmp_path, "net = mine(lambda: Fixed(1001))\n", classes=1001)
    with pytest.raises(InputError, match=r"gives \[2, 1001\] for 2 images, not logits \[2, 1000\]: only a head of"):
        measure_imagenet(name, fold(tmp_path / "val", (0, 2)))


def test_logits_that_are_no_numbers_are_no_guesses(tmp_path):
    name = lab(tmp_path, change=lambda scores: scores.index_fill(0, torch.tensor([3]), torch.nan))
    with pytest.raises(AfieldError, match="my_lab:net: its logits are not all finite"):
        measure_imagenet(name, fold(tmp_path / "val", (0, 2)))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ViT-B-16.openai", "CLIP's tower has no classifier .* zero-shot .* text side and prompts"),
        ("vit_base_patch16_224.mae", "published without a classifier .* linear probe"),
        ("resnet50", "is an architecture with"),
    ],
)
def test_what_has_no_classifier_is_refused_before_anything_is_looked_for(name, words):
    with pytest.raises(InputError, match=words):
        measure_imagenet(name, "nowhere")


# --- the command


@pytest.fixture
def afield(monkeypatch, capsys):
    def run(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["afield", "backbones", "measure", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert (ended.value.code or 0) == code, said.err
        assert "Traceback" not in said.err
        return said

    return run


def test_help_has_an_example(afield):
    assert "Example: afield backbones measure" in afield("--help").out


@pytest.mark.slow
def test_the_command_prints_and_collects(afield, tmp_path):
    images, table = fold(tmp_path / "val", (0, 3), (2, 1)), tmp_path / "measured.csv"
    said = afield(lab(tmp_path), "--imagenet", images, "--batch-size", 2, "--to", table, "--offline")
    printed = " ".join(said.out.split())
    assert "top-1 75.00 % (95 % interval 19.41 to 99.37; 3 right)" in printed
    assert "published 50 % top-1 (supervised): inside the interval" in printed
    assert "measured on 2 of 4 images" in said.err
    assert f"written to {table}" in said.err
    with table.open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["backbone"], row["imagenet_top1"], row["images"], row["classes"]) == ("my_lab:net", "75", "4", "2")


def test_control_c_leaves_nothing_behind(afield, tmp_path):
    threads = threading.active_count()
    name = lab(tmp_path, RAISES.format("raise KeyboardInterrupt"))
    images, table = fold(tmp_path / "val", (0, 9)), tmp_path / "measured.csv"
    said = afield(name, "--imagenet", images, "--batch-size", 2, "--to", table, code=130)
    assert said.out == ""
    assert not table.exists()
    assert threading.active_count() == threads


def test_a_table_that_is_another_is_refused_before_anything_is_measured(afield, tmp_path):
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    said = afield(LITE, "--imagenet", tmp_path / "nowhere", "--to", tmp_path / "mine.csv", code=2)
    assert "mine.csv: is another table than one of measured accuracies" in said.err
