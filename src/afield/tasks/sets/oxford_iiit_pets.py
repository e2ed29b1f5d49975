"""Oxford-IIIT Pets: photographs of 37 breeds of cats and dogs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.tasks.places import find_root
from afield.tasks.sets.web import PUBLISHED, SPLIT_SEED, WHY, official_split, positions_of, read_lists
from afield.tasks.task import Card, Task

CLASSES = (
    "Abyssinian", "american_bulldog", "american_pit_bull_terrier", "basset_hound", "beagle", "Bengal", "Birman",
    "Bombay", "boxer", "British_Shorthair", "chihuahua", "Egyptian_Mau", "english_cocker_spaniel", "english_setter",
    "german_shorthaired", "great_pyrenees", "havanese", "japanese_chin", "keeshond", "leonberger", "Maine_Coon",
    "miniature_pinscher", "newfoundland", "Persian", "pomeranian", "pug", "Ragdoll", "Russian_Blue", "saint_bernard",
    "samoyed", "scottish_terrier", "shiba_inu", "Siamese", "Sphynx", "staffordshire_bull_terrier", "wheaten_terrier",
    "yorkshire_terrier",
)  # fmt: skip
"""in the order of their numbers, 1 to 37; cats have a capital"""
_ROOTS = ("oxford-iiit-pet", "oxford_iiit_pets", "pets")
_GET = (
    "Download images.tar.gz (792 MB) and annotations.tar.gz (19 MB), no account, from "
    "https://www.robots.ox.ac.uk/~vgg/data/pets/ and unpack both into oxford-iiit-pet/ below that folder, or name "
    "yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of `annotations/` and `images/`."""
    return find_root("oxford_iiit_pets", data, _ROOTS, "annotations/trainval.txt", _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row a photograph: id (`Abyssinian_100`), image, label and official (its published split)."""
    lists = root / "annotations"
    table = read_lists("oxford_iiit_pets", {"train": lists / "trainval.txt", "test": lists / "test.txt"}, _GET)
    table = table[~table["line"].str.startswith("#")].reset_index(drop=True)  # list.txt has such comments
    fields = table["line"].str.split()  # name, number of the breed, of the species, and of the breed in the species
    label = positions_of(fields.str[0].str.rpartition("_")[0], CLASSES, "oxford_iiit_pets", table["place"])
    other = table.index[fields.str[1] != (label + 1).astype(str)]
    if len(other):
        raise InputError(
            f"oxford_iiit_pets: {table['place'][other[0]]}: {table['line'][other[0]]}: its second field should be "
            f"{label[other[0]] + 1}, the number of its breed; this is not the published list"
        )
    return pd.DataFrame(
        {
            "id": fields.str[0],
            "image": "images/" + fields.str[0] + ".jpg",
            "label": label,
            "official": table["official"],
        }
    )


TASK = Task(
    name="oxford_iiit_pets",
    version=1,
    classes=CLASSES,
    metric="balanced_accuracy",  # mean per class
    find=find,
    samples=samples,
    split=official_split,
    split_seed=SPLIT_SEED,
    published=PUBLISHED,
    card=Card(
        title="Oxford-IIIT Pets: breeds of cats and dogs",
        source=(
            "Parkhi, Vedaldi, Zisserman, Jawahar 2012 (Oxford, IIIT Hyderabad): 7,349 photographs from Flickr, Google, "
            "Catster and Dogster, about 200 of each of 12 breeds of cats and 25 of dogs; 3,680 for training and "
            "validation together, 3,669 for test (the table of Kornblith et al. has 3,369). A dozen files that are "
            "called .jpg hold other formats."
        ),
        application=WHY,
        domain="web-scraped",
        licence="CC BY-SA 4.0; the photographs belong to those who took them",
        baseline=(
            "mean accuracy per class 94.5 % with a fine-tuned ResNet-152 of Kornblith et al. 2019, as quoted by Tan "
            "and Le 2019 (from memory, unverified)"
        ),
        get=_GET,
        citation=(
            "O. M. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar: Cats and dogs. CVPR 2012. "
            "doi:10.1109/CVPR.2012.6248092"
        ),
    ),
)
