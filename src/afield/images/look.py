"""What a check must know of each image: size, channels, a perceptual hash, a small grey copy. Needs no torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from afield.base.errors import InputError
from afield.base.reading import Reading
from afield.images.decode import decode
from afield.images.readers import in_order

SIDE = 64
"""pixels of the small copy, which is square whatever the image's shape"""
BITS = 256
"""length of the hash: the 16 x 16 lowest frequencies of the small copy"""
BLANK = 1.0
"""an image whose grey values have a standard deviation below that, of 255, shows next to nothing"""


@dataclass(frozen=True, eq=False)
class Look:
    """What was seen of one image; about 5 kB, whatever its size."""

    height: int
    width: int
    grey: bool
    """all channels are equal in every pixel"""
    means: tuple[float, ...]
    """of each channel, 0 to 255"""
    deviations: tuple[float, ...]
    """standard deviation of each channel"""
    contrast: float
    """standard deviation of the grey values"""
    pixels: str
    """hash of all pixels and their layout: equal for equal pictures, whatever the file's format"""
    bits: npt.NDArray[np.bool_]
    """[BITS] perceptual hash: which low frequencies are above their median (imagehash's `phash`)"""
    small: npt.NDArray[np.uint8]
    """[SIDE, SIDE] grey"""

    @property
    def blank(self) -> bool:
        """Whether it shows next to nothing, so that it looks like any other that does."""
        return self.contrast < BLANK


def look(pixels: npt.NDArray[np.uint8]) -> Look:
    """What there is to know of an image [height, width, channels]; of more than three, the first three are the picture
    that is hashed.
    """
    grey = Image.fromarray(pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., 0]).convert("L")
    small = grey.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    moments = [_moments(pixels[..., channel]) for channel in range(pixels.shape[2])]
    return Look(
        height=pixels.shape[0],
        width=pixels.shape[1],
        grey=all(np.array_equal(pixels[..., 0], pixels[..., channel]) for channel in range(1, pixels.shape[2])),
        means=tuple(mean for mean, _ in moments),
        deviations=tuple(deviation for _, deviation in moments),
        contrast=_moments(np.asarray(grey))[1],
        pixels=_fingerprint(pixels),
        bits=imagehash.phash(small, hash_size=16).hash.ravel(),
        small=np.asarray(small),
    )


def _moments(channel: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Mean and standard deviation, exact, by how often each of 256 values occurs."""
    shares = np.bincount(channel.ravel(), minlength=256) / channel.size
    values = np.arange(256)
    mean = float(shares @ values)
    return mean, float(np.sqrt(shares @ (values - mean) ** 2))


def _fingerprint(pixels: npt.NDArray[np.uint8]) -> str:
    hashed = hashlib.sha256(str(pixels.shape).encode())
    hashed.update(np.ascontiguousarray(pixels).data)
    return hashed.hexdigest()[:32]


def look_at(
    root: Path, images: Sequence[str], reading: Reading, processes: int, progress: Callable[[int, int], None]
) -> tuple[dict[str, Look], dict[str, str]]:
    """What was seen of each image (paths below `root`), and for those that cannot be used the reason.

    A file that is missing, may not be read, is damaged or lies outside `root` gets its reason, as in `decode`; none of
    them stops the others. `processes` decode at once; 1 works in this process. `progress(done, all)` is told after each
    image and may raise to stop. Raises AfieldError where a process was killed.
    """
    looks: dict[str, Look] = {}
    reasons: dict[str, str] = {}
    with closing(in_turn(root, images, reading, processes)) as results:
        for done, (image, found) in enumerate(zip(images, results, strict=True), start=1):
            if isinstance(found, Look):
                looks[image] = found
            else:
                reasons[image] = found
            progress(done, len(images))
    return looks, reasons


def in_turn(root: Path, images: Sequence[str], reading: Reading, processes: int) -> Generator[Look | str, None, None]:
    """What `look_at` finds of each image, or the reason, one after the other; whoever stops early closes it."""
    return in_order(partial(_look_at, root=root, reading=reading), [root / image for image in images], processes)


def _look_at(path: Path, root: Path, reading: Reading) -> Look | str:
    # Strings, not Path objects, which take three times as long.
    inside = os.path.join(os.path.realpath(root), "")  # noqa: PTH118
    files = list(reading.files_of(str(path)))
    if any(os.path.islink(file) and not os.path.exists(file) for file in files):  # noqa: PTH110, PTH114
        return "is a link to a file that is not there; restore the file or drop the image"
    if not all(os.path.realpath(file).startswith(inside) for file in files):
        return f"its path leaves {root}; copy the file into it"
    try:
        return look(decode(path, reading))
    except InputError as error:
        return str(error).removeprefix(f"{path}: ")
