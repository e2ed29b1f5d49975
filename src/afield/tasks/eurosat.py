"""EuroSAT: land use in tiles of 64x64 pixels, seen by the satellite Sentinel-2; the three visible bands."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.tasks.places import find_root, unpack_zip
from afield.tasks.splits import draw_fifth, stratified_split
from afield.tasks.task import Card, Protocol, Published, Task

CLASSES = (
    "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial",
    "Pasture", "PermanentCrop", "Residential", "River", "SeaLake",
)  # fmt: skip
SPLIT_SEED = 0
_PAPER_SEED = 42
_ARCHIVES = ("EuroSAT", "EuroSAT_RGB")
_ROOTS = tuple(
    f"{place}{root}"
    for place in ("eurosat/", "", *(f"{folder}{name}/" for folder in ("eurosat/", "") for name in _ARCHIVES))
    for root in ("2750", "EuroSAT_RGB")
)
"""of the older download and of Zenodo's, as they lie or as `find` unpacks them"""
_GET = (
    "Download EuroSAT_RGB.zip (94 MB, no account) from https://zenodo.org/records/7711810 and put it, packed or "
    "unpacked, into that folder, or name yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of the ten class folders; the archive as downloaded is unpacked beside itself, once."""
    if not any((data / root / CLASSES[0]).is_dir() for root in _ROOTS):
        for archive in (data / folder / f"{name}.zip" for folder in ("eurosat", "") for name in _ARCHIVES):
            if archive.is_file():
                unpack_zip(archive, archive.with_suffix(""))
    return find_root("eurosat", data, _ROOTS, CLASSES[0], _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row a tile: id and image (`Forest/Forest_1.jpg`) and label."""
    lacking = [name for name in CLASSES if not (root / name).is_dir()]
    if lacking:
        raise InputError(f"eurosat: {root / lacking[0]}: no such folder; each of the ten classes has one. {_GET}")
    paths = [path.relative_to(root).as_posix() for name in CLASSES for path in (root / name).glob("[!.]*.jpg")]
    return pd.DataFrame({"id": paths, "image": paths, "label": [CLASSES.index(path.split("/")[0]) for path in paths]})


def split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Train / validation / test 60/20/20 per cent, stratified by class.

    `paper`: of each class, in the order of names, NumPy's legacy generator with seed 42 draws a fifth for test; the
    rest is for training (PAPER.md 2.6). Rows must be sorted by id, as torchvision's ImageFolder sorts them.
    """
    if protocol == "clean":
        return stratified_split(table, ["label"], {"train": 0.6, "validation": 0.2, "test": 0.2}, SPLIT_SEED)
    return draw_fifth(table, _PAPER_SEED)


TASK = Task(
    name="eurosat",
    version=1,
    classes=CLASSES,
    metric="accuracy",
    find=find,
    samples=samples,
    split=split,
    split_seed=SPLIT_SEED,
    flips=("horizontal", "vertical"),  # seen from above no side is up
    published=Published(image_size=224, flips=()),
    card=Card(
        title="EuroSAT: land use seen by satellite",
        source=(
            "Helber, Bischke, Dengel, Borth 2019: 27,000 tiles of 64x64 pixels (640 m) from Sentinel-2 over 34 "
            "European countries; here the three visible bands as 8-bit JPEGs. Neighbouring tiles may lie on both sides "
            "of a split."
        ),
        application="Mapping of land use and of its change; one of the study's six, from remote sensing.",
        licence="MIT; Copernicus Sentinel data under their own terms",
        baseline="Helber et al. 2019: accuracy 98.57 % with a fine-tuned ResNet-50 (80/20 split)",
        get=_GET,
        citation=(
            "P. Helber, B. Bischke, A. Dengel, D. Borth: EuroSAT: A novel dataset and deep learning benchmark for land "
            "use and land cover classification. IEEE JSTARS 12(7), 2217-2226, 2019. doi:10.1109/JSTARS.2019.2918242"
        ),
    ),
)
