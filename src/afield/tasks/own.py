"""A user's own task: a folder that holds a folder of images for each class."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.tasks.splits import stratified_split
from afield.tasks.task import Card, Protocol, Task

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""endings of files that are images, in any case"""
LITTER = ("desktop.ini", "thumbs.db")
"""what Windows leaves in folders of images; skipped as hidden files are"""
SPLIT_SEED = 0
SMALLEST_CLASS = 5
"""images from which on 60/20/20 per cent gives a class at least one in each split"""
SKEW = 3
"""a largest class of more than this many times the smallest makes macro F1 the leading metric"""
_SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "test", "testing"}


def folder_task(path: Path | str) -> Task:
    """The task of a tree `path/<class>/**/<image>`: classes by name, split 60/20/20 per cent, stratified by class.

    Hidden files are skipped. Accuracy leads, or macro F1 where the largest class has more than SKEW times the images of
    the smallest; the card says which and why. Raises InputError where the folder is missing or holds fewer than two
    classes, where a class holds fewer than SMALLEST_CLASS images, and where a file's ending is not that of an image.
    """
    root = Path(path).expanduser().resolve()
    classes = _classes(root)
    counts = {name: sum(1 for _ in _images(root / name)) for name in classes}
    for name, count in counts.items():
        if count < SMALLEST_CLASS:
            raise InputError(
                f"{root / name}: holds {count} of the {SMALLEST_CLASS} images that a class needs, so that train, "
                "validation and test each get one; add images or take the folder away"
            )
    largest, smallest = max(counts.values()), min(counts.values())
    skewed = largest > SKEW * smallest
    return Task(
        name=root.name,
        version=1,
        classes=classes,
        metric="macro_f1" if skewed else "accuracy",
        find=partial(_find, root),
        samples=partial(samples, classes=classes),
        split=split,
        split_seed=SPLIT_SEED,
        card=Card(
            title=root.name,
            source=f"own folder: {sum(counts.values())} images in {len(classes)} classes of {smallest} to {largest}",
            application=(
                f"own images. {'Macro F1' if skewed else 'Accuracy'} leads: the largest class has "
                f"{'more than' if skewed else 'at most'} {SKEW} times the images of the smallest. "
                "Training mirrors images left to right."
            ),
            licence="the owner's",
        ),
    )


def samples(root: Path, classes: tuple[str, ...]) -> pd.DataFrame:
    """One row an image: id and image (the path below root, with /) and label."""
    rows = [
        (image.relative_to(root).as_posix(), label)
        for label, name in enumerate(classes)
        for image in _images(root / name)
    ]
    ids = [name for name, _ in rows]
    return pd.DataFrame({"id": ids, "image": ids, "label": [label for _, label in rows]})


def split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Train / validation / test 60/20/20 per cent, stratified by class."""
    return stratified_split(table, ["label"], {"train": 0.6, "validation": 0.2, "test": 0.2}, SPLIT_SEED)


def _find(root: Path, data: Path) -> Path:
    """The user's folder, wherever the data of the other tasks lie."""
    return _found(root)


def _found(root: Path) -> Path:
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; it should hold a folder of images for each class")
    return root


def _classes(root: Path) -> tuple[str, ...]:
    """Names of the class folders, sorted."""
    entries = [entry for entry in _found(root).iterdir() if not skipped(entry.name)]
    loose = sorted(entry.name for entry in entries if entry.is_file() and entry.suffix.lower() in SUFFIXES)
    if loose:
        raise InputError(
            f"{root / loose[0]}: lies beside the class folders and so has no class; move it into one of them"
        )
    classes = sorted(entry.name for entry in entries if entry.is_dir())
    if classes and {name.lower() for name in classes} <= _SPLIT_NAMES:
        raise InputError(
            f"{root}: its folders are splits ({', '.join(classes)}), not classes; "
            "give a folder that holds a folder of images for each class"
        )
    if len(classes) < 2:
        raise InputError(f"{root}: needs a folder of images for each of at least two classes; it holds {len(classes)}")
    return tuple(classes)


def _images(folder: Path) -> Iterator[Path]:
    """The images below a class folder, sorted."""
    for parent, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not skipped(name))
        for path in (Path(parent) / name for name in folders):
            if path.is_symlink():
                raise InputError(f"{path}: is a link to a folder, which is not followed; move or copy the folder here")
        for path in (Path(parent) / name for name in sorted(files) if not skipped(name)):
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
