"""HPA 2018: where in the cell a protein lies, on microscope images of the Human Protein Atlas; Kaggle, 2018."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from afield.base.errors import InputError
from afield.base.reading import Reading
from afield.tasks.formats.groups import listed_groups
from afield.tasks.formats.label_table import positions_in, read_table
from afield.tasks.labels import vectors
from afield.tasks.places import find_root
from afield.tasks.splits import iterative_split
from afield.tasks.task import LEFT_OUT, Card, Protocol, Published, Split, Task

CLASSES = (
    "Nucleoplasm", "Nuclear membrane", "Nucleoli", "Nucleoli fibrillar center", "Nuclear speckles", "Nuclear bodies",
    "Endoplasmic reticulum", "Golgi apparatus", "Peroxisomes", "Endosomes", "Lysosomes", "Intermediate filaments",
    "Actin filaments", "Focal adhesion sites", "Microtubules", "Microtubule ends", "Cytokinetic bridge",
    "Mitotic spindle", "Microtubule organizing center", "Centrosome", "Lipid droplets", "Plasma membrane",
    "Cell junctions", "Mitochondria", "Aggresome", "Cytosol", "Cytoplasmic bodies", "Rods & rings",
)  # fmt: skip
"""labels 0 to 27 of the table, whose names the competition's page gives"""
FILES = ("_red.png", "_green.png", "_blue.png", "_yellow.png")
"""microtubules, the protein, the nucleus, the endoplasmic reticulum: a grey file each"""
SPLIT_SEED = 0
SPLIT_FILE = "split.stratified.small.0.csv"
"""the split of the study, by pudae, where users have it: not ours to give"""
_FRACTIONS: dict[Split, float] = {"train": 0.727, "validation": 0.182, "test": 0.091}
"""8, 2 and 1 of pudae's 11 folds"""
_SIDES: dict[str, Split] = {"train": "train", "val": "validation", "test_val": "test"}
"""what the split file says, in our words"""
_COMPETITION = "human-protein-atlas-image-classification"
_ROOTS = ("hpa2018", _COMPETITION)
_GET = (
    f"With a Kaggle account, accept the rules at https://www.kaggle.com/c/{_COMPETITION}/rules, run `kaggle "
    f"competitions download -c {_COMPETITION}`, and unpack the archive into hpa2018/ below that folder (train.csv lies "
    "in it then, and beside it train/, into which train.zip is unpacked where there is one), or name yours with "
    "AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder of `train.csv`, and of `train/` or `rgby/train/`."""
    return find_root("hpa2018", data, _ROOTS, "train.csv", _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row an image: id (`00070df0-bbc3-11e8-b2bc-ac1f6b6435d0`), image, label, group and listed (what the split
    file says of it; blank without one).

    Images are the competition's four grey files in `train/`, else pudae's stacks of them, `rgby/train/<Id>.png`. Groups
    are those of `groups.csv`, where the user has put one beside the table: columns Id and group (`listed_groups`), for
    images that belong together. Every other image is a group of its own.
    """
    path = root / "train.csv"
    table = read_table("hpa2018", path, ("Id", "Target"), _GET)
    stacked = not (root / "train").is_dir() and (root / "rgby" / "train").is_dir()
    ids = table["Id"]
    return pd.DataFrame(
        {
            "id": ids,
            "image": "rgby/train/" + ids + ".png" if stacked else "train/" + ids,
            "label": target_labels("hpa2018", path, table["Target"]),
            "group": listed_groups("hpa2018", root / "groups.csv", ids, "Id"),
            "listed": _listed(root / SPLIT_FILE, ids),
        }
    )


def target_labels(name: str, path: Path, targets: pd.Series) -> list[tuple[int, ...]]:
    """Of each text such as `16 0` in a table of that task the vector of its labels. Raises InputError for an empty one,
    and for what is no label.
    """
    words = [text.split() for text in targets]
    if [] in words:
        row = words.index([]) + 1
        raise InputError(f"{name}: {path}: column Target, row {row}: is empty; an image has at least one label")
    codes = [str(number) for number in range(len(CLASSES))]
    positions_in(codes, name, path, pd.Series(words, name="Target").explode())
    return vectors(([int(word) for word in sample] for sample in words), len(CLASSES))


def _listed(path: Path, ids: pd.Series) -> pd.Series:
    """What the split file says of each image."""
    if not path.is_file():
        return pd.Series("", index=ids.index)
    mend = "Put the whole file here, or take it away: then a split is made"
    table = read_table("hpa2018", path, ("Id", "Split"), mend)
    positions_in(tuple(_SIDES), "hpa2018", path, table["Split"])
    twice, lacking = table["Id"][table["Id"].duplicated()], ids[~ids.isin(table["Id"])]
    if len(twice):
        raise InputError(f"hpa2018: {path}: lists {twice.iloc[0]} more than once. {mend}")
    if len(lacking):
        raise InputError(f"hpa2018: {path}: lacks {len(lacking)} images of train.csv, {lacking.iloc[0]} first. {mend}")
    return ids.map(table.set_index("Id")["Split"])


def split(table: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Train / validation / test 72.7/18.2/9.1 per cent by iterative stratification, a group on one side; or as the
    split file says, where it lies beside `train.csv`: `val` is validation, `test_val` is test.

    `paper`: the study reported what pudae calls `val` and, as far as is remembered (PAPER.md 2.3), chose thresholds on
    it too. So this is its test split, which selects, and `test_val` is left out. Without the split file the same is
    done with the split that is made: then its images are not the study's, its sizes nearly are.
    """
    if (table["listed"] != "").all():
        side = table["listed"].map(_SIDES)
    else:
        side = iterative_split(table, _FRACTIONS, SPLIT_SEED, group="group")
    if protocol == "clean":
        return side
    return side.map({"train": "train", "validation": "test", "test": LEFT_OUT})


_IMAGES = (
    "Human Protein Atlas; Kaggle competition 2018: 31,072 labelled images of 512x512 pixels from a confocal "
    "microscope, four stains each, 28 labels, one to five an image. "
)
_MIND = (
    "Names of labels as the competition's page has them, from memory: unverified here. Some images occur more than "
    "once: near-duplicates may lie on both sides of a split, unless a file groups.csv (Id, group) beside train.csv "
    f"says what belongs together, or the study's own split lies there ({SPLIT_FILE}). The rarest labels have 11, 21 "
    "and 28 images: macro F1 moves by a point or more with one of them."
)
TASK = Task(
    name="hpa2018",
    version=1,
    classes=CLASSES,
    metric="macro_f1_global",
    find=find,
    samples=samples,
    split=split,
    target="labels",
    split_seed=SPLIT_SEED,
    flips=("horizontal", "vertical"),  # cells lie in every direction
    reading=Reading(channels=(0, 1, 2), files=FILES),
    # The study's loader lost yellow as an alpha channel, and gave the rest in OpenCV's order (PAPER.md 2.3, 3.1).
    published=Published(image_size=256, flips=("horizontal", "vertical"), samples=28_246, channels="BGR"),
    card=Card(
        title="HPA 2018: where in the cell a protein lies, in three channels",
        source=(
            f"{_IMAGES}Here microtubules, protein and nucleus as red, green and blue; the fourth stain is in "
            f"hpa2018_rgby. {_MIND}"
        ),
        application="Cell biology: maps of proteins; one of the study's six, from microscopy.",
        licence=(
            "the rules of the Kaggle competition, which you accept before downloading; the atlas's images themselves "
            "CC BY-SA 3.0 (unverified here)"
        ),
        baseline=(
            "macro F1 on the competition's private test images: 0.565 (the winner's DenseNet-121 in five folds, 1,024 "
            "pixels)"
        ),
        get=_GET,
        citation=(
            "W. Ouyang, C. F. Winsnes, M. Hjelmare et al.: Analysis of the Human Protein Atlas Image Classification "
            "competition. Nature Methods 16, 1254-1261, 2019. doi:10.1038/s41592-019-0658-6"
        ),
    ),
)
RGBY = replace(
    TASK,
    name="hpa2018_rgby",
    reading=replace(TASK.reading, channels=(0, 1, 2, 3)),
    card=replace(
        TASK.card,
        title="HPA 2018: where in the cell a protein lies, in all four channels",
        source=(
            f"{_IMAGES}Here microtubules, protein and nucleus as red, green and blue, and the endoplasmic reticulum as "
            f"a fourth channel. {_MIND}"
        ),
    ),
)
