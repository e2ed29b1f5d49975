"""Pictures that somebody names, as a network is shown them in evaluation. Needs no torch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from afield.base.errors import InputError
from afield.images.decode import PIXEL_LIMIT, decode
from afield.images.prepared import SHOWN, Rule, prepare_pixels
from afield.tasks.own import LITTER, SUFFIXES


def find_images(paths: str | Path | Iterable[str | Path]) -> list[Path]:
    """The image files that these paths name, in their order: a file is itself, a folder all that lie below it, by name.

    Hidden files and folders are skipped. Raises InputError where nothing lies at a path, where a folder holds no image,
    something else than images or a link to a folder, and where no path is given.
    """
    named = [paths] if isinstance(paths, str | Path) else list(paths)
    if not named:
        raise InputError("no image was named; give image files, or folders of them")
    return [file for path in named for file in _files(Path(path).expanduser())]


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if not path.is_dir():
        yield path
        return
    found = list(_below(path))
    if not found:
        raise InputError(f"{path}: holds no image ({' '.join(SUFFIXES)})")
    yield from found


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not _skipped(name))
        for path in (Path(parent) / name for name in folders):
            if path.is_symlink():
                raise InputError(f"{path}: is a link to a folder, which is not followed; name the folder itself")
        for path in (Path(parent) / name for name in sorted(files) if not _skipped(name)):
            if path.suffix.lower() not in SUFFIXES:
                raise InputError(
                    f"{path}: is not an image that can be read ({' '.join(SUFFIXES)}); move it away, or name the images"
                )
            yield path


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be listed ({error.strerror}); check its permissions") from error


def _skipped(name: str) -> bool:
    return name.startswith(".") or name.lower() in LITTER


def read_views(files: Sequence[Path], rule: Rule) -> tuple[list[npt.NDArray[np.uint8]], list[str]]:
    """Image files as an evaluation rule prepares them, [size, size, 3] each, and a complaint for each that cannot be
    read (in its place there is nothing).
    """
    views, complaints = [], []
    for file in files:
        try:
            views.append(_view(file, rule))
        except InputError as error:
            complaints.append(str(error))
    return views, complaints


def _view(file: Path, rule: Rule) -> npt.NDArray[np.uint8]:
    full = decode(file)
    height, width = full.shape[:2]
    if rule.size**2 * max(height, width) > PIXEL_LIMIT * min(height, width):  # the whole of it is resized, then cut
        raise InputError(
            f"{file}: {width} pixels wide and {height} high is too narrow: with its short side at {rule.size} it would "
            f"have more than {PIXEL_LIMIT:,} pixels; cut it"
        )
    return prepare_pixels(full, rule)


def refuse_broken(complaints: Sequence[str], images: int) -> None:
    """Raise InputError that lists what cannot be read of so many images, where there is any."""
    if complaints:
        more = f"\nand {len(complaints) - SHOWN} more" if len(complaints) > SHOWN else ""
        listed = "\n".join(complaints[:SHOWN])
        raise InputError(f"{len(complaints)} of {images} images cannot be used:\n{listed}{more}")
