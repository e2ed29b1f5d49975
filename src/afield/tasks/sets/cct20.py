"""CCT-20: animals before camera traps in the American Southwest; at the cameras of training, and at others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd

from afield.base.errors import InputError
from afield.tasks.formats.coco_traps import read_traps
from afield.tasks.places import find_root
from afield.tasks.task import LEFT_OUT, Card, Protocol, Published, Split, Task

CATEGORIES = {
    1: "opossum", 3: "raccoon", 5: "squirrel", 6: "bobcat", 7: "skunk", 8: "dog", 9: "coyote", 10: "rabbit",
    11: "bird", 16: "cat", 21: "badger", 33: "car", 34: "deer", 51: "fox", 99: "rodent",
}  # fmt: skip
"""the study's 15 classes in its order, by the files' category ids (PAPER.md 2.1)"""
EMPTY = 30
"""the category of pictures without an animal, which training has none of"""
_CIS: dict[str, Split] = {"train": "train", "cis_val": "validation", "cis_test": "test"}
_TRANS: dict[str, Split] = {"train": "train", "trans_val": "validation", "trans_test": "test"}
"""the published files (`train_annotations.json`, ...), and what each task takes them for"""
_TABLES, _IMAGES = "eccv_18_annotation_files", "eccv_18_all_images_sm"
_ROOTS = ("CCT-20", "cct20", "caltechcameratraps", ".")
_GET = (
    "Run `afield tasks fetch cct20` (6.5 GB, no account); or download eccv_18_annotations.tar.gz and "
    "eccv_18_all_images_sm.tar.gz from https://storage.googleapis.com/public-datasets-lila/caltechcameratraps/, unpack "
    f"both into CCT-20/ below that folder ({_TABLES}/ and {_IMAGES}/ lie in it then), or name yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of the annotation files' folder and that of the images."""
    return find_root("cct20", data, _ROOTS, _TABLES, _GET)


def samples(
    root: Path, files: Mapping[str, Split] = _CIS, group: Literal["seq_id", "location"] = "seq_id"
) -> pd.DataFrame:
    """One row an annotation of an animal or a car, as the study's code counts (an image with k boxes, k rows).

    Columns: id (the image's, `5858bf5a-23d2-11e8-a6a3-ec086b02610b`; of its further annotations with `#2`, `#3`, ...),
    image, label, group, unit (the sequence: a burst of pictures), annotation (its number within the image, from 0),
    published (the split that its file stands for), location, seq_id, taken. Annotations as `empty` are dropped, and so
    are images that have no other or none at all.
    """
    return pd.concat([_read(root, name, split, group) for name, split in files.items()], ignore_index=True)


def _read(root: Path, name: str, split: Split, group: str) -> pd.DataFrame:
    """The rows of one published file."""
    path = root / _TABLES / f"{name}_annotations.json"
    rows = read_traps(path, _GET).annotated()
    foreign = sorted(set(rows["category_id"]) - {*CATEGORIES, EMPTY})
    if foreign:
        raise InputError(f"cct20: {path}: has annotations of the category {foreign[0]}, none of CCT-20's. {_GET}")
    rows = rows[rows["category_id"] != EMPTY]
    for column in ("seq_id", "location"):
        lacking = rows["image_id"][rows[column].isna()]
        if len(lacking):
            raise InputError(f"cct20: {path}: image {lacking.iloc[0]} has no {column}, as each of CCT-20's has. {_GET}")
    number = rows.groupby("image_id").cumcount()
    further = ("#" + (number + 1).astype(str)).where(number > 0, "")
    return pd.DataFrame(
        {
            "id": rows["image_id"] + further,
            "image": _IMAGES + "/" + rows["image_id"] + ".jpg",
            "label": rows["category_id"].map({category: label for label, category in enumerate(CATEGORIES)}),
            "group": rows[group],
            "unit": rows["seq_id"],
            "annotation": number,
            "published": split,
            "location": rows["location"],
            "seq_id": rows["seq_id"],
            "taken": rows["taken"].fillna(""),
        }
    )


def split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """The published train, validation and test.

    `clean`: an image is one sample, whatever its number of boxes; images of several classes are left out, and so are
    those validation images whose sequence is also in train (PAPER.md 2.1: 224 sequences, 270 images of cis-val).
    `paper`: every annotation is a sample, also where annotations of an image contradict each other.
    """
    side = table["published"]
    if protocol == "paper":
        return side
    several = table.groupby("image")["label"].transform("nunique") > 1
    shared = (side == "validation") & table["seq_id"].isin(table.loc[side == "train", "seq_id"])
    return side.where((table["annotation"] == 0) & ~several & ~shared, LEFT_OUT)


TASK = Task(
    name="cct20",
    version=1,
    classes=tuple(CATEGORIES.values()),
    metric="accuracy",
    find=find,
    samples=samples,
    split=split,
    panel=("accuracy_by_unit",),
    subgroups=("location",),
    published=Published(image_size=256, flips=("horizontal",), channels="BGR"),
    card=Card(
        title="CCT-20: animals before camera traps, at the cameras of training",
        source=(
            "Beery, Van Horn, Perona 2018 (Caltech): 57,864 pictures of 20 camera traps in the American Southwest, "
            "published on LILA with boxes, places and sequences; here scaled to a long side of 1024 pixels at most. "
            "Train (13,553 pictures), cis-val (3,484) and cis-test (15,827) are from the same ten cameras: test from "
            "odd days, the others from even ones. The animal is often small, dark, cut off or out of focus. Pictures "
            "without an animal, 3.5 to 28.6 % of validation and test and none of train, are dropped."
        ),
        application=(
            "Counting wildlife without disturbing it; one of the study's six, from ecology: pictures that no person "
            "chose or framed, a task that biologists have, and published baselines. Accuracy leads; accuracy by "
            "sequence stands beside it."
        ),
        licence="CDLA-Permissive (Community Data License Agreement, permissive variant)",
        baseline=(
            "Beery et al. 2018: accuracy 80.94 % on cis-test (Inception-v3, 299 pixels, 15 classes without empty). The "
            "study: 83.4 % (CLIP ViT-L/14, 336 pixels, more augmentation)"
        ),
        get=_GET,
        citation=(
            "S. Beery, G. Van Horn, P. Perona: Recognition in Terra Incognita. ECCV 2018, 456-473. arXiv:1807.04975"
        ),
    ),
)

TRANS = replace(
    TASK,
    name="cct20_trans",
    samples=partial(samples, files=_TRANS, group="location"),
    published=None,
    card=replace(
        TASK.card,
        title="CCT-20: animals before camera traps, at other cameras than those of training",
        source=(
            "Beery, Van Horn, Perona 2018 (Caltech): the training pictures of cct20, from ten camera traps; trans-val "
            "(1,725 pictures) from another one, trans-test (23,275) from nine others. Intervals are drawn over cameras "
            "and therefore wide: nine of them know little of all others. One camera does not see every animal: "
            "validation lacks some classes."
        ),
        application=(
            "Counting wildlife at places without any labelled picture. No figure of the study, which reported cis-test "
            "alone; the same training pictures as cct20, asked the harder question."
        ),
        baseline=(
            "Beery et al. 2018: accuracy 58.96 % on trans-test (Inception-v3, 299 pixels, 15 classes without empty)"
        ),
    ),
)
