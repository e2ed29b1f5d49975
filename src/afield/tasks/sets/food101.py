"""Food-101: photographs of 101 dishes, from a site where people share what they eat."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.tasks.places import find_root
from afield.tasks.sets.web import PUBLISHED, SPLIT_SEED, WHY, class_names, official_split, positions_of, read_lists
from afield.tasks.task import Card, Task

CLASSES = class_names("food101")
"""in the order of meta/classes.txt"""
_ROOTS = ("food-101", "food101/food-101", "food101")
_GET = (
    "Download food-101.tar.gz (5.0 GB, no account) from http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz and unpack "
    "it below that folder (it makes food-101/), or name yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of `meta/` and `images/`."""
    return find_root("food101", data, _ROOTS, "meta/train.txt", _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row a photograph: id (`apple_pie/1005649`), image, label and official (its published split)."""
    table = read_lists("food101", {"train": root / "meta/train.txt", "test": root / "meta/test.txt"}, _GET)
    return pd.DataFrame(
        {
            "id": table["line"],
            "image": "images/" + table["line"] + ".jpg",
            "label": positions_of(table["line"].str.split("/").str[0], CLASSES, "food101", table["place"]),
            "official": table["official"],
        }
    )


TASK = Task(
    name="food101",
    version=1,
    classes=CLASSES,
    metric="accuracy",
    find=find,
    samples=samples,
    split=official_split,
    split_seed=SPLIT_SEED,
    published=PUBLISHED,
    card=Card(
        title="Food-101: dishes on photographs",
        source=(
            "Bossard, Guillaumin, Van Gool 2014 (ETH Zurich): 101,000 photographs from foodspotting.com, at most 512 "
            "pixels wide or high; of each dish 750 for training, with wrong labels left in on purpose, and 250 for "
            "test, reviewed by hand."
        ),
        application=WHY,
        domain="web-scraped",
        licence=(
            "none of the authors': the photographs belong to those who took them, and use beyond science is to be "
            "agreed with these"
        ),
        baseline=(
            "accuracy 90.8 % with a fine-tuned Inception-v4 of Kornblith et al. 2019, as quoted by Tan and Le 2019 "
            "(from memory, unverified)"
        ),
        get=_GET,
        citation=(
            "L. Bossard, M. Guillaumin, L. Van Gool: Food-101 - Mining discriminative components with random forests. "
            "ECCV 2014. doi:10.1007/978-3-319-10599-4_29"
        ),
    ),
)
