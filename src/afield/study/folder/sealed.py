"""Files of a result folder: written whole, sealed with the SHA-256 of each, and checked when they are read.

A sealed table begins with the SHA-256 of all that follows it in the file: `{"seal": "...", ...}`, and so does the first
of several rows. What has no seal was written by an older afield.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afield.base.errors import DamagedError, StoreError
from afield.base.files import atomic_path, write_text
from afield.base.hashing import sha256_file
from afield.base.regular import read_text
from afield.study.folder.shapes import check_shape

if TYPE_CHECKING:
    import pandas as pd  # takes half a second, and `afield status` reads no such table

_SEAL = '{"seal": "'
_MEND = "run the study again to make it anew"


@contextmanager
def words_for_failed_reads(path: Path, mend: str = _MEND) -> Iterator[None]:
    """Raise StoreError where a file cannot be read, DamagedError with the mend where it holds no such text."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path}: damaged ({error}); {mend}") from error


def read_rows(path: Path) -> tuple[dict[str, float], ...]:
    """The rows of a file with one JSON table a line, without their seal; none without the file. Raises DamagedError
    where it is cut, or not what was sealed.
    """
    mend = "run the study again to make this result anew"
    with words_for_failed_reads(path, mend):
        try:
            text = read_text(path)
        except FileNotFoundError:
            return ()  # or it went just now: another run may be at this trial
        # one call: the rows of 100,000 trials are read at a start
        rows = tuple(json.loads(f"[{','.join(text.splitlines())}]"))
    told = rows[0].pop("seal", None) if rows and isinstance(rows[0], dict) else None
    if not rows or told != _seal_of(text, path.parent.name):
        raise DamagedError(f"{path}: was altered or cut (it is not what its seal tells of); {mend}")
    return rows


def read_lines(path: Path) -> list[str]:
    """The lines of a text that only grows; none without the file. Raises StoreError where it cannot be read."""
    with words_for_failed_reads(path):
        try:
            return read_text(path, replace=True).splitlines()
        except FileNotFoundError:
            return []


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write tables, a line each and at least one, that tell when they were altered, or are those of another folder;
    whole or not at all.
    """
    write_text(path, sealed("\n".join(json.dumps(dict(row)) for row in rows), path.parent.name))


def read_json(path: Path, mend: str = _MEND) -> dict[str, Any]:
    """A file's table, without its seal. Raises StoreError where it cannot be read, DamagedError where it is no table or
    another one than was sealed.
    """
    with words_for_failed_reads(path, mend):
        text = read_text(path)
        content = json.loads(text)
    if not isinstance(content, dict):
        raise DamagedError(f"{path}: damaged, it should hold a table; {mend}")
    if content.pop("seal", None) != _seal_of(text):
        raise DamagedError(f"{path}: was altered or cut (it is not what its seal tells of); {mend}")
    return content


def write_sealed(path: Path, content: Mapping[str, Any], *, compact: bool = False) -> None:
    """Write a table that tells when it was altered, whole or not at all; NaN is refused. `compact`: on one line, ten
    times as quickly.
    """
    write_text(path, sealed_text(content, compact=compact))


def sealed_text(content: Mapping[str, Any], *, compact: bool = False) -> str:
    """What `write_sealed` writes."""
    indent = None if compact else 2
    return sealed(json.dumps(content, indent=indent, sort_keys=True, allow_nan=False, ensure_ascii=False))


def sealed(text: str, of: str = "") -> str:
    """The JSON text of a table, or of rows the first of which is one that is not empty, with its seal; one that is `of`
    something counts as that thing's alone.
    """
    rest = ("" if text == "{}" else ",") + text[1:] + "\n"
    return f'{_SEAL}{_digest(rest, of)}"{rest}'


def _seal_of(text: str, of: str = "") -> str | None:
    """The seal that a file's text should have; None where it has none."""
    return _digest(text[len(_SEAL) + 65 :], of) if text.startswith(_SEAL) else None


def _digest(rest: str, of: str) -> str:
    return sha256((of + rest).encode()).hexdigest()


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a table, whole or not at all."""
    with atomic_path(path) as temporary:
        frame.to_parquet(temporary, index=False)


def read_parquet(path: Path) -> pd.DataFrame:
    """A table of text, numbers and lists that `write_parquet` wrote. What pandas notes of types in such a file says
    nothing that these do not say themselves, and takes three quarters of the time of reading a small one.
    """
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        table: pd.DataFrame = file.read(use_threads=False).replace_schema_metadata(None).to_pandas(use_threads=False)
    return table


def read_samples(path: Path, columns: Sequence[str], split: str) -> pd.DataFrame:
    """`id` and those columns of the samples of a split, in the order of the table. Raises DamagedError where the table
    is not there, cannot be read or lacks a column.
    """
    import pandas as pd

    if not columns:
        return pd.DataFrame({"id": []})
    try:
        return pd.read_parquet(path, columns=["id", *columns], filters=[("split", "==", split)])
    except (OSError, ValueError) as error:
        raise DamagedError(f"{path}: damaged or missing ({error}); run the study again to make it anew") from error


def seal(folder: Path, names: Sequence[str], result: Mapping[str, Any]) -> None:
    """Write FOLDER/result.json with the SHA-256 of the files of those names: the last file of a result."""
    sums = {name: sha256_file(folder / name) for name in names}
    write_sealed(folder / "result.json", {**result, "sha256": sums})


def unseal(folder: Path, shape: type) -> Mapping[str, Any]:
    """What `seal` wrote, of that shape (`shapes.py`). Raises DamagedError where it has another one, and where a file is
    missing or is not the one that was sealed.
    """
    result = read_json(folder / "result.json")
    check_shape(folder / "result.json", result, shape)
    for name, expected in result["sha256"].items():
        if name != Path(name).name or len(name) > 100:
            raise DamagedError(f"{folder / 'result.json'}: damaged, it names a file that no result has; {_MEND}")
        path = folder / name
        if not path.is_file():
            raise DamagedError(f"{path}: is missing; run the study again to make this result anew")
        if sha256_file(path) != expected:
            raise DamagedError(
                f"{path}: was altered or cut (its sha256 differs from result.json); "
                "run the study again to make this result anew"
            )
    return result
