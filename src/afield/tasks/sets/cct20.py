"""CCT-20: animals before camera traps in the American Southwest; at the cameras of training, and at others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.tasks.formats.coco_traps import read_traps
from afield.tasks.places import find_root
from afield.tasks.task import LEFT_OUT, Card, Protocol, Published, Task

CATEGORIES = {
    1: "opossum", 3: "raccoon", 5: "squirrel", 6: "bobcat", 7: "skunk", 8: "dog", 9: "coyote", 10: "rabbit",
    11: "bird", 16: "cat", 21: "badger", 33: "car", 34: "deer", 51: "fox", 99: "rodent",
}  # fmt: skip
"""the study's 15 classes in its order, by the files' category ids (PAPER.md 2.1)"""
EMPTY = 30
"""the category of pictures without an animal, which training has none of"""
_TRANS = ("trans-validation", "trans-test")
_FILES = {
    "train": "train", "cis_val": "validation", "cis_test": "test", "trans_val": _TRANS[0], "trans_test": _TRANS[1],
}  # fmt: skip
"""the published files (`train_annotations.json`, ...), and the splits that they are"""
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


def samples(root: Path) -> pd.DataFrame:
    """One row an annotation of an animal or a car, as the study's code counts (an image with k boxes, k rows).

    Columns: id (the image's, `5858bf5a-23d2-11e8-a6a3-ec086b02610b`; of its further annotations with `#2`, `#3`, ...),
    image, label, group (the sequence; beyond the cameras of training the camera), unit (the sequence: a burst of
    pictures), annotation (its number within the image, from 0), published (the split that its file is), location,
    seq_id, taken. Annotations as `empty` are dropped, and so are images that have no other or none at all.

    Raises InputError for files that are not the published ones.
    """
    table = pd.concat([_read(root, name, split) for name, split in _FILES.items()], ignore_index=True)
    other = table["published"].isin(_TRANS)
    torn = sorted(set(table.loc[other, "location"]) & set(table.loc[~other, "location"]))
    if torn:
        raise InputError(
            f"cct20: {root / _TABLES}: camera {torn[0]} is in a file of trans and in one of train or cis, which share "
            f"none in CCT-20. {_GET}"
        )
    return table


def _read(root: Path, name: str, split: str) -> pd.DataFrame:
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
            "group": "camera " + rows["location"] if split in _TRANS else rows["seq_id"],
            "unit": rows["seq_id"],
            "annotation": number,
            "published": split,
            "location": rows["location"],
            "seq_id": rows["seq_id"],
            "taken": rows["taken"].fillna(""),
        }
    )


def split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """The published train, cis-validation and cis-test, and both of trans.

    `clean`: an image is one sample, whatever its number of boxes; images of several classes are left out, and so are
    those validation images whose sequence is also in train (PAPER.md 2.1: 224 sequences, 270 images of cis-val).
    `paper`: every annotation is a sample, also where annotations of an image contradict each other.
    """
    return table["published"] if protocol == "paper" else split_images(table, protocol)


def split_images(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """As `split`, but under `paper`, too, an image is one sample, and images of several classes are left out: what is
    published but for its annotations as samples.
    """
    side = table["published"]
    several = table.groupby("image")["label"].transform("nunique") > 1
    shared = (side == "validation") & table["seq_id"].isin(table.loc[side == "train", "seq_id"])
    kept = (table["annotation"] == 0) & ~several
    return side.where(kept if protocol == "paper" else kept & ~shared, LEFT_OUT)


TASK = Task(
    name="cct20",
    version=2,
    classes=tuple(CATEGORIES.values()),
    metric="accuracy",
    find=find,
    samples=samples,
    split=split,
    panel=("accuracy_by_unit",),
    subgroups=("location",),
    extra_splits=_TRANS,
    published=Published(image_size=256, flips=("horizontal",), channels="BGR"),
    card=Card(
        title="CCT-20: animals before camera traps, at the cameras of training and at others",
        source=(
            "Beery, Van Horn, Perona 2018 (Caltech): 57,864 pictures of 20 camera traps in the American Southwest, "
            "published on LILA with boxes, places and sequences; here scaled to a long side of 1024 pixels at most. "
            "Train (13,553 pictures), cis-val (3,484) and cis-test (15,827) are from the same ten cameras: test from "
            "odd days, the others from even ones. Trans-val (1,725) is from another camera, trans-test (23,275) from "
            "nine others: further test splits, by which nothing is chosen. The animal is often small, dark, cut off or "
            "out of focus. Pictures without an animal, 3.5 to 28.6 % of validation and test and none of train, are "
            "dropped."
        ),
        application=(
            "Counting wildlife without disturbing it; one of the study's six, from ecology: pictures that no person "
            "chose or framed, a task that biologists have, and published baselines. Accuracy leads; accuracy by "
            "sequence stands beside it."
        ),
        licence="CDLA-Permissive (Community Data License Agreement, permissive variant)",
        baseline=(
            "Beery et al. 2018: accuracy 80.94 % on cis-test (Inception-v3, 299 pixels, 15 classes without empty). The "
            "study: 83.4 % (CLIP ViT-L/14, 336 pixels, more augmentation). Trans-test: 58.96 % (Beery et al.)"
        ),
        get=_GET,
        citation=(
            "S. Beery, G. Van Horn, P. Perona: Recognition in Terra Incognita. ECCV 2018, 456-473. arXiv:1807.04975"
        ),
    ),
)
IMAGES = replace(
    TASK,
    name="cct20_images",
    split=split_images,
    card=replace(
        TASK.card,
        title="CCT-20: animals before camera traps, an image a sample under both protocols",
        application=f"cct20 under paper without annotations as samples. {TASK.card.application}",
    ),
)
