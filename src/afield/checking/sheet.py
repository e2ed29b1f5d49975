"""A contact sheet: what an augmentation makes of a task's own images, as one page of HTML without outside reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError, nearest
from afield.base.extensions import Extension, is_own, load_extension
from afield.base.files import write_text
from afield.base.streams import hash_rank
from afield.checking.page import render_page, thumbnail
from afield.images.rule import evaluation_rule, prepare_file, train_rule
from afield.study.preparing.named_task import named_task
from afield.tasks.boxes import pictures
from afield.tasks.data import split_samples
from afield.tasks.labels import having
from afield.tasks.places import data_folder
from afield.tasks.task import Task
from afield.training.recipe import AUGMENTATIONS, USUAL_SIZE, Recipe

IMAGES, DRAWS = 6, 8
"""images of a sheet, and how often each is drawn, with seed 0"""
ADDITIONS = {"mixup": 1.0, "cutmix": 1.0, "erasing": 1.0}
"""what a recipe may add to any augmentation, and how strong a sheet shows it, beside `paper`"""
_SIDE = 152
"""pixels of a thumbnail's longer side"""


@dataclass(frozen=True)
class Row:
    """An image and what was drawn of it, as addresses that hold their bytes."""

    image: str
    """its path below the task's folder"""
    label: str
    original: str
    drawn: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """What an augmentation makes of some training images of a task."""

    title: str
    augmentation: str
    """its name, or the key of a recipe with its value"""
    size: int
    flips: tuple[str, ...]
    rows: tuple[Row, ...]


def write_sheet(name: str, augmentation: str, path: Path, data: Path | None = None, size: int | None = None) -> Sheet:
    """Write a contact sheet of a task (`named_task`) to an HTML file.

    `augmentation` is a built-in one, one of ADDITIONS or, of one's own, `FILE.py:NAME` (of an installed package: its
    entry point's name and `:NAME`), `size` the side of what networks see, pixels. Raises InputError for names that are
    none, for images that cannot be read or that the augmentation cannot have; StoreError where the file cannot be
    written.
    """
    sheet = make_sheet(named_task(name), augmentation, data, size or USUAL_SIZE)
    write_text(path, render(sheet))
    return sheet


def make_sheet(task: Task, augmentation: str, data: Path | None, size: int) -> Sheet:
    """The sheet of a task: IMAGES training images, of each class in turn, DRAWS times as a training shows them."""
    from afield.images.augmentation.mixing import Mixing
    from afield.images.augmentation.own import check_augmentation
    from afield.images.shown import epochs_of

    recipe = Recipe.model_validate({augmentation: ADDITIONS[augmentation]} if augmentation in ADDITIONS else {})
    own, extensions = _found(recipe.augmentation if augmentation in ADDITIONS else augmentation)
    check_augmentation(own, extensions, task.reading.count)
    table = split_samples(task, "clean", data)
    chosen = _chosen(table[table["split"] == "train"].reset_index(drop=True), len(task.classes))
    root = task.find(data_folder(data)).resolve()
    rule = evaluation_rule(size, "bicubic") if own == "none" else train_rule(size)
    prepared = [prepare_file(root / image, rule, task.reading, box) for image, box in pictures(chosen)]
    images, originals = [pixels for pixels, _ in prepared], [full for _, full in prepared]

    epochs = 1 if own == "none" else DRAWS
    mixing = Mixing(recipe.mixup, recipe.cutmix)
    drawn = epochs_of(images, originals, size, epochs, own, task.flips, _place(extensions), mixing, recipe.erasing)
    rows = [
        Row(image, _named(task, label), thumbnail(picture, _SIDE), tuple(thumbnail(one, _SIDE) for one in every))
        for image, label, picture, every in zip(chosen["image"], chosen["label"], images, drawn, strict=True)
    ]
    shown = f"{augmentation} = {ADDITIONS[augmentation]:g}" if augmentation in ADDITIONS else augmentation
    return Sheet(task.card.title or task.name, shown, size, task.flips, tuple(rows))


def render(sheet: Sheet) -> str:
    """The whole page; equal sheets give equal pages. All text is escaped, and a content security policy forbids
    whatever does not lie in the page itself.
    """
    return render_page("sheet.html.j2", "sheet.css", sheet=sheet)


def describe_sheet(sheet: Sheet, path: Path) -> str:
    """What was written, and where."""
    drawn = len(sheet.rows[0].drawn)
    times = "as it is shown" if drawn == 1 else f"each as {drawn} epochs show it"
    return f"{path}: {len(sheet.rows)} training images of {sheet.title}, {times} under {sheet.augmentation}"


def _found(augmentation: str) -> tuple[str, dict[str, Extension]]:
    """The name by which a study would refer to an augmentation that a command names, and its extension, if any."""
    if is_own(augmentation):
        source, _, name = augmentation.rpartition(":")
        extension = load_extension(source)
        return f"{extension.name}:{name}", {extension.name: extension}
    if augmentation not in AUGMENTATIONS:
        raise InputError(f"{augmentation}: is no augmentation; {nearest(augmentation, (*AUGMENTATIONS, *ADDITIONS))}")
    return augmentation, {}


def _place(extensions: Mapping[str, Extension]) -> tuple[str, str]:
    """Where the extension is loaded from, and its sha256; empty where there is none."""
    for extension in extensions.values():
        return (extension.name if extension.source is None else str(extension.path)), extension.sha256
    return "", ""


def _chosen(table: pd.DataFrame, classes: int) -> pd.DataFrame:
    """IMAGES rows, by hash: one of each class in turn, then others."""
    ranked = table.iloc[hash_rank(0, "sheet", table["id"].tolist())]
    first: list[int] = []
    for place in range(classes):
        rows = [row for row, label in zip(ranked.index, ranked["label"], strict=True) if place in having(label)]
        first += [row for row in rows if row not in first][:1]
    rest = [row for row in ranked.index if row not in first]
    return table.loc[[*first, *rest][:IMAGES]]


def _named(task: Task, label: int | tuple[int, ...]) -> str:
    return ", ".join(task.classes[place] for place in having(label)) or "none"
