"""ELPV: electroluminescence images of solar cells, functional or defective."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.tasks.splits import USUAL_FRACTIONS, stratified_split
from afield.tasks.task import Card, Protocol, Task

SPLIT_SEED = 0


def find(data: Path) -> Path:
    """The data folder inside the installed package `elpv_dataset`, wherever the other tasks' data lie; the package is
    found, never imported.
    """
    spec = find_spec("elpv_dataset")
    if spec is None or not spec.submodule_search_locations:
        raise InputError("elpv: the package elpv-dataset is not installed; pip install 'afield[quickstart]'")
    root = Path(spec.submodule_search_locations[0]) / "data"
    if not (root / "labels.csv").is_file():
        raise InputError(
            f"elpv: {root / 'labels.csv'} is missing; pip install --force-reinstall --no-deps elpv-dataset==1.0.0.post1"
        )
    return root


def samples(root: Path) -> pd.DataFrame:
    """One row a cell: id, image, label (1: defect probability of 1/2 or more), probability, type (mono or poly)."""
    table = pd.read_csv(root / "labels.csv", sep=r"\s+", header=None, names=["image", "probability", "type"])
    table.insert(0, "id", table["image"].str.removeprefix("images/").str.removesuffix(".png"))
    table.insert(2, "label", (table["probability"] >= 0.5).astype("int64"))
    return table


def split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Train / validation / test 60/20/20 per cent, stratified by defect probability and cell type."""
    return stratified_split(table, ["probability", "type"], USUAL_FRACTIONS, SPLIT_SEED)


TASK = Task(
    name="elpv",
    version=1,
    classes=("functional", "defective"),
    metric="accuracy",
    find=find,
    samples=samples,
    split=split,
    split_seed=SPLIT_SEED,
    # Cells are photographed from the front, in modules that stand or lie: no side is up, and a crack or a dead area
    # stays one in the mirror.
    flips=("horizontal", "vertical"),
    card=Card(
        title="ELPV: solar cells in electroluminescence images",
        source=(
            "Buerhop-Lutz et al. 2018 and Deitsch et al. 2019 (ZAE Bayern, FAU Erlangen-Nuremberg): 2,624 grey images "
            "of 300x300 pixels, cut from images of 44 modules. Which module a cell is from is not published, so cells "
            "of one module may lie on both sides of a split."
        ),
        application=(
            "Quality control of photovoltaic modules. Experts gave each cell a defect probability of 0, 1/3, 2/3 or 1; "
            "from 1/2 on it counts as defective."
        ),
        licence="CC BY-NC-SA 4.0 (non-commercial)",
        baseline=(
            "Deitsch et al. 2019: accuracy 88.42 % with a fine-tuned VGG-19, on another split (75 % train, 25 % test)"
        ),
        get="pip install 'afield[quickstart]' (the package elpv-dataset 1.0.0.post1 on PyPI)",
        citation=(
            "S. Deitsch, V. Christlein, S. Berger, C. Buerhop-Lutz, A. Maier, F. Gallwitz, C. Riess: Automatic "
            "classification of defective photovoltaic module cells in electroluminescence images. Solar Energy 185, "
            "455-468, 2019. doi:10.1016/j.solener.2019.02.067"
        ),
    ),
)
