"""Stanford Cars: photographs of 196 makes, models and years of cars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from afield.base.errors import InputError
from afield.tasks.places import find_root
from afield.tasks.sets.web import PUBLISHED, SPLIT_SEED, WHY, class_names, official_split, read_matlab
from afield.tasks.task import Card, Split, Task

CLASSES = class_names("stanford_cars")
"""in the order of cars_meta.mat"""
_ROOTS = ("stanford_cars", "cars", "car196")
_TEST_TABLES = ("cars_test_annos_withlabels.mat", "devkit/cars_test_annos_withlabels.mat")
_GET = (
    "The publishers' page (https://ai.stanford.edu/~jkrause/cars/car_dataset.html) no longer gives it. Where you have "
    "it, put cars_train/, cars_test/, devkit/ and cars_test_annos_withlabels.mat (not devkit/cars_test_annos.mat, "
    "which has no labels) into stanford_cars/ below that folder, or name yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of `cars_train/`, `cars_test/` and `devkit/`."""
    return find_root("stanford_cars", data, _ROOTS, "devkit/cars_train_annos.mat", _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row a photograph: id (`cars_train/00001.jpg`), image, label and official (its published split)."""
    test = next((root / name for name in _TEST_TABLES if (root / name).is_file()), root / _TEST_TABLES[0])
    parts = [
        _annotated(root / "devkit/cars_train_annos.mat", "cars_train", "train"),
        _annotated(test, "cars_test", "test"),
    ]
    return pd.concat(parts, ignore_index=True)


def _annotated(path: Path, folder: str, split: Split) -> pd.DataFrame:
    annotations = np.atleast_1d(read_matlab("stanford_cars", path, _GET).get("annotations", np.array([])))
    if not {"fname", "class"} <= set(annotations.dtype.names or ()):
        raise InputError(f"stanford_cars: {path}: its variable annotations lacks fname or class. {_GET}")
    names = [f"{folder}/{name}" for name in annotations["fname"]]
    labels = annotations["class"].astype("int64") - 1
    outside = np.flatnonzero((labels < 0) | (labels >= len(CLASSES)))
    if len(outside):
        raise InputError(
            f"stanford_cars: {path}: {annotations['fname'][outside[0]]}: class {labels[outside[0]] + 1}; must be 1 to "
            f"{len(CLASSES)}"
        )
    return pd.DataFrame({"id": names, "image": names, "label": labels, "official": split})


TASK = Task(
    name="stanford_cars",
    version=1,
    classes=CLASSES,
    metric="accuracy",
    find=find,
    samples=samples,
    split=official_split,
    split_seed=SPLIT_SEED,
    published=PUBLISHED,
    card=Card(
        title="Stanford Cars: makes, models and years",
        source=(
            "Krause, Stark, Deng, Fei-Fei 2013 (Stanford): 16,185 photographs from the web, 8,144 for training and "
            "8,041 for test, of all sizes. Published with boxes around the cars, which are not used here."
        ),
        application=WHY,
        domain="web-scraped",
        licence="for non-commercial research (as we remember the publishers' page, which is gone)",
        baseline=(
            "accuracy 93.4 % with a fine-tuned Inception-v4 of Kornblith et al. 2019, as quoted by Tan and Le 2019 "
            "(from memory, unverified)"
        ),
        get=_GET,
        citation=(
            "J. Krause, M. Stark, J. Deng, L. Fei-Fei: 3D object representations for fine-grained categorization. "
            "ICCV Workshops 2013. doi:10.1109/ICCVW.2013.77"
        ),
    ),
)
