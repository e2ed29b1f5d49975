"""A folder that Hugging Face's `datasets` saved, as image files beside a table: made once, kept in the cache.

What is read is Arrow and JSON. No script of a dataset runs, nothing is downloaded, nothing is unpickled.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from afield.base.errors import InputError, nearest
from afield.base.files import remove_abandoned, temporary_prefix, words_for_failed_writes, write_json
from afield.base.hashing import digest
from afield.tasks.own.folder import split_named
from afield.tasks.places import cache_folder
from afield.tasks.source import TaskSource, task_source

SIGNS = ("dataset_dict.json", "dataset_info.json")
"""one of them lies in a saved dataset: of several splits, or of one"""
SEPARATOR = "\n"
"""between the classes of a sample that has several"""
VERSION = 1
"""raised whenever files or table are made otherwise"""
_IMAGE, _SPLIT = "image file", "dataset split"
"""columns of the table beside the dataset's own"""
_ENDINGS = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"GIF8": ".gif", b"BM": ".bmp", b"RIFF": ".webp",
            b"II": ".tif", b"MM": ".tif"}  # fmt: skip
"""by the first bytes; how a file is read says its content, whatever its name"""


def is_saved(folder: Path) -> bool:
    """Whether a folder is what `save_to_disk` writes."""
    return any((folder / sign).is_file() for sign in SIGNS)


def as_table(source: TaskSource) -> TaskSource:
    """The source `huggingface` as a source `table` of files in the cache, which are made where they are not there yet.

    Columns of `ClassLabel` become their names and give the classes in their order; a list of them means several labels;
    numbers and texts stay columns. The column `label` is by default the only one of `ClassLabel`, the column `path` the
    only one of images. The dataset's splits are taken unless the source names another way of splitting.

    Raises InputError for what is no saved dataset, columns that it lacks, splits of other names, samples without an
    image, and where the package `datasets` is not installed; StoreError where the cache cannot be written.
    """
    place = Path(str(source.huggingface)).expanduser().resolve()
    if not is_saved(place):
        raise InputError(
            f"{place}: is no dataset that Hugging Face's datasets saved (none of {', '.join(SIGNS)} lies in it); load "
            "yours with datasets, then dataset.save_to_disk(folder)"
        )
    stamps = [
        [path.relative_to(place).as_posix(), path.stat().st_size, path.stat().st_mtime_ns]
        for path in sorted(place.rglob("*"))
        if path.is_file()
    ]
    named = None if source.path == _default("path") else source.path
    folder = cache_folder() / "huggingface" / digest([VERSION, str(place), named, stamps])
    if not folder.is_dir():
        _make(folder, place, named)
    told = json.loads((folder / "columns.json").read_text(encoding="utf-8"))
    keys = source.model_dump(exclude_defaults=True, exclude={"huggingface"})
    keys |= {"table": [str(folder / "samples.parquet")], "path": _IMAGE}
    if not source.labels:
        keys |= _labels(place, source, told["columns"])
    if told["several splits"] and not (source.split or source.splits or source.folds or source.time):
        keys["split"] = _SPLIT
    return task_source(keys)


