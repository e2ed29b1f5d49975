"""An image file as its pixels, or words for why not. Never another image in its place.

What is read, how, and why: docs/images.md.
"""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from afield.base.errors import InputError
from afield.base.reading import AS_DECLARED, Range, Reading
from afield.base.tiff_tags import MAGIC
from afield.images import tiff, whole
from afield.images.dicom import dicom_size, is_dicom, read_dicom
from afield.images.stored import PIXEL_LIMIT, Stored, UnreadableImage, read_deep_png, to_eight_bits

__all__ = ["PIXEL_LIMIT", "UnreadableImage", "decode", "decode_channels", "stored_size"]

DECODER_VERSION = 3
"""raised whenever a file is read, or refused, otherwise than before"""
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
MODES = ("1", "CMYK", "L", "LA", "P", "RGB", "RGBA")
"""Pillow's names of what can be read: grey, palette, colour and inks with at most eight bits a channel"""
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_TEXT = (b"eXIf", b"iTXt", b"tEXt", b"zTXt")
"""chunks of a PNG that may tell its orientation"""


def decode(path: Path, reading: Reading = AS_DECLARED) -> npt.NDArray[np.uint8]:
    """The pixels of an image, upright (EXIF orientation applied): RGB [height, width, 3], or [height, width, channels]
    where `reading` names channels.

    Grey and palette images become RGB, transparent ones lie over white, inks become (255 - C) (255 - K) / 255 and so
    on. More than eight bits a channel are scaled linearly from the range that `reading` states, else from the one that
    the file declares. Of several pictures the first is read. Colour profiles and gamma are not applied. Channels that
    `reading` names are given in its order, whatever the file says of them; of an image of several files `path` is what
    their names share.

    Raises UnreadableImage, which names the file and the mend, where it is empty, cut, not an image, larger than
    PIXEL_LIMIT, in another colour space (LAB, ...), of other channels than colours or than `reading` names, of files of
    several sizes, or of a range that nobody states; InputError where it is missing, may not be read or does not fit
    into memory.
    """
    with _words(path):
        if reading.channels is not None:
            return _chosen(path, reading.channels, reading)
        head = _head(path)
        if is_dicom(head):
            return _over_white(_as_image(path, read_dicom(path), reading))
        directory = tiff.read_directory(path) if head[:4] in MAGIC else None
        if directory is not None and directory.is_ours:
            return _over_white(_as_image(path, tiff.read_tiff(path, directory), reading))
        with _loaded(path, head, directory) as image:
            if _is_deep_png(head):
                return _over_white(_as_image(path, read_deep_png(path, image), reading))
            ImageOps.exif_transpose(image, in_place=True)
            return _over_white(image)


def decode_channels(path: Path) -> npt.NDArray[Any]:
    """The channels of an image file as stored, upright: [height, width, channels] in the file's own type of numbers.

    For files that hold other channels than a picture's, such as the bands of a satellite. Alpha is a channel as any
    other; palettes become colours, one bit 0 or 255. Raises as `decode` does, except where ranges or the meaning of
    channels are unknown.
    """
    with _words(path):
        return _channels(path).values


def stored_size(path: Path, reading: Reading = AS_DECLARED) -> tuple[int, int]:
    """Height and width of what `decode` would give, read from the head of the image's (first) file alone.

    Raises as `decode` does where that head says that there is no image.
    """
    path = Path(reading.files_of(str(path))[0])
    with _words(path):
        head = _head(path)
        if is_dicom(head):
            return dicom_size(path)
        if head[:4] in MAGIC:
            return tiff.read_directory(path).size
        with Image.open(path, formats=FORMATS) as image:
            if head[:8] == _PNG and _text_after_pixels(path):
                image.load()
            orientation = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
            return (image.width, image.height) if orientation in (5, 6, 7, 8) else (image.height, image.width)


@contextmanager
def _words(path: Path) -> Iterator[None]:
    """Whatever goes wrong in the block becomes an InputError that names the file."""
    try:
        # Warnings are about metadata, which is not used, and about size, which is checked against our own limit.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except MemoryError as error:
        raise InputError(f"{path}: does not fit into this machine's memory; make it smaller or drop it") from error
    except UnidentifiedImageError as error:
        raise UnreadableImage(f"{path}: is not an image in a format that can be read ({', '.join(FORMATS)})") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage(f"{path}: has more than {PIXEL_LIMIT:,} pixels; make it smaller or drop it") from error
    # Pillow's readers raise many kinds of errors on damaged files: OSError, SyntaxError, ValueError, struct.error, ...
    except Exception as error:
        # An error of the disk, the network or the permissions has a number; the file itself may be sound.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise InputError(
                f"{path}: cannot be read ({error.strerror}); check the file and its permissions"
            ) from error
        raise UnreadableImage(f"{path}: is damaged ({error}); restore the image or drop it") from error


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        head = stream.read(132)
    if not head:
        raise UnreadableImage(f"{path}: is empty; restore the image or drop it")
    return head


def _is_deep_png(head: bytes) -> bool:
    return head[:8] == _PNG and head[24:25] == bytes([16])


def _text_after_pixels(path: Path) -> bool:
    """Whether a PNG says something behind its pixels, which Pillow learns only when it has loaded them."""
    with path.open("rb") as stream:
        kinds = [kind for kind, _ in whole.png_chunks(stream)]
    return b"IDAT" in kinds and any(kind in _PNG_TEXT for kind in kinds[kinds.index(b"IDAT") :])


