"""A folder of ImageNet's validation images: which file shows which class, and which folders are none."""

import re

import pytest
import torchvision

from afield.backbones.imagenet import class_places, validation_images
from afield.base.errors import InputError
from tests.fixtures.images import class_folder

TENCH, SHARK, ELECTRIC_RAY = "n01440764", "n01484850", "n01496331"
"""places 0, 2 and 5"""


def test_the_places_are_those_of_the_logits():
    """By torchvision's names of the logits, of which WordNet's words are known."""
    named = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    known = {TENCH: "tench", SHARK: "great white shark", ELECTRIC_RAY: "electric ray", "n15075141": "toilet tissue"}
    assert {name: named[class_places()[name]] for name in known} == known
    assert sorted(class_places().values()) == list(range(1000))


def test_files_and_places_are_found_in_order_and_litter_is_left_alone(tmp_path):
    class_folder(tmp_path, {ELECTRIC_RAY: 2, TENCH: 1})
    (tmp_path / ELECTRIC_RAY / "deeper").mkdir()
    (tmp_path / ELECTRIC_RAY / "0001.png").rename(tmp_path / ELECTRIC_RAY / "deeper" / "x.JPEG")
    for name in (".hidden", "Thumbs.db", "LOC_val_solution.csv"):
        (tmp_path / name).write_bytes(b"")
    found = validation_images(tmp_path)
    assert [file.relative_to(tmp_path).as_posix() for file in found.files] == [
        f"{TENCH}/0000.png",
        f"{ELECTRIC_RAY}/0000.png",
        f"{ELECTRIC_RAY}/deeper/x.JPEG",
    ]
    assert found.labels == (0, 5, 5)
    assert (found.classes, found.whole, found.of_training) == (2, False, 0)


def test_class_folders_may_be_links_to_folders_elsewhere(tmp_path):
    class_folder(tmp_path / "whole", {TENCH: 1, SHARK: 1})
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / SHARK).symlink_to(tmp_path / "whole" / SHARK)
    assert validation_images(tmp_path / "some").labels == (2,)


def test_images_of_training_are_known_by_their_names(tmp_path):
    class_folder(tmp_path, {TENCH: 2})
    (tmp_path / TENCH / "0000.png").rename(tmp_path / TENCH / f"{TENCH}_10026.JPEG")
    assert validation_images(tmp_path).of_training == 1


def flat(root):
    (root / "ILSVRC2012_val_00000001.JPEG").write_bytes(b"x")


def beside(root):
    class_folder(root, {TENCH: 1})
    (root / "mine.jpg").write_bytes(b"x")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda root: root.rmdir(), "no such folder; name one that holds a folder of images for each class"),
        (lambda root: None, "holds no folders; name one"),
        (flat, r"without their classes \(ILSVRC2012_val_00000001.JPEG.*torchvision.datasets.ImageNet\('imagenet'"),
        (beside, "mine.jpg: lies beside the class folders and so has no class"),
        (lambda root: class_folder(root / "val", {TENCH: 1}), "its folder val holds the class folders; name .*/val"),
        (lambda root: class_folder(root, {"n00007846": 1, TENCH: 1}), "n00007846: not among the 1,000 classes"),
        (lambda root: class_folder(root, {"0": 1, "1": 1}), "0, 1: not among the 1,000 .* rename these"),
        (lambda root: class_folder(root, {TENCH: 1, SHARK: 0}), rf"{SHARK}: holds no image \(1 of 2"),
    ],
    ids=["missing", "empty", "flat", "beside", "one too high", "of 21k", "by number", "no image"],
)
def test_what_is_no_validation_folder_is_refused_with_the_mend(tmp_path, make, words):
    root = tmp_path / "imagenet"
    root.mkdir()
    make(root)
    with pytest.raises(InputError, match=re.compile(words, re.DOTALL)):
        validation_images(root)
