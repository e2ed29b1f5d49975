"""Files from the web: whole and checked, or not there. What a stop or a fault cuts off is resumed, not begun anew.

The client is the standard library's: nothing to install, and none that a dependency exchanges for another (the hub's
own package has gone through three). What a download needs beyond it is here.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from filelock import FileLock

from afield.base.errors import InputError, StoreError
from afield.base.files import write_error
from afield.base.hashing import md5_file, sha256_file
from afield.base.http import AgainError, ChangedError, check_scheme, content_length, request
from afield.base.partial import begin, continues, drop, forget, read_notes, size, whole_length

Progress = Callable[[int, int | None], None]
"""is told the bytes that are here and how many there will be (None: the server does not say); may raise Stopped"""

_BLOCK = 1 << 20
_RESERVE = 64 << 20
"""bytes of the disk that a download leaves free"""


@dataclass(frozen=True)
class Patience:
    """How long a download bears with a server."""

    timeout: float = 30.0
    """seconds without any byte after which a connection counts as broken"""
    delays: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)
    """seconds before each further try where the server names none (Retry-After); new bytes begin the count anew"""
    longest: float = 300.0
    """a server that asks to be left alone for more seconds than this ends the download"""
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)


def download(
    address: str,
    target: Path,
    *,
    sha256: str = "",
    md5: str = "",
    limit: int | None = None,
    progress: Progress | None = None,
    patience: Patience = Patience(),
) -> str:
    """Bring the file at an http(s) address to `target`; give the SHA-256 of its bytes.

    The bytes grow in `target.part` and take the place of `target` by one rename, after their length and their hash are
    right. `sha256` is the hash or its first digits (torchvision's file names carry eight), `md5` the hash that a data
    set was published with; each is checked where it is given, and without both any bytes are accepted. A stop or a
    fault leaves `target.part`: the next call asks the server for the rest alone, provided that the file there
    is still the same (ETag or Last-Modified), else it begins anew. Of several processes one downloads, the others wait.
    A `target` that is there already is checked, never replaced.

    Raises InputError where the address or the bytes are not what they should be, where the file is longer than `limit`
    bytes, or where the server stays unreachable; StoreError where the disk is full or may not be written.
    """
    check_scheme(address)
    part = target.with_name(f"{target.name}.part")
    if target.exists():
        return _existing(target, sha256, md5)
    try:
        with _alone(target):
            if target.exists():  # another process brought it
                return _existing(target, sha256, md5)
            _fill(address, part, limit=limit, progress=progress, patience=patience, verifiable=bool(sha256 or md5))
            found, difference = _identify(part, sha256, md5)
            if difference:
                drop(part)
                raise InputError(
                    f"{address}: these are not the bytes that were published ({difference}); they were thrown away; "
                    "run the same command again, and if that does not help get the file elsewhere"
                )
            part.replace(target)
            forget(part)
            return found
    except OSError as error:
        raise write_error(target, error) from error


def _existing(target: Path, sha256: str, md5: str) -> str:
    found, difference = _identify(target, sha256, md5)
    if difference:
        raise InputError(
            f"{target}: is not the file that was published ({difference}); remove it and run the same command again"
        )
    return found


def _identify(path: Path, sha256: str, md5: str) -> tuple[str, str]:
    """SHA-256 of a file, and in which hash it differs from what was published; empty where it does not."""
    found = sha256_file(path)
    if not found.startswith(sha256.lower()):
        return found, f"sha256 {found}, expected {sha256}"
    if md5 and (other := md5_file(path)) != md5.lower():
        return found, f"md5 {other}, expected {md5}"
    return found, ""


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Let one process at a time work on a target; the operating system frees the lock of one that dies.

    Where a file system only pretends to lock, two may write the same bytes to the same places: no harm either.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    path = target.with_name(f"{target.name}.lock")
    with FileLock(path):
        yield
    path.unlink(missing_ok=True)  # after a success alone: whoever still waits for it will find the target


# --- tries


def _fill(
    address: str, part: Path, *, limit: int | None, progress: Progress | None, patience: Patience, verifiable: bool
) -> None:
    failures = 0
    while True:
        before = size(part)
        try:
            _attempt(address, part, limit=limit, progress=progress, timeout=patience.timeout, verifiable=verifiable)
            return
        except AgainError as fault:
            failures = 1 if size(part) > before else failures + 1
            if failures > len(patience.delays):
                raise InputError(
                    f"{address}: {fault}, in {failures} tries; {size(part):,} bytes are here already: "
                    "run the same command again to go on from there"
                ) from fault
            wait = patience.delays[failures - 1] if fault.wait is None else fault.wait
            if wait > patience.longest:
                raise InputError(f"{address}: {fault} and asks to wait {wait:.0f} s; try again then") from fault
            patience.sleep(wait)


def _attempt(
    address: str, part: Path, *, limit: int | None, progress: Progress | None, timeout: float, verifiable: bool
) -> None:
    """Ask once, for the rest where a part of the same file is here. Raises AgainError where another try may help."""
    notes = read_notes(part, address)
    have = size(part) if notes else 0
    if notes and notes.total == have > 0:
        return
    asked = {"Range": f"bytes={have}-", "If-Range": notes.validator} if notes and have else None
    try:
        response = request(address, timeout=timeout, headers=asked)
    except ChangedError:
        drop(part)
        raise
    with response:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise InputError(
                f"{address}: the server sends the file only {response.headers['Content-Encoding']}-encoded"
            )
        if response.status == 206:
            if notes is None or not continues(response.headers, notes, have):
                drop(part)
                raise ChangedError
            start, total = have, whole_length(response.headers) if notes.total is None else notes.total
        else:
            start, total = 0, content_length(response)
        chunked = response.status == 200 and response.headers.get("Transfer-Encoding") == "chunked"
        if total is None and not chunked and not verifiable:
            raise InputError(
                f"{address}: the server does not say how long the file is and no sha256 is known, so that a whole "
                "file cannot be told from a broken one; download it by hand"
            )
        _check_room(address, part, start, total, limit)
        if start == 0:
            begin(part, address, response.headers, total)
        done = _receive(response, part, start, total, address=address, limit=limit, progress=progress)
    if total is not None and done != total:
        raise AgainError(f"the connection broke off after {done:,} of {total:,} bytes")


def _receive(
    response: HTTPResponse,
    part: Path,
    start: int,
    total: int | None,
    *,
    address: str,
    limit: int | None,
    progress: Progress | None,
) -> int:
    """Write what comes; give the length of the part."""
    done = start
    with part.open("r+b") as stream:
        stream.seek(start)
        while block := _read(response):
            done += len(block)
            if limit is not None and done > limit:
                stream.close()
                drop(part)
                raise _too_long(address, limit)
            stream.write(block)
            if progress:
                progress(done, total)
    return done


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read1(_BLOCK)
    except TimeoutError as error:
        raise AgainError("no more bytes came") from error
    except (OSError, HTTPException) as error:
        raise AgainError(f"the connection broke off ({error or type(error).__name__})") from error


def _check_room(address: str, part: Path, start: int, total: int | None, limit: int | None) -> None:
    if total is None:
        return
    if limit is not None and total > limit:
        raise _too_long(address, limit)
    free = shutil.disk_usage(part.parent).free
    if free < total - start + _RESERVE:
        raise StoreError(
            f"{part.parent}: no space left for {address} ({total - start:,} bytes to come, {free:,} free); "
            "free some or choose another folder, then run the same command again"
        )


def _too_long(address: str, limit: int) -> InputError:
    return InputError(f"{address}: is longer than the {limit:,} bytes that are allowed")
