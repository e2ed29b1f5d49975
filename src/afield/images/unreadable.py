"""Which images of a task cannot be read, found before anything is split or trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path

import PIL

from afield.base.errors import InputError
from afield.base.files import write_text
from afield.base.hashing import digest
from afield.base.reading import AS_DECLARED, Reading
from afield.images.decode import DECODER_VERSION, UnreadableImage, decode
from afield.images.readers import in_order


def unreadable(
    root: Path,
    images: Sequence[str],
    cache: Path,
    processes: int,
    progress: Callable[[int, int], None],
    reading: Reading = AS_DECLARED,
) -> dict[str, str]:
    """The images (paths below `root`) that `decode` refuses for what is in them, each with the reason, in their order.

    Each is decoded once, by `processes` at once (1 works in this process). What was found is kept below `cache`: a file
    whose path, size, times and inode are those of an earlier call is not read again, unless rules, Pillow or `reading`
    are others. `progress(done, all)` is told after each image that is read, and may raise to stop; what was found until
    then is kept.

    Raises InputError where an image is missing, may not be read or does not fit into memory: that says nothing of its
    bytes, so it must not be dropped. AfieldError where a decoding process was killed.
    """
    rules = {"decoder": DECODER_VERSION, "pillow": PIL.__version__, "reading": asdict(reading)}
    store = cache / "unreadable" / f"{digest([str(root), rules])}.json"
    known = _known(store)
    # Taken before the files are read: one that changes meanwhile has another stamp the next time.
    stamps = {image: "|".join(_stamp(root, file) for file in reading.files_of(image)) for image in images}
    unread = [image for image in stamps if stamps[image] not in known]
    work = in_order(partial(_reason, reading=reading), [root / image for image in unread], processes)
    found: dict[str, str] = {}
    try:
        with closing(work) as reasons:
            for image, reason in zip(unread, reasons, strict=True):
                found[stamps[image]] = reason
                progress(len(found), len(unread))
    finally:
        if found:
            write_text(store, json.dumps(known | found))
    known |= found
    return {image: known[stamp] for image, stamp in stamps.items() if known[stamp]}


def _reason(path: Path, reading: Reading) -> str:
    """Why an image cannot be read, or which of its files; empty where it can."""
    try:
        decode(path, reading)
    except UnreadableImage as error:
        return str(error).removeprefix(str(path)).removeprefix(": ")
    return ""


def _known(store: Path) -> dict[str, str]:
    """Reasons by stamp from earlier calls; none where there is no sound file, for all can be found again."""
    try:
        known = json.loads(store.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _stamp(root: Path, file: str) -> str:
    try:
        stat = (root / file).stat()
    except OSError as error:
        raise InputError(f"{root / file}: cannot be read ({error.strerror}); restore it or drop its sample") from error
    return f"{stat.st_size}/{stat.st_mtime_ns}/{stat.st_ctime_ns}/{stat.st_ino}/{file}"
