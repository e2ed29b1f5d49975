"""Channels as stored, their ranges, and what a task may state of them."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from afield.base.errors import InputError
from afield.images.decode import Range, Reading, UnreadableImage, decode, decode_channels, stored_size
from afield.images.prepared import open_prepared, prepare, train_rule
from tests.fixtures.odd_images import QUARTERS, Page, by_pillow, chunk, jpeg, png, tiff

BANDS = np.random.default_rng(0).integers(0, 10_000, (20, 17, 13), dtype=np.uint16)
"""as a satellite has them: reflectance times 10,000"""


def put(folder: Path, name: str, file: bytes) -> Path:
    (folder / name).write_bytes(file)
    return folder / name


@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("layout", [{}, {"rows": 3}, {"tile": 16}, {"planar": True}, {"planar": True, "tile": 16}])
@pytest.mark.parametrize("deflate", [False, True])
def test_any_layout_gives_the_numbers_back(tmp_path: Path, kind: str, order: str, layout: dict, deflate: bool) -> None:
    values = (BANDS * 3.7).astype(kind)
    path = put(tmp_path, "bands.tif", tiff(Page(values, 1, deflate=deflate, **layout), order=order))
    found = decode_channels(path)
    assert found.dtype == np.dtype(kind)
    assert np.array_equal(found, values)
    assert stored_size(path) == (20, 17)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "zstd", "tiff_adobe_deflate"])
def test_what_libtiff_compressed_is_unpacked(tmp_path: Path, compression: str) -> None:
    grey = BANDS[..., 0]
    path = put(tmp_path, "grey.tif", by_pillow(Image.fromarray(grey), "TIFF", compression=compression))
    assert np.array_equal(decode_channels(path)[..., 0], grey)


@pytest.mark.parametrize("orientation", range(10))
def test_deep_images_are_turned_as_all_others(tmp_path: Path, orientation: int) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (5, 8, 3), dtype=np.uint8)
    deep = put(tmp_path, "deep.tif", tiff(Page(picture.astype(np.uint16) * 257, 2, {274: [orientation]})))
    plain = put(tmp_path, "plain.tif", tiff(Page(picture, 2, {274: [orientation]})))
    assert np.array_equal(decode(deep), decode(plain))
    assert stored_size(deep) == stored_size(plain) == decode(plain).shape[:2]


def test_xmp_tells_an_orientation_too(tmp_path: Path) -> None:
    packet = list(b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>')
    for kind in (np.uint8, np.uint16):
        pixels = QUARTERS[:8].astype(kind) * (257 if kind is np.uint16 else 1)
        path = put(tmp_path, "xmp.tif", tiff(Page(pixels, 2, {700: packet}), order="<"))
        assert np.array_equal(decode(path), np.rot90(QUARTERS[:8], -1))
        assert stored_size(path) == (16, 8)


@pytest.mark.parametrize("tile", [0, 16])
@pytest.mark.parametrize("kind", ["u1", "u2", "u4"])
def test_differences_are_added_up(tmp_path: Path, kind: str, tile: int) -> None:
    values = (BANDS * 7).astype(kind)
    stored = values.copy()
    for left in range(0, 17, tile or 17):
        stored[:, left + 1 : left + (tile or 17)] = np.diff(values[:, left : left + (tile or 17)], axis=1)
    path = put(tmp_path, "bands.tif", tiff(Page(stored, 1, {317: [2]}, tile=tile, deflate=True)))
    assert np.array_equal(decode_channels(path), values)


def test_predictor_3_and_other_unknown_layouts_are_refused_by_name(tmp_path: Path) -> None:
    for tags, words in (
        ({317: [3]}, "predictor 3"),
        ({259: [34712]}, "in compression 34712"),
        ({339: [6]}, "format 6"),
    ):
        path = put(tmp_path, "bands.tif", tiff(Page(BANDS.astype("f4"), 1, tags)))
        with pytest.raises(UnreadableImage, match=words):
            decode_channels(path)


def test_a_task_names_the_channels_and_their_range(tmp_path: Path) -> None:
    path = put(tmp_path, "bands.tif", tiff(Page(BANDS, 1)))
    pixels = decode(path, Reading(Range(0, 2550), channels=(3, 2, 1)))
    expected = (BANDS[..., [3, 2, 1]].clip(0, 2550) * 2 + 10) // 20  # divided by 10, half up
    assert np.array_equal(pixels, expected)
    with pytest.raises(UnreadableImage, match=r"holds 13 channels, counted from 0; the task reads \(1, 2, 13\)"):
        decode(path, Reading(channels=(1, 2, 13)))


def test_a_fourth_channel_that_is_no_alpha_is_left_out_by_name(tmp_path: Path) -> None:
    """Red, green, blue and yellow in one PNG: the file says RGBA, only the task knows."""
    path = put(tmp_path, "cell.png", png(np.dstack([QUARTERS, QUARTERS[..., 0] // 2])))
    assert np.array_equal(decode(path, Reading(channels=(0, 1, 2))), QUARTERS)
    assert not np.array_equal(decode(path), QUARTERS)
    assert decode_channels(path).shape == (16, 16, 4)


def test_stored_channels_of_every_kind(tmp_path: Path) -> None:
    deep = QUARTERS.astype(np.uint16) * 257
    turned = chunk(b"eXIf", b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 8, 0, 0))
    assert np.array_equal(decode_channels(put(tmp_path, "a.png", png(deep[:8], 16, before=turned))), np.rot90(deep[:8]))
    assert np.array_equal(
        decode_channels(put(tmp_path, "b.png", png(QUARTERS[:8], before=turned))), np.rot90(QUARTERS[:8])
    )
    assert decode_channels(put(tmp_path, "c.jpg", jpeg(np.array([[[70]]])))).tolist() == [[[70]] * 8] * 8
    assert decode_channels(put(tmp_path, "d.png", png(np.array([[[0], [1]]]), 1))).tolist() == [[[0], [255]]]
    palette = png(np.array([[[1]]]), 2, palette=[(1, 2, 3), (4, 5, 6)])
    assert decode_channels(put(tmp_path, "e.png", palette)).tolist() == [[[4, 5, 6]]]
    assert (
        decode_channels(put(tmp_path, "f.tif", tiff(Page(deep, 2, {274: [3]})))).tolist() == deep[::-1, ::-1].tolist()
    )


def test_a_stated_range_goes_before_a_declared_or_assumed_one(tmp_path: Path) -> None:
    dark = png(np.array([[[0], [1000], [4095], [65535]]]), 16)
    assert decode(put(tmp_path, "a.png", dark), Reading(Range(0, 4095)))[0, :, 0].tolist() == [0, 62, 255, 255]
    floats = tiff(Page(np.array([[[-5], [0], [5]]], np.float32), 1, {340: [0.0], 341: [1.0]}))
    assert decode(put(tmp_path, "b.tif", floats), Reading(Range(-5, 5)))[0, :, 0].tolist() == [0, 128, 255]
    whole = tiff(Page(np.array([[[100], [300]]], np.uint32), 1))
    assert decode(put(tmp_path, "c.tif", whole), Reading(Range(100, 300)))[0, :, 0].tolist() == [0, 255]
    # Eight bits have nothing to scale; and what is dark on purpose is read when the full range is stated.
    assert decode(put(tmp_path, "d.png", png(QUARTERS)), Reading(Range(0, 9))).tolist() == QUARTERS.tolist()
    night = png(np.array([[[0], [514]]]), 16)
    assert decode(put(tmp_path, "e.png", night), Reading(Range(0, 65535)))[0, :, 0].tolist() == [0, 2]


@given(st.integers(0, 65535))
def test_sixteen_bits_become_eight_as_png_has_it(value: int) -> None:
    """PNG (W3C, third edition, 13.12): floor(value * 255 / 65535 + 0.5)."""
    from afield.images.stored import Stored, to_eight_bits

    values = np.array([[[value], [65535]]], np.uint16)
    found = to_eight_bits(Path("x"), Stored(values, "L", Range(0, 65535)), None)
    assert found[0, 0, 0] == (value * 510 + 65535) // 131070


def test_a_range_without_extent_is_refused() -> None:
    for low, high in ((5, 5), (6, 5), (0, float("nan")), (float("-inf"), 0)):
        with pytest.raises(InputError, match="must be two numbers, the smaller one first"):
            Range(low, high)


def test_prepared_images_of_two_readings_are_kept_apart(tmp_path: Path) -> None:
    put(tmp_path, "bands.tif", tiff(Page(BANDS, 1)))
    folders = [
        prepare(tmp_path, ["bands.tif"], ["hash"], train_rule(64), tmp_path / "cache", 1, lambda *_: None, reading)
        for reading in (Reading(Range(0, 9000), (0, 1, 2)), Reading(Range(0, 9000), (3, 2, 1)))
    ]
    first, second = (open_prepared(folder).image(0) for folder in folders)
    assert not np.array_equal(first, second)
    assert np.array_equal(second, decode(tmp_path / "bands.tif", Reading(Range(0, 9000), (3, 2, 1))))
