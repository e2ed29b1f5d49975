"""Weights into a folder, for machines without a network: `--weights` finds them there."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from afield.backbones import hub
from afield.backbones.backbone import Backbone
from afield.backbones.catalogue import find, named_set
from afield.backbones.formats import SUFFIXES, check_format
from afield.backbones.published import OnHub, Packaged, published
from afield.backbones.sets import SETS
from afield.backbones.weights import Sources, Weights, file_name, in_directory, locate, notes_path, whereabouts
from afield.base.download import Progress, download
from afield.base.errors import InputError
from afield.base.files import atomic_path, words_for_failed_writes, write_json
from afield.base.hashing import sha256_file
from afield.base.http import length
from afield.base.text import columns, megabytes


@dataclass(frozen=True)
class Order:
    """What is to be fetched, and what that costs."""

    backbone: Backbone
    target: Path
    origin: str
    size: int | None
    """bytes; None where nobody says"""
    local: bool
    """whether it is on this machine already"""


def orders(names: Iterable[str], folder: Path, sources: Sources) -> list[Order]:
    """What `order` says of each name: ids of the catalogue, or named sets of them.

    Raises InputError that lists all that cannot be fetched.
    """
    found, problems = [], []
    ids = (member for name in names for member in (named_set(name) if name in (*SETS, "all-real") else (name,)))
    for name in dict.fromkeys(ids):
        try:
            found.append(order(find(name), folder, sources))
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))
    return found


def order(backbone: Backbone, folder: Path, sources: Sources) -> Order:
    """Say what fetching a backbone's weights into a folder means. Asks the network for its size, unless offline.

    Raises InputError where the weights are one's own, unknown, or to be downloaded though offline.
    """
    if backbone.library == "own":
        raise InputError(f"{backbone.id}: is your own; copy its file and its weights yourself")
    there = in_directory(backbone, folder)
    if there is not None:
        return Order(backbone, there, f"directory {folder}", there.stat().st_size, local=True)
    where = whereabouts(backbone, sources)
    source = published(backbone)
    if where.path is not None or isinstance(source, Packaged) or sources.offline:
        path = locate(backbone, sources).path
        target = folder / file_name(backbone, source, path.name)
        return Order(backbone, target, where.origin, path.stat().st_size, local=True)
    if isinstance(source, OnHub):
        found = hub.describe(source)
        return Order(backbone, folder / file_name(backbone, source, found.file), where.origin, found.size, local=False)
    return Order(backbone, folder / file_name(backbone, source), where.origin, length(source.address), local=False)


def describe_orders(wanted: Sequence[Order]) -> str:
    """What is to be fetched, its size and where from."""
    rows = [
        (item.backbone.id, megabytes(item.size), "here" if item.local else "download", item.origin) for item in wanted
    ]
    table = columns(rows, ("backbone", "size", "is", "from"))
    sizes = [item.size for item in wanted if not item.local]
    if not sizes:
        return f"{table}\n\nNothing to download."
    known = megabytes(sum(size or 0 for size in sizes))
    unknown = ", and those of unknown size" if None in sizes else ""
    return f"{table}\n\n{known} to download{unknown}."


def fetch(backbone: Backbone, folder: Path, sources: Sources, progress: Progress | None = None) -> Weights:
    """Put a backbone's weights into a folder as `ID.safetensors` or under the published file's own suffix, checked.

    Copied where they are on this machine, else downloaded, and resumed where that was cut off. A pickle that is no
    checkpoint of torch's becomes safetensors. What is in the folder already is checked alone. Beside each file stands
    where it is from and its sha256, so that a damaged copy is noticed. A file gets its name last, after it has been
    checked and noted: what is refused leaves nothing, and a kill nothing that passes for fetched. Raises InputError,
    StoreError as `download`.
    """
    if in_directory(backbone, folder) is None:
        folder.mkdir(parents=True, exist_ok=True)
        lock = folder / f"{backbone.id}.lock"
        with FileLock(lock):
            if in_directory(backbone, folder) is None:  # else another process brought it
                ordered = order(backbone, folder, sources)
                if ordered.local:
                    _copy(ordered, sources)
                else:
                    _download(ordered, progress)
        lock.unlink(missing_ok=True)  # after a success alone: whoever still waits for it will find the file
    return locate(backbone, Sources(folder, offline=True))


def _copy(ordered: Order, sources: Sources) -> None:
    original = locate(ordered.backbone, sources)
    if original.path.suffix in SUFFIXES:
        with atomic_path(ordered.target) as temporary:
            shutil.copyfile(original.path, temporary)
            _note(ordered.target, original)
        return
    from safetensors.torch import save_file

    from afield.backbones.convert import load_state

    state = load_state(ordered.backbone, original)
    with atomic_path(ordered.target) as temporary:
        save_file(state, temporary)
        _note(ordered.target, Weights(temporary, sha256_file(temporary), f"{original.origin}, converted"))


def _download(ordered: Order, progress: Progress | None) -> None:
    source = published(ordered.backbone)
    assert not isinstance(source, Packaged)
    if isinstance(source, OnHub):
        found = hub.describe(source)
        address, expected, size, revision = found.address, found.sha256, found.size, found.commit
    else:
        address, expected, size, revision = source.address, source.sha256, None, None
    unchecked = ordered.target.with_name(f"{ordered.target.name}.unchecked")  # a name that nobody looks for
    sha256 = download(address, unchecked, sha256=expected, limit=size, progress=progress)
    try:
        check_format(unchecked)
    except InputError as error:
        unchecked.unlink(missing_ok=True)
        raise InputError(f"{address}: {str(error).removeprefix(f'{unchecked}: ')}; nothing of it was kept") from error
    _note(ordered.target, Weights(unchecked, sha256, ordered.origin, revision))
    with words_for_failed_writes(ordered.target):
        unchecked.replace(ordered.target)


def _note(target: Path, weights: Weights) -> None:
    """Say beside the place of a file where it is from; before the file is there, so that it never lacks its notes."""
    write_json(notes_path(target), {"origin": weights.origin, "revision": weights.revision, "sha256": weights.sha256})
