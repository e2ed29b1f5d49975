"""A task's data into the data folder: what may be downloaded is downloaded, checked and unpacked; of the rest it is
said step by step how to get it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import FileLock

from afield.base.download import Progress, download
from afield.base.errors import InputError
from afield.base.files import words_for_failed_writes
from afield.base.http import length
from afield.base.text import columns, megabytes
from afield.tasks.builtin import TASKS, find_task
from afield.tasks.getting import kaggle
from afield.tasks.getting.archives import fill, merge, scratch, unpack
from afield.tasks.getting.downloads import DOWNLOADS, ON_KAGGLE, Download, FromKaggle
from afield.tasks.places import data_folder
from afield.tasks.task import Task

Wanted = Download | FromKaggle
Watch = Callable[[str], Progress]
"""gives what is told how far the work of that name is"""
_PACKED = (".zip", ".tar", ".gz", ".tgz")


@dataclass(frozen=True)
class Order:
    """What fetching a task's data means."""

    task: Task
    data: Path
    missing: tuple[tuple[Wanted, int | None], ...] = ()
    """what is to come, with its bytes where they are known"""
    root: Path | None = None
    """where the data lie already"""


def order(name: str, data: Path | None = None) -> Order:
    """Say what is missing of a task's data below the data folder; servers are asked for sizes that nobody states.

    Raises InputError with the way to get the data where no machine may fetch them, or not with what is set up here.
    """
    task, folder = find_task(name), data_folder(data)
    wanted: tuple[Wanted, ...] = (*DOWNLOADS.get(name, ()), *ON_KAGGLE.get(name, ())) if name in TASKS else ()
    missing = [item for item in wanted if not (folder / item.folder / item.brings).exists()]
    if len(missing) == len(wanted):  # nothing that `fetch` brings: the user may have put the data elsewhere
        try:
            return Order(task, folder, root=task.find(folder))
        except InputError:
            if not wanted:
                raise
    if not missing:
        return Order(task, folder, root=task.find(folder))
    asked = [item for item in missing if isinstance(item, FromKaggle) and not _is_here(item, folder)]
    if asked and (why := kaggle.lacking()):
        raise InputError(kaggle.steps(name, asked, folder, why))
    return Order(task, folder, tuple((item, _size(item, folder)) for item in missing))


def _is_here(item: FromKaggle, data: Path) -> bool:
    """Whether the whole archive has been put there; a zip file has its list at the end."""
    return zipfile.is_zipfile(data / item.folder / item.file)


def _size(item: Wanted, data: Path) -> int | None:
    if isinstance(item, FromKaggle):
        return (data / item.folder / item.file).stat().st_size if _is_here(item, data) else None
    return length(item.address) if item.size is None else item.size


def describe_order(ordered: Order) -> str:
    """What is to be fetched, its size, where it is from and where it goes."""
    name = ordered.task.name
    if ordered.root is not None:
        return f"{name}: is here already, in {ordered.root}; nothing to fetch"
    rows = [
        (
            item.file,
            megabytes(size),
            f"kaggle {item.name}" if isinstance(item, FromKaggle) else item.address,
            str(ordered.data / item.folder),
        )
        for item, size in ordered.missing
    ]
    sizes = [size for _, size in ordered.missing]
    known = megabytes(sum(size or 0 for size in sizes))
    total = "size unknown" if set(sizes) == {None} else known + (" and what is of unknown size" * (None in sizes))
    table = columns(rows, ("file", "size", "from", "into"))
    return f"{table}\n\n{name}: {total} to fetch. Licence: {ordered.task.card.licence}"


def fetch(ordered: Order, watch: Watch) -> Path:
    """Bring what is missing of a task's data; gives the folder in which the task finds them.

    Each file is downloaded beside its place and checked (an earlier stop is resumed), unpacked beside it, and only then
    moved there; the archive goes. Of several processes one works, the others wait. Raises InputError where bytes or
    layout are not the published ones, StoreError where the disk fails.
    """
    for item, _ in ordered.missing:
        folder = ordered.data / item.folder
        with words_for_failed_writes(folder):
            folder.mkdir(parents=True, exist_ok=True)
        lock = folder / f"{item.file}.fetch.lock"
        with FileLock(lock):
            if not (folder / item.brings).exists():  # else another process brought it
                _bring(item, folder, watch)
        lock.unlink(missing_ok=True)  # after a success alone: whoever still waits for it will find the data
    return ordered.task.find(ordered.data)


def _bring(item: Wanted, folder: Path, watch: Watch) -> None:
    if isinstance(item, FromKaggle):
        archive = folder / item.file
        if not zipfile.is_zipfile(archive):
            kaggle.bring(item, folder, watch(item.file))
        _unpack(archive, folder, item.brings, "", watch)
        return
    target = folder / item.file
    download(item.address, target, sha256=item.sha256, md5=item.md5, progress=watch(item.file))
    if target.suffix not in _PACKED:
        return
    try:
        _unpack(target, folder, item.brings, item.inner, watch)
    except InputError:
        target.unlink()  # else the next try would find it again
        raise


def _unpack(archive: Path, folder: Path, brings: str, inner: str, watch: Watch) -> None:
    """Unpack an archive beside its place, and move what is in it there: that which tells that all is there, last."""
    told = watch(f"unpacking {archive.name}")
    with scratch(folder) as outside, scratch(folder) as inside:
        fill(archive, outside, told)
        source = outside
        if inner and (outside / inner).is_file():
            fill(outside / inner, inside, told)
            source = inside
        for packed in sorted(source.glob("*.zip")):  # of some competitions each folder is packed again
            unpack(packed, packed.with_suffix(""))
            packed.unlink()
        merge(_holding(source, brings, archive), folder, PurePosixPath(brings).parts)
    archive.unlink()


def _holding(source: Path, brings: str, archive: Path) -> Path:
    """The unpacked folder that holds what the archive should bring: the outermost, or one in it."""
    entries = sorted(source.iterdir())
    for place in (source, *(entry for entry in entries if entry.is_dir())):
        if (place / brings).exists():
            return place
    found = ", ".join(entry.name for entry in entries[:5]) or "nothing"
    raise InputError(f"{archive}: holds no {brings}, but {found}; this is not the published file")
