"""Which bytes the images of a task are, known from an earlier run where a file has not changed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from afield.base.errors import InputError
from afield.base.files import write_text
from afield.base.hashing import digest, sha256_file
from afield.tasks.task import Task


def hash_images(task: Task, root: Path, images: Sequence[str], cache: Path) -> dict[str, str]:
    """sha256 by image. A file whose path, size, times and inode are those of an earlier run is not read again."""
    store = cache / "hashes" / f"{digest([task.name, str(root)])}.json"
    known = _known_hashes(store)
    # Taken before the files are read: one that changes meanwhile has another stamp the next time.
    stamps = {image: "|".join(_stamp(root, file) for file in task.reading.files_of(image)) for image in images}
    unread = [image for image in images if stamps[image] not in known]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        fresh = dict(zip(unread, threads.map(lambda image: _hash(task, root, image), unread), strict=True))
    hashes = {image: fresh.get(image) or known[stamps[image]] for image in images}
    if fresh:
        write_text(store, json.dumps({stamps[image]: value for image, value in hashes.items()}))
    return hashes


def _known_hashes(store: Path) -> dict[str, str]:
    """Hashes by stamp from an earlier run; none where there is no sound file, for all can be computed again."""
    try:
        known = json.loads(store.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _stamp(root: Path, file: str) -> str:
    stat = (root / file).stat()
    return f"{stat.st_size}/{stat.st_mtime_ns}/{stat.st_ctime_ns}/{stat.st_ino}/{file}"


def _hash(task: Task, root: Path, image: str) -> str:
    """sha256 of an image's file; where it is several, the hash of theirs in order."""
    hashes: list[object] = [_hash_file(task, root / file) for file in task.reading.files_of(image)]
    return str(hashes[0]) if len(hashes) == 1 else digest(hashes, 64)


def _hash_file(task: Task, path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise InputError(
            f"{task.name}: {path}: cannot be read ({error.strerror}); check the file and its permissions"
        ) from error
