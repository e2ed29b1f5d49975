"""CIFAR-100: a hundred kinds of things in pictures of 32x32 pixels."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.tasks.sets.cifar_batches import Batches, find_pictures, list_pictures
from afield.tasks.sets.web import PUBLISHED, SPLIT_SEED, WHY, class_names, official_split
from afield.tasks.task import Card, Task

_GET = (
    "Download cifar-100-binary.tar.gz (169 MB, no account) from https://www.cs.toronto.edu/~kriz/cifar.html and put "
    "it, packed or unpacked, into that folder, or name yours with AFIELD_DATA; cifar-100-python.tar.gz is read too"
)
_BATCHES = Batches(
    task="cifar100",
    classes=class_names("cifar100"),
    binary="cifar-100-binary",
    python="cifar-100-python",
    archives=("cifar-100-binary.tar.gz", "cifar-100-python.tar.gz"),
    train=("train",),
    test=("test",),
    label_bytes=2,  # one of twenty coarse classes, then the fine one
    labels="fine_labels",
    get=_GET,
)


def find(data: Path) -> Path:
    """The folder of PNG files; it is made from the batches once, and lies beside them."""
    return find_pictures(_BATCHES, data)


def samples(root: Path) -> pd.DataFrame:
    """One row a picture: id (`train/00000`: its number in the batch), image, label and official (its split)."""
    return list_pictures(_BATCHES, root)


TASK = Task(
    name="cifar100",
    version=1,
    classes=_BATCHES.classes,
    metric="accuracy",
    find=find,
    samples=samples,
    split=official_split,
    split_seed=SPLIT_SEED,
    published=PUBLISHED,
    card=Card(
        title="CIFAR-100: a hundred kinds of things in tiny pictures",
        source=(
            "Krizhevsky 2009 (Toronto): 60,000 pictures of 32x32 pixels, chosen by hand from the 80 million that were "
            "found by search engines; 500 of each kind for training and 100 for test. 10 % of the test images have a "
            "near-duplicate in training (Barz and Denzler 2020; from memory, unverified). The fine classes are used."
        ),
        application=WHY,
        domain="web-scraped",
        licence="none stated; the author asks to be cited",
        baseline=(
            "accuracy 87.5 % with a fine-tuned NASNet-A of Kornblith et al. 2019, as quoted by Tan and Le 2019 (from "
            "memory, unverified)"
        ),
        get=_GET,
        citation="A. Krizhevsky: Learning multiple layers of features from tiny images. University of Toronto, 2009",
    ),
)