def _labels(place: Path, source: TaskSource, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that say what the labels are."""
    label = source.label
    classed = [name for name, found in columns.items() if isinstance(found, dict)]
    if label not in columns and label == _default("label") and len(classed) == 1:
        label = classed[0]
    if label not in columns:
        raise InputError(f"{place}: has no column {label}; {nearest(label, list(columns))}; name one with `label`")
    found = columns[label]
    if not isinstance(found, dict):
        return {"label": label}
    several = {"separator": SEPARATOR} if found["several"] else {}
    return {"label": label, "classes": list(source.classes or found["classes"]), **several}


def _default(key: str) -> object:
    return TaskSource.model_fields[key].default


def _make(folder: Path, place: Path, named: str | None) -> None:
    splits = _load(place)
    with words_for_failed_writes(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(folder.parent)
        temporary = Path(tempfile.mkdtemp(prefix=temporary_prefix(), dir=folder.parent))
        try:
            _write(temporary, place, splits, named)
            temporary.chmod(0o755)
            try:
                temporary.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was first, and its equal folder stays
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _load(place: Path) -> dict[str, Any]:
    """The dataset's splits by name; a single one without a name is named with nothing."""
    try:
        import datasets
    except ImportError:
        raise InputError(
            f"{place}: is a dataset of Hugging Face's datasets, which is not installed: pip install 'afield[hf]'"
        ) from None
    try:
        found = datasets.load_from_disk(str(place))
    except Exception as error:  # whatever the readers of Arrow and JSON say of damaged files
        raise InputError(f"{place}: cannot be read as a saved dataset ({error}); save it again") from error
    if not isinstance(found, datasets.DatasetDict):
        return {"": found}
    if len(found) == 1:  # all there is, whatever its name: splits are drawn
        return {"": next(iter(found.values()))}
    for name in found:
        if split_named(name) is None:
            raise InputError(
                f"{place}: has a split {name}; its splits must be train, validation (or val), test and test-NAME: take "
                "the others away, or rename them, and save it again"
            )
    return dict(found)


def _write(folder: Path, place: Path, splits: Mapping[str, Any], named: str | None) -> None:
    """Image files, `samples.parquet` (all as text) and `columns.json`: what is told of each column."""
    features = next(iter(splits.values())).features
    image = _image_column(place, features, named)
    columns = {name: told for name, feature in features.items() if name != image and (told := _told(feature))}
    rows = []
    for split, dataset in splits.items():
        (folder / (split or "images")).mkdir()
        for number, row in enumerate(_rows(dataset, image, list(columns))):
            content = (row[image] or {}).get("bytes")
            if not content:
                raise InputError(
                    f"{place}: row {number + 1}{f' of {split}' if split else ''}: column {image}: holds no image; take "
                    "the row away, and save the dataset again"
                )
            file = f"{split or 'images'}/{number:07d}{_ending(content)}"
            (folder / file).write_bytes(content)
            values = {name: _text(row[name], told) for name, told in columns.items()}
            rows.append({_IMAGE: file, _SPLIT: split, **values})
    pd.DataFrame(rows, columns=[_IMAGE, _SPLIT, *columns], dtype=object).to_parquet(folder / "samples.parquet")
    write_json(folder / "columns.json", {"columns": columns, "several splits": len(splits) > 1})


def _rows(dataset: Any, image: str, columns: list[str]) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a Dataset
    """The rows as plain values, images as the bytes that they were saved as."""
    import datasets

    plain = dataset.with_format(None).select_columns([image, *columns])
    yield from plain.cast_column(image, datasets.Image(decode=False))


def _image_column(place: Path, features: Mapping[str, Any], named: str | None) -> str:
    images = [name for name, feature in features.items() if type(feature).__name__ == "Image"]
    if named is not None and named not in images:
        raise InputError(f"{place}: has no column {named} of images; those that it has: {', '.join(images) or 'none'}")
    if named is None and len(images) != 1:
        raise InputError(
            f"{place}: has {len(images)} columns of images ({', '.join(images) or 'none'}); "
            + ("name one of them with `path`" if images else "save it with one, as datasets.Image")
        )
    return named or images[0]


def _told(feature: Any) -> dict[str, Any] | str:  # noqa: ANN401 - a feature of datasets
    """Of classes their names and whether a sample has several, of numbers and texts `plain`, of all else nothing."""
    inner: Any = getattr(feature, "feature", None)
    for classed, several in ((feature, False), (inner, True)):
        if type(classed).__name__ == "ClassLabel":
            return {"classes": list(classed.names), "several": several}
    return "plain" if type(feature).__name__ == "Value" else ""


def _text(value: Any, told: dict[str, Any] | str) -> str:  # noqa: ANN401 - a cell
    """A cell as a table has it; blank for what is missing (in saved datasets also a class of -1)."""
    if not isinstance(told, dict):
        return "" if value is None else str(value)
    numbers = value if told["several"] else [value]
    return SEPARATOR.join(told["classes"][number] for number in numbers or () if number is not None and number >= 0)


def _ending(content: bytes) -> str:
    return next((ending for start, ending in _ENDINGS.items() if content.startswith(start)), ".image")
