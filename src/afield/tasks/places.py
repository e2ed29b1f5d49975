"""Where the images of a task lie: a folder of the user's, below it a folder for each. What is made of them: a cache."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from afield.base.errors import InputError


def user_path(named: str | Path) -> Path:
    """A path as a user writes it, `~` expanded. Raises InputError for what no path can be."""
    try:
        path = Path(named).expanduser()
        path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{str(named)[:80]!r}: is no path that can be looked at ({error})") from error
    return path


def data_folder(named: Path | None = None) -> Path:
    """The folder that holds the tasks' folders: the one named, else AFIELD_DATA's, else the user's data folder."""
    if named is not None:
        return named.expanduser().resolve()
    variable = os.environ.get("AFIELD_DATA")
    return Path(variable).expanduser().resolve() if variable else platformdirs.user_data_path("afield")


def cache_folder() -> Path:
    """Where prepared images, hashes and unpacked datasets are kept: AFIELD_CACHE, or the user's cache folder."""
    named = os.environ.get("AFIELD_CACHE")
    return Path(named).expanduser().resolve() if named else platformdirs.user_cache_path("afield")


def find_root(task: str, data: Path, roots: Sequence[str], sign: str, get: str) -> Path:
    """The first of `roots` (paths below `data`) that holds an entry `sign`.

    Raises InputError that tells where it looked and how to get the data.
    """
    for root in roots:
        if (data / root / sign).exists():
            return data / root
    below = [root for root in roots if root not in ("", ".")]
    where = f"{data} itself does not hold {sign}" if len(below) < len(roots) else ""
    if below:
        one = f"{below[0]} does not hold {sign}" if len(below) == 1 else f"none of {', '.join(below)} holds {sign}"
        where = f"{where}, and below it {one}" if where else f"below {data}, {one}"
    raise InputError(f"{task}: not found: {where}. {get}")
