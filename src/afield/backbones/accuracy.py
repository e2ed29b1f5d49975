"""A backbone's ImageNet accuracy as it was measured here: as text, and as a row of a table. Needs no torch."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from afield.backbones.backbone import Backbone
from afield.backbones.imagenet import CLASSES, IMAGES, ValidationImages
from afield.backbones.show import makers_view
from afield.backbones.weights import Weights
from afield.base.errors import InputError
from afield.base.files import write_text
from afield.base.text import count, entry
from afield.scoring.intervals import Interval, clopper_pearson

COLUMNS = ("backbone", "imagenet_top1", "imagenet_top5", "size", "images", "classes", "low", "high", "sha256")
"""of the table; accuracies in per cent, `low` and `high` the 95 % interval of the top-1"""
_WIDTH = 100
"""columns of a terminal"""


@dataclass(frozen=True)
class Accuracy:
    """How many validation images a backbone, as published, named right."""

    backbone: Backbone
    """with the crop that was used"""
    weights: Weights
    images: ValidationImages
    size: int
    """side of the squares that the network saw, pixels"""
    right: int
    """of its first guesses"""
    right_of_five: int
    """images whose class is among its five best guesses"""
    device: str

    @property
    def top1(self) -> Interval:
        """0..1, with its 95 % interval."""
        return clopper_pearson(self.right, len(self.images.files))

    @property
    def top5(self) -> Interval:
        """0..1, with its 95 % interval."""
        return clopper_pearson(self.right_of_five, len(self.images.files))


def describe_accuracy(found: Accuracy) -> str:
    """What was measured, the published figure beside it, and what to do with it."""
    entries = {
        "backbone": found.backbone.id,
        "weights": found.weights.origin,
        "sha256": found.weights.sha256,
        "measured on": _images(found.images),
        "note": _note(found.images),
        "prepared": makers_view(found.backbone, found.size),
        "computed": f"float32, {found.device}",
        "top-1": _share(found.top1, found.right),
        "top-5": _share(found.top5, found.right_of_five),
        "published": _published(found),
        "use it": _use(found),
    }
    return "\n".join(entry(key, value, _WIDTH) for key, value in entries.items() if value)


def _images(images: ValidationImages) -> str:
    number = "{:,}".format
    files = count(len(images.files), "image", say=number)
    seen = f"{files} of {count(images.classes, 'class', 'classes', say=number)}"
    if images.whole:
        return f"{seen} in {images.folder}: as many as the whole validation set"
    return (
        f"{seen} in {images.folder}: not the whole validation set ({IMAGES:,} images of {CLASSES:,} classes); the "
        f"network chose among all {CLASSES:,}"
    )


def _note(images: ValidationImages) -> str:
    if not images.of_training:
        return ""
    return (
        f"{images.of_training:,} of the images are named as those of ImageNet's training set, which such weights were "
        "trained on; the accuracy on them is no validation accuracy"
    )


def _share(share: Interval, right: int) -> str:
    return f"{100 * share.value:.2f} % (95 % interval {100 * share.low:.2f} to {100 * share.high:.2f}; {right:,} right)"


def _published(found: Accuracy) -> str:
    row, share = found.backbone, found.top1
    if row.imagenet_top1 is None:
        return "no accuracy known"
    at = "" if row.imagenet_size is None else f" at {row.imagenet_size} px"
    figure = f"{row.imagenet_top1:g} % top-1 ({row.imagenet_kind}{at})"
    if row.imagenet_size not in (None, found.size):
        return f"{figure}: of another size than was measured; compare with --size {row.imagenet_size}"
    if share.holds(row.imagenet_top1 / 100):
        return f"{figure}: inside the interval"
    side = "below" if row.imagenet_top1 / 100 < share.low else "above"
    return f"{figure}: outside, {side} the interval"


def _use(found: Accuracy) -> str:
    if found.backbone.library == "own":
        return (
            f'in its file: imagenet_top1={_per_cent(found.top1.value)}, imagenet_kind="measured", '
            f"imagenet_size={found.size}"
        )
    return "collect such figures with --to measured.csv; docs/backbones.md says how an analysis takes them"


def check_table(path: Path) -> None:
    """Refuse to add to a file that is something else than a table of accuracies. Raises InputError."""
    _rows(path)


def write_accuracy(found: Accuracy, path: Path) -> None:
    """Write a row (COLUMNS) into a CSV file: after those that are there, in the place of the backbone's own.

    Raises InputError where the file is another table, StoreError where it cannot be written.
    """
    share = found.top1
    row = {
        "backbone": found.backbone.id,
        "imagenet_top1": _per_cent(share.value),
        "imagenet_top5": _per_cent(found.top5.value),
        "size": str(found.size),
        "images": str(len(found.images.files)),
        "classes": str(found.images.classes),
        "low": _per_cent(share.low),
        "high": _per_cent(share.high),
        "sha256": found.weights.sha256,
    }
    rows = {known["backbone"]: known for known in _rows(path)} | {row["backbone"]: row}
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows.values())
    write_text(path, text.getvalue())


def _per_cent(share: float) -> str:
    return f"{round(100 * share, 4):g}"


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of the table; none where there is no file yet."""
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header, *lines = [*csv.reader(stream)] or [[]]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table ({error}); name another file with --to") from error
    if tuple(header) != COLUMNS or any(len(line) != len(COLUMNS) for line in lines):
        raise InputError(
            f"{path}: is another table than one of measured accuracies ({', '.join(COLUMNS)}); name another file "
            "with --to"
        )
    return [dict(zip(COLUMNS, line, strict=True)) for line in lines]
