"""SUN397: photographs of 397 kinds of places, found by search engines."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from afield.tasks.places import find_root
from afield.tasks.sets.web import PUBLISHED, SPLIT_SEED, WHY, class_names, official_split, positions_of, read_lists
from afield.tasks.task import Card, Task

CLASSES = class_names("sun397")
"""in the order of ClassName.txt, without the folder of the first letter: `abbey`, `apartment_building/outdoor`"""
_ROOTS = ("sun397", ".")
_LISTS = ("Partitions", "SUN397/Partitions", "SUN397", "")
"""where people unpack Partitions.zip, below the folder that holds SUN397/"""
_GET = (
    "Download SUN397.tar.gz (39 GB, no account) and download/Partitions.zip (18 MB) from "
    "https://vision.princeton.edu/projects/2010/SUN/, unpack the first into sun397/ below that folder (it makes "
    "SUN397/) and the second into sun397/Partitions/, or name yours with AFIELD_DATA"
)


def find(data: Path) -> Path:
    """The folder that holds `SUN397/` and, in it or beside it, the lists of Partitions.zip."""
    return find_root("sun397", data, _ROOTS, "SUN397", _GET)


def samples(root: Path) -> pd.DataFrame:
    """One row an image of the first partition: id (`/a/abbey/sun_aaoffopmzcafdyhn.jpg`), image, label, official."""
    lists = next((root / place for place in _LISTS if (root / place / "Training_01.txt").is_file()), root / _LISTS[0])
    table = read_lists("sun397", {"train": lists / "Training_01.txt", "test": lists / "Testing_01.txt"}, _GET)
    names = table["line"].str.extract(r"^/./(.+)/[^/]+$", expand=False).fillna(table["line"])
    return pd.DataFrame(
        {
            "id": table["line"],
            "image": "SUN397" + table["line"],
            "label": positions_of(names, CLASSES, "sun397", table["place"]),
            "official": table["official"],
        }
    )


TASK = Task(
    name="sun397",
    version=1,
    classes=CLASSES,
    metric="accuracy",
    find=find,
    samples=samples,
    split=official_split,
    split_seed=SPLIT_SEED,
    published=PUBLISHED,
    card=Card(
        title="SUN397: kinds of places",
        source=(
            "Xiao, Hays, Ehinger, Oliva, Torralba 2010 (MIT, Brown): 108,754 photographs found by search engines and "
            "sorted by hand; of these the first of ten published partitions, with 50 images of each kind for training "
            "and 50 for test. Some files that are called .jpg hold PNG, GIF or BMP, and two are badly encoded "
            "(c/church/outdoor/sun_bhenjvsvrtumjuri.jpg, t/track/outdoor/sun_aophkoiosslinihb.jpg)."
        ),
        application=WHY,
        domain="web-scraped",
        licence="none stated that we know of; the photographs belong to those who took them",
        get=_GET,
        citation=(
            "J. Xiao, J. Hays, K. Ehinger, A. Oliva, A. Torralba: SUN database: Large-scale scene recognition from "
            "abbey to zoo. CVPR 2010. doi:10.1109/CVPR.2010.5539970"
        ),
    ),
)
