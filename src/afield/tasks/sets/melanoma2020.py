"""Melanoma: skin lesions under the dermatoscope; the Kaggle competition of 2020 with the ISIC archive of 2019."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from afield.base.errors import InputError
from afield.tasks.formats.label_table import positions_in, read_table
from afield.tasks.places import find_root
from afield.tasks.splits import USUAL_FRACTIONS, stratified_split
from afield.tasks.task import Card, Protocol, Published, Task

CLASSES = ("other", "melanoma")
"""target 0 and 1. Not all that is 0 is benign: carcinomas of 2019 are among it"""
FOLDS = {"2020": 15, "2019": 30}
"""the fold ids (`tfrecord`) of each year, from 0, in the order in which the study draws (PAPER.md 2.4)"""
SPLIT_SEED = 0
_PAPER_SEED = 23
_YEARS = (("melanoma-2020", "melanoma-2019"), ("jpeg-melanoma-512x512", "jpeg-isic2019-512x512"))
"""folders of the resized sets: as the study's code names them, and as Kaggle's client unpacks them"""
_COMPETITION = "siim-isic-melanoma-classification"
_ROOTS = ("melanoma", "melanoma2020", _COMPETITION, ".")
_COLUMNS = ("image_name", "patient_id", "sex", "age_approx", "anatom_site_general_challenge", "target")
"""of both years' tables, and of the competition's"""
_LESIONS, _DUPLICATES = "ISIC_2019_Training_Metadata.csv", "ISIC_2020_Training_Duplicates.csv"
"""tables of the ISIC archive that users may put beside train.csv of 2019 (or of the competition)"""
_GET = (
    "With a Kaggle account, run `afield tasks fetch melanoma2020`; or download and unzip the data sets "
    "cdeotte/jpeg-melanoma-512x512 into melanoma/melanoma-2020/ and cdeotte/jpeg-isic2019-512x512 into "
    "melanoma/melanoma-2019/ below that folder (train.csv and train/ lie in both then), or name yours with "
    f"AFIELD_DATA. The unpacked competition {_COMPETITION} (train.csv, jpeg/train/) serves for 2020 alone"
)


def find(data: Path) -> Path:
    """The folder of the two years' folders, or of the competition's `train.csv` and `jpeg/`."""
    signs = (*(f"{newer}/train.csv" for newer, _ in _YEARS), "jpeg/train")
    present = [sign for sign in signs if any((data / root / sign).exists() for root in _ROOTS)]
    return find_root("melanoma2020", data, _ROOTS, present[0] if present else signs[0], _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row an image that is no duplicate: id (`2020/ISIC_0015719`: year and name), image, label, group, fold (-1 in
    the competition's own layout, which has none), year, sex, age_approx, anatom_site (blank where unknown).

    A group is a patient in 2020. The tables of 2019 name no patients: there it is the lesion, where the ISIC archive's
    `ISIC_2019_Training_Metadata.csv` lies beside `train.csv`, else the image. Duplicates are the rows with a negative
    fold id; in the competition's layout those that `ISIC_2020_Training_Duplicates.csv` beside `train.csv` lists.
    """
    pair = next((pair for pair in _YEARS if (root / pair[0] / "train.csv").is_file()), None)
    if pair is None:
        return _competition(root)
    return pd.concat([resized_year(root, *named) for named in zip(FOLDS, pair, strict=True)], ignore_index=True)


def resized_year(root: Path, year: str, folder: str) -> pd.DataFrame:
    """The rows of one year of the resized sets."""
    path = root / folder / "train.csv"
    table = read_table("melanoma2020", path, (*_COLUMNS, "tfrecord"), _GET)
    fold = table["tfrecord"]
    unique = ~fold.str.startswith("-")
    known = [str(number) for number in range(FOLDS[year])]
    rows = _rows(path, table, year, f"{folder}/train", lesions(path.with_name(_LESIONS)))[unique]
    return rows.assign(fold=positions_in(known, "melanoma2020", path, fold[unique]))


def _competition(root: Path) -> pd.DataFrame:
    """The rows of the competition's own table."""
    path = root / "train.csv"
    rows = _rows(path, read_table("melanoma2020", path, _COLUMNS, _GET), "2020", "jpeg/train", {})
    duplicates = path.with_name(_DUPLICATES)
    if not duplicates.is_file():
        return rows
    listed = read_table("melanoma2020", duplicates, ("image_name_2",), "Download it again, or take the file away")
    return rows[~rows["id"].isin("2020/" + listed["image_name_2"])]


def _rows(path: Path, table: pd.DataFrame, year: str, images: str, known: dict[str, str]) -> pd.DataFrame:
    names = table["image_name"]
    ids = year + "/" + names
    groups = [
        known.get(name, own) if patient in ("", "-1") else patient
        for patient, name, own in zip(table["patient_id"], names, ids, strict=True)
    ]
    return pd.DataFrame(
        {
            "id": ids,
            "image": images + "/" + names + ".jpg",
            "label": positions_in(("0", "1"), "melanoma2020", path, table["target"]),
            "group": groups,
            "fold": -1,
            "year": year,
            "sex": table["sex"],
            "age_approx": table["age_approx"].str.removesuffix(".0"),
            "anatom_site": table["anatom_site_general_challenge"],
        }
    )