@contextmanager
def _loaded(path: Path, head: bytes, directory: tiff.Directory | None) -> Iterator[Image.Image]:
    """The first picture of a file, as Pillow reads it, after all checks."""
    try:
        opened = Image.open(path, formats=FORMATS)
    except UnidentifiedImageError:
        if directory is None:
            raise
        tiff.sample_type(path, directory)
        raise _other_channels(path, directory.channels) from None
    with opened as image:
        _check(path, image, directory)
        if not _is_deep_png(head) and image.mode not in MODES:
            raise UnreadableImage(f"{path}: is stored as {image.mode}; convert it to RGB or grey with 8 bits a channel")
        if image.info.get("progressive"):
            whole.check_scans(path)
        image.load()
        if image.format in ("JPEG", "MPO"):
            whole.check_jpeg(path, image)
        elif image.format == "PNG":
            whole.check_png(path, image)
        yield image


def _check(path: Path, image: Image.Image, directory: tiff.Directory | None) -> None:
    """Refuse what is too large and inks that nobody can tell from their opposite."""
    if image.width * image.height > PIXEL_LIMIT:
        raise UnreadableImage(
            f"{path}: has {image.width * image.height:,} pixels, more than {PIXEL_LIMIT:,}; make it smaller or drop it"
        )
    if image.mode == "CMYK":
        # In a JPEG the inks are inverted where Adobe's marker says so; without it there is no rule, and Pillow guesses.
        if directory is None and "adobe" not in image.info:
            raise UnreadableImage(
                f"{path}: holds four inks and does not say whether they are inverted; convert it to RGB"
            )
        if directory is not None and not directory.four_inks:
            raise UnreadableImage(f"{path}: holds inks that are not cyan, magenta, yellow and black; convert it to RGB")


def _other_channels(path: Path, count: int) -> UnreadableImage:
    return UnreadableImage(
        f"{path}: holds {count} channels that are no picture in grey, colour or four inks; save three of them, or let "
        "the task name those that are read"
    )


def _as_image(path: Path, channels: Stored, reading: Reading) -> Image.Image:
    """Stored channels as a picture of eight bits."""
    if not channels.mode:
        raise _other_channels(path, channels.values.shape[2])
    pixels = to_eight_bits(path, channels, reading.ranges[0])
    image = Image.frombytes(channels.mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    # Colours that were multiplied by their alpha are divided again.
    plain = {"La": "LA", "RGBa": "RGBA", "RGBX": "RGB"}.get(channels.mode)
    return image.convert(plain) if plain else image


def _over_white(image: Image.Image) -> npt.NDArray[np.uint8]:
    if not image.has_transparency_data:
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return np.asarray(Image.alpha_composite(white, layer).convert("RGB"))


def _channels(path: Path) -> Stored:
    head = _head(path)
    if is_dicom(head):
        return read_dicom(path)
    directory = tiff.read_directory(path) if head[:4] in MAGIC else None
    if directory is not None and (directory.is_plain or directory.is_ours):
        return tiff.read_tiff(path, directory)
    with _loaded(path, head, directory) as image:
        if _is_deep_png(head):
            return read_deep_png(path, image)
        picture = ImageOps.exif_transpose(image)
        if picture.mode in ("1", "P"):
            colours = "RGBA" if picture.has_transparency_data else "RGB"
            picture = picture.convert("L" if picture.mode == "1" else colours)
        values = np.asarray(picture)
        return Stored(values.reshape(*values.shape[:2], -1), picture.mode, Range(0, 255))


def _chosen(path: Path, channels: tuple[int, ...], reading: Reading) -> npt.NDArray[np.uint8]:
    """The stored channels that a task names, scaled, of one file or of several."""
    files = reading.files_of(str(path))
    if files != (str(path),):
        return _of_files([Path(file) for file in files], reading.ranges)
    stored = _channels(path)
    count = stored.values.shape[2]
    if max(channels) >= count:
        raise UnreadableImage(f"{path}: holds {count} channels, counted from 0; the task reads {channels}")
    # Taken together they must bear out the range that the file declares; stated ranges may be one each.
    parts = [(channel,) for channel in channels] if isinstance(reading.range, tuple) else [channels]
    scaled = [
        to_eight_bits(path, replace(stored, values=stored.values[..., list(part)], mode=""), stated)
        for part, stated in zip(parts, reading.ranges, strict=False)
    ]
    return np.concatenate(scaled, axis=2)


def _of_files(files: Sequence[Path], ranges: Sequence[Range | None]) -> npt.NDArray[np.uint8]:
    """Grey files of one size as the channels of one image."""
    planes: list[npt.NDArray[np.uint8]] = []
    for file, stated in zip(files, ranges, strict=True):
        with _words(file):
            stored = _channels(file)
            height, width, count = stored.values.shape
            if count != 1:
                raise UnreadableImage(f"{file}: holds {count} channels; a file that is one of an image's must be grey")
            if planes and planes[0].shape != stored.values.shape:
                raise UnreadableImage(
                    f"{file}: has {width} x {height} pixels and {files[0]} "
                    f"{planes[0].shape[1]} x {planes[0].shape[0]}; files of one image must have one size"
                )
            planes.append(to_eight_bits(file, stored, stated))
    return np.concatenate(planes, axis=2)
