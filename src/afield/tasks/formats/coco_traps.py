"""Camera-trap pictures in COCO Camera Traps JSON (https://lila.science/coco-camera-traps), published and one's own.

`images` (id, file_name; optional location, seq_id, date_captured or datetime, width, height, corrupt), `annotations`
(image_id, category_id; optional bbox) and `categories` (id, name).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import AliasChoices, BaseModel, Field, FiniteFloat

from afield.base.errors import InputError
from afield.tasks.boxes import Box, cut_box
from afield.tasks.formats.typed_json import MaybeName, Name, read_json

_MEND = "See https://lila.science/coco-camera-traps for the format, or write the file again"


class _Image(BaseModel):
    id: Name
    file_name: Name
    location: MaybeName = None
    """a number in older files, text in newer ones"""
    seq_id: MaybeName = None
    taken: MaybeName = Field(None, validation_alias=AliasChoices("datetime", "date_captured"))
    width: Annotated[FiniteFloat, Field(gt=0)] | None = None
    height: Annotated[FiniteFloat, Field(gt=0)] | None = None
    corrupt: bool = False


class _Annotation(BaseModel):
    image_id: Name
    category_id: int
    bbox: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat] | tuple[()] | None = None


class _Category(BaseModel):
    id: int
    name: Name


class _File(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


@dataclass(frozen=True, eq=False)
class Traps:
    """A COCO Camera Traps file whose entries refer to each other as they should."""

    images: pd.DataFrame
    """one row an image, in the order of the file: image_id, file_name, location, seq_id, taken (None where the file
    says nothing; `taken` as the file writes it), width, height (pixels, NaN), corrupt"""
    annotations: pd.DataFrame
    """one row an annotation, in the order of the file: image_id, category_id, box (None where it has none)"""
    categories: Mapping[int, str]

    def annotated(self) -> pd.DataFrame:
        """One row an annotation, in the order of the file, with the columns of its image."""
        return self.annotations.merge(self.images, on="image_id", how="left", validate="many_to_one")


@dataclass(frozen=True, eq=False)
class TrapsSamples:
    """Samples of one's own camera-trap pictures, and what became of the others."""

    table: pd.DataFrame
    """one row an image: id and image (the file's name), label (its class's name), group, time, location, seq_id (texts,
    blank where the file says nothing), box"""
    left_out: Mapping[str, int]
    """images that are no samples, counted by reason"""


def read_traps(path: Path, mend: str = _MEND) -> Traps:
    """Read a COCO Camera Traps file.

    Boxes, which the file has in pixels, become shares of the picture, cut at its edges: None where the file gives no
    bbox, no width and height to relate it to, or where nothing of it lies in the picture. Raises InputError that names
    file and entry (from 0), and ends with `mend`: for what is no such file, for ids that stand twice, and for
    annotations of images or categories that it does not list.
    """
    content = read_json(path, _File, "a COCO Camera Traps file", mend)
    _refuse_twice(path, "images", "id", [image.id for image in content.images], mend)
    _refuse_twice(path, "categories", "id", [category.id for category in content.categories], mend)
    images = {image.id: image for image in content.images}
    categories = {category.id: category.name for category in content.categories}
    for place, annotation in enumerate(content.annotations):
        if annotation.image_id not in images:
            raise InputError(
                f"{path}: annotations[{place}].image_id: is {annotation.image_id}, which no image has. {mend}"
            )
        if annotation.category_id not in categories:
            raise InputError(
                f"{path}: annotations[{place}].category_id: is {annotation.category_id}; the file's categories are "
                f"{', '.join(map(str, sorted(categories)))}. {mend}"
            )
    boxes = [_share(annotation, images[annotation.image_id]) for annotation in content.annotations]
    return Traps(
        images=_image_table(content.images),
        annotations=pd.DataFrame(
            {
                "image_id": pd.Series([annotation.image_id for annotation in content.annotations], dtype=object),
                "category_id": pd.Series([note.category_id for note in content.annotations], dtype="int64"),
                "box": pd.Series(boxes, dtype=object),
            }
        ),
        categories=categories,
    )