def lesions(path: Path) -> dict[str, str]:
    """The lesion of each image that the ISIC archive's table knows one of."""
    if not path.is_file():
        return {}
    table = read_table("melanoma2020", path, ("image", "lesion_id"), "Download it again, or take the file away")
    known = table[table["lesion_id"] != ""]
    return dict(zip(known["image"], known["lesion_id"], strict=True))


def samples_2020(root: Path) -> pd.DataFrame:
    """The rows of 2020 alone."""
    table = samples(root)
    return table[table["year"] == "2020"].reset_index(drop=True)


def split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Train / validation / test 60/20/20 per cent of each year, stratified by whether a patient (2019: a lesion or an
    image) has a melanoma; all images of a patient on one side.

    `paper`: `numpy.random.seed(23)` and `choice` without replacement, one stream over both years, draw four fifths of
    each year's folds for training; the rest is test: folds 3, 6, 8 of 2020 and 0, 2, 5, 11, 12, 21 of 2019 (PAPER.md
    2.4). Raises InputError where the table has not exactly the published folds.
    """
    if protocol == "clean":
        affected = table.assign(affected=table.groupby("group")["label"].transform("max"))
        return stratified_split(affected, ["year", "affected"], USUAL_FRACTIONS, SPLIT_SEED, group="group")
    generator = np.random.RandomState(_PAPER_SEED)
    side = pd.Series("test", index=table.index)
    for year, count in FOLDS.items():
        rows = table["year"] == year
        found = sorted(set(table.loc[rows, "fold"]))
        if found != list(range(count)):
            here = ", ".join(str(fold) for fold in found if fold >= 0) or "none"
            raise InputError(
                f"melanoma2020: {year}: protocol paper draws from the folds 0 to {count - 1} (column tfrecord); here "
                f"are {here}. Use protocol clean, or the resized sets, whole. {_GET}"
            )
        side[rows & table["fold"].isin(generator.choice(count, int(0.8 * count), replace=False))] = "train"
    return side


TASK = Task(
    name="melanoma2020",
    version=1,
    classes=CLASSES,
    metric="auroc",
    find=find,
    samples=samples,
    split=split,
    subgroups=("year", "sex", "age_approx", "anatom_site"),
    split_seed=SPLIT_SEED,
    flips=("horizontal", "vertical"),  # a lesion has no upper side, and the dermatoscope is held at any angle
    published=Published(image_size=256, flips=("horizontal", "vertical"), samples=57_964, channels="BGR"),
    card=Card(
        title="SIIM-ISIC melanoma 2020, with the ISIC archive of 2019",
        source=(
            "ISIC 2020 (33,126 dermatoscopic images of 2,056 patients, 584 of melanomas) and ISIC 2019 (25,331 images, "
            "4,522 of melanomas; HAM10000 among them), resized to 512x512 pixels and given fold ids by C. Deotte; 493 "
            "duplicates are dropped. Melanoma is class 1; all else is 0, also the carcinomas of 2019. Melanomas are "
            "1.8 % of one year and 17.9 % of the other: a network that tells the years apart has half an answer, so "
            "look at each year alone (the subgroup `year`). The tables of 2019 name no patients: images of one lesion "
            f"may lie on both sides of a split unless the archive's {_LESIONS} lies beside train.csv."
        ),
        application=(
            "Finding melanoma early; one of the study's six, from medicine: a set of several clinics, a task that "
            "decides over lives, and thousands of competitors as baselines. AUROC leads, as in the competition: 8.7 % "
            "of the images are of melanomas."
        ),
        licence=(
            "ISIC 2020: CC BY-NC 4.0 (doi:10.34970/2020-ds01), and the rules of the Kaggle competition; ISIC 2019: "
            "those of its sources (HAM10000: CC BY-NC 4.0; of the others not verified here)"
        ),
        baseline=(
            "AUROC 0.9490 on the competition's private test images, 0.9600 in cross-validation (its winner: 18 "
            "networks of 384 to 896 pixels; Ha, Liu, Liu 2020, arXiv:2010.05351)"
        ),
        get=_GET,
        citation=(
            "V. Rotemberg et al.: A patient-centric dataset of images and metadata for identifying melanomas using "
            "clinical context. Scientific Data 8, 34, 2021. doi:10.1038/s41597-021-00815-z"
        ),
    ),
)
ALONE = replace(
    TASK,
    name="siim2020",
    samples=samples_2020,
    subgroups=("sex", "age_approx", "anatom_site"),
    published=None,  # the study trained on both years
    card=replace(
        TASK.card,
        title="SIIM-ISIC melanoma 2020, without the archive of 2019",
        source=(
            "ISIC 2020: 33,126 dermatoscopic images of 2,056 patients, 584 of melanomas; of C. Deotte's resized set "
            "without the duplicates that it names. The archive of 2019 (isic2019) can join its training split: "
            "docs/training_split.md."
        ),
        licence="CC BY-NC 4.0 (doi:10.34970/2020-ds01), and the rules of the Kaggle competition",
    ),
)
