"""ISIC 2019: the archive's skin lesions of that year's challenge, as melanoma or not; further data for siim2020."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.tasks.formats.label_table import positions_in, read_table
from afield.tasks.places import find_root
from afield.tasks.sets.melanoma2020 import CLASSES, lesions, resized_year
from afield.tasks.splits import USUAL_FRACTIONS, stratified_split
from afield.tasks.task import Card, Protocol, Task

SPLIT_SEED = 0
_TRUTH, _METADATA = "ISIC_2019_Training_GroundTruth.csv", "ISIC_2019_Training_Metadata.csv"
_INPUT = "ISIC_2019_Training_Input"
_RESIZED = ("melanoma-2019", "jpeg-isic2019-512x512")
_ROOTS = ("isic2019", "melanoma", "melanoma2020", "siim-isic-melanoma-classification", ".")
_GET = (
    "Download ISIC_2019_Training_Input.zip, ISIC_2019_Training_GroundTruth.csv and ISIC_2019_Training_Metadata.csv "
    "from https://challenge.isic-archive.com/data/#2019 and unpack them into isic2019/ below that folder; or put C. "
    "Deotte's resized set cdeotte/jpeg-isic2019-512x512 (train.csv, train/) into melanoma/melanoma-2019/, or name "
    "yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of the challenge's own tables, or that of the resized set."""
    signs = (_TRUTH, *(f"{folder}/train.csv" for folder in _RESIZED))
    present = [sign for sign in signs if any((data / root / sign).is_file() for root in _ROOTS)]
    return find_root("isic2019", data, _ROOTS, present[0] if present else signs[0], _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row an image: id (`ISIC_0000000`), image, label (1: its diagnosis is melanoma), group: the lesion, where the
    archive's table of metadata names it, else the image.
    """
    if (root / _TRUTH).is_file():
        return _challenge(root)
    folder = next(folder for folder in _RESIZED if (root / folder / "train.csv").is_file())
    table = resized_year(root, "2019", folder).assign(id=lambda rows: rows["id"].str.removeprefix("2019/"))
    return table.assign(group="isic2019/" + table["group"].str.removeprefix("2019/"))[["id", "image", "label", "group"]]


def _challenge(root: Path) -> pd.DataFrame:
    path = root / _TRUTH
    table = read_table("isic2019", path, ("image", "MEL"), _GET)
    known = lesions(root / _METADATA)
    folder = _INPUT if (root / _INPUT).is_dir() else "train"
    if not (root / folder).is_dir():
        raise InputError(f"isic2019: {root}: has no folder {_INPUT}/ of images. {_GET}")
    label = table["MEL"].str.removesuffix(".0")
    return pd.DataFrame(
        {
            "id": table["image"],
            "image": f"{folder}/" + table["image"] + ".jpg",
            "label": positions_in(("0", "1"), "isic2019", path, label),
            "group": ["isic2019/" + known.get(name, name) for name in table["image"]],
        }
    )


def split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Train / validation / test 60/20/20 per cent, stratified by the label; a lesion's images on one side. Where its
    images join the training split of another task, all of them do.
    """
    return stratified_split(table, ["label"], USUAL_FRACTIONS, SPLIT_SEED, group="group")


TASK = Task(
    name="isic2019",
    version=1,
    classes=CLASSES,
    metric="auroc",
    find=find,
    samples=samples,
    split=split,
    split_seed=SPLIT_SEED,
    flips=("horizontal", "vertical"),
    card=Card(
        title="ISIC 2019: melanoma among skin lesions of the archive",
        source=(
            "ISIC archive, challenge of 2019: 25,331 dermatoscopic images, 4,522 of melanomas, HAM10000 among them. "
            "Here melanoma against all else, carcinomas among it, as in siim2020, whose training split it can join. "
            "Without the table of metadata, images of one lesion may lie on both sides of a split of its own."
        ),
        application="Finding melanoma early; further data for siim2020.",
        licence="those of its sources (HAM10000: CC BY-NC 4.0; of the others not verified here)",
        get=_GET,
    ),
)
