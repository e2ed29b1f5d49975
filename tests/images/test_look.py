from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image

from afield.base.errors import Stopped
from afield.base.reading import AS_DECLARED
from afield.images.look import SIDE, look, look_at
from tests.fixtures.copies import scene


def quiet(done: int, total: int) -> None:
    pass


def test_what_is_seen_of_a_picture_is_what_numpy_and_imagehash_say() -> None:
    pixels = np.asarray(scene(0))
    found = look(pixels)
    assert (found.width, found.height, found.grey) == (96, 72, False)
    assert found.means == pytest.approx(pixels.mean(axis=(0, 1)))
    assert found.deviations == pytest.approx(pixels.std(axis=(0, 1)))
    assert found.contrast == pytest.approx(np.asarray(scene(0).convert("L")).std())
    assert found.small.shape == (SIDE, SIDE)
    assert (found.bits == imagehash.phash(scene(0), hash_size=16).hash.ravel()).mean() > 0.95


def test_channels_that_are_no_colours_are_counted_as_they_are() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 12, 5), np.uint8)
    found = look(pixels)
    assert found.means == pytest.approx(pixels.mean(axis=(0, 1)))
    assert not found.grey
    assert look(np.repeat(pixels[..., :1], 2, axis=2)).grey


def test_equal_pixels_are_told_from_all_others_whatever_the_format() -> None:
    pixels = np.asarray(scene(1))
    other = pixels.copy()
    other[3, 5, 1] ^= 1
    assert look(pixels).pixels == look(pixels.copy()).pixels
    assert len({look(each).pixels for each in (pixels, other, pixels.reshape(96, 72, 3))}) == 3


def test_a_constant_and_a_nearly_constant_picture_are_blank() -> None:
    flat = np.full((40, 40, 3), 200, np.uint8)
    speck = flat.copy()
    speck[0, 0] = 190
    assert look(flat).blank
    assert look(speck).blank
    assert not look(np.asarray(scene(2))).blank


@pytest.mark.parametrize("processes", [1, 2])
def test_what_cannot_be_used_has_its_reason_and_stops_nothing(tmp_path: Path, processes: int) -> None:
    root = tmp_path / "root"
    root.mkdir()
    scene(0).save(root / "good.png")
    (root / "text.jpg").write_text("no picture")
    (root / "cut.png").write_bytes((root / "good.png").read_bytes()[:500])
    scene(1).save(tmp_path / "outside.png")
    (root / "link.png").symlink_to(tmp_path / "outside.png")
    names = ["absent.png", "cut.png", "good.png", "link.png", "text.jpg"]
    looks, reasons = look_at(root, names, AS_DECLARED, processes, quiet)
    assert list(looks) == ["good.png"]
    assert reasons["absent.png"] == "no such file"
    assert reasons["cut.png"].startswith("is damaged (")
    assert reasons["link.png"].startswith(f"its path leaves {root}")
    assert reasons["text.jpg"].startswith("is not an image")


def test_progress_is_told_and_may_stop(tmp_path: Path) -> None:
    for number in range(3):
        scene(number).save(tmp_path / f"{number}.png")
    names = [f"{number}.png" for number in range(3)]
    told: list[tuple[int, int]] = []
    look_at(tmp_path, names, AS_DECLARED, 1, lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]

    def stop(done: int, total: int) -> None:
        raise Stopped("stopped")

    with pytest.raises(Stopped):
        look_at(tmp_path, names, AS_DECLARED, 1, stop)


def test_the_small_copy_is_grey_and_keeps_the_picture() -> None:
    ramp = np.tile(np.arange(128, dtype=np.uint8)[None, :, None], (50, 1, 3))
    small = look(ramp).small.astype(int)
    assert (np.diff(small[10]) >= 0).all()
    assert abs(small.mean() - ramp.mean()) < 1
    assert Image.fromarray(look(ramp).small).mode == "L"
