"""One's own camera-trap annotations as a table of samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pandas as pd

from afield.base.errors import InputError
from afield.tasks.boxes import WHOLE, written
from afield.tasks.formats.coco_traps import traps_samples
from afield.tasks.formats.megadetector import with_detections
from afield.tasks.own.table import rows_of
from afield.tasks.source import TaskSource

SUFFIX = ".json"
_GROUPS: Mapping[str, Literal["location", "seq_id"]] = {"location": "location", "seq_id": "seq_id"}


def read_own_traps(root: Path, path: Path, source: TaskSource) -> tuple[pd.DataFrame, str]:
    """The samples of a COCO Camera Traps file as `own_table.read_tables` gives those of tables, and words for the
    pictures that are none and for those that have no box.

    The group is by default the location: results then tell of new places. Boxes are MegaDetector's where `detections`
    names its results, else the annotations'. Raises InputError as `traps_samples` and `with_detections` do, and for
    columns that there are not (`location`, `seq_id`, `time` and `box` are there).
    """
    group = _GROUPS.get(source.group or "location")
    if group is None:
        raise InputError(f"{path}: group: is {source.group}; pictures of traps are grouped by {' or '.join(_GROUPS)}")
    found = traps_samples(path, group, [name for name in source.leave_out if name not in (source.classes or ())])
    left_out = _counted(found.left_out)
    if found.table.empty:
        raise InputError(f"{path}: no picture shows one class; {left_out or 'it lists none'}")
    table = found.table
    without: Mapping[str, int] = {"without a box in the file": int(table["box"].isna().sum())}
    if source.detections is not None:
        boxed = with_detections(table, Path(source.detections).expanduser().resolve(), root, source.confidence)
        table, without = boxed.table, boxed.without
    columns = table[["image", "label", "location", "seq_id", "time"]].rename(columns={"image": source.path})
    columns["box"] = [WHOLE if box is None else written(box) for box in table["box"]]
    box = source.box if source.detections is None else "box"
    rows = rows_of(root, path, columns, path.parent, source.model_copy(update={"group": group, "box": box}))
    words = f"; pictures that are no samples: {left_out}" if left_out else ""
    return rows, words + (f"; shown whole: {whole}" if box and (whole := _counted(without)) else "")


def _counted(pictures: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {reason}" for reason, number in pictures.items() if number)
