"""Files that are not what a camera writes: every one read right, or refused by name."""

import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from afield.base.errors import InputError
from afield.images.decode import UnreadableImage, decode, decode_channels, stored_size
from tests.fixtures.odd_images import (
    BLUE,
    GREEN,
    QUARTERS,
    RED,
    WHITE,
    Page,
    by_pillow,
    chunk,
    gif,
    jpeg,
    png,
    tiff,
)

PALETTE = (RED, GREEN, BLUE, WHITE)
POSITIONS = np.array([[0, 1], [2, 3]]).repeat(8, 0).repeat(8, 1)
EXIF_6 = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
CLOCKWISE = np.rot90(QUARTERS, -1)
DEEP = QUARTERS.astype(np.uint16) * 257
"""QUARTERS with 16 bits a channel"""
RAMP = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16, 1)
HALF_RED = np.array([[[255, 127, 127]]], np.uint8)
BLOCKS = np.array([[[100], [50]], [[200], [128]]])
"""of a grey JPEG; the last one is the middle grey that also stands for what is missing"""
NOISE = np.random.default_rng(0).integers(30, 226, (48, 64, 3), dtype=np.uint8)


def grey(values: object) -> np.ndarray:
    """A grey picture [h, w] as RGB."""
    return np.asarray(values, np.uint8)[..., np.newaxis].repeat(3, axis=2)


SQUARES = grey(BLOCKS[..., 0].repeat(8, 0).repeat(8, 1))
SHADES = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
WITHOUT_RED = np.where((QUARTERS == RED).all(2, keepdims=True), 255, QUARTERS)


