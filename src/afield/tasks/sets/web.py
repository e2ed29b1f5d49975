"""What the web-scraped tasks share: lists of images as published, classes by name, and the use of official splits."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from afield.base.errors import InputError
from afield.tasks.splits import stratified_split
from afield.tasks.task import Protocol, Published, Split

SPLIT_SEED = 0
PUBLISHED = Published(image_size=224, flips=("horizontal",))
"""The study published no code for web-scraped tasks: ImageNet's size, with the transform common to its own six."""
WHY = (
    "One of the twelve web-scraped tasks of Kornblith et al. 2019, with their splits and metric; here to be compared "
    "with the study's six on the same footing. The study published no code for it: under `paper` it has the image size "
    "of ImageNet (224) and the crops and flips that are common to the study's own tasks."
)
_HELD_OUT: dict[Split, float] = {"train": 0.8, "validation": 0.2}
_FOREIGN = "this is not the published list"


def class_names(task: str) -> tuple[str, ...]:
    """The classes of a task that has many, in the order of their numbers, from the list that ships with the package."""
    text = resources.files("afield.tasks.sets").joinpath("classes", f"{task}.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())


def read_lists(task: str, lists: Mapping[Split, Path], get: str) -> pd.DataFrame:
    """The lines of published lists of images: line, official (the list's split) and place (file and row).

    Blank lines are left out. Raises InputError where a file cannot be read; `get` says where a sound one is.
    """
    rows = []
    for split, path in lists.items():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{task}: {path}: cannot be read ({error}). {get}") from error
        rows += [(line.strip(), split, f"{path}, row {row}") for row, line in enumerate(lines, 1) if line.strip()]
    return pd.DataFrame(rows, columns=["line", "official", "place"])


def read_matlab(task: str, path: Path, get: str) -> dict[str, Any]:
    """The variables of a MATLAB file, without dimensions of one.

    Raises InputError where it cannot be read; `get` says where a sound one is.
    """
    from scipy.io import loadmat  # takes a tenth of a second, which `afield tasks list` need not spend
    from scipy.io.matlab import MatReadError

    try:
        variables: dict[str, Any] = loadmat(path, squeeze_me=True)
    except (OSError, ValueError, TypeError, NotImplementedError, MatReadError) as error:
        raise InputError(f"{task}: {path}: cannot be read as a MATLAB file ({error}). {get}") from error
    return variables


def positions_of(names: pd.Series, classes: tuple[str, ...], task: str, places: pd.Series) -> pd.Series:
    """Of each class its number; InputError that tells the place of the first that is none."""
    other = names[~names.isin(classes)]
    if len(other):
        raise InputError(
            f"{task}: {places[other.index[0]]}: {other.iloc[0]!r} is none of the {len(classes)} classes; {_FOREIGN}"
        )
    return names.map({name: position for position, name in enumerate(classes)}).astype("int64")


def official_split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """The published split (column `official`), made fit for a protocol.

    `paper`: validation joins training, as in the last trainings of Kornblith et al., and test selects, as it did for
    four of the study's own six.
    `clean`: as published; where that has no validation split, a fifth of each class of the training images, drawn by
    hashes of the ids, becomes one.
    """
    official = table["official"]
    if protocol == "paper":
        return official.where(official != "validation", "train").rename("split")
    if (official == "validation").any():
        return official.rename("split")
    train = table[official == "train"]
    side = official.copy()
    side[train.index] = stratified_split(train, ["label"], _HELD_OUT, SPLIT_SEED)
    return side.rename("split")
