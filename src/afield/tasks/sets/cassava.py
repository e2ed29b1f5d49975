"""Cassava: diseases of cassava leaves on farmers' photographs; the Kaggle competition of 2020."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.tasks.formats.label_table import positions_in, read_table
from afield.tasks.places import find_root
from afield.tasks.splits import USUAL_FRACTIONS, draw_fifth, stratified_split
from afield.tasks.task import Card, Protocol, Published, Task

CLASSES = ("bacterial blight", "brown streak disease", "green mottle", "mosaic disease", "healthy")
"""labels 0 to 4 of the table"""
SPLIT_SEED = 0
_PAPER_SEED = 414
_COMPETITION = "cassava-leaf-disease-classification"
_ROOTS = ("cassava", _COMPETITION)
_GET = (
    f"With a Kaggle account, accept the rules at https://www.kaggle.com/c/{_COMPETITION}/rules, run `kaggle "
    f"competitions download -c {_COMPETITION}`, and unpack the archive into cassava/ below that folder (train.csv lies "
    "in it then, and train_images/ beside it), or name yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of `train.csv` and `train_images/`."""
    return find_root("cassava", data, _ROOTS, "train.csv", _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row a photograph: id (`1000015157.jpg`), image, label and position (its row in the table, from 0)."""
    path = root / "train.csv"
    table = read_table("cassava", path, ("image_id", "label"), _GET)
    return pd.DataFrame(
        {
            "id": table["image_id"],
            "image": "train_images/" + table["image_id"],
            "label": positions_in([str(label) for label in range(len(CLASSES))], "cassava", path, table["label"]),
            "position": range(len(table)),
        }
    )


def split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Train / validation / test 60/20/20 per cent, stratified by class.

    `paper`: a fifth of each class, rounded down, for test, the rest for training. Known of the study's code (PAPER.md
    2.5, 3.1): seed 414, NumPy's global generator, rows in the order of the table. Assumed: classes are drawn in
    ascending order, each from the positions of its rows.
    """
    if protocol == "clean":
        return stratified_split(table, ["label"], USUAL_FRACTIONS, SPLIT_SEED)
    return draw_fifth(table.sort_values("position"), _PAPER_SEED)


TASK = Task(
    name="cassava",
    version=1,
    classes=CLASSES,
    metric="accuracy",
    find=find,
    samples=samples,
    split=split,
    split_seed=SPLIT_SEED,
    flips=("horizontal", "vertical"),  # leaves hang in every direction
    published=Published(image_size=256, flips=("horizontal", "vertical"), samples=21_397),
    card=Card(
        title="Cassava: diseases of cassava leaves",
        source=(
            "Makerere University AI Lab and NaCRRI, Uganda; Kaggle competition 2020/21: 21,397 photographs of 800x600 "
            "pixels, most by farmers, labelled by experts. Labels are known to be noisy. Three fifths are of mosaic "
            "disease: who says nothing else has an accuracy of 61.5 %."
        ),
        application="Plant protection in the field, by telephone; one of the study's six, from agriculture.",
        licence="the rules of the Kaggle competition, which you accept before downloading",
        baseline=(
            "accuracy 91.32 % on the competition's private test images (its best entry); single networks about 89 to "
            "90 % in cross-validation"
        ),
        get=_GET,
        citation=(
            "E. Mwebaze, J. Mostipak, Joyce, J. Elliott, S. Dane: Cassava Leaf Disease Classification. Kaggle, 2020. "
            f"https://kaggle.com/competitions/{_COMPETITION}"
        ),
    ),
)
