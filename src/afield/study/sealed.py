"""Files of a result folder: written whole, sealed with the SHA-256 of each, and checked when they are read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from afield.base.errors import DamagedError, StoreError
from afield.base.files import atomic_path, write_json
from afield.base.hashing import sha256_file


def read_rows(path: Path) -> tuple[dict[str, float], ...]:
    """The rows of a file with one JSON table a line; none without the file. Raises DamagedError where it is cut."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()  # or it went just now: another run may be at this trial
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        return tuple(json.loads(f"[{','.join(lines)}]"))  # one call: the rows of 100,000 trials are read at a start
    except ValueError as error:
        raise DamagedError(f"{path}: damaged ({error}); run the study again to make this result anew") from error


def read_json(path: Path, mend: str = "run the study again to make it anew") -> dict[str, Any]:
    """A file's table. Raises StoreError where it cannot be read, DamagedError where it is no table."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise DamagedError(f"{path}: damaged ({error}); {mend}") from error
    if not isinstance(content, dict):
        raise DamagedError(f"{path}: damaged, it should hold a table; {mend}")
    return content


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a table, whole or not at all."""
    with atomic_path(path) as temporary:
        frame.to_parquet(temporary, index=False)


def read_samples(path: Path, columns: Sequence[str], split: str) -> pd.DataFrame:
    """`id` and those columns of the samples of a split, in the order of the table. Raises DamagedError where the table
    is not there, cannot be read or lacks a column.
    """
    if not columns:
        return pd.DataFrame({"id": []})
    try:
        return pd.read_parquet(path, columns=["id", *columns], filters=[("split", "==", split)])
    except (OSError, ValueError) as error:
        raise DamagedError(f"{path}: damaged or missing ({error}); run the study again to make it anew") from error


def seal(folder: Path, names: Sequence[str], result: Mapping[str, Any]) -> None:
    """Write FOLDER/result.json with the SHA-256 of the files of those names: the last file of a result."""
    write_json(folder / "result.json", {**result, "sha256": {name: sha256_file(folder / name) for name in names}})


def unseal(folder: Path) -> Mapping[str, Any]:
    """What `seal` wrote. Raises DamagedError where a file is missing or is not the one that was sealed."""
    result = read_json(folder / "result.json")
    sums = result.get("sha256")
    if not isinstance(sums, dict):
        raise DamagedError(
            f"{folder / 'result.json'}: no checksums in it; run the study again to make this result anew"
        )
    for name, expected in sums.items():
        path = folder / name
        if not path.exists():
            raise DamagedError(f"{path}: is missing; run the study again to make this result anew")
        if sha256_file(path) != expected:
            raise DamagedError(
                f"{path}: was altered or cut (its sha256 differs from result.json); "
                "run the study again to make this result anew"
            )
    return result
