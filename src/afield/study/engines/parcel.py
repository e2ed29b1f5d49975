"""The files of one job on their way between two result folders: for engines whose machines share no file system."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from afield.base.errors import StoreError
from afield.base.files import TEMPORARY, words_for_failed_writes, write_atomic
from afield.study.engines.job import Job
from afield.study.split_view import SplitView
from afield.study.store import Store

Parcel = Mapping[str, bytes | None]
"""what files hold, by their path below the result folder; None of a file that has gone"""

_READS = "test_reads.jsonl"
_FIRST = ("checkpoint.pt", "history.jsonl")
"""a history tells of epochs whose checkpoint lies there already"""
_LAST = "result.json"
"""says that all the rest is there"""


def pack(store: Store, job: Job) -> dict[str, bytes]:
    """All files of a result folder that a job may read: of its network, its scores and, of a soup, the ingredients."""
    made_of = job.soup.ingredients if job.kind == "soup" and job.soup is not None else ()
    folders = [*_own(store, job.key), *(store.trial_folder(each.key) for each in made_of)]
    return _contents(store.root, [path for folder in folders for path in folder.rglob("*")])


def changes(store: Store, job: Job, before: Mapping[str, bytes]) -> Parcel:
    """What a job that was given the files `before` has made of those of its network and scores, and the reads of test
    that it noted.
    """
    paths = [path for folder in _own(store, job.key) for path in folder.rglob("*")]
    now = _contents(store.root, [*paths, store.root / _READS])
    mine = [*(store.root / path for path in before), store.checkpoint(job.key)]  # which was sent meanwhile, perhaps
    gone = [path.relative_to(store.root).as_posix() for path in mine if _is_of(path, _own(store, job.key))]
    return {
        **{path: content for path, content in now.items() if before.get(path) != content},
        **{path: None for path in gone if path not in now},
    }


def saved(store: Store, job: Job) -> Parcel:
    """What a training under way has saved last: enough to go on from, should all else be lost. The history is read
    first, so that no epoch is in it without its checkpoint.
    """
    folder = store.trial_folder(job.key)
    return _contents(store.root, [folder / name for name in ("trial.json", *reversed(_FIRST))])


def unpack(store: Store, job: Job, parcel: Parcel) -> None:
    """Write what a job made elsewhere: each file whole, and the one that says that a result is whole after the rest of
    it. Raises StoreError where it cannot be written, and for files that are none of the job's.
    """
    own = _own(store, job.key)
    files = {store.root / PurePosixPath(path): content for path, content in parcel.items() if path != _READS}
    foreign = [path for path in files if not _is_of(path, own) or ".." in path.parts]
    if foreign:
        raise StoreError(f"{foreign[0]}: a worker sent this file, which is none of the job's ({job.name})")
    for line in (parcel.get(_READS) or b"").decode().splitlines():
        read = json.loads(line)
        store.scores.log_read(read["key"], SplitView(read["split"], read["view"]))
    for path in files:
        if path.name == _LAST:  # what stood under it is about to change
            _remove(path)
    for path in sorted((path for path, content in files.items() if content is not None), key=_turn):
        write_atomic(path, partial(_write_bytes, files[path] or b""))
    for path, content in files.items():
        if content is None:
            _remove(path)


def _write_bytes(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _turn(path: Path) -> int:
    if path.name in _FIRST:
        return _FIRST.index(path.name)
    return len(_FIRST) + (path.name == _LAST)


def _own(store: Store, key: str) -> tuple[Path, Path]:
    return store.trial_folder(key), store.scores.folder(key)


def _is_of(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _contents(root: Path, paths: Iterable[Path]) -> dict[str, bytes]:
    """What those of the paths hold that are files, by their path below `root`; half-written ones are left out."""
    found = {}
    for path in paths:
        if path.is_file() and not path.name.startswith(TEMPORARY):
            found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found


def _remove(path: Path) -> None:
    with words_for_failed_writes(path):
        path.unlink(missing_ok=True)
