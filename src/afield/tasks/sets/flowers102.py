"""Flowers-102: photographs of 102 kinds of flowers common in the United Kingdom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from afield.base.errors import InputError
from afield.tasks.places import find_root
from afield.tasks.sets.web import PUBLISHED, SPLIT_SEED, WHY, class_names, official_split, read_matlab
from afield.tasks.task import Card, Task

CLASSES = class_names("flowers102")
"""of the numbers 1 to 102; the files hold numbers alone, the names are those that torchvision gives them"""
_LISTS = {"train": "trnid", "validation": "valid", "test": "tstid"}
_ROOTS = ("flowers-102", "flowers102", "oxford_flowers102")
_GET = (
    "Download 102flowers.tgz (345 MB), imagelabels.mat and setid.mat, no account, from "
    "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/, unpack the first into flowers-102/ below that folder (it "
    "makes jpg/) and put the others beside it, or name yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of `jpg/`, `imagelabels.mat` and `setid.mat`."""
    return find_root("flowers102", data, _ROOTS, "imagelabels.mat", _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row a photograph: id (`image_00001`), image, label and official (its published split)."""
    labels = _numbers(root / "imagelabels.mat", "labels")
    sets = {split: _numbers(root / "setid.mat", name) for split, name in _LISTS.items()}
    numbers = np.concatenate(list(sets.values()))
    if sorted(numbers) != list(range(1, len(labels) + 1)) or labels.min() < 1 or labels.max() > len(CLASSES):
        raise InputError(
            f"flowers102: {root / 'setid.mat'}: its three lists do not hold each of the {len(labels)} images of "
            f"imagelabels.mat once, or labels are not 1 to {len(CLASSES)}. {_GET}"
        )
    ids = [f"image_{number:05d}" for number in numbers]
    return pd.DataFrame(
        {
            "id": ids,
            "image": [f"jpg/{name}.jpg" for name in ids],
            "label": labels[numbers - 1] - 1,
            "official": np.repeat(list(sets), [len(members) for members in sets.values()]),
        }
    )


def _numbers(path: Path, name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    values = np.atleast_1d(read_matlab("flowers102", path, _GET).get(name, np.array([])))
    if values.size == 0 or not np.issubdtype(values.dtype, np.integer):
        raise InputError(f"flowers102: {path}: lacks the whole numbers {name}. {_GET}")
    return values.astype(np.int64)


TASK = Task(
    name="flowers102",
    version=1,
    classes=CLASSES,
    metric="balanced_accuracy",  # mean per class
    find=find,
    samples=samples,
    split=official_split,
    split_seed=SPLIT_SEED,
    published=PUBLISHED,
    card=Card(
        title="Flowers-102: kinds of flowers",
        source=(
            "Nilsback, Zisserman 2008 (Oxford): 8,189 photographs from the web and by the authors, 40 to 258 of each "
            "kind; 1,020 for training and 1,020 for validation (10 of each kind), 6,149 for test."
        ),
        application=WHY,
        domain="web-scraped",
        licence="none stated that we know of",
        baseline=(
            "mean accuracy per class 98.5 % with a fine-tuned Inception-v4 of Kornblith et al. 2019, as quoted by Tan "
            "and Le 2019 (from memory, unverified)"
        ),
        get=_GET,
        citation=(
            "M.-E. Nilsback, A. Zisserman: Automated flower classification over a large number of classes. ICVGIP "
            "2008. doi:10.1109/ICVGIP.2008.47"
        ),
    ),
)
