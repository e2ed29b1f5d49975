"""Files that a job reads and that lie outside of its result folder: taken where they are, or fetched once a machine.

Each has a name that says what is in it, so a machine that already has it never fetches it again: whatever job, run or
study asked for it first.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from filelock import FileLock

from afield.base.errors import StoreError
from afield.base.files import remove_abandoned, temporary_prefix, write_error
from afield.base.hashing import sha256_file
from afield.study.engines.job import Job

Fetch = Callable[[Path, int, int], bytes]
"""a file of the machine where the run is, from a position on, so many bytes -> those bytes"""

_CHUNK = 32 << 20
"""bytes that are fetched at once"""


@dataclass(frozen=True)
class Goods:
    """A file, or a folder of files, on the machine where the run is."""

    path: Path
    """absolute: whoever reads it may have another working directory"""
    name: str
    """of its content: two of one name hold the same"""
    sizes: Mapping[str, int]
    """bytes of its files, by their names in it; of a file its own"""
    sha256: str | None
    """of a file; None of a folder that is named by what it was made from, and put in place whole"""


def goods_of(job: Job) -> dict[Path, Goods]:
    """All that a job reads outside of its result folder, by the path that the job has for it."""
    folders = {paths.images for paths in job.splits.values()}
    files = {paths.samples: "" for paths in job.splits.values()}
    if job.weights is not None:
        files[job.weights.path] = job.weights.sha256
    hashes = dict(job.trial.extensions)
    files |= {Path(place): hashes[name] for name, place in job.extensions.items() if _is_file(place)}
    return {path: _folder(path) for path in folders} | {path: _file(path, known) for path, known in files.items()}


def with_goods(job: Job, places: Mapping[Path, Path], out: Path) -> Job:
    """The job with its paths replaced: `places` are those of its goods here, `out` the result folder to work in."""
    return replace(
        job,
        out=out,
        splits={
            part: replace(paths, samples=places[paths.samples], images=places[paths.images])
            for part, paths in job.splits.items()
        },
        weights=None if job.weights is None else replace(job.weights, path=places[job.weights.path]),
        extensions={
            name: str(places[Path(place)]) if _is_file(place) else place for name, place in job.extensions.items()
        },
    )


def at_hand(goods: Goods, fetch: Fetch, shelf: Path, *, by_path: bool) -> Path:
    """Where goods lie on this machine: at their own path, where `by_path` and the same content is found there, else in
    the folder `shelf`, fetched unless they are there. Raises StoreError where they cannot be written.
    """
    if by_path and _is_here(goods):
        return goods.path
    kept = shelf / goods.name
    try:
        shelf.mkdir(parents=True, exist_ok=True)
        with FileLock(shelf / f"{goods.name}.lock"):  # the machine's other workers wait for the one that fetches
            if not kept.is_dir():
                remove_abandoned(shelf)
                _fetch(goods, fetch, kept)
    except OSError as error:
        raise write_error(kept, error) from error
    return kept if goods.sha256 is None else kept / goods.path.name


def _fetch(goods: Goods, fetch: Fetch, kept: Path) -> None:
    temporary = Path(tempfile.mkdtemp(prefix=temporary_prefix(), dir=kept.parent))
    try:
        for name, size in goods.sizes.items():
            source = goods.path / name if goods.sha256 is None else goods.path
            with (temporary / name).open("wb") as stream:
                for start in range(0, size, _CHUNK):
                    stream.write(fetch(source, start, min(_CHUNK, size - start)))
        if goods.sha256 is not None and sha256_file(temporary / goods.path.name) != goods.sha256:
            raise StoreError(f"{goods.path}: changed while it was sent to another machine; run the study again")
        temporary.rename(kept)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _is_here(goods: Goods) -> bool:
    if goods.sha256 is not None:
        return goods.path.is_file() and _hash(goods.path) == goods.sha256
    files = {name: goods.path / name for name in goods.sizes}
    return all(path.is_file() and path.stat().st_size == goods.sizes[name] for name, path in files.items())


def _folder(path: Path) -> Goods:
    sizes = {each.name: each.stat().st_size for each in sorted(path.iterdir()) if each.is_file()}
    return Goods(path.absolute(), path.name, sizes, None)


def _file(path: Path, sha256: str) -> Goods:
    known = sha256 or _hash(path)
    return Goods(path.absolute(), known, {path.name: path.stat().st_size}, known)


def _is_file(place: str) -> bool:
    """Whether a job's extension is a file, and not the name of an installed package."""
    return place.endswith(".py")


def _hash(path: Path) -> str:
    about = path.stat()
    return _hash_of(path, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=256)
def _hash_of(path: Path, size: int, changed: int) -> str:
    """SHA-256 of a file, remembered while its size and time of change stay."""
    return sha256_file(path)
