"""The batches of CIFAR-10 and CIFAR-100, as downloaded or unpacked, become PNG files: once, beside themselves."""

from __future__ import annotations

import pickle
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from afield.base.errors import InputError
from afield.base.files import words_for_failed_writes
from afield.base.pickles import load_arrays
from afield.tasks.getting.archives import scratch
from afield.tasks.places import find_root
from afield.tasks.sets.web import positions_of

Bytes = NDArray[np.uint8]
_PIXELS = 3 * 32 * 32
_LARGEST = 200_000_000
"""bytes of a batch; the largest published one, the pickled training set of CIFAR-100, has 155 MB"""
_UNREADABLE = (OSError, EOFError, KeyError, tarfile.TarError, zlib.error, pickle.UnpicklingError, ValueError, TypeError)
"""what files of another content raise"""


@dataclass(frozen=True)
class Batches:
    """How a CIFAR set is published: `cifar-10-binary.tar.gz` with its folder `cifar-10-batches-bin`, and so on."""

    task: str
    classes: tuple[str, ...]
    binary: str
    python: str
    archives: tuple[str, str]
    """the binary one and the Python one"""
    train: tuple[str, ...]
    """names of the batches; the binary files end in .bin"""
    test: tuple[str, ...]
    label_bytes: int
    """before the pixels of a picture in a binary file; the last one is the class"""
    labels: str
    """key of the classes in a pickled batch"""
    get: str

    @property
    def pictures(self) -> str:
        """The folder of PNG files."""
        return f"{self.task}-png"


def find_pictures(batches: Batches, data: Path) -> Path:
    """The folder of PNG files; where there is none yet, it is made from the batches that are there.

    Raises InputError where there are none, and where they are not as published.
    """
    roots = [f"{place}{batches.pictures}" for place in (f"{batches.task}/", "")]
    if not any((data / root).is_dir() for root in roots):
        for place in (data / batches.task, data):
            source = _source(batches, place)
            if source is not None:
                _write_pictures(batches, source, place / batches.pictures)
                break
        else:
            kinds = ", ".join((batches.binary, batches.python, *batches.archives))
            raise InputError(
                f"{batches.task}: not found: below {data}, neither {batches.task} nor that folder itself holds one of "
                f"{kinds}. {batches.get}"
            )
    return find_root(batches.task, data, roots, "train", batches.get)


def list_pictures(batches: Batches, root: Path) -> pd.DataFrame:
    """One row a picture: id (`train/00000`: its number in the batches), image, label and official (its split)."""
    paths = sorted(path for split in ("train", "test") for path in (root / split).glob("*/*.png"))
    table = pd.DataFrame(
        {
            "id": [f"{path.parts[-3]}/{path.stem}" for path in paths],
            "image": [path.relative_to(root).as_posix() for path in paths],
            "official": [path.parts[-3] for path in paths],
        }
    )
    names = table["image"].str.split("/").str[1]
    return table.assign(label=positions_of(names, batches.classes, batches.task, table["image"]))


def _source(batches: Batches, place: Path) -> Path | None:
    """The batches in a folder: unpacked ones before archives, bytes before pickles."""
    binary, python = batches.archives
    named = (place / batches.binary, place / binary, place / batches.python, place / python)
    return next((path for path in named if path.exists()), None)


def _write_pictures(batches: Batches, source: Path, to: Path) -> None:
    """PNG files `train/<class>/<number>.png` and `test/...`; the folder gets its name when all are written."""
    from PIL import Image  # not needed to list tasks

    with scratch(to.parent) as folder, words_for_failed_writes(to):
        for split, names in (("train", batches.train), ("test", batches.test)):
            for name in batches.classes:
                (folder / split / name).mkdir(parents=True)
            numbered = enumerate(picture for batch in names for picture in _read_batch(batches, source, batch))
            for number, (label, pixels) in numbered:
                path = folder / split / batches.classes[label] / f"{number:05d}.png"
                Image.fromarray(pixels).save(path, compress_level=1)
        try:
            folder.rename(to)
        except OSError:
            if not to.is_dir():  # where it is one, another run was first; its folder is equal
                raise


def _read_batch(batches: Batches, source: Path, name: str) -> Iterator[tuple[int, Bytes]]:
    """The class and the pixels (32, 32, 3) of each picture of a batch, in its order.

    Raises InputError for anything but a batch as published.
    """
    binary = source.name in (batches.binary, batches.archives[0])
    member = f"{name}.bin" if binary else name
    try:
        content = _content(source, batches.binary if binary else batches.python, member)
        labels, pixels = _binary(content, batches.label_bytes) if binary else _pickled(content, batches.labels)
    except _UNREADABLE as error:
        raise InputError(
            f"{batches.task}: {source}: its batch {member} cannot be read ({error}). {batches.get}"
        ) from error
    if len(labels) and max(labels) >= len(batches.classes):
        raise InputError(
            f"{batches.task}: {source}: its batch {member} has a picture of class {max(labels)}; there are "
            f"{len(batches.classes)}, counted from 0. {batches.get}"
        )
    colours_last = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    yield from zip(labels, np.ascontiguousarray(colours_last), strict=True)


def _content(source: Path, folder: str, name: str) -> bytes:
    """A file of the unpacked folder, or of the archive; nothing of an archive is written."""
    if source.is_dir():
        return (source / name).read_bytes()
    with tarfile.open(source) as archive:
        member = archive.getmember(f"{folder}/{name}")
        stream = archive.extractfile(member) if member.isreg() else None
        if stream is None or member.size > _LARGEST:
            raise ValueError("is no file of the published size")
        return stream.read()


def _binary(content: bytes, label_bytes: int) -> tuple[list[int], Bytes]:
    """Records of one or two bytes of labels and 3,072 of pixels: red, green, blue, each row by row."""
    record = label_bytes + _PIXELS
    if not content or len(content) % record:
        raise ValueError(f"has {len(content)} bytes, no multiple of {record}")
    records = np.frombuffer(content, np.uint8).reshape(-1, record)
    return records[:, label_bytes - 1].tolist(), records[:, label_bytes:]


def _pickled(content: bytes, key: str) -> tuple[list[int], Bytes]:
    """A dict of Python 2: `data`, an array of a row a picture, and a list of classes."""
    batch: Any = load_arrays(content, encoding="latin1")
    labels, pixels = batch[key], batch["data"]
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape != (len(labels), _PIXELS):
        raise ValueError(f"its data are no {_PIXELS} bytes a picture")
    if not all(isinstance(label, int) and label >= 0 for label in labels):
        raise ValueError(f"its {key} are no list of numbers")
    return labels, pixels
