"""PASCAL VOC 2007: which of 20 kinds of objects a photograph shows; any number of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.tasks.labels import HAS, HAS_NOT, UNKNOWN
from afield.tasks.places import find_root
from afield.tasks.sets.web import PUBLISHED, SPLIT_SEED, WHY, official_split, read_lists
from afield.tasks.task import Card, Split, Task

CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
_MARKS = {"1": HAS, "-1": HAS_NOT, "0": UNKNOWN}
"""0: all objects of the class in the picture are `difficult`. The development kit's evaluation counts such a picture
neither as right nor as wrong for that class; so it is masked here, in training too"""
_LISTS: dict[Split, str] = {"train": "train", "validation": "val", "test": "test"}
_ROOTS = ("VOCdevkit/VOC2007", "voc2007/VOCdevkit/VOC2007", "VOC2007", "voc2007/VOC2007")
_GET = (
    "Download VOCtrainval_06-Nov-2007.tar (460 MB) and VOCtest_06-Nov-2007.tar (451 MB), no account, from "
    "http://host.robots.ox.ac.uk/pascal/VOC/voc2007/ and unpack both below that folder (they make VOCdevkit/), or name "
    "yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of `ImageSets/` and `JPEGImages/`."""
    return find_root("voc2007", data, _ROOTS, "ImageSets/Main/aeroplane_train.txt", _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row a photograph: id (`000005`), image, label (of each class 1, 0, or -1 for unknown) and official."""
    return pd.concat([_of_split(root, split, name) for split, name in _LISTS.items()], ignore_index=True)


def _of_split(root: Path, split: Split, name: str) -> pd.DataFrame:
    folder = root / "ImageSets" / "Main"
    marks = {kind: _marks(folder / f"{kind}_{name}.txt", split) for kind in CLASSES}
    ids = sorted(marks[CLASSES[0]].index)
    for kind, column in marks.items():
        if sorted(column.index) != ids:
            raise InputError(
                f"voc2007: {folder / f'{kind}_{name}.txt'}: does not list the same images as {CLASSES[0]}_{name}.txt, "
                f"each once. {_GET}"
            )
    table = pd.DataFrame(marks).loc[ids]
    return pd.DataFrame(
        {
            "id": ids,
            "image": [f"JPEGImages/{image}.jpg" for image in ids],
            "label": [tuple(row) for row in table.to_numpy().tolist()],
            "official": split,
        }
    )


def _marks(path: Path, split: Split) -> pd.Series:
    """What a class's list says of each image (`000005 -1`), by image."""
    table = read_lists("voc2007", {split: path}, _GET)
    fields = table["line"].str.split()
    other = table.index[~fields.str[1].isin(_MARKS)]
    if len(other):
        row = table.loc[other[0]]
        raise InputError(f"voc2007: {row['place']}: {row['line']!r}: must be an image and one of {', '.join(_MARKS)}")
    return pd.Series(fields.str[1].map(_MARKS).to_numpy(), index=fields.str[0])


TASK = Task(
    name="voc2007",
    version=1,
    classes=CLASSES,
    metric="map_11",  # mean over classes of average precision at eleven recalls, as in 2007
    find=find,
    samples=samples,
    split=official_split,
    split_seed=SPLIT_SEED,
    target="labels",
    published=PUBLISHED,
    card=Card(
        title="PASCAL VOC 2007: objects in photographs",
        source=(
            "Everingham, Van Gool, Williams, Winn, Zisserman 2007: 9,963 photographs from Flickr, 2,501 for training, "
            "2,510 for validation, 4,952 for test; 20 kinds of objects, of which a photograph may show several. Where "
            "all objects of a kind are too difficult to be seen well, the kind is unknown of that photograph: it "
            "counts neither for nor against, as in the development kit's own evaluation."
        ),
        application=WHY,
        domain="web-scraped",
        licence="Flickr's terms of use; the photographs belong to those who took them",
        get=_GET,
        citation=(
            "M. Everingham, L. Van Gool, C. K. I. Williams, J. Winn, A. Zisserman: The PASCAL visual object classes "
            "(VOC) challenge. IJCV 88(2), 303-338, 2010. doi:10.1007/s11263-009-0275-4"
        ),
    ),
)
