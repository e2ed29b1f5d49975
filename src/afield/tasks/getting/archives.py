"""Archives that nobody should trust: unpacked whole or not at all, and never outside their folder."""

from __future__ import annotations

import lzma
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Self

from afield.base.errors import InputError
from afield.base.files import remove_abandoned, temporary_prefix, words_for_failed_writes

Progress = Callable[[int, int], None]
"""is told the bytes that are done and how many there are; may raise to stop"""
_LARGEST = 500_000_000_000
"""bytes that an archive may unpack to: the largest of the study's sets has 133 GB"""
_DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError, RuntimeError,
    NotImplementedError, ValueError, OverflowError,
)  # fmt: skip
"""what reading a damaged archive, or one with a password, raises"""
_FOREIGN = "this is not the published file"
_BLOCK = 1 << 20


def unpack(archive: Path, to: Path, progress: Progress | None = None, largest: int = _LARGEST) -> None:
    """Unpack a zip or tar archive, packed in whatever way, into the folder `to`, which gets its name when it is whole.

    Only folders and files are made, with the user's own rights. Raises InputError for what is no such archive, is
    damaged, has members that leave the folder, are links or devices, or unpacks to more than `largest` bytes;
    StoreError where the disk fails. Nothing is left behind by a failure.
    """
    with scratch(to.parent) as temporary:
        fill(archive, temporary, progress, largest)
        with words_for_failed_writes(to):
            _put(temporary, to)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A folder in `folder` for what is in the making; gone afterwards, unless the block gives it a name."""
    with words_for_failed_writes(folder):
        folder.mkdir(parents=True, exist_ok=True)
        remove_abandoned(folder)
        temporary = Path(tempfile.mkdtemp(prefix=temporary_prefix(), dir=folder))
        temporary.chmod(0o755)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def fill(archive: Path, folder: Path, progress: Progress | None = None, largest: int = _LARGEST) -> None:
    """Unpack an archive into a folder that is there, as `unpack` does; a failure leaves what was unpacked so far."""
    tell = progress or (lambda done, total: None)
    with _words_for_damage(archive):
        if archive.suffix == ".zip":
            _fill_from_zip(archive, folder, tell, largest)
        else:
            _fill_from_tar(archive, folder, tell, largest)


@contextmanager
def _words_for_damage(archive: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        reason = str(error).partition("\n")[0].rstrip(":")  # tarfile adds a line for each way of packing
        raise InputError(f"{archive}: cannot be unpacked ({reason}); download it again") from error


def _fill_from_zip(archive: Path, folder: Path, progress: Progress, largest: int) -> None:
    """All members are checked before anything is written: a zip file lists them."""
    with zipfile.ZipFile(archive) as source:
        members = source.infolist()
        total = sum(member.file_size for member in members)
        for member in members:
            _check_path(archive, member.filename)
            if stat.S_ISLNK(member.external_attr >> 16):
                raise InputError(f"{archive}: its member {member.filename} is a link; {_FOREIGN}")
        _check_size(archive, total, largest)
        done = 0
        for member in members:
            path = folder / member.filename.replace("\\", "/")
            if member.is_dir():
                _make_folder(path)
                continue
            with source.open(member) as stream:
                for written in _write(archive, stream, path):
                    done += written
                    progress(done, total)


class _Member(tarfile.TarInfo):
    """A member whose header is sound: tarfile itself takes a damaged one for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):  # the end
                raise
            raise tarfile.ReadError(f"a member is damaged: {error}") from error


def _fill_from_tar(archive: Path, folder: Path, progress: Progress, largest: int) -> None:
    """Each member is checked before it is written: a tar file has no list, and is read once from front to end."""
    total, written = archive.stat().st_size, 0
    with archive.open("rb") as packed, tarfile.open(fileobj=packed, mode="r:*", tarinfo=_Member) as source:
        for member in source:
            _check_path(archive, member.name)
            if member.isdir():
                _make_folder(folder / member.name)
                continue
            stream = source.extractfile(member) if member.isreg() else None
            if stream is None:
                kind = "a link" if member.issym() or member.islnk() else "no file"
                raise InputError(f"{archive}: its member {member.name} is {kind}; {_FOREIGN}")
            _check_size(archive, written + member.size, largest)
            for block in _write(archive, stream, folder / member.name):
                written += block
                progress(packed.tell(), total)
        while source.fileobj is not None and source.fileobj.read(_BLOCK):  # to the end, where the checksum stands
            pass
    progress(total, total)


def _check_path(archive: Path, name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts[:1]):
        raise InputError(f"{archive}: its member {name} leaves the folder; {_FOREIGN}")


def _check_size(archive: Path, size: int, largest: int) -> None:
    if size > largest:
        raise InputError(f"{archive}: would unpack to {size / 1e9:,.0f} GB or more; {_FOREIGN}")


def _make_folder(path: Path) -> None:
    with words_for_failed_writes(path):
        path.mkdir(parents=True, exist_ok=True)


def _write(archive: Path, stream: IO[bytes], path: Path) -> Iterator[int]:
    """Write a member's bytes to a file; gives the length of each block. A fault of the archive and one of the disk are
    told apart.
    """
    _make_folder(path.parent)
    with words_for_failed_writes(path), path.open("wb") as target:
        while block := _read(archive, stream):
            target.write(block)
            yield len(block)


def _read(archive: Path, stream: IO[bytes]) -> bytes:
    with _words_for_damage(archive):
        return stream.read(_BLOCK)


def _put(temporary: Path, to: Path) -> None:
    """Give the unpacked folder its name; where another run was first, its equal folder stays."""
    try:
        temporary.rename(to)
    except OSError:
        if not to.is_dir():
            raise


def merge(source: Path, folder: Path, last: Sequence[str]) -> None:
    """Move all that lies in `source` into `folder`, beside and over what is there; the entry with the path `last`
    (its parts) comes last, so that where it is, everything is.

    Raises StoreError where the disk fails.
    """
    with words_for_failed_writes(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for entry in sorted(source.iterdir(), key=lambda entry: (entry.name in last[:1], entry.name)):
            target = folder / entry.name
            if entry.is_dir() and target.is_dir():
                merge(entry, target, last[1:] if entry.name in last[:1] else ())
            else:
                entry.replace(target)
