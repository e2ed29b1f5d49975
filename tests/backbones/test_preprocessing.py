"""Pictures are read, and the published figures' crops known, as the makers of the weights have them."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import timm
from PIL import Image
from torchvision.datasets.folder import default_loader

from afield.backbones.catalogue import catalogue, find
from afield.backbones.preprocessing import as_tested, evaluation_image, read_picture
from afield.base.errors import InputError
from tests.fixtures.shared import shared


def photograph(height=30, width=40):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def save(path, kind):
    image = photograph()
    if kind == "turned":
        tags = Image.Exif()
        tags[0x0112] = 6  # a camera held upright: viewers turn it, the makers of the weights did not
        image.save(path, exif=tags)
    elif kind == "inks":  # as ILSVRC2012_val_00019877.JPEG is
        image.convert("CMYK").save(path)
    elif kind == "clear":
        image.putalpha(128)
        image.save(path, format="PNG")
    else:
        image.convert(kind).save(path, format="PNG" if kind == "P" else "JPEG")
    return path


@pytest.mark.parametrize("kind", ["RGB", "L", "P", "inks", "turned", "clear"])
def test_pictures_are_read_as_torchvisions_loader_reads_them(kind, tmp_path):
    path = save(tmp_path / "picture.JPEG", kind)
    found = np.asarray(read_picture(path))
    assert np.array_equal(found, np.asarray(default_loader(path)))
    assert found.shape == (30, 40, 3)


@pytest.mark.parametrize("content", [b"", b"no image", None], ids=["empty", "text", "missing"])
def test_what_cannot_be_read_is_named(content, tmp_path):
    path = tmp_path / "picture.JPEG"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"picture\.JPEG: cannot be read as an image .*; restore it, or take it away"):
        read_picture(path)


def test_a_cut_picture_is_not_filled_up(tmp_path):
    path = save(tmp_path / "picture.JPEG", "RGB")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="truncated"):
        read_picture(path)


def test_a_program_for_printers_is_no_picture(tmp_path):
    """Pillow would start Ghostscript for it."""
    photograph().save(tmp_path / "picture.eps")
    with pytest.raises(InputError, match="cannot be read as an image"):
        read_picture((tmp_path / "picture.eps").rename(tmp_path / "picture.JPEG"))


@pytest.mark.parametrize("name", ["efficientnet_b4.ra2_in1k", "convnext_atto.d2_in1k", "dm_nfnet_f0.dm_in1k"])
def test_the_published_figures_view_is_timms_own(name):
    """At the size that timm tests at: 1 and 0.95 instead of 0.875, and one that stays."""
    row, image = find(name), photograph(500, 600)
    settings = timm.get_pretrained_cfg(name).to_dict()
    data = timm.data.resolve_data_config(pretrained_cfg=settings, use_test_size=True)
    size = data["input_size"][-1]
    assert row.input_size < size == row.imagenet_size
    theirs = timm.data.create_transform(**data)(image)
    found = evaluation_image(as_tested(row, size), image, size)
    assert (found - theirs).abs().max() < 1e-5
    other = size + 32
    assert as_tested(row, other) == row == as_tested(row, row.input_size)


def test_every_published_figure_of_timm_has_its_crop():
    with shared("published/timm_results-imagenet.csv").open(encoding="utf-8", newline="") as stream:
        crops = {(line["model"], int(line["img_size"])): float(line["crop_pct"]) for line in csv.DictReader(stream)}
    sizes = [(row, row.imagenet_size) for row in catalogue().values() if row.library == "timm" and row.imagenet_size]
    listed = [(row, size) for row, size in sizes if (row.id, size) in crops]
    assert len(listed) == 1266
    for row, size in listed:
        assert as_tested(row, size).crop == pytest.approx(crops[row.id, size], abs=1e-3), row.id


def test_weights_that_timm_does_not_know_keep_their_crop():
    row = replace(find("efficientnet_b4.ra2_in1k"), id="efficientnet_b4.newer")
    assert as_tested(row, 384) == row
