import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from afield.base.errors import InputError
from afield.images import decode as module
from afield.images.decode import decode, stored_size

RED, WHITE = (255, 0, 0), (255, 255, 255)


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def refused(path: Path, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        decode(path)
    assert str(path) in str(caught.value)


def test_colour_passes_unchanged(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    for suffix in ("png", "bmp", "tif", "webp"):
        path = saved(tmp_path / f"image.{suffix}", Image.fromarray(pixels), lossless=True)
        assert np.array_equal(decode(path), pixels)
        assert stored_size(path) == (7, 5)


def test_grey_one_bit_and_palette_become_rgb(tmp_path: Path) -> None:
    grey = saved(tmp_path / "grey.png", Image.new("L", (2, 1), 77))
    assert decode(grey).tolist() == [[[77] * 3] * 2]
    bit = saved(tmp_path / "bit.png", Image.new("1", (1, 1), 1))
    assert decode(bit).tolist() == [[[255] * 3]]
    palette = saved(tmp_path / "palette.gif", Image.new("RGB", (1, 1), (10, 200, 30)).quantize(4))
    assert decode(palette).tolist() == [[[10, 200, 30]]]


def test_transparency_lies_over_white(tmp_path: Path) -> None:
    half = Image.new("RGBA", (1, 1), (255, 0, 0, 0))
    assert decode(saved(tmp_path / "rgba.png", half)).tolist() == [[list(WHITE)]]
    grey = Image.new("LA", (1, 1), (0, 128))
    assert decode(saved(tmp_path / "la.png", grey)).tolist() == [[[127] * 3]]
    # A colour of a palette, or of plain grey, may be declared transparent.
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([255, 0, 0])
    assert decode(saved(tmp_path / "p.png", palette, transparency=0)).tolist() == [[list(WHITE)]]
    assert decode(saved(tmp_path / "l.png", Image.new("L", (1, 1), 9), transparency=9)).tolist() == [[list(WHITE)]]


@pytest.mark.parametrize(
    ("orientation", "corner"), [(1, (0, 0)), (2, (0, -1)), (3, (-1, -1)), (6, (0, -1)), (8, (-1, 0))]
)
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_exif_orientation_is_applied(tmp_path: Path, suffix: str, orientation: int, corner: tuple[int, int]) -> None:
    # The stored picture has its red quarter at the top left; EXIF says where that corner belongs.
    image = Image.new("RGB", (64, 32), "white")
    image.paste(RED, (0, 0, 32, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(saved(tmp_path / f"image.{suffix}", image, exif=exif, quality=95))
    assert pixels.shape == ((64, 32, 3) if orientation > 4 else (32, 64, 3))
    assert np.abs(pixels[corner].astype(int) - RED).max() < 16


def test_a_phones_photograph_is_read_without_its_previews(tmp_path: Path) -> None:
    pages = [Image.new("RGB", size, "red") for size in ((64, 48), (8, 6))]
    path = saved(tmp_path / "phone.jpg", pages[0], format="MPO", save_all=True, append_images=pages[1:])
    assert decode(path).shape == (48, 64, 3)


def test_broken_files_are_named(tmp_path: Path) -> None:
    refused(tmp_path / "absent.jpg", "no such file")
    (tmp_path / "empty.jpg").touch()
    refused(tmp_path / "empty.jpg", "is empty")
    (tmp_path / "text.jpg").write_text("<html>not found</html>")
    refused(tmp_path / "text.jpg", "is not an image in a format that can be read")
    with pytest.raises(InputError, match="is not an image"):
        stored_size(tmp_path / "text.jpg")


@pytest.mark.slow
def test_bombs_are_refused_before_their_pixels_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(saved(tmp_path / "bomb.png", Image.new("1", (20_000, 20_000))), "has more than 178,956,970 pixels")
    monkeypatch.setattr(module, "PIXEL_LIMIT", 99)
    refused(saved(tmp_path / "large.png", Image.new("1", (10, 10))), "has 100 pixels, more than 99")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "WEBP"])
@settings(deadline=None)
@given(part=st.floats(0, 0.98))
def test_a_cut_file_is_refused_never_filled_up(
    tmp_path_factory: pytest.TempPathFactory, kind: str, part: float
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    whole = stream.getvalue()
    path = tmp_path_factory.getbasetemp() / f"cut.{kind.lower()}"
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(InputError):
        decode(path)


@pytest.mark.slow
@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(0, 2000))
def test_damage_gives_pixels_or_words_but_no_other_error(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, place: int
) -> None:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30), "red").save(stream, "JPEG", exif=exif)
    whole = bytearray(stream.getvalue())
    place %= len(whole)
    whole[place : place + len(junk)] = junk
    path = tmp_path_factory.getbasetemp() / "damaged.jpg"
    path.write_bytes(whole)
    try:
        pixels = decode(path)
    except InputError:
        return
    assert pixels.ndim == 3
    assert pixels.dtype == np.uint8
