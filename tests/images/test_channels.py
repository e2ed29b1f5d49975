"""Channels as stored, their ranges, and what a task may state of them."""

import struct
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from afield.base.errors import InputError
from afield.base.reading import Range, Reading
from afield.images.decode import UnreadableImage, decode, decode_channels, stored_size
from afield.images.prepared import open_prepared, prepare
from afield.images.rule import train_rule
from tests.fixtures.odd_images import QUARTERS, Page, by_pillow, chunk, jpeg, png, tiff

BANDS = np.random.default_rng(0).integers(0, 10_000, (20, 17, 13), dtype=np.uint16)
"""as a satellite has them: reflectance times 10,000"""
FOUR = Reading(channels=(0, 1, 2, 3), files=("_red.png", "_green.png", "_blue.png", "_yellow.png"))


def put(folder: Path, name: str, file: bytes) -> Path:
    (folder / name).write_bytes(file)
    return folder / name


@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("layout", [{}, {"rows": 3}, {"tile": 16}, {"planar": True}, {"planar": True, "tile": 16}])
@pytest.mark.parametrize("deflate", [False, True])
def test_any_layout_gives_the_numbers_back(
    tmp_path: Path, kind: str, order: Literal["<", ">"], layout: dict, deflate: bool
) -> None:
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


def four_files(folder: Path, planes: np.ndarray) -> list[Path]:
    """The Human Protein Atlas' way: a grey file for each of the channels of `planes` [h, w, 4]."""
    return [put(folder, f"cell{ending}", png(planes[..., [place]])) for place, ending in enumerate(FOUR.files)]


def test_an_image_of_several_grey_files_equals_one_file_that_holds_them_all(tmp_path: Path) -> None:
    cell = np.random.default_rng(4).integers(0, 256, (11, 9, 4), dtype=np.uint8)
    four_files(tmp_path, cell)
    one = put(tmp_path, "whole.png", png(cell))
    for channels in ((0, 1, 2, 3), (3, 0), (1,)):
        reading = replace(FOUR, channels=channels)
        assert np.array_equal(decode(tmp_path / "cell", reading), cell[..., list(channels)])
        assert np.array_equal(decode(one, reading), decode(tmp_path / "cell", reading))
    assert stored_size(tmp_path / "cell", FOUR) == stored_size(one, FOUR) == (11, 9)


def test_each_file_of_an_image_is_scaled_by_its_own_range(tmp_path: Path) -> None:
    for ending in FOUR.files:
        put(tmp_path, f"cell{ending}", png(np.array([[[5000], [10000]]]), 16))
    stated = replace(FOUR, range=tuple(Range(0, white) for white in (10000, 20000, 5000, 40000)))
    assert decode(tmp_path / "cell", stated)[0].tolist() == [[128, 64, 255, 32], [255, 128, 255, 64]]
    assert decode(tmp_path / "cell", FOUR)[0].tolist() == [[19] * 4, [39] * 4]


def test_files_that_make_no_image_together_are_named(tmp_path: Path) -> None:
    files = four_files(tmp_path, np.zeros((4, 6, 4), np.uint8))
    for file, words in (
        (png(np.zeros((4, 6, 3), np.uint8)), "_green.png: holds 3 channels; a file that is one of an image's must be"),
        (png(np.zeros((4, 5, 1), np.uint8)), "_green.png: has 5 x 4 pixels and .*cell_red.png 6 x 4; files of one"),
        (b"", "_green.png: is empty"),
    ):
        files[1].write_bytes(file)
        with pytest.raises(UnreadableImage, match=words):
            decode(tmp_path / "cell", FOUR)
    files[1].unlink()
    with pytest.raises(InputError, match=r"cell_green\.png: no such file"):
        decode(tmp_path / "cell", FOUR)


def test_channels_may_have_ranges_of_their_own(tmp_path: Path) -> None:
    path = put(tmp_path, "bands.tif", tiff(Page(BANDS, 1)))
    ranges = tuple(Range(low, low + 1000 * (1 + low)) for low in range(13))
    pixels = decode(path, Reading(ranges, tuple(range(12, -1, -1))))
    for place, stated in enumerate(ranges):
        assert np.array_equal(pixels[..., [place]], decode(path, Reading(stated, (12 - place,))))


def test_prepared_images_of_two_readings_are_kept_apart(tmp_path: Path) -> None:
    put(tmp_path, "bands.tif", tiff(Page(BANDS, 1)))
    folders = [
        prepare(tmp_path, ["bands.tif"], ["hash"], train_rule(64), tmp_path / "cache", 1, lambda *_: None, reading)
        for reading in (Reading(Range(0, 9000), (0, 1, 2)), Reading(Range(0, 9000), (3, 2, 1)))
    ]
    first, second = (open_prepared(folder).image(0) for folder in folders)
    assert not np.array_equal(first, second)
    assert np.array_equal(second, decode(tmp_path / "bands.tif", Reading(Range(0, 9000), (3, 2, 1))))
