"""Parts of pictures, prepared: known pixels, one entry for each image and box."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from afield.images.prepared import estimate_bytes, open_prepared, prepare
from afield.images.rule import evaluation_rule, full_rule, prepare_file, prepare_pixels, train_rule

PIXELS = np.random.default_rng(5).integers(0, 256, (40, 60, 3), np.uint8)
BOX = "0.25 0.1 0.5 0.4"
"""rows 4 to 20, columns 15 to 45"""
PART = PIXELS[4:20, 15:45]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    turned = Image.fromarray(np.rot90(PIXELS))  # stored on its side; its orientation turns it upright again
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    return tmp_path


def made(root: Path, rule, images: list[str], boxes: list[str], processes: int = 1) -> Path:
    hashes = [f"hash of {image}" for image in images]
    return prepare(root, images, hashes, rule, root / "cache", processes, lambda *_: None, boxes=boxes)


@pytest.mark.parametrize(
    "rule", [full_rule(), train_rule(8), evaluation_rule(8, "bicubic")], ids=lambda rule: rule.kind
)
def test_a_box_is_cut_out_before_anything_is_resized(root: Path, rule) -> None:
    pixels, size = prepare_file(root / "a.png", rule, box=BOX)
    assert size == (16, 30)
    assert np.array_equal(pixels, prepare_pixels(np.ascontiguousarray(PART), rule))
    upright, _ = prepare_file(root / "turned.png", rule, box=BOX)
    assert np.array_equal(upright, pixels)


@pytest.mark.parametrize("processes", [1, 2])
def test_an_image_may_be_shown_in_several_parts(root: Path, processes: int) -> None:
    prepared = open_prepared(made(root, full_rule(), ["a.png"] * 3, [BOX, "", "0 0 0.5 0.5"], processes))
    assert np.array_equal(prepared.image(0), PART)
    assert np.array_equal(prepared.image(1), PIXELS)
    assert np.array_equal(prepared.image(2), PIXELS[:20, :30])
    assert prepared.originals.tolist() == [[16, 30], [40, 60], [20, 30]]


def test_boxes_name_the_folder_and_whole_images_keep_theirs(root: Path) -> None:
    whole = made(root, full_rule(), ["a.png"], [])
    assert made(root, full_rule(), ["a.png"], [""]) == whole
    assert (
        len({whole, made(root, full_rule(), ["a.png"], [BOX]), made(root, full_rule(), ["a.png"], ["0 0 1 0.5"])}) == 3
    )


def test_the_estimate_counts_the_parts(root: Path) -> None:
    boxes = [BOX, "0 0 0.5 0.5"]
    size = (made(root, full_rule(), ["a.png"] * 2, boxes) / "pixels.bin").stat().st_size
    assert estimate_bytes(root, ["a.png"] * 2, full_rule(), boxes=boxes) == size