def scaled(values: np.ndarray, high: int) -> np.ndarray:
    """Values from 0 to `high` as 0 to 255, rounded half up, by whole numbers."""
    return ((510 * values.astype(np.int64) + high) // (2 * high)).astype(np.uint8)


def inks(*values: int) -> np.ndarray:
    return np.array([[values]]).repeat(2, 0).repeat(2, 1)


def animated_png(default_in_animation: bool) -> bytes:
    """Two frames, QUARTERS and black; the first one may stand outside the animation."""
    control = struct.pack(">IIIIIHHBB", 0, 16, 16, 0, 0, 1, 10, 0, 0)
    following = struct.pack(">I", 1) + control[4:]
    dark = png(np.zeros((16, 16, 3), np.uint8))
    place = dark.index(b"IDAT")
    data = dark[place + 4 : place + 4 + int.from_bytes(dark[place - 4 : place], "big")]
    if default_in_animation:
        before = chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", control)
        after = chunk(b"fcTL", following) + chunk(b"fdAT", struct.pack(">I", 2) + data)
    else:
        before = chunk(b"acTL", struct.pack(">II", 1, 0))
        after = chunk(b"fcTL", control) + chunk(b"fdAT", struct.pack(">I", 1) + data)
    return png(QUARTERS, before=before, after=after)


def phone() -> bytes:
    pages = [Image.new("RGB", size, "red") for size in ((64, 48), (8, 6))]
    return by_pillow(pages[0], "MPO", save_all=True, append_images=pages[1:], quality=100)


def animated_webp() -> bytes:
    frames = [Image.fromarray(QUARTERS), Image.new("RGB", (16, 16))]
    return by_pillow(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)


def progressive() -> bytes:
    return by_pillow(Image.fromarray(NOISE), "JPEG", progressive=True, quality=90)


def lying_bmp() -> bytes:
    file = bytearray(by_pillow(Image.fromarray(QUARTERS), "BMP"))
    file[22:26] = struct.pack("<i", 32)
    return bytes(file)


def short_png() -> bytes:
    """Complete but for the rows that its header promises."""
    return png(QUARTERS, height=20)


READ: list[tuple[str, Callable[[], bytes], np.ndarray]] = [
    # turned
    ("turned.jpg", lambda: jpeg(BLOCKS, orientation=6), np.rot90(SQUARES, -1)),
    ("turned.png", lambda: png(QUARTERS, before=chunk(b"eXIf", EXIF_6)), CLOCKWISE),
    ("turned_last_word.png", lambda: png(QUARTERS, after=chunk(b"eXIf", EXIF_6)), CLOCKWISE),
    ("turned.tif", lambda: tiff(Page(QUARTERS[:8], 2, {274: [6]})), np.rot90(QUARTERS[:8], -1)),
    ("turned_deep.tif", lambda: tiff(Page(DEEP[:8], 2, {274: [5]})), QUARTERS[:8].swapaxes(0, 1)),
    ("turned_deep.png", lambda: png(DEEP[:8], 16, after=chunk(b"eXIf", EXIF_6)), np.rot90(QUARTERS[:8], -1)),
    # few colours
    ("palette.png", lambda: png(POSITIONS[..., np.newaxis], 2, palette=PALETTE), QUARTERS),
    ("palette.gif", lambda: gif([POSITIONS], PALETTE), QUARTERS),
    (
        "palette.tif",
        lambda: tiff(
            Page(
                POSITIONS[..., np.newaxis].astype(np.uint8),
                3,
                {320: [257 * PALETTE[index % 4][channel] for channel in range(3) for index in range(256)]},
            )
        ),
        QUARTERS,
    ),
    ("grey.png", lambda: png(SHADES), grey(SHADES[..., 0])),
    ("two_bits.png", lambda: png(np.array([[[0], [1], [2], [3]]]), 2), grey([[0, 85, 170, 255]])),
    ("one_bit.png", lambda: png(np.array([[[0], [1]]]), 1), grey([[0, 255]])),
    (
        "fax.tif",
        lambda: tiff(Page(np.full((2, 1, 1), 0b10100000, np.uint8), 0, {256: [3], 258: [1]})),
        grey([[0, 255, 0]] * 2),
    ),
    ("white_is_zero.tif", lambda: tiff(Page(np.array([[[0], [200]]], np.uint8), 0)), grey([[255, 55]])),
    # transparent, over white
    ("clear.png", lambda: png(np.array([[[255, 0, 0, 128], [9, 9, 9, 0]]])), np.array([[[255, 127, 127], WHITE]])),
    ("clear_grey.png", lambda: png(np.array([[[0, 128], [9, 0]]])), grey([[127, 255]])),
    (
        "clear_palette.png",
        lambda: png(np.array([[[0], [1]]]), 2, palette=PALETTE, before=chunk(b"tRNS", b"\0")),
        np.array([[WHITE, GREEN]]),
    ),
    ("clear_colour.png", lambda: png(QUARTERS, before=chunk(b"tRNS", struct.pack(">HHH", *RED))), WITHOUT_RED),
    ("clear_deep.png", lambda: png(np.array([[[65535, 0, 0, 32896]]]), 16), HALF_RED),
    ("clear_deep_grey.png", lambda: png(np.array([[[0, 32896], [9, 0], [40000, 65535]]]), 16), grey([[127, 255, 156]])),
    (
        "clear_deep_colour.png",
        lambda: png(DEEP, 16, before=chunk(b"tRNS", struct.pack(">HHH", 65535, 0, 0))),
        WITHOUT_RED,
    ),
    (
        "clear_key_is_16_bits.png",
        lambda: png(np.array([[[40000], [40001]]]), 16, before=chunk(b"tRNS", b"\x9c\x40")),
        grey([[255, 156]]),
    ),
    ("multiplied_deep.tif", lambda: tiff(Page(np.array([[[32896, 0, 0, 32896]]], np.uint16), 2, {338: [1]})), HALF_RED),
    # inks
    ("inks.jpg", lambda: jpeg(inks(0, 255, 255, 255), adobe=0), np.full((16, 16, 3), (0, 255, 255))),
    ("inks_grey.jpg", lambda: jpeg(inks(255, 255, 255, 100), adobe=0), grey(np.full((16, 16), 100))),
    ("inks_ycck.jpg", lambda: jpeg(inks(200, 128, 128, 255), adobe=2), grey(np.full((16, 16), 55))),
    ("colours_of_adobe.jpg", lambda: jpeg(inks(10, 200, 30), adobe=0), np.full((16, 16, 3), (10, 200, 30))),
    (
        "inks.tif",
        lambda: tiff(Page(np.array([[[255, 0, 0, 0], [0, 0, 0, 155]]], np.uint8), 5)),
        np.array([[(0, 255, 255), (100, 100, 100)]]),
    ),
    ("inks_deep.tif", lambda: tiff(Page(np.array([[[65535, 0, 0, 0]]], np.uint16), 5)), np.array([[(0, 255, 255)]])),
    # more than eight bits
    ("deep_grey.png", lambda: png(RAMP, 16), grey(scaled(RAMP[..., 0], 65535))),
    ("deep_grey_interlaced.png", lambda: png(RAMP, 16, interlaced=True), grey(scaled(RAMP[..., 0], 65535))),
    ("deep.png", lambda: png(DEEP - (DEEP > 300) * np.uint16(200), 16), QUARTERS - (QUARTERS > 9)),
    ("deep_interlaced.png", lambda: png(DEEP, 16, interlaced=True), QUARTERS),
    ("twelve_bits_scaled_up.png", lambda: png(DEEP, 16, before=chunk(b"sBIT", bytes([12] * 3))), QUARTERS),
    ("deep_grey.tif", lambda: tiff(Page(RAMP, 1, rows=3, deflate=True)), grey(scaled(RAMP[..., 0], 65535))),
    ("deep_planes.tif", lambda: tiff(Page(DEEP, 2, planar=True, rows=5), order=">"), QUARTERS),
    ("deep_tiles.tif", lambda: tiff(Page(DEEP[:15, :13], 2, tile=16, deflate=True)), QUARTERS[:15, :13]),
    ("deep_big.tif", lambda: tiff(Page(DEEP, 2, rows=2), big=True), QUARTERS),
    ("deep_big_endian_big.tif", lambda: tiff(Page(DEEP, 2, rows=2), order=">", big=True), QUARTERS),
    ("big_endian_big.tif", lambda: tiff(Page(QUARTERS, 2, tile=16, deflate=True), order=">", big=True), QUARTERS),
    ("deep_white_is_zero.tif", lambda: tiff(Page(RAMP, 0)), grey(255 - scaled(RAMP[..., 0], 65535))),
    ("twelve_bits.tif", lambda: tiff(Page(RAMP >> 4, 1, {281: [4095]})), grey(scaled(RAMP[..., 0] >> 4, 4095))),
    (
        "brightest_is_no_range.tif",
        lambda: tiff(Page(RAMP // 2, 1, {281: [32767 - 7]})),
        grey(scaled(RAMP[..., 0] // 2, 65535)),
    ),
    (
        "floats_declared.tif",
        lambda: tiff(Page(np.array([[[-1], [0], [1]]], np.float32), 1, {340: [-1.0], 341: [1.0]})),
        grey([[0, 128, 255]]),
    ),
    (
        "signed_declared.tif",
        lambda: tiff(Page(np.array([[[-100], [155]]], np.int16), 1, {340: [-100], 341: [155]})),
        grey([[0, 255]]),
    ),
    # several pictures: the first
    ("film.gif", lambda: gif([POSITIONS, POSITIONS * 0], PALETTE), QUARTERS),
    ("film.png", lambda: animated_png(default_in_animation=True), QUARTERS),
    ("film_beside_a_picture.png", lambda: animated_png(default_in_animation=False), QUARTERS),
    ("film.webp", animated_webp, QUARTERS),
    ("pages.tif", lambda: tiff(Page(QUARTERS, 2), Page(QUARTERS * 0, 2)), QUARTERS),
    ("deep_pages.tif", lambda: tiff(Page(DEEP, 2), Page(DEEP * 0, 2)), QUARTERS),
    ("phone.jpg", phone, np.full((48, 64, 3), (254, 0, 0))),
    # channels beyond the colours that a file says are none
    ("unspecified_fourth.tif", lambda: tiff(Page(np.dstack([QUARTERS, QUARTERS[..., :1]]), 2, {338: [0]})), QUARTERS),
    # an end that is no end
    ("zeros_behind.jpg", lambda: jpeg(BLOCKS) + bytes(4096), SQUARES),
    ("whole_but_grey.jpg", lambda: jpeg(BLOCKS, restarts=True), SQUARES),
    ("whole_but_black.png", lambda: png(QUARTERS * 0), QUARTERS * 0),
    ("lossless.webp", lambda: by_pillow(Image.fromarray(QUARTERS), "WEBP", lossless=True), QUARTERS),
]

REFUSED: list[tuple[str, Callable[[], bytes], str]] = [
    # colour spaces and channels
    ("inks_that_say_nothing.jpg", lambda: jpeg(inks(0, 255, 255, 255)), "does not say whether they are inverted"),
    (
        "other_inks.tif",
        lambda: tiff(Page(np.zeros((2, 2, 4), np.uint8), 5, {332: [2]})),
        "not cyan, magenta, yellow and black",
    ),
    ("lab.tif", lambda: tiff(Page(QUARTERS, 8)), "is stored as LAB"),
    ("ycbcr.tif", lambda: tiff(Page(QUARTERS, 6, {530: [1, 1]})), "is stored as YCbCr"),
    ("bands.tif", lambda: tiff(Page(np.ones((4, 4, 13), np.uint16), 1)), "holds 13 channels"),
    ("five_bytes.tif", lambda: tiff(Page(np.ones((4, 4, 5), np.uint8), 1)), "holds 5 channels"),
    ("three_greys.tif", lambda: tiff(Page(DEEP, 1)), "holds 3 channels"),
    # ranges
    ("nearly_black.png", lambda: png(RAMP >> 4, 16), "no value above 4095, so .* nearly black; state the range"),
    ("nearly_black.tif", lambda: tiff(Page(RAMP >> 4, 1)), "nearly black; state the range"),
    (
        "beyond.tif",
        lambda: tiff(Page(RAMP, 1, {281: [255]})),
        "declares a range of 0 to 255 and holds values from 0 to 65535",
    ),
    ("floats.tif", lambda: tiff(Page(np.ones((2, 2, 1), np.float32), 1)), "which are black and white; state"),
    ("signed.tif", lambda: tiff(Page(np.ones((2, 2, 1), np.int16), 1)), "which are black and white; state"),
    (
        "no_number.tif",
        lambda: tiff(Page(np.full((2, 2, 1), np.nan, np.float32), 1, {340: [0.0], 341: [1.0]})),
        "no numbers or infinite",
    ),
    (
        "twelve_bits_packed.tif",
        lambda: tiff(Page(np.zeros((2, 3, 1), np.uint8), 1, {256: [2], 258: [12]})),
        "has channels of 12 bits",
    ),
    # too large
    ("bomb.png", lambda: by_pillow(Image.new("1", (20_000, 20_000)), "PNG"), "more than 178,956,970 pixels"),
    (
        "bomb.gif",
        lambda: gif([POSITIONS], PALETTE).replace(
            struct.pack("<HHHH", 0, 0, 16, 16), struct.pack("<HHHH", 0, 0, 65535, 65535)
        ),
        "more than 178,956,970 pixels",
    ),
    (
        "bomb.tif",
        lambda: tiff(Page(np.ones((2, 2, 1), np.uint16), 1, {256: [60_000], 257: [60_000]})),
        "has 3,600,000,000 pixels, more than 178,956,970",
    ),
    # not all there
    ("empty.jpg", bytes, "is empty"),
    ("text.jpg", lambda: b"<html>not found</html>", "is not an image in a format that can be read"),
    ("icon.png", lambda: by_pillow(Image.new("RGB", (16, 16)), "ICO"), "is not an image in a format"),
    ("photoshop.jpg", lambda: b"8BPS\0\1" + bytes(100), "is not an image in a format"),
    ("cut.jpg", lambda: jpeg(BLOCKS)[:-4], "is damaged"),
    (
        "cut_and_closed.jpg",
        lambda: by_pillow(Image.fromarray(NOISE), "JPEG")[:1500] + b"\xff\xd9",
        "is cut: it lacks some of its pixels",
    ),
    ("cut_at_a_restart.jpg", lambda: jpeg(BLOCKS, restarts=True, height=40), "is cut: it lacks some of its pix"),
    ("taller_than_it_is.jpg", lambda: jpeg(BLOCKS, height=40), "is cut: it lacks some of its pixels"),
    (
        "cut_and_filled.jpg",
        lambda: by_pillow(Image.fromarray(NOISE), "JPEG")[:1500].ljust(60_000, b"\0"),
        "is cut: its end is missing",
    ),
    ("cut_progressive.jpg", lambda: progressive()[:1500] + b"\xff\xd9", "is cut: it lacks the last of its"),
    ("taller_than_it_is.png", short_png, "is cut: it lacks some of its pixels"),
    ("taller_than_it_is.bmp", lying_bmp, "is damaged"),
    ("cut_deep.png", lambda: png(DEEP, 16)[:120], "is damaged"),
    ("short_deep.png", lambda: png(DEEP, 16, height=20), "is cut"),
    ("cut_deep.tif", lambda: tiff(Page(DEEP, 2))[:-9], "is cut: it lacks some of its pixels"),
    ("no_pixels.tif", lambda: tiff(Page(DEEP, 2, {279: [0]})), "is cut: it lacks some of its pixels"),
    ("short_strips.tif", lambda: tiff(Page(DEEP, 2, {257: [17], 278: [17]})), "is damaged"),
    ("few_strips.tif", lambda: tiff(Page(DEEP, 2, {257: [32]}, rows=16)), "is cut: it names 1 of 2 parts"),
    (
        "thumbnail_first.tif",
        lambda: tiff(Page(QUARTERS[:4, :4], 2, {254: [1]}), Page(QUARTERS, 2)),
        "is a reduced copy",
    ),
]


@pytest.mark.parametrize(("name", "make", "expected"), READ, ids=[name for name, *_ in READ])
def test_every_pixel_is_right(name: str, make: Callable[[], bytes], expected: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(make())
    pixels = decode(path)
    assert pixels.dtype == np.uint8
    assert pixels.shape == expected.shape
    assert np.array_equal(pixels, expected)
    assert stored_size(path) == pixels.shape[:2]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "make", "words"), REFUSED, ids=[name for name, *_ in REFUSED])
def test_what_cannot_be_right_is_refused_by_name(
    name: str, make: Callable[[], bytes], words: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(make())
    with pytest.raises(UnreadableImage, match=words) as caught:
        decode(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(number=st.integers(0, len(READ) - 1), junk=st.binary(min_size=1, max_size=12), place=st.integers(0, 5000))
def test_damage_gives_pixels_or_words_but_no_other_error(
    tmp_path_factory: pytest.TempPathFactory, number: int, junk: bytes, place: int
) -> None:
    name, make, _ = READ[number]
    file = bytearray(make())
    place %= len(file)
    file[place : place + len(junk)] = junk
    path = tmp_path_factory.getbasetemp() / f"damaged_{name}"
    path.write_bytes(file)
    for read in (decode, decode_channels, stored_size):
        with suppress(UnreadableImage):
            assert len(read(path)) > 0


@pytest.mark.slow
def test_a_film_costs_no_more_than_its_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "long.gif"
    frame = gif([POSITIONS], PALETTE)[25:-1]
    path.write_bytes(gif([POSITIONS], PALETTE)[:-1] + frame * 100_000)
    assert np.array_equal(decode(path), QUARTERS)


def test_what_the_disk_refuses_is_no_fault_of_the_file(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "absent.jpg", "no such file"), (tmp_path, "cannot be read")):
        with pytest.raises(InputError, match=words) as caught:
            decode(path)
        assert not isinstance(caught.value, UnreadableImage)
