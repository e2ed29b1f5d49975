"""Files that are whole or not there: written beside their place, flushed, then renamed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from afield.base.errors import StoreError
from afield.base.hashing import digest
from afield.base.process import machine, process_alive
from afield.base.regular import read_text

TEMPORARY = ".afield-tmp-"
"""names of files in the making begin with it"""
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)
"""what file systems without hard links answer"""


def temporary_prefix() -> str:
    """How names of files in the making begin here: machine and process, so that a later run knows what is abandoned."""
    return f"{TEMPORARY}{_short(machine())}-{os.getpid()}-"


def _short(name_of_machine: str) -> str:
    """A name of a machine in eight characters without a dash: none is the beginning of another."""
    return digest([name_of_machine], 8)


@contextmanager
def words_for_failed_writes(path: Path) -> Iterator[None]:
    """Raise StoreError, with the place and the mend, where the block cannot write to `path`."""
    try:
        yield
    except OSError as error:
        raise write_error(path, error) from error


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; when the block ends well it takes the place of `path` at once.

    Raises StoreError where the disk is full or the folder cannot be written.
    """
    with words_for_failed_writes(path), _temporary(path) as temporary:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _sync_folder(path.parent)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """An empty file in the folder of `path`, of this process; gone afterwards, unless the block gives it a name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=temporary_prefix(), suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _flush(temporary: Path) -> None:
    with temporary.open("r+b") as stream:
        os.fsync(stream.fileno())
    temporary.chmod(0o644)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder for flushing
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_error(path: Path, error: OSError) -> StoreError:
    """The words for a failed write."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"{path}: no space left on the disk; free some and run the same command again to go on")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreError(
            f"{path}: may not be written ({error.strerror}); change its permissions, or name another folder"
        )
    return StoreError(f"{path}: could not be written ({error.strerror or error})")


def check_folder(path: Path) -> None:
    """Raise StoreError where a file cannot be made in the folder of `path`, which is made where it is missing."""
    with words_for_failed_writes(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file, then put it in the place of `path`."""
    with atomic_path(path) as temporary:
        write(temporary)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))


def keep_text(path: Path, text: str) -> None:
    """Write a text like `write_text`, unless it is what lies there: a folder that says so already may be read-only."""
    try:
        there = read_text(path, replace=True)
    except OSError:
        there = None
    if there != text:
        write_text(path, text)


def write_text_once(path: Path, text: str) -> bool:
    """Write a text file where there is none, whole or not at all; False where another process was first.

    On a file system without hard links a reader may, for an instant, find it empty.
    """
    with words_for_failed_writes(path), _temporary(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        _flush(temporary)
        try:
            _take_name(temporary, path, text)
        except FileExistsError:
            return False
        _sync_folder(path.parent)
        return True


def _take_name(temporary: Path, path: Path, text: str) -> None:
    """Let a file appear under a name that nobody has; raises FileExistsError where somebody has it."""
    try:
        path.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)


def write_json(path: Path, value: object) -> None:
    """Write a JSON file, whole or not at all; NaN is refused."""
    write_text(path, json_text(value))


def json_text(value: object) -> str:
    """What `write_json` writes."""
    return json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def abandoned(folder: Path, gone: Collection[str] = ()) -> Iterator[Path]:
    """Temporary files and folders in a folder: those of this machine whose process has ended, and all of the machines
    that are `gone` (named as `machine` names them).
    """
    here, elsewhere = _short(machine()), {_short(name) for name in gone}
    for path in folder.glob(f"{TEMPORARY}*"):
        made_on, _, rest = path.name.removeprefix(TEMPORARY).partition("-")
        process = rest.partition("-")[0]
        if made_on in elsewhere or (made_on == here and process.isdecimal() and not process_alive(int(process))):
            yield path


def remove_abandoned(folder: Path, gone: Collection[str] = ()) -> None:
    """Remove what `abandoned` names."""
    for path in abandoned(folder, gone):
        if is_folder(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def is_folder(path: Path) -> bool:
    """Whether a path is a folder itself: what a link names is nobody's to remove."""
    return path.is_dir() and not path.is_symlink()


def safe_name(text: str, length: int) -> str:
    """The end of a text as a part of a file's name: letters, digits and . _ - alone, at most `length` bytes.

    Different texts may become equal: whoever needs them apart adds a hash.

    >>> safe_name("lab:big/32", 80)
    'lab_big_32'
    """
    plain = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in text)
    return plain.encode()[-length:].decode(errors="ignore")
