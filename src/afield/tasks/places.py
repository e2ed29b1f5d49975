"""Where the images of a task lie: a folder of the user's, below it a folder or the archive as it was downloaded."""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import platformdirs

from afield.base.errors import InputError
from afield.base.files import remove_abandoned, temporary_prefix, words_for_failed_writes

_LARGEST = 500_000_000_000
"""bytes that an archive may unpack to: the largest of the study's sets has 133 GB"""
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError)
"""what reading a damaged archive, or one with a password, raises"""
_FOREIGN = "this is not the published file"


def data_folder(named: Path | None = None) -> Path:
    """The folder that holds the tasks' folders: the one named, else AFIELD_DATA's, else the user's data folder."""
    if named is not None:
        return named.expanduser().resolve()
    variable = os.environ.get("AFIELD_DATA")
    return Path(variable).expanduser().resolve() if variable else platformdirs.user_data_path("afield")


def find_root(task: str, data: Path, roots: Sequence[str], sign: str, get: str) -> Path:
    """The first of `roots` (paths below `data`) that holds an entry `sign`.

    Raises InputError that tells where it looked and how to get the data.
    """
    for root in roots:
        if (data / root / sign).exists():
            return data / root
    raise InputError(f"{task}: not found: below {data}, none of {', '.join(roots)} holds {sign}. {get}")


def unpack_zip(archive: Path, to: Path) -> None:
    """Unpack an archive into the folder `to`, which gets its name when it is whole.

    Raises InputError for what is no zip file, is damaged, or has members that leave the folder or are links, and
    StoreError where the disk fails. Nothing is left behind by a failure.
    """
    with words_for_failed_writes(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(to.parent)
        temporary = Path(tempfile.mkdtemp(prefix=temporary_prefix(), dir=to.parent))
    try:
        with zipfile.ZipFile(archive) as source:
            _check_members(archive, source.infolist())
            with words_for_failed_writes(to):
                source.extractall(temporary)
                temporary.chmod(0o755)
                _put(temporary, to)
    except (*_DAMAGED, OSError) as error:
        raise InputError(f"{archive}: cannot be unpacked ({error}); download it again") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put(temporary: Path, to: Path) -> None:
    """Give the unpacked folder its name; where another run was first, its equal folder stays."""
    try:
        temporary.rename(to)
    except OSError:
        if not to.is_dir():
            raise


def _check_members(archive: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse an archive before anything of it is written."""
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise InputError(f"{archive}: its member {member.filename} leaves the folder; {_FOREIGN}")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise InputError(f"{archive}: its member {member.filename} is a link; {_FOREIGN}")
    size = sum(member.file_size for member in members)
    if size > _LARGEST:
        raise InputError(f"{archive}: would unpack to {size / 1e9:,.0f} GB; {_FOREIGN}")
