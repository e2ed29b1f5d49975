"""Several processes that read images at once; results come in the order of the images. Needs no torch."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from afield.base.errors import AfieldError
from afield.base.process import UNGUARDED

_CHUNK = 16
"""images that a process is given at once"""
_FEW = 64
"""images that are read sooner than other processes start"""
Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(task: Callable[[Item], Result], items: list[Item], processes: int) -> Generator[Result, None, None]:
    """The results of `task` in the order of `items`, from this process or several others."""
    if processes == 1 or len(items) <= _FEW:
        yield from map(task, items)
        return
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_follow_parent)
    done = 0
    try:
        for result in pool.map(task, items, chunksize=_CHUNK):
            done += 1
            yield result
    except BrokenProcessPool as error:
        if done == 0:
            raise AfieldError(
                "a process that reads images ended before its first image; what it said stands above. " + UNGUARDED
            ) from error
        raise AfieldError(
            "a process that reads images was killed, perhaps for want of memory; use fewer processes"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _follow_parent() -> None:
    """Ctrl-C is for the process that asked for the images; when that is gone, killed even, so are the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None, "this runs in a process of the pool"

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
