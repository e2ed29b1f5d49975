"""Caltech-101: pictures of 101 kinds of objects, and of the background, found by a search engine."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.base.streams import hash_rank
from afield.tasks.places import find_root
from afield.tasks.sets.web import PUBLISHED, SPLIT_SEED, WHY, class_names, official_split
from afield.tasks.task import Card, Task

CLASSES = class_names("caltech101")
"""the folders in the order of their characters' codes, with BACKGROUND_Google"""
TRAIN_IMAGES = 30
"""of each class; the rest is for test"""
_ROOTS = tuple(f"{place}101_ObjectCategories" for place in ("caltech101/", "caltech-101/", ""))
_GET = (
    "Download caltech-101.zip (137 MB, no account) from https://data.caltech.edu/records/mzrjq-6wc02, unpack it, and "
    "unpack its 101_ObjectCategories.tar.gz into caltech101/ below that folder, or name yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of the 102 class folders."""
    return find_root("caltech101", data, _ROOTS, CLASSES[0], _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row a picture: id and image (`accordion/image_0001.jpg`), label and official.

    No split is published: hashes of the ids draw 30 pictures of each class for training, the rest is for test.
    """
    lacking = [name for name in CLASSES if not (root / name).is_dir()]
    if lacking:
        raise InputError(f"caltech101: {root / lacking[0]}: no such folder; each of the 102 classes has one. {_GET}")
    parts = []
    for label, name in enumerate(CLASSES):
        ids = sorted(f"{name}/{path.name}" for path in (root / name).glob("[!.]*.jpg"))
        drawn = [ids[position] for position in hash_rank(SPLIT_SEED, "caltech101", ids)[:TRAIN_IMAGES]]
        official = ["train" if sample in set(drawn) else "test" for sample in ids]
        parts.append(pd.DataFrame({"id": ids, "image": ids, "label": label, "official": official}))
    return pd.concat(parts, ignore_index=True)


TASK = Task(
    name="caltech101",
    version=1,
    classes=CLASSES,
    metric="balanced_accuracy",  # mean per class
    find=find,
    samples=samples,
    split=official_split,
    split_seed=SPLIT_SEED,
    published=PUBLISHED,
    card=Card(
        title="Caltech-101: kinds of objects",
        source=(
            "Fei-Fei, Fergus, Perona 2004 (Caltech): 9,144 pictures of about 300x200 pixels from Google's image "
            "search, 31 to 800 of each of 101 kinds of objects, and 467 of none (BACKGROUND_Google). As in Kornblith "
            "et al. 30 of each class are for training, 3,060 in all, and 6,084 for test; which ones they drew is not "
            "published, so they are drawn anew here, and figures differ by the draw too."
        ),
        application=WHY,
        domain="web-scraped",
        licence="CC BY 4.0 (of the collection); the pictures belong to those who made them",
        get=_GET,
        citation=(
            "L. Fei-Fei, R. Fergus, P. Perona: Learning generative visual models from few training examples: An "
            "incremental Bayesian approach tested on 101 object categories. CVPR Workshop 2004. "
            "doi:10.1109/CVPR.2004.383"
        ),
    ),
)
