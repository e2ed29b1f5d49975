"""HPA v18: further images of the Human Protein Atlas, labelled as those of the Kaggle competition."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from afield.tasks.formats.groups import listed_groups
from afield.tasks.formats.label_table import read_table
from afield.tasks.places import find_root
from afield.tasks.sets import hpa2018
from afield.tasks.splits import USUAL_FRACTIONS, iterative_split
from afield.tasks.task import Card, Protocol

TABLE = "HPAv18RBGY_wodpl.csv"
"""as the competition's participants passed it on: Id, Target"""
SPLIT_SEED = 0
_GET = (
    f"Put a table {TABLE} (columns Id and Target, labels as in train.csv of hpa2018) into hpa_v18/ below that folder, "
    "and beside it train/ with four grey files an image, as the competition has them: Id_red.png, Id_green.png, "
    "Id_blue.png, Id_yellow.png. The atlas gives its images one by one, as JPEG in colours: save of each the channel "
    "of its stain. Or name your folder with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of the table and of `train/`."""
    return find_root("hpa_v18", data, ("hpa_v18", "hpa2018/hpa_v18"), TABLE, _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row an image: id (its Id), image, label and group, by `groups.csv` where the user has put one beside the
    table (`listed_groups`).
    """
    path = root / TABLE
    table = read_table("hpa_v18", path, ("Id", "Target"), _GET)
    return pd.DataFrame(
        {
            "id": table["Id"],
            "image": "train/" + table["Id"],
            "label": hpa2018.target_labels("hpa_v18", path, table["Target"]),
            "group": listed_groups("hpa_v18", root / "groups.csv", table["Id"], "Id"),
        }
    )


def split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Train / validation / test 60/20/20 per cent by iterative stratification. Where its images join the training split
    of another task, all of them do.
    """
    return iterative_split(table, USUAL_FRACTIONS, SPLIT_SEED, group="group")


TASK = replace(
    hpa2018.TASK,
    name="hpa_v18",
    find=find,
    samples=samples,
    split=split,
    split_seed=SPLIT_SEED,
    published=None,
    card=Card(
        title="HPA v18: further images of the Human Protein Atlas",
        source=(
            "Human Protein Atlas, release 18, with the 28 labels of the Kaggle competition of 2018, in a table that "
            "its participants passed on. It may well show cells of the competition's own images: what is a copy of "
            "validation or test is left out where it joins a training split."
        ),
        application="Cell biology: further data for hpa2018 and hpa2018_rgby.",
        licence="CC BY-SA 3.0 (unverified here)",
        get=_GET,
    ),
)
