"""Diabetic retinopathy 2015: photographs of the retina, graded; the Kaggle competition before APTOS, for whose training
split it is further data.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.tasks.formats.label_table import positions_in, read_table
from afield.tasks.places import find_root
from afield.tasks.sets.aptos2019 import CLASSES
from afield.tasks.splits import USUAL_FRACTIONS, stratified_split
from afield.tasks.task import Card, Protocol, Task

SPLIT_SEED = 0
_COMPETITION = "diabetic-retinopathy-detection"
_ROOTS = ("retinopathy2015", _COMPETITION)
_PARTS = {"trainLabels.csv": "train", "retinopathy_solution.csv": "test"}
"""tables of labels, and the folders of their images; that of test was published after the competition"""
_GET = (
    f"With a Kaggle account, accept the rules at https://www.kaggle.com/c/{_COMPETITION}/rules, run `kaggle "
    f"competitions download -c {_COMPETITION}`, and unpack the archives into retinopathy2015/ below that folder "
    "(trainLabels.csv lies in it then, and beside it train/ with ID.jpeg), or name yours with AFIELD_DATA. Where "
    "retinopathy_solution.csv and test/ lie there, too, they are used"
)


def find(data: Path) -> Path:
    """The folder of `trainLabels.csv` and `train/`."""
    return find_root("retinopathy2015", data, _ROOTS, "trainLabels.csv", _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row a photograph: id (`10_left`), image, label and group: the patient, whose number stands before the eye."""
    parts = [_part(root, table, folder) for table, folder in _PARTS.items() if (root / table).is_file()]
    return pd.concat(parts, ignore_index=True)


def _part(root: Path, name: str, folder: str) -> pd.DataFrame:
    path = root / name
    table = read_table("retinopathy2015", path, ("image", "level"), _GET)
    return pd.DataFrame(
        {
            "id": table["image"],
            "image": f"{folder}/" + table["image"] + ".jpeg",
            "label": positions_in(
                [str(grade) for grade in range(len(CLASSES))], "retinopathy2015", path, table["level"]
            ),
            "group": "retinopathy2015/" + table["image"].str.partition("_")[0],
        }
    )


def split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Train / validation / test 60/20/20 per cent, stratified by grade; both eyes of a patient on one side. Where its
    images join the training split of another task, all of them do.
    """
    return stratified_split(table, ["label"], USUAL_FRACTIONS, SPLIT_SEED, group="group")


TASK = Task(
    name="retinopathy2015",
    version=1,
    classes=CLASSES,
    metric="qwk",
    target="grade",
    find=find,
    samples=samples,
    split=split,
    split_seed=SPLIT_SEED,
    flips=("horizontal", "vertical"),
    card=Card(
        title="Diabetic retinopathy 2015: photographs of the retina, before APTOS",
        source=(
            "EyePACS; Kaggle competition 2015: 88,702 photographs of both eyes of each patient, graded 0 to 4 on the "
            "scale of aptos2019; 35,126 of them with `trainLabels.csv` (that number from memory, unverified here)."
        ),
        application=(
            "Screening for diabetic retinopathy: a task of its own, and further data for the training split of "
            "aptos2019, as the winners of that competition and the study had it."
        ),
        licence="the rules of the Kaggle competition, which you accept before downloading",
        get=_GET,
        citation=f"Kaggle, EyePACS: Diabetic Retinopathy Detection, 2015. https://kaggle.com/competitions/{_COMPETITION}",
    ),
)
