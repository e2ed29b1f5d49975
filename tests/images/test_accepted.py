"""What the first decoder accepted is read as it read it: keys of trials and prepared images rest on these bytes."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from afield.images.decode import decode, stored_size
from tests.fixtures.odd_images import by_pillow, chunk, png

NOISE = np.random.default_rng(0).integers(0, 256, (31, 47, 4), dtype=np.uint8)
COLOUR, ALPHA, GREY = (Image.fromarray(np.ascontiguousarray(NOISE[..., part])) for part in (slice(3), slice(4), 0))
PALETTE = Image.frombytes("P", GREY.size, (NOISE[..., 1] % 8).tobytes())
PALETTE.putpalette(NOISE[0, :8, :3].tobytes())
TURNED = Image.Exif()
TURNED[0x0112] = 8

FILES = {
    "colour.jpg": by_pillow(COLOUR, "JPEG", quality=90),
    "full_chroma.jpg": by_pillow(COLOUR, "JPEG", quality=90, subsampling=0),
    "progressive.jpg": by_pillow(COLOUR, "JPEG", quality=50, progressive=True),
    "optimised.jpg": by_pillow(COLOUR, "JPEG", optimize=True),
    "restarts.jpg": by_pillow(COLOUR, "JPEG", restart_marker_blocks=2),
    "grey.jpg": by_pillow(GREY, "JPEG"),
    "grey_progressive.jpg": by_pillow(GREY, "JPEG", progressive=True),
    "turned.jpg": by_pillow(COLOUR, "JPEG", exif=TURNED),
    "phone.jpg": by_pillow(COLOUR, "MPO", save_all=True, append_images=[GREY.convert("RGB")]),
    "colour.png": by_pillow(COLOUR, "PNG"),
    "turned.png": by_pillow(COLOUR, "PNG", exif=TURNED),
    "grey.png": by_pillow(GREY, "PNG"),
    "grey_alpha.png": by_pillow(ALPHA.convert("LA"), "PNG"),
    "alpha.png": by_pillow(ALPHA, "PNG"),
    "palette.png": by_pillow(PALETTE, "PNG"),
    "palette_clear.png": by_pillow(PALETTE, "PNG", transparency=bytes([0, 100, 255])),
    "key.png": by_pillow(COLOUR, "PNG", transparency=COLOUR.getpixel((3, 4))),
    "key_grey.png": by_pillow(GREY, "PNG", transparency=GREY.getpixel((3, 4))),
    "one_bit.png": by_pillow(GREY.convert("1", dither=Image.Dither.NONE), "PNG"),
    "interlaced.png": png(NOISE, interlaced=True),
    "four_bits.png": png(NOISE[..., :1] % 16, 4),
    "words.png": png(NOISE, before=chunk(b"tEXt", b"a\0b"), after=chunk(b"tEXt", b"c\0d")),
    "colour.bmp": by_pillow(COLOUR, "BMP"),
    "palette.bmp": by_pillow(PALETTE, "BMP"),
    "grey.bmp": by_pillow(GREY, "BMP"),
    "palette.gif": by_pillow(PALETTE, "GIF"),
    "clear.gif": by_pillow(PALETTE, "GIF", transparency=2),
    "lossy.webp": by_pillow(COLOUR, "WEBP", quality=80),
    "lossless.webp": by_pillow(ALPHA, "WEBP", lossless=True, exact=True),
    "turned.webp": by_pillow(COLOUR, "WEBP", lossless=True, exif=TURNED),
    "raw.tif": by_pillow(COLOUR, "TIFF"),
    "turned.tif": by_pillow(COLOUR, "TIFF", exif=TURNED),
    "alpha.tif": by_pillow(ALPHA, "TIFF", compression="tiff_lzw"),
    "grey_alpha.tif": by_pillow(ALPHA.convert("LA"), "TIFF"),
    "palette.tif": by_pillow(PALETTE, "TIFF", compression="packbits"),
    "fax.tif": by_pillow(GREY.convert("1", dither=Image.Dither.NONE), "TIFF", compression="group4"),
    "deflate.tif": by_pillow(COLOUR, "TIFF", compression="tiff_adobe_deflate"),
    "jpeg.tif": by_pillow(COLOUR, "TIFF", compression="jpeg"),
}


def as_at_first(file: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        upright = ImageOps.exif_transpose(image)
    if not upright.has_transparency_data:
        return np.asarray(upright.convert("RGB"))
    layer = upright.convert("RGBA")
    return np.asarray(Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB"))


@pytest.mark.parametrize("name", FILES)
def test_it_is_read_as_at_first(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    assert np.array_equal(decode(path), as_at_first(FILES[name]))
    assert stored_size(path) == decode(path).shape[:2]


def test_no_byte_of_what_is_stored_without_loss_has_changed(tmp_path: Path) -> None:
    digest = hashlib.sha256()
    for name, file in sorted(FILES.items()):
        if "jp" not in name and "lossy" not in name and "phone" not in name:
            (tmp_path / name).write_bytes(file)
            digest.update(decode(tmp_path / name).tobytes())
    assert digest.hexdigest() == "87900264a141a7cb76b141306f76262780adfecf6a5bc41a2ffeaddf3ae8a6a7", (
        "raise PREPARATION_VERSION"
    )
