"""DTD: 47 words that people have for textures, with photographs found by them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.tasks.places import find_root
from afield.tasks.sets.web import PUBLISHED, SPLIT_SEED, WHY, official_split, positions_of, read_lists
from afield.tasks.task import Card, Split, Task

CLASSES = (
    "banded", "blotchy", "braided", "bubbly", "bumpy", "chequered", "cobwebbed", "cracked", "crosshatched",
    "crystalline", "dotted", "fibrous", "flecked", "freckled", "frilly", "gauzy", "grid", "grooved", "honeycombed",
    "interlaced", "knitted", "lacelike", "lined", "marbled", "matted", "meshed", "paisley", "perforated", "pitted",
    "pleated", "polka-dotted", "porous", "potholed", "scaly", "smeared", "spiralled", "sprinkled", "stained",
    "stratified", "striped", "studded", "swirly", "veined", "waffled", "woven", "wrinkled", "zigzagged",
)  # fmt: skip
_LISTS: dict[Split, str] = {"train": "train1", "validation": "val1", "test": "test1"}
"""of the first partition"""
_ROOTS = ("dtd", "dtd/dtd")
_GET = (
    "Download dtd-r1.0.1.tar.gz (625 MB, no account) from "
    "https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz and unpack it below that folder (it makes "
    "dtd/), or name yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of `labels/` and `images/`."""
    return find_root("dtd", data, _ROOTS, "labels/train1.txt", _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row an image: id (`banded/banded_0002.jpg`), image, label and official (its split in the first partition)."""
    table = read_lists("dtd", {split: root / "labels" / f"{name}.txt" for split, name in _LISTS.items()}, _GET)
    return pd.DataFrame(
        {
            "id": table["line"],
            "image": "images/" + table["line"],
            "label": positions_of(table["line"].str.split("/").str[0], CLASSES, "dtd", table["place"]),
            "official": table["official"],
        }
    )


TASK = Task(
    name="dtd",
    version=1,
    classes=CLASSES,
    metric="accuracy",
    find=find,
    samples=samples,
    split=official_split,
    split_seed=SPLIT_SEED,
    published=PUBLISHED,
    card=Card(
        title="DTD: describable textures",
        source=(
            "Cimpoi, Maji, Kokkinos, Mohamed, Vedaldi 2014 (Oxford and others): 5,640 images of textures from Google "
            "and Flickr, 120 of each word, of which the first of ten published partitions is used: 1,880 each for "
            "training, validation and test. An image is of the word that it was found by; others may fit it too."
        ),
        application=WHY,
        domain="web-scraped",
        licence="made available for research; the photographs belong to those who took them",
        get=_GET,
        citation=(
            "M. Cimpoi, S. Maji, I. Kokkinos, S. Mohamed, A. Vedaldi: Describing textures in the wild. CVPR 2014. "
            "doi:10.1109/CVPR.2014.461"
        ),
    ),
)