def traps_samples(
    path: Path, group: Literal["location", "seq_id"] = "location", leave_out: Collection[str] = ("empty",)
) -> TrapsSamples:
    """Samples from one's own COCO Camera Traps file: each image that shows one class.

    `group` says what a split keeps together: the location, where the question is how a network does at new places, or
    the sequence, where it will serve at the same cameras. Annotations of the categories `leave_out` are ignored. Left
    out and counted: images without any other annotation, of several classes, or marked as corrupt. The box is that of
    the largest animal. File names are paths below the folder of the pictures; backslashes become /.

    Raises InputError as `read_traps` does, where a name of `leave_out` (but `empty`) is none of the file's categories,
    and where a sample has no location (or no sequence) to be grouped by.
    """
    traps = read_traps(path)
    _refuse_twice(path, "images", "file_name", traps.images["file_name"].tolist(), _MEND)
    names = set(traps.categories.values())
    unknown = sorted(set(leave_out) - names - {"empty"})
    if unknown:
        raise InputError(
            f"{path}: categories: none is named {unknown[0]}, which is to be left out; they are "
            f"{', '.join(sorted(names))}"
        )
    rows, left_out = _of_one_class(traps, leave_out)
    homeless = rows["file_name"][rows[group].isna()]
    if len(homeless):
        other = "seq_id" if group == "location" else "location"
        raise InputError(
            f"{path}: {len(homeless)} images ({homeless.iloc[0]}, ...) have no {group} to be grouped by; add it, or "
            f"group by {other}"
        )
    files = rows["file_name"].str.replace("\\", "/")
    columns = {"id": files, "image": files, "label": rows["name"], "group": rows[group]}
    said = {"time": rows["taken"], "location": rows["location"], "seq_id": rows["seq_id"]}
    texts = {name: [value or "" for value in column] for name, column in said.items()}
    return TrapsSamples(pd.DataFrame({**columns, **texts, "box": rows["box"]}).reset_index(drop=True), left_out)


def _of_one_class(traps: Traps, leave_out: Collection[str]) -> tuple[pd.DataFrame, dict[str, int]]:
    """The annotation with the largest box of each image that shows one class, and the other images by reason."""
    rows = traps.annotated()
    rows["name"] = rows["category_id"].map(dict(traps.categories))
    sound = rows[~rows["corrupt"]]
    rows = sound[~sound["name"].isin(leave_out)]
    several = rows.groupby("image_id")["name"].transform("nunique") > 1
    corrupt = int(traps.images["corrupt"].sum())
    counts = {
        "marked as corrupt": corrupt,
        "without an annotation": len(traps.images) - corrupt - sound["image_id"].nunique(),
        f"of {' or '.join(leave_out)} alone": sound["image_id"].nunique() - rows["image_id"].nunique(),
        "of several classes": rows.loc[several, "image_id"].nunique(),
    }
    rows = rows[~several].assign(area=lambda table: table["box"].map(_area))
    # The sort is stable: of equally large boxes the file's first is taken.
    rows = rows.sort_values("area", ascending=False, kind="stable").drop_duplicates("image_id").sort_index()
    return rows, {reason: count for reason, count in counts.items() if count}


def _image_table(images: list[_Image]) -> pd.DataFrame:
    fields = {"image_id": "id", "file_name": "file_name", "location": "location", "seq_id": "seq_id", "taken": "taken"}
    texts = {
        name: pd.Series([getattr(image, field) for image in images], dtype=object) for name, field in fields.items()
    }
    sizes = {
        name: pd.Series([getattr(image, name) for image in images], dtype="float64") for name in ("width", "height")
    }
    return pd.DataFrame({**texts, **sizes, "corrupt": pd.Series([image.corrupt for image in images], dtype=bool)})


def _share(annotation: _Annotation, image: _Image) -> Box | None:
    """The box as shares of the picture, cut at its edges."""
    if not annotation.bbox or image.width is None or image.height is None:
        return None
    left, top, width, height = annotation.bbox
    return cut_box((left / image.width, top / image.height, width / image.width, height / image.height))


def _area(box: Box | None) -> float:
    return box[2] * box[3] if box else 0.0


def _refuse_twice(path: Path, entries: str, key: str, values: list[str] | list[int], mend: str) -> None:
    series = pd.Series(values, dtype=object)
    twice = series[series.duplicated()]
    if len(twice):
        raise InputError(f"{path}: {entries}[{twice.index[0]}].{key}: is {twice.iloc[0]} for the second time. {mend}")
