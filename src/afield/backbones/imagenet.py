"""ImageNet's validation images in a folder: which file shows which of the 1,000 classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from afield.base.errors import InputError
from afield.base.text import first_few
from afield.tasks.own.folder import LITTER, SUFFIXES, image_files

CLASSES = 1000
IMAGES = 50_000
"""in the whole validation set"""

_FLAT = re.compile(r"ILSVRC2012_val_\d{8}\.JPEG", re.IGNORECASE)
"""images as the archive of the download holds them"""
_TRAINING = re.compile(r"n\d{8}_\d+\.JPEG", re.IGNORECASE)
"""names of the training set's images"""
_SHOWN = 5


@dataclass(frozen=True)
class ValidationImages:
    """Image files with the places of their classes, 0 to 999, in the order of the weights' logits."""

    folder: Path
    files: tuple[Path, ...]
    labels: tuple[int, ...]

    @property
    def classes(self) -> int:
        """How many of the 1,000 classes have an image here."""
        return len(set(self.labels))

    @property
    def whole(self) -> bool:
        """Whether there are as many images and classes as in the whole validation set."""
        return (len(self.files), self.classes) == (IMAGES, CLASSES)

    @property
    def of_training(self) -> int:
        """How many files are named as the images that the weights were trained on."""
        return sum(_TRAINING.fullmatch(file.name) is not None for file in self.files)


@cache
def class_places() -> dict[str, int]:
    """WordNet id -> place among the 1,000 logits, as timm lists them (the ids in order)."""
    from timm.data.imagenet_info import ImageNetInfo

    names: list[str] = ImageNetInfo("imagenet-1k").label_names()  # type: ignore[no-untyped-call]  # timm's
    return {name: place for place, name in enumerate(names)}


def validation_images(folder: Path | str) -> ValidationImages:
    """The images of a tree `folder/<WordNet id>/**/<image>`, sorted; some of the classes are enough.

    Files beside the class folders that are no images are left alone, hidden ones too. Raises InputError where the
    folder is missing or lies flat (images without their classes), where a folder in it is no class of the 1,000 or
    holds no image, and for what is no image or a link to a folder below a class.
    """
    root = Path(folder).expanduser().resolve()
    names = _class_folders(root)
    files = {name: list(image_files(root / name)) for name in names}
    empty = [name for name in names if not files[name]]
    if empty:
        raise InputError(
            f"{root / empty[0]}: holds no image ({len(empty)} of {len(names)} class folders are empty); "
            "fill it, or take the folder away"
        )
    return ValidationImages(
        root,
        tuple(file for name in names for file in files[name]),
        tuple(class_places()[name] for name in names for _ in files[name]),
    )


def _class_folders(root: Path) -> list[str]:
    """Names of the class folders, sorted."""
    if not root.is_dir():
        raise InputError(
            f"{root}: no such folder; name one that holds a folder of images for each class (n01440764, ...)"
        )
    try:
        entries = sorted(
            entry for entry in root.iterdir() if not (entry.name.startswith(".") or entry.name.lower() in LITTER)
        )
    except OSError as error:
        raise InputError(f"{root}: cannot be listed ({error.strerror}); check its permissions") from error
    loose = [entry.name for entry in entries if entry.suffix.lower() in SUFFIXES and entry.is_file()]
    if loose:
        raise InputError(_without_class(root, loose[0]))
    folders = [entry.name for entry in entries if entry.is_dir()]
    strangers = [name for name in folders if name not in class_places()]
    if strangers or not folders:
        raise InputError(_no_classes(root, strangers))
    return folders


def _without_class(root: Path, image: str) -> str:
    if not _FLAT.fullmatch(image):
        return f"{root / image}: lies beside the class folders and so has no class; move it into one (n01440764, ...)"
    # The ground truth that comes with the download numbers the classes in another order than the logits.
    return (
        f"{root}: holds the validation images without their classes ({image}, ...); sort them into class folders: put "
        "ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz into one folder, say imagenet, run\n"
        "  python -c \"import torchvision; torchvision.datasets.ImageNet('imagenet', split='val')\"\n"
        "and name imagenet/val"
    )


def _below(folder: Path) -> Iterator[Path]:
    return folder.glob("n" + 8 * "[0-9]")  # finds nothing where it may not look


def _no_classes(root: Path, strangers: list[str]) -> str:
    inner = next((name for name in strangers if any(path.name in class_places() for path in _below(root / name))), None)
    if inner is not None:
        return f"{root}: its folder {inner} holds the class folders; name {root / inner}"
    if not strangers:
        return f"{root}: holds no folders; name one that holds a folder of images for each class (n01440764, ...)"
    return (
        f"{root}: {first_few(strangers, _SHOWN)}: not among the {CLASSES:,} classes of ImageNet-1k; class folders are "
        "named by WordNet id (n01440764, ...): rename these, or move them away"
    )
