"""Pictures that somebody names, as a network is shown them in evaluation. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from afield.base.errors import InputError
from afield.base.reading import AS_DECLARED, Reading
from afield.images.rule import Rule, prepare_file
from afield.tasks.boxes import WHOLE
from afield.tasks.own.folder import SUFFIXES, image_files


def find_images(paths: str | Path | Iterable[str | Path], reading: Reading = AS_DECLARED) -> list[Path]:
    """The images that these paths name, in their order: a file is itself, a folder all that lie below it, by name.

    Hidden files and folders are skipped. Where an image is several files, each of them, and what their names share,
    stands for it; of a folder or a row of paths it comes once. Raises InputError where nothing lies at a path, where a
    folder holds no image, something else than images and texts or a link to a folder, where a file of an image is
    missing, and where no path is given.
    """
    named = [paths] if isinstance(paths, str | Path) else list(paths)
    if not named:
        raise InputError("no image was named; give image files, or folders of them")
    if not reading.files:
        return [file for path in named for file in _files(Path(path).expanduser())]
    return _together([Path(path).expanduser() for path in named], reading)


def _together(named: Sequence[Path], reading: Reading) -> list[Path]:
    """The images of several files that these paths name, each once."""
    images: list[Path] = []
    for path in named:
        shared = not path.exists() and any(Path(file).is_file() for file in reading.files_of(str(path)))
        images += [path] if shared else [_image_of(file, reading) for file in _files(path)]
    images = list(dict.fromkeys(images))
    lacking = [file for image in images for file in reading.files_of(str(image)) if not Path(file).is_file()]
    if lacking:
        raise InputError(f"{lacking[0]}: no such file; an image is {', '.join(reading.files_of(''))} together")
    return images


def _image_of(file: Path, reading: Reading) -> Path:
    """The image that a file belongs to: what its name shares with the others; itself where it is one alone."""
    ending = next((ending for ending in reading.files if file.name.endswith(ending)), "")
    return file.with_name(file.name.removesuffix(ending))


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if not path.is_dir():
        yield path
        return
    found = list(image_files(path))
    if not found:
        raise InputError(f"{path}: holds no image ({' '.join(SUFFIXES)})")
    yield from found


def read_views(
    images: Sequence[Path], rule: Rule, reading: Reading = AS_DECLARED, boxes: Sequence[str] = ()
) -> tuple[list[npt.NDArray[np.uint8]], dict[int, str]]:
    """Images, or what of them lies in `boxes` (one an image, `boxes.written`), as an evaluation rule prepares them,
    [size, size, channels] each, and by its position a complaint for each that cannot be read (of which there is no
    view).
    """
    views, complaints = [], {}
    for position, (image, box) in enumerate(zip(images, boxes or [WHOLE] * len(images), strict=True)):
        try:
            views.append(prepare_file(image, rule, reading, box)[0])
        except InputError as error:
            complaints[position] = str(error)
    return views, complaints
