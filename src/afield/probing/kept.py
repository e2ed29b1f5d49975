"""Tensors that are made once and then shared by all trainings: files of the cache, verified on reading."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from filelock import FileLock, Timeout
from safetensors import safe_open
from safetensors.torch import save

from afield.base.errors import Stopped, StoreError
from afield.base.files import remove_abandoned, words_for_failed_writes, write_atomic
from afield.base.hashing import canonical_json, digest

Tensors = dict[str, torch.Tensor]
Stop = Callable[[], bool]
"""asked now and then: whether to leave off"""
Told = Callable[[int, int], None]
"""told now and then: how much is done of how much"""


def untold(done: int, total: int) -> None:
    """Nobody is told."""


def kept(folder: Path, about: Mapping[str, object], make: Callable[[], Tensors], stop: Stop) -> Tensors:
    """The tensors that `about` names (all that they depend on): read where they are in the folder, else made and put
    there. Always on the CPU and as they were read, so that a made one and a found one are the same bits.

    Of several processes that want the same one makes it and the others wait. Raises Stopped where `stop` says so,
    StoreError where the file is not what was written, and where it cannot be written.
    """
    path = folder / f"{digest(about)}.safetensors"
    if not path.exists():
        with _alone(path.with_suffix(".lock"), stop):
            if not path.exists():  # else another process made it
                remove_abandoned(folder)
                _write(path, about, make())
    return _read(path)


@contextmanager
def _alone(lock: Path, stop: Stop) -> Iterator[None]:
    """Whoever holds the lock makes; one that waits asks twice a second whether to stop."""
    holder = FileLock(lock)
    with words_for_failed_writes(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        while not holder.is_locked:
            refuse_stop(stop)
            with suppress(Timeout):  # an OSError, but no failure: somebody else is making it
                holder.acquire(timeout=0.5)
    try:
        yield
    finally:
        holder.release()
    lock.unlink(missing_ok=True)  # after a success alone: whoever still waits for it will find the file


def refuse_stop(stop: Stop) -> None:
    """Raise Stopped where `stop` says so; what was not finished is made anew, the same."""
    if stop():
        raise Stopped("stopped before the first step; run the same command again to go on")


def _write(path: Path, about: Mapping[str, object], tensors: Tensors) -> None:
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    notes = {"about": canonical_json(dict(about)), "sha256": _sum(tensors)}
    data = save(tensors, notes)
    write_atomic(path, lambda temporary: temporary.write_bytes(data))


def _read(path: Path) -> Tensors:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a dict
            expected = (file.metadata() or {}).get("sha256")
    except MemoryError:
        raise
    except Exception as error:  # safetensors raises many kinds; each means the same here
        raise StoreError(
            f"{path}: cannot be read ({type(error).__name__}: {error}); delete the file, it is made again"
        ) from error
    if _sum(tensors) != expected:
        raise StoreError(f"{path}: was altered (its sha256 is not the one it notes); delete the file, it is made again")
    return tensors


def array_digest(array: npt.NDArray[np.generic]) -> str:
    """SHA-256 of an array's type, shape and values, in hexadecimal."""
    head = f"{array.dtype.str} {list(array.shape)}\n".encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()


def _sum(tensors: Tensors) -> str:
    """SHA-256 of names, types, shapes and bytes."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        found.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
