"""Nothing that is missing is filled up in silence, and nothing that is whole is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from afield.base.errors import InputError
from afield.images import whole
from afield.images.decode import UnreadableImage, decode
from tests.fixtures.odd_images import by_pillow, png

PHOTO = Image.fromarray(np.random.default_rng(3).integers(0, 256, (12, 10, 3), dtype=np.uint8)).resize((73, 57))
CLOSED = b"\xff\xd9"
WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "full chroma": {"subsampling": 0},
    "optimised": {"optimize": True},
    "restarts": {"restart_marker_blocks": 2},
    "restart rows": {"restart_marker_rows": 1},
}


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("way", WAYS)
def test_a_jpeg_that_was_cut_and_closed_is_refused(tmp_path: Path, way: str, mode: str) -> None:
    file, path = by_pillow(PHOTO.convert(mode), "JPEG", **WAYS[way]), tmp_path / "cut.jpg"
    path.write_bytes(file)
    pixels = decode(path)
    start = file.index(b"\xff\xda") + 14
    for place in range(start, len(file) - 2, 7):
        path.write_bytes(file[:place] + CLOSED)
        try:
            found = decode(path)
        except InputError:
            continue
        # What passes lacks a part of the last block or row of blocks at most.
        different = (found != pixels).any(axis=2)
        assert not different[:-18].any()
        assert different.sum() < 400
        assert place > start + 0.6 * (len(file) - start)


def test_a_progressive_jpeg_that_lacks_a_scan_is_refused(tmp_path: Path) -> None:
    file, path = by_pillow(PHOTO, "JPEG", progressive=True), tmp_path / "cut.jpg"
    scans = [place for place in range(len(file)) if file[place : place + 2] == b"\xff\xda"]
    assert len(scans) > 5
    for place in scans[1:]:
        path.write_bytes(file[:place] + CLOSED)
        with pytest.raises(UnreadableImage, match="lacks the last of its"):
            decode(path)
    path.write_bytes(file)
    assert decode(path).shape == (57, 73, 3)


def test_a_jpeg_of_endless_scans_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    file, path = by_pillow(PHOTO, "JPEG", progressive=True), tmp_path / "scans.jpg"
    last = file.rindex(b"\xff\xda")
    path.write_bytes(file[:last] + file[last:-2] * whole.SCAN_LIMIT + CLOSED)
    with pytest.raises(UnreadableImage, match="has more than 100 scans"):
        decode(path)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    grey_from=st.integers(0, 70),
    mode=st.sampled_from(["RGB", "L", "CMYK"]),
    quality=st.integers(10, 100),
    options=st.sampled_from([*WAYS.values(), {"progressive": True}]),
    tail=st.sampled_from([b"", bytes(40), b"trailer" + bytes(40)]),
)
def test_a_whole_jpeg_that_ends_in_middle_grey_or_zeros_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    width: int,
    height: int,
    grey_from: int,
    mode: str,
    quality: int,
    options: dict,
    tail: bytes,
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    pixels[min(grey_from, height - 1) :] = 128
    path = tmp_path_factory.getbasetemp() / "grey.jpg"
    path.write_bytes(by_pillow(Image.fromarray(pixels).convert(mode), "JPEG", quality=quality, **options) + tail)
    assert decode(path).shape == pixels.shape


def test_a_phones_grey_photograph_is_whole(tmp_path: Path) -> None:
    grey = Image.new("RGB", (64, 48), (128, 128, 128))
    path = tmp_path / "phone.jpg"
    path.write_bytes(by_pillow(grey, "MPO", save_all=True, append_images=[grey.resize((8, 6))]))
    assert np.array_equal(decode(path), np.asarray(grey))


@pytest.mark.parametrize(("depth", "channels"), [(1, 1), (8, 1), (8, 3), (8, 4), (16, 1), (16, 2), (16, 3), (16, 4)])
@pytest.mark.parametrize("interlaced", [False, True])
def test_a_png_is_as_tall_as_it_says(tmp_path: Path, depth: int, interlaced: bool, channels: int) -> None:
    pixels = np.zeros((5, 9, channels), np.uint16)
    pixels[..., -1] = pixels[:2] = (1 << depth) - 1
    path = tmp_path / "black.png"
    path.write_bytes(png(pixels, depth, interlaced=interlaced))
    assert decode(path).shape == (5, 9, 3)
    for height in (6, 7, 50, 2000):
        path.write_bytes(png(pixels, depth, interlaced=interlaced, height=height))
        with pytest.raises(UnreadableImage):
            decode(path)
