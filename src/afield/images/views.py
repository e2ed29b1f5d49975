"""Pictures that somebody names, as a network is shown them in evaluation. Needs no torch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from afield.base.errors import InputError
from afield.images.prepared import Rule, prepare_file
from afield.tasks.own import SUFFIXES, skipped


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
        folders[:] = sorted(name for name in folders if not skipped(name))
        for path in (Path(parent) / name for name in folders):
            if path.is_symlink():
                raise InputError(f"{path}: is a link to a folder, which is not followed; name the folder itself")
        for path in (Path(parent) / name for name in sorted(files) if not skipped(name)):
            if path.suffix.lower() not in SUFFIXES:
                raise InputError(
                    f"{path}: is not an image that can be read ({' '.join(SUFFIXES)}); move it away, or name the images"
                )
            yield path


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be listed ({error.strerror}); check its permissions") from error


def read_views(files: Sequence[Path], rule: Rule) -> tuple[list[npt.NDArray[np.uint8]], list[str]]:
    """Image files as an evaluation rule prepares them, [size, size, 3] each, and a complaint for each that cannot be
    read (in its place there is nothing).
    """
    views, complaints = [], []
    for file in files:
        try:
            views.append(prepare_file(file, rule)[0])
        except InputError as error:
            complaints.append(str(error))
    return views, complaints
