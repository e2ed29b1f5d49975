"""Birdsnap: photographs of 500 North American birds, published as a list of addresses at Flickr."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.tasks.places import find_root
from afield.tasks.sets.web import PUBLISHED, SPLIT_SEED, WHY, class_names, official_split, positions_of, read_lists
from afield.tasks.task import Card, Task

CLASSES = class_names("birdsnap")
"""the species' folders in alphabetical order; species.txt numbers them in another"""
_ROOTS = ("birdsnap", ".")
_FOLDERS = ("download/images", "images", "")
"""of the images: where the publishers' script puts them, and where people move them"""
_GET = (
    "Download birdsnap.tgz from http://thomasberg.org/datasets/birdsnap/1.1/birdsnap.tgz, unpack it below that folder "
    "(it makes birdsnap/) and run its get_birdsnap.py there, which fetches from Flickr what is still there, or name "
    "yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of `images.txt` and `test_images.txt`."""
    return find_root("birdsnap", data, _ROOTS, "test_images.txt", _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row an image that is there: id (its path in images.txt, `Bald_Eagle/25676.jpg`), image, label, official.

    Images that Flickr no longer has are left out, whatever split they are of.
    """
    images = _listed(root / "images.txt")
    test = set(_listed(root / "test_images.txt")["path"])
    folder = next((place for place in _FOLDERS if any((root / place / name).is_dir() for name in CLASSES)), None)
    if folder is None:
        raise InputError(
            f"birdsnap: {root}: none of its folders {', '.join(_FOLDERS[:2])} holds a folder of a species, nor does it "
            f"itself. {_GET}"
        )
    there = {f"{path.parent.name}/{path.name}" for path in (root / folder).glob("*/*")}
    images = images[images["path"].isin(there)].reset_index(drop=True)
    return pd.DataFrame(
        {
            "id": images["path"],
            "image": [(Path(folder) / path).as_posix() for path in images["path"]],
            "label": positions_of(images["path"].str.split("/").str[0], CLASSES, "birdsnap", images["place"]),
            "official": images["path"].isin(test).map({True: "test", False: "train"}),
        }
    )


def _listed(path: Path) -> pd.DataFrame:
    """The column `path` of a list with fields between tabs, and the place of each row."""
    table = read_lists("birdsnap", {"train": path}, _GET)
    fields = table["line"].str.split("\t")
    header = list(fields.iloc[0]) if len(fields) else []
    if "path" not in header:
        raise InputError(f"birdsnap: {path}: lacks the column path; its first row is {' '.join(header[:9])!r}. {_GET}")
    return pd.DataFrame({"path": fields.str[header.index("path")].fillna(""), "place": table["place"]})[1:]


TASK = Task(
    name="birdsnap",
    version=1,
    classes=CLASSES,
    metric="accuracy",
    find=find,
    samples=samples,
    split=official_split,
    split_seed=SPLIT_SEED,
    published=PUBLISHED,
    card=Card(
        title="Birdsnap: 500 species of birds",
        source=(
            "Berg et al. 2014 (Columbia, Maryland): 49,829 photographs from Flickr, 2,443 of them for test; released "
            "as a list of addresses, of which fewer work every year: what you have is what you train and test on, and "
            "two people's figures are comparable only where their counts of images are equal. Kornblith et al. had "
            "47,386 and 2,443, that is, all."
        ),
        application=WHY,
        domain="web-scraped",
        licence="none of the authors'; each photograph has its owner's terms at Flickr",
        baseline=(
            "accuracy 81.8 % with a fine-tuned Inception-v4 of Kornblith et al. 2019, as quoted by Tan and Le 2019 "
            "(from memory, unverified)"
        ),
        get=_GET,
        citation=(
            "T. Berg, J. Liu, S. W. Lee, M. L. Alexander, D. W. Jacobs, P. N. Belhumeur: Birdsnap: Large-scale "
            "fine-grained visual categorization of birds. CVPR 2014. doi:10.1109/CVPR.2014.259"
        ),
    ),
)
