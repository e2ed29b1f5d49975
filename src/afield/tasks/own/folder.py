"""A folder tree as a table of samples: class folders, with or without train / validation / test above them."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.base.text import count, first_few
from afield.tasks.task import EXTRA, Split

SUFFIXES = (".bmp", ".dcm", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""endings of files that are images, in any case"""
LITTER = ("__macosx", "desktop.ini", "thumbs.db")
"""what Windows and archives of macOS leave in folders of images; skipped as hidden files are"""
TEXTS = (".csv", ".html", ".json", ".log", ".md", ".tsv", ".txt", ".xml", ".yaml", ".yml")
"""endings of files that tell of images and are none; skipped, where any other ending could be that of an image"""
SPLIT_NAMES: Mapping[str, Split] = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
"""what people call the splits, in small letters"""


def split_named(name: str) -> str | None:
    """The split that somebody calls by that name; None where it is none.

    >>> split_named("Val"), split_named("test-Hospital_B"), split_named("owl")
    ('validation', 'test-hospital_b', None)
    """
    name = name.strip().lower()
    return name if EXTRA.fullmatch(name) else SPLIT_NAMES.get(name)


def read_folder(root: Path, least: int = 2) -> pd.DataFrame:
    """One row an image of a tree `root/<class>/**/<image>` or `root/<split>/<class>/**/<image>`: `id` and `image` (the
    path below root, with /), `label` (the name of its class) and, of the second kind, `split`.

    Hidden files and texts are skipped. Raises InputError where the folder is missing or holds fewer than `least` class
    folders, where a file lies beside them, where one is empty or a link, where only some folders are called as splits
    are though all hold the same classes, and where a file's ending is not that of an image.
    """
    folders = _folders(root)
    parts = {name: split_named(name) for name in folders}
    if folders and all(parts.values()):
        rows = [
            (image, name, part)
            for folder, part in parts.items()
            for name, image in _of_classes(root, root / folder, least)
        ]
        table = pd.DataFrame(rows, columns=["image", "label", "split"])
        classes = [root / folder / name for folder in folders for name in _folders(root / folder)]
    else:
        _refuse_other_splits(root, parts)
        table = pd.DataFrame(_of_classes(root, root, least), columns=["label", "image"])
        classes = [root / name for name in folders]
    _refuse_empty(classes, set(table["label"]))
    return table.assign(id=table["image"])


def _of_classes(root: Path, folder: Path, least: int) -> list[tuple[str, str]]:
    """Class and path below root of each image in a folder of class folders."""
    classes = _folders(folder)
    if len(classes) < least:
        some = "two classes" if least == 2 else count(least, "class", "classes")
        raise InputError(f"{folder}: needs a folder of images for each of at least {some}; it holds {len(classes)}")
    return [(name, image.relative_to(root).as_posix()) for name in classes for image in image_files(folder / name)]


def _refuse_other_splits(root: Path, parts: Mapping[str, str | None]) -> None:
    """Folders train and holdout that hold the same folders are splits, and not two classes."""
    splits = [name for name, part in parts.items() if part]
    inner = {name: {entry.name for entry in (root / name).iterdir() if entry.is_dir()} for name in parts}
    for name in parts:
        same = sorted(set().union(*(inner[split] for split in splits)) & inner[name])
        if name not in splits and len(same) >= 2:
            raise InputError(
                f"{root / name}: holds the folders {first_few(same)} as {splits[0]} does, but its name is that of no "
                "split; call it train, val, test or test-NAME, or move it away"
            )


def _refuse_empty(folders: Iterable[Path], found: Container[str]) -> None:
    """A class without a single image, in whatever split, would be missing without a word."""
    for folder in folders:
        if folder.name not in found:
            raise InputError(f"{folder}: a class folder that holds no image; put some into it, or take it away")


def _folders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; it should hold a folder of images for each class")
    entries = [entry for entry in folder.iterdir() if not skipped(entry.name)]
    loose = sorted(entry.name for entry in entries if entry.is_file() and entry.suffix.lower() in SUFFIXES)
    if loose:
        raise InputError(
            f"{folder / loose[0]}: lies beside the class folders and so has no class; move it into one of them"
        )
    names = sorted(entry.name for entry in entries if entry.is_dir())
    _refuse_links(folder / name for name in names)
    return names


def _refuse_links(folders: Iterable[Path]) -> None:
    for path in folders:
        if path.is_symlink():
            raise InputError(f"{path}: is a link to a folder, which is not followed; move or copy the folder here")


def image_files(folder: Path) -> Iterator[Path]:
    """The images below a class folder, sorted."""
    for parent, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not skipped(name))
        _refuse_links(Path(parent) / name for name in folders)
        for path in (Path(parent) / name for name in sorted(files) if not skipped(name)):
            if path.suffix.lower() in TEXTS:
                continue
            if path.suffix.lower() not in SUFFIXES:
                raise InputError(
                    f"{path}: is not an image that can be read ({' '.join(SUFFIXES)}); convert it or move it away"
                )
            yield path


def _unreadable(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be listed ({error.strerror}); check its permissions") from error


def skipped(name: str) -> bool:
    """Whether a file or folder is hidden, or what systems leave lying about."""
    return name.startswith(".") or name.lower() in LITTER
