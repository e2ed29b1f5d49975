"""CIFAR-10: ten kinds of things in pictures of 32x32 pixels; the study's own control."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.tasks.sets.cifar_batches import Batches, find_pictures, list_pictures
from afield.tasks.sets.web import PUBLISHED, SPLIT_SEED, WHY, official_split
from afield.tasks.task import Card, Task

_GET = (
    "Download cifar-10-binary.tar.gz (170 MB, no account) from https://www.cs.toronto.edu/~kriz/cifar.html and put it, "
    "packed or unpacked, into that folder, or name yours with AFIELD_DATA; cifar-10-python.tar.gz is read too"
)
_BATCHES = Batches(
    task="cifar10",
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    binary="cifar-10-batches-bin",
    python="cifar-10-batches-py",
    archives=("cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"),
    train=tuple(f"data_batch_{number}" for number in range(1, 6)),
    test=("test_batch",),
    label_bytes=1,
    labels="labels",
    get=_GET,
)


def find(data: Path) -> Path:
    """The folder of PNG files; it is made from the batches once, and lies beside them."""
    return find_pictures(_BATCHES, data)


def samples(root: Path) -> pd.DataFrame:
    """One row a picture: id (`train/00000`: its number in the batches), image, label and official (its split)."""
    return list_pictures(_BATCHES, root)


TASK = Task(
    name="cifar10",
    version=1,
    classes=_BATCHES.classes,
    metric="accuracy",
    find=find,
    samples=samples,
    split=official_split,
    split_seed=SPLIT_SEED,
    published=PUBLISHED,
    card=Card(
        title="CIFAR-10: ten kinds of things in tiny pictures",
        source=(
            "Krizhevsky 2009 (Toronto): 60,000 pictures of 32x32 pixels, chosen by hand from the 80 million that were "
            "found by search engines; 5,000 of each kind for training and 1,000 for test. 3.3 % of the test images "
            "have a near-duplicate in training (Barz and Denzler 2020; from memory, unverified)."
        ),
        application=(
            f"{WHY} The study itself trained on it as a control: there accuracy did go with ImageNet accuracy, so that "
            "neither its protocol nor the number of classes explains what it found elsewhere."
        ),
        domain="web-scraped",
        licence="none stated; the author asks to be cited",
        baseline=(
            "accuracy 98.0 % with a fine-tuned NASNet-A of Kornblith et al. 2019, as quoted by Tan and Le 2019 (from "
            "memory, unverified)"
        ),
        get=_GET,
        citation="A. Krizhevsky: Learning multiple layers of features from tiny images. University of Toronto, 2009",
    ),
)
