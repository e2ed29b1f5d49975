"""How competitions are answered: which unlabelled images they ask about, in which order, and what they want to hear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError, nearest
from afield.tasks.formats.label_table import read_table
from afield.tasks.task import Task


@dataclass(frozen=True)
class Submission:
    """A competition's own `submission.csv`: a header and a row an image."""

    identity: str
    """column that names the image"""
    answer: str
    """column of what is said of it"""
    images: tuple[str, ...]
    """where the image of an id may lie below the task's folder, `{}` for the id"""
    said: Callable[[pd.DataFrame, tuple[str, ...]], pd.Series]
    """from what `Network.predict` gives, and the classes, to the column `answer`"""
    tables: tuple[str, ...] = ("sample_submission.csv", "test.csv")
    """below the task's folder: the first that is there says which images are asked about, in which order"""


def class_number(predicted: pd.DataFrame, classes: tuple[str, ...]) -> pd.Series:
    """The number of the class that is said."""
    return predicted["predicted"].map({name: number for number, name in enumerate(classes)})


def second_class(predicted: pd.DataFrame, classes: tuple[str, ...]) -> pd.Series:
    """The probability of the second of two classes."""
    return predicted[f"p_{classes[1]}"]


def class_numbers(predicted: pd.DataFrame, classes: tuple[str, ...]) -> pd.Series:
    """The numbers of all classes that are said, parted by blanks; where none is, that of the likeliest, for each image
    has one at least.
    """
    numbers = {name: str(number) for number, name in enumerate(classes)}
    likeliest = predicted[[f"p_{name}" for name in classes]].idxmax(axis=1).astype(str).str.removeprefix("p_")
    said = predicted["predicted"].where(predicted["predicted"] != "", likeliest)
    return said.map(lambda names: " ".join(numbers[name] for name in names.split("; ")))


_HPA2018 = Submission("Id", "Predicted", images=("test/{}", "rgby/test/{}.png"), said=class_numbers)
_YEARS = ("", "melanoma-2020/", "jpeg-melanoma-512x512/")
"""where melanoma's newer year lies: the competition itself, or one of the resized sets' folders"""
SUBMISSIONS = {
    "aptos2019": Submission("id_code", "diagnosis", images=("test_images/{}.png",), said=class_number),
    "cassava": Submission("image_id", "label", images=("test_images/{}",), said=class_number),
    "hpa2018": _HPA2018,
    "hpa2018_rgby": _HPA2018,
    "melanoma2020": Submission(
        "image_name",
        "target",
        images=tuple(f"{year}{folder}/{{}}.jpg" for year in _YEARS for folder in ("jpeg/test", "test")),
        said=second_class,
        tables=tuple(f"{year}{table}" for year in _YEARS for table in ("sample_submission.csv", "test.csv")),
    ),
}
"""by task"""


def submission_of(task: str) -> Submission:
    """How a task's competition is answered. Raises InputError for a task that has none."""
    if task not in SUBMISSIONS:
        raise InputError(
            f"{task}: has no competition that takes a submission.csv; {nearest(task, SUBMISSIONS)} "
            "(classes of any images: afield predict)"
        )
    return SUBMISSIONS[task]


def asked_about(task: Task, root: Path, form: Submission) -> dict[str, Path]:
    """The image of each id that a competition asks about, in its order.

    Raises InputError where there is no table of them, where it names an image twice or none at all, and for images that
    are not there.
    """
    table = next((root / name for name in form.tables if (root / name).is_file()), None)
    if table is None:
        raise InputError(
            f"{task.name}: {root}: holds none of {', '.join(form.tables)}, which say which images are asked about. "
            f"{task.card.get}"
        )
    ids = read_table(task.name, table, (form.identity,), task.card.get)[form.identity]
    twice = ids[ids.duplicated()]
    if ids.empty or len(twice):
        raise InputError(
            f"{task.name}: {table}: names {f'{twice.iloc[0]} more than once' if len(twice) else 'no image'}; restore it"
        )
    places = {name: _place(task, root, form.images, name) for name in ids}
    absent = [name for name, place in places.items() if place is None]
    if absent:
        more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        raise InputError(
            f"{task.name}: {table.name} asks about {absent[0]}{more}, and there is no "
            f"{' or '.join(form.images).format(*len(form.images) * [absent[0]])} in {root}; restore the image"
        )
    return {name: place for name, place in places.items() if place is not None}


def _place(task: Task, root: Path, images: Sequence[str], name: str) -> Path | None:
    """The first of the places that holds the image of an id, which may be several files."""
    for image in (root / place.format(name) for place in images):
        if all(Path(file).is_file() for file in task.reading.files_of(str(image))):
            return image
    return None
