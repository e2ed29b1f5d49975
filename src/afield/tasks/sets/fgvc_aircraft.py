"""FGVC Aircraft: photographs of 100 variants of aircraft, by their spotters."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.tasks.places import find_root
from afield.tasks.sets.web import PUBLISHED, SPLIT_SEED, WHY, class_names, official_split, positions_of, read_lists
from afield.tasks.task import Card, Split, Task

CLASSES = class_names("fgvc_aircraft")
"""in the order of variants.txt"""
_ROOTS = ("fgvc-aircraft-2013b/data", "fgvc_aircraft/fgvc-aircraft-2013b/data", "fgvc_aircraft/data")
_LISTS: dict[Split, str] = {"train": "train", "validation": "val", "test": "test"}
_GET = (
    "Download fgvc-aircraft-2013b.tar.gz (2.8 GB, no account) from "
    "https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz and unpack it below that "
    "folder (it makes fgvc-aircraft-2013b/), or name yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder `data` of the archive: lists, and `images/`."""
    return find_root("fgvc_aircraft", data, _ROOTS, "images_variant_train.txt", _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row a photograph: id (`1025794`), image, label and official (its published split)."""
    lists = {split: root / f"images_variant_{name}.txt" for split, name in _LISTS.items()}
    table = read_lists("fgvc_aircraft", lists, _GET)
    fields = table["line"].str.split(" ", n=1)  # variants have blanks: `1025794 Cessna 172`
    return pd.DataFrame(
        {
            "id": fields.str[0],
            "image": "images/" + fields.str[0] + ".jpg",
            "label": positions_of(fields.str[1].fillna(""), CLASSES, "fgvc_aircraft", table["place"]),
            "official": table["official"],
        }
    )


TASK = Task(
    name="fgvc_aircraft",
    version=1,
    classes=CLASSES,
    metric="balanced_accuracy",  # mean per class
    find=find,
    samples=samples,
    split=official_split,
    split_seed=SPLIT_SEED,
    published=PUBLISHED,
    card=Card(
        title="FGVC Aircraft: variants of aircraft",
        source=(
            "Maji, Kannala, Rahtu, Blaschko, Vedaldi 2013 (Oxford and others): 10,000 photographs by aircraft spotters "
            "(airliners.net), 100 of each variant, 3,334 for training, 3,333 each for validation and test. The lowest "
            "20 pixels of each name its owner; they are left as they are."
        ),
        application=WHY,
        domain="web-scraped",
        licence="for non-commercial research alone; the photographs belong to those named on them",
        baseline=(
            "mean accuracy per class 90.9 % with a fine-tuned Inception-v4 of Kornblith et al. 2019, as quoted by Tan "
            "and Le 2019 (from memory, unverified)"
        ),
        get=_GET,
        citation=(
            "S. Maji, J. Kannala, E. Rahtu, M. Blaschko, A. Vedaldi: Fine-grained visual classification of aircraft. "
            "arXiv:1306.5151, 2013"
        ),
    ),
)
