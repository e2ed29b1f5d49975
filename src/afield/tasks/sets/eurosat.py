"""EuroSAT: land use in tiles of 64x64 pixels, seen by the satellite Sentinel-2; three visible bands, or all 13."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.base.reading import Range, Reading
from afield.tasks.getting.archives import unpack
from afield.tasks.places import find_root
from afield.tasks.sets.geotiff import grid_cell
from afield.tasks.splits import USUAL_FRACTIONS, draw_fifth, stratified_split
from afield.tasks.task import Card, Protocol, Published, Task

CLASSES = (
    "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial",
    "Pasture", "PermanentCrop", "Residential", "River", "SeaLake",
)  # fmt: skip
BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A")
"""of Sentinel-2, in the order of the files: B8A comes last (torchgeo, issue 2458)"""
VISIBLE = Range(-2750 / 254, 2750)
"""of red, green and blue, in units of 0.0001 of reflectance: 0 becomes 1 and 2750 becomes 255, as in the published
tiles of three bands (PAPER.md 2.6)"""
_WHITE = {
    "B01": 2100, "B05": 3000, "B06": 5000, "B07": 6000, "B08": 6000, "B09": 2000, "B10": 30, "B11": 5000, "B12": 3500,
    "B8A": 6500,
}  # fmt: skip
"""what becomes white of the other bands, 0 being black: about three standard deviations above the mean of the data set
(by the figures of torchgeo's EuroSATDataModule)"""
CELL = 50_000
"""metres: side of the squares that `eurosat_by_location` keeps together; a tile is 640 m wide"""
SPLIT_SEED = 0
_PAPER_SEED = 42


@dataclass(frozen=True)
class Layout:
    """How a version of the data set is published."""

    archives: tuple[str, ...]
    """names of downloads, without .zip"""
    folders: tuple[str, ...]
    """what they unpack to: the folder of the ten class folders"""
    ending: str
    """of the tiles"""
    get: str


RGB = Layout(
    archives=("EuroSAT", "EuroSAT_RGB"),
    folders=("2750", "EuroSAT_RGB"),
    ending=".jpg",
    get="Download EuroSAT_RGB.zip (94 MB, no account) from https://zenodo.org/records/7711810 and put it, packed or "
    "unpacked, into that folder, or name yours with AFIELD_DATA",
)
ALL_BANDS = Layout(
    archives=("EuroSATallBands", "EuroSAT_MS"),
    folders=("ds/images/remote_sensing/otherDatasets/sentinel_2/tif", "EuroSAT_MS"),
    ending=".tif",
    get="Download EuroSAT_MS.zip (2.1 GB, no account) from https://zenodo.org/records/7711810 and put it, packed or "
    "unpacked, into that folder, or name yours with AFIELD_DATA",
)
"""of the older downloads and of Zenodo's"""


def find(data: Path, layout: Layout = RGB) -> Path:
    """The folder of the ten class folders; the archive as downloaded is unpacked beside itself, once."""
    roots = [
        f"{place}{folder}"
        for place in ("eurosat/", "", *(f"{above}{name}/" for above in ("eurosat/", "") for name in layout.archives))
        for folder in layout.folders
    ]
    if not any((data / root / CLASSES[0]).is_dir() for root in roots):
        for archive in (data / folder / f"{name}.zip" for folder in ("eurosat", "") for name in layout.archives):
            if archive.is_file():
                unpack(archive, archive.with_suffix(""))
    return find_root("eurosat", data, roots, CLASSES[0], layout.get)


def samples(root: Path, layout: Layout = RGB) -> pd.DataFrame:
    """One row a tile: id and image (`Forest/Forest_1.jpg`, or `.tif`) and label."""
    lacking = [name for name in CLASSES if not (root / name).is_dir()]
    if lacking:
        raise InputError(f"eurosat: {root / lacking[0]}: no such folder; each of the ten classes has one. {layout.get}")
    paths = [
        path.relative_to(root).as_posix() for name in CLASSES for path in (root / name).glob(f"[!.]*{layout.ending}")
    ]
    return pd.DataFrame({"id": paths, "image": paths, "label": [CLASSES.index(path.split("/")[0]) for path in paths]})


def located_samples(root: Path) -> pd.DataFrame:
    """The tiles of all bands with a group each: the square of CELL metres in which its middle lies, by its own tags."""
    table = samples(root, ALL_BANDS)
    return table.assign(group=[grid_cell(root / image, CELL) for image in table["image"]])


def split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Train / validation / test 60/20/20 per cent, stratified by class.

    Tiles of all bands go where those of the same name with three go, so that results can be compared. `paper`: of each
    class, in the order of names, NumPy's legacy generator with seed 42 draws a fifth for test; the rest is for training
    (PAPER.md 2.6). Rows must be sorted by id, as torchvision's ImageFolder sorts them.
    """
    if protocol == "clean":
        named = table.assign(id=table["id"].str.replace(r"\.tif$", ".jpg", regex=True))
        return stratified_split(named, ["label"], USUAL_FRACTIONS, SPLIT_SEED)
    return draw_fifth(table, _PAPER_SEED)


def split_by_location(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Train / validation / test 60/20/20 per cent, stratified by class, with all tiles of a square on one side."""
    return stratified_split(table, ["label"], USUAL_FRACTIONS, SPLIT_SEED, group="group")


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
    published=Published(image_size=224, flips=(), samples=27_000),
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
        get=RGB.get,
        citation=(
            "P. Helber, B. Bischke, A. Dengel, D. Borth: EuroSAT: A novel dataset and deep learning benchmark for land "
            "use and land cover classification. IEEE JSTARS 12(7), 2217-2226, 2019. doi:10.1109/JSTARS.2019.2918242"
        ),
    ),
)
_TILES = (
    "Helber, Bischke, Dengel, Borth 2019: 27,000 tiles of 64x64 pixels (640 m) from Sentinel-2 over 34 European "
    "countries, 16-bit GeoTIFFs of 13 bands. "
)
_VISIBLE = (
    "Here bands 4, 3 and 2 as red, green and blue, 0 to 2750 (of 10,000) scaled to 1 to 255: the published tiles of "
    "three bands before JPEG. "
)
MS = replace(
    TASK,
    name="eurosat_ms",
    find=partial(find, layout=ALL_BANDS),
    samples=partial(samples, layout=ALL_BANDS),
    reading=Reading(VISIBLE, channels=tuple(BANDS.index(name) for name in ("B04", "B03", "B02"))),
    published=None,
    card=replace(
        TASK.card,
        title="EuroSAT: land use seen by satellite, visible bands of the 13-band files",
        source=f"{_TILES}{_VISIBLE}Split as eurosat; neighbouring tiles may lie on both sides.",
        baseline="",
        get=ALL_BANDS.get,
    ),
)
_OTHERS = tuple(name for name in BANDS if name in _WHITE)
ALL = replace(
    MS,
    name="eurosat_bands",
    reading=Reading(
        range=(VISIBLE, VISIBLE, VISIBLE, *(Range(0, _WHITE[name]) for name in _OTHERS)),
        channels=(*(MS.reading.channels or ()), *(BANDS.index(name) for name in _OTHERS)),
    ),
    card=replace(
        MS.card,
        title="EuroSAT: land use seen by satellite, all 13 bands",
        source=(
            f"{_TILES}Here all of them: bands 4, 3 and 2 first, 0 to 2750 (of 10,000) scaled to 1 to 255, then "
            f"{', '.join(f'{name} 0 to {_WHITE[name]}' for name in _OTHERS)}, scaled to 0 to 255. Split as eurosat; "
            "neighbouring tiles may lie on both sides."
        ),
    ),
)
LOCATED = replace(
    MS,
    name="eurosat_by_location",
    samples=located_samples,
    split=split_by_location,
    card=replace(
        MS.card,
        title="EuroSAT: land use seen by satellite, split by location",
        source=(
            f"{_TILES}{_VISIBLE}All tiles whose middles lie in one square of {CELL // 1000} km (of the UTM zone that "
            "the file names) are on one side of the split, and are resampled together for intervals. At the edges of "
            "squares and of zones neighbours may still be apart."
        ),
    ),
)
