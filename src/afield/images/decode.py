"""An image file as its pixels, or words for why not. Never another image in its place."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from afield.base.errors import InputError

PIXEL_LIMIT = 178_956_970
"""pixels of the largest image that is read: half a gigabyte in memory, and where Pillow itself refuses a bomb"""
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
"""Pillow's names of what can be read: grey, palette and colour with at most eight bits a channel"""


def decode(path: Path) -> npt.NDArray[np.uint8]:
    """The pixels of an image file, upright (EXIF orientation applied), as RGB [height, width, 3].

    Grey and palette images become RGB, transparent ones lie over white. Raises InputError that names the file where it
    is missing, empty, cut, not an image, larger than PIXEL_LIMIT, of several pictures, of more than 8 bits a channel
    or in another colour space (CMYK, LAB, ...).
    """
    with _opened(path) as image:
        _check(path, image)
        image.load()
        upright = ImageOps.exif_transpose(image)
        if not upright.has_transparency_data:
            return np.asarray(upright.convert("RGB"))
        layer = upright.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return np.asarray(Image.alpha_composite(white, layer).convert("RGB"))


def stored_size(path: Path) -> tuple[int, int]:
    """Height and width of an image as stored, read from the file's head alone. Raises InputError as `decode` does."""
    with _opened(path) as image:
        return image.height, image.width


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The image with its head read; whatever goes wrong until the block ends becomes an InputError."""
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty; restore the image or drop it")
        # Warnings are about metadata, which is not used, and about size, which is checked against our own limit.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{path}: is not an image in a format that can be read ({', '.join(FORMATS)})") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: has more than {PIXEL_LIMIT:,} pixels; make it smaller or drop it") from error
    # Pillow's readers raise many kinds of errors on damaged files: OSError, SyntaxError, ValueError, struct.error, ...
    except Exception as error:
        raise InputError(f"{path}: is damaged ({error}); restore the image or drop it") from error


def _check(path: Path, image: Image.Image) -> None:
    """Refuse what would be read wrongly."""
    if image.width * image.height > PIXEL_LIMIT:
        raise InputError(
            f"{path}: has {image.width * image.height:,} pixels, more than {PIXEL_LIMIT:,}; make it smaller or drop it"
        )
    # Pillow reads 16-bit colour as its upper eight bits without a word; only the stored layout tells ("RGB;16B").
    # (In a BMP, "BGR;16" means 16 bits a pixel, which is no loss.)
    if image.format != "BMP" and ";16" in str(getattr(image, "tile", "")):
        raise InputError(f"{path}: has 16 bits a channel; convert it to 8 bits, with the brightness range that matters")
    if image.mode not in MODES:
        raise InputError(f"{path}: is stored as {image.mode}; convert it to RGB or grey with 8 bits a channel")
    # A phone's MPO holds the photograph first, then previews or depth.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise InputError(f"{path}: holds several pictures; save the one that is meant as a file of its own")
