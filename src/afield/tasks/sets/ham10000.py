"""HAM10000: dermatoscopic images of pigmented skin lesions; as seven classes, and as melanoma against the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from afield.tasks.formats.label_table import positions_in, read_table
from afield.tasks.places import find_root
from afield.tasks.splits import USUAL_FRACTIONS, stratified_split
from afield.tasks.task import Card, Protocol, Task

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
"""the codes of the column `dx`"""
SPLIT_SEED = 0
_TABLES = ("HAM10000_metadata.csv", "HAM10000_metadata")
"""Dataverse's file has no ending"""
_ROOTS = ("ham10000", "HAM10000", "")
_FOLDERS = ("HAM10000_images_part_1", "HAM10000_images_part_2", "images", "ISIC2018_Task3_Training_Input", "")
"""of Dataverse's two archives, of resized copies, of the ISIC 2018 challenge's archive, or beside the table"""
_GET = (
    "Download HAM10000_metadata, HAM10000_images_part_1.zip and HAM10000_images_part_2.zip from "
    "https://doi.org/10.7910/DVN/DBW86T, unpack each archive into a folder of its own name, and put all three into "
    "ham10000/ below that folder, or name yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of the metadata table and of the folders of images."""
    present = [name for name in _TABLES if any((data / root / name).is_file() for root in _ROOTS)]
    return find_root("ham10000", data, _ROOTS, present[0] if present else _TABLES[0], _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row an image: id (`ISIC_0024306`), image, label, group (its lesion), dx (the code of the diagnosis),
    age (years), sex and localization, blank where unknown.
    """
    path = next((root / name for name in _TABLES if (root / name).is_file()), root / _TABLES[0])
    table = read_table("ham10000", path, ("lesion_id", "image_id", "dx", "age", "sex", "localization"), _GET)
    present = [name for name in _FOLDERS if (root / name).is_dir()]
    # Each folder is listed once, rather than each asked for every one of 10,015 files.
    places = {image.name: name for name in reversed(present) for image in (root / name).glob("*.jpg")}
    files = [f"{name}.jpg" for name in table["image_id"]]
    return pd.DataFrame(
        {
            "id": table["image_id"],
            "image": [(Path(places.get(file, present[0])) / file).as_posix() for file in files],
            "label": positions_in(CLASSES, "ham10000", path, table["dx"]),
            "group": table["lesion_id"],
            "dx": table["dx"],
            "age": table["age"].str.removesuffix(".0"),
            "sex": table["sex"],
            "localization": table["localization"],
        }
    )


def melanoma_samples(root: Path) -> pd.DataFrame:
    """The same rows, labelled 1 where the lesion is a melanoma."""
    table = samples(root)
    return table.assign(label=(table["dx"] == "mel").astype("int64"))


def split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Train / validation / test 60/20/20 per cent, stratified by diagnosis; all images of a lesion on one side.

    Both tasks have the same split.
    """
    return stratified_split(table, ["dx"], USUAL_FRACTIONS, SPLIT_SEED, group="group")


TASK = Task(
    name="ham10000",
    version=1,
    classes=CLASSES,
    metric="balanced_accuracy",  # the ISIC 2018 challenge's
    subgroups=("sex", "age", "localization"),
    find=find,
    samples=samples,
    split=split,
    split_seed=SPLIT_SEED,
    flips=("horizontal", "vertical"),  # a lesion has no upper side, and the dermatoscope is held at any angle
    card=Card(
        title="HAM10000: skin lesions under the dermatoscope",
        source=(
            "Tschandl, Rosendahl, Kittler 2018 (Vienna and Queensland): 10,015 dermatoscopic images of 7,470 "
            "pigmented lesions. akiec: actinic keratosis and Bowen's disease; bcc: basal cell carcinoma; bkl: benign "
            "keratosis; df: dermatofibroma; mel: melanoma; nv: naevus; vasc: vascular lesion. Two thirds are naevi. "
            "Several images may show one lesion; a split keeps them together."
        ),
        application=(
            "Diagnosis of skin cancer. Not one of the study's six, but the 2018 part of the archive that its melanoma "
            "set draws on. Balanced accuracy leads, as in the ISIC 2018 challenge."
        ),
        licence="CC BY-NC 4.0",
        get=_GET,
        citation=(
            "P. Tschandl, C. Rosendahl, H. Kittler: The HAM10000 dataset, a large collection of multi-source "
            "dermatoscopic images of common pigmented skin lesions. Scientific Data 5, 180161, 2018. "
            "doi:10.1038/sdata.2018.161"
        ),
    ),
)

MELANOMA = replace(
    TASK,
    name="ham10000_melanoma",
    classes=("other", "melanoma"),
    metric="auroc",
    samples=melanoma_samples,
    card=replace(
        TASK.card,
        title="HAM10000: melanoma against all other lesions",
        application=(
            "Diagnosis of melanoma. Not one of the study's six, but made like its melanoma task: two classes, of which "
            "the rare one matters, and AUROC leads. Same images and split as ham10000."
        ),
    ),
)
