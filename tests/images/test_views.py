"""Which images a path stands for, and what a network is shown of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from afield.base.errors import InputError
from afield.base.reading import Reading
from afield.images.decode import decode
from afield.images.rule import evaluation_rule, prepare_pixels
from afield.images.views import find_images, read_views
from tests.fixtures.images import class_folder


def test_files_keep_their_order_and_folders_are_walked_by_name(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "new", {"b": 2, "a": 1, ".hidden": 1})
    (root / "a" / "Thumbs.db").write_bytes(b"litter")
    (root / "a" / "0000.png").rename(root / "UPPER.PNG")
    alone = root / "b" / "0001.png"
    found = find_images([alone, root])
    assert found == [alone, root / "UPPER.PNG", root / "b" / "0000.png", alone]
    assert find_images(str(alone)) == find_images(alone) == [alone], "one path is no list of letters"


def test_what_holds_no_image_is_named(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "new", {"a": 1})
    (tmp_path / "empty").mkdir()
    for paths, words in (
        ([], "no image was named"),
        (tmp_path / "nowhere", "nowhere: no such file or folder"),
        (tmp_path / "empty", "empty: holds no image"),
    ):
        with pytest.raises(InputError, match=words):
            find_images(paths)
    (root / "a" / "film.mp4").write_text("x")
    with pytest.raises(InputError, match=r"film\.mp4: is not an image that can be read"):
        find_images(root)
    (root / "a" / "film.mp4").rename(root / "a" / "labels.csv")
    assert [image.name for image in find_images(root)] == ["0000.png"], "a text is no image, and none is missed in it"
    (root / "linked").symlink_to(tmp_path / "empty")
    with pytest.raises(InputError, match="linked: is a link to a folder"):
        find_images(root)


def test_a_view_is_the_one_of_training_and_a_broken_image_has_none(tmp_path: Path) -> None:
    rule = evaluation_rule(32, "bicubic")
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    good, broken = tmp_path / "good.png", tmp_path / "broken.png"
    Image.fromarray(pixels).save(good)
    broken.write_bytes(b"")
    views, complaints = read_views([broken, good], rule)
    assert len(views) == 1
    assert np.array_equal(views[0], prepare_pixels(decode(good), rule))
    assert complaints == {0: f"{broken}: is empty; restore the image or drop it"}


def test_an_image_of_several_files_is_found_by_any_of_them_and_comes_once(tmp_path: Path) -> None:
    pair = Reading(channels=(0, 1), files=("_a.png", "_b.png"))
    planes = np.random.default_rng(0).integers(0, 256, (2, 2, 40, 50), dtype=np.uint8)
    for name, image in zip(("one", "two"), planes, strict=True):
        for ending, plane in zip("ab", image, strict=True):
            Image.fromarray(plane).save(tmp_path / f"{name}_{ending}.png")
    one, two = tmp_path / "one", tmp_path / "two"
    assert find_images(tmp_path, pair) == find_images([one, two], pair) == [one, two]
    assert find_images([tmp_path / "two_b.png", two, tmp_path / "one_a.png"], pair) == [two, one]
    (tmp_path / "whole.png").write_bytes((tmp_path / "one_a.png").read_bytes())
    assert find_images(tmp_path, pair)[2:] == [tmp_path / "whole.png"]
    rule = evaluation_rule(32, "bicubic")
    views, complaints = read_views([one, two], rule, pair)
    assert complaints == {}
    for view, image in zip(views, planes, strict=True):
        assert np.array_equal(view, prepare_pixels(np.moveaxis(image, 0, 2), rule))
    (tmp_path / "two_b.png").unlink()
    for paths in (tmp_path, two):
        with pytest.raises(InputError, match=r"two_b\.png: no such file; an image is _a\.png, _b\.png together"):
            find_images(paths, pair)
    with pytest.raises(InputError, match="three: no such file or folder"):
        find_images(tmp_path / "three", pair)


@pytest.mark.slow
def test_a_ribbon_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    ribbon = tmp_path / "ribbon.png"
    Image.new("L", (200_000, 1)).save(ribbon)
    views, complaints = read_views([ribbon], evaluation_rule(32, "bicubic"))
    assert views == []
    assert "200000 pixels wide and 1 high is too narrow" in complaints[0]
    assert len(read_views([ribbon], evaluation_rule(8, "bicubic"))[0]) == 1
