"""APTOS 2019: grades of diabetic retinopathy on photographs of the retina; the Kaggle competition of 2019."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.tasks.formats.groups import listed_groups
from afield.tasks.formats.label_table import positions_in, read_table
from afield.tasks.places import find_root
from afield.tasks.splits import USUAL_FRACTIONS, draw_fifth, stratified_split
from afield.tasks.task import Card, Protocol, Published, Task

CLASSES = ("no DR", "mild", "moderate", "severe", "proliferative")
"""grades 0 to 4 of diabetic retinopathy (DR)"""
SPLIT_SEED = 0
_PAPER_SEED = 414
_COMPETITION = "aptos2019-blindness-detection"
_ROOTS = ("aptos2019", _COMPETITION)
_GET = (
    f"With a Kaggle account, accept the rules at https://www.kaggle.com/c/{_COMPETITION}/rules, run `kaggle "
    f"competitions download -c {_COMPETITION}`, and unpack the archive into aptos2019/ below that folder (train.csv "
    "lies in it then, and train_images/ beside it), or name yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of `train.csv` and `train_images/`."""
    return find_root("aptos2019", data, _ROOTS, "train.csv", _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row a photograph: id (`000c1434d8d7`), image, label, group and position (its row in the table, from 0).

    Groups are those of `groups.csv`, where the user has put one beside the table: columns id_code and group, for the
    photographs that belong together. Every other photograph is a group of its own.
    """
    path = root / "train.csv"
    table = read_table("aptos2019", path, ("id_code", "diagnosis"), _GET)
    return pd.DataFrame(
        {
            "id": table["id_code"],
            "image": "train_images/" + table["id_code"] + ".png",
            "label": positions_in([str(grade) for grade in range(len(CLASSES))], "aptos2019", path, table["diagnosis"]),
            "group": listed_groups("aptos2019", root / "groups.csv", table["id_code"], "id_code"),
            "position": range(len(table)),
        }
    )


def split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Train / validation / test 60/20/20 per cent, stratified by grade; a group stays on one side.

    `paper`: a fifth of each grade, rounded down, for test, the rest for training. Known of the study's code (PAPER.md
    2.2, 3.1): seed 414, NumPy's global generator, rows in the order of the table. Assumed: grades are drawn in
    ascending order, each from the positions of its rows.
    """
    if protocol == "clean":
        return stratified_split(table, ["label"], USUAL_FRACTIONS, SPLIT_SEED, group="group")
    return draw_fifth(table.sort_values("position"), _PAPER_SEED)


TASK = Task(
    name="aptos2019",
    version=1,
    classes=CLASSES,
    metric="qwk",
    target="grade",
    find=find,
    samples=samples,
    split=split,
    split_seed=SPLIT_SEED,
    flips=("horizontal", "vertical"),  # a left eye in the mirror looks like a right one, and the grade is the same
    published=Published(image_size=256, flips=("horizontal",), samples=3_662, channels="BGR"),
    card=Card(
        title="APTOS 2019: diabetic retinopathy on photographs of the retina",
        source=(
            "Aravind Eye Hospital, India, with the Asia Pacific Tele-Ophthalmology Society; Kaggle competition 2019: "
            "3,662 labelled photographs of several cameras and sizes, graded 0 to 4. Whose eyes they are is not "
            "published, and some pictures occur more than once: near-duplicates may lie on both sides of a split, "
            "unless a file groups.csv (id_code, group) beside train.csv says what belongs together."
        ),
        application="Screening for diabetic retinopathy; one of the study's six, from medicine.",
        licence="the rules of the Kaggle competition, which you accept before downloading",
        baseline=(
            "quadratic weighted kappa on the competition's private test images: 0.936 (winner, eight networks), 0.927 "
            "(one Inception-ResNet-v2 of the winner's); both with pictures of another competition"
        ),
        get=_GET,
        citation=(
            "Karthik, Maggie, S. Dane: APTOS 2019 Blindness Detection. Kaggle, 2019. "
            f"https://kaggle.com/competitions/{_COMPETITION}"
        ),
    ),
)
