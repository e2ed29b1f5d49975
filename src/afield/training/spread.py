"""One piece of work on several devices: as many processes, started here and watched, so that none is left waiting.

This process does no work of its own. It hands on what the first process tells and what is asked of all, and where one
fails or dies it ends the others and says why.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar, cast

from afield.base.errors import AfieldError, Stopped

if TYPE_CHECKING:
    from afield.training.numerics import Numerics

Result = TypeVar("Result")
Tell = Callable[..., None]
"""what work tells whoever waits for it, as plain values"""
Stop = Callable[[], bool]

_ASKED_EVERY = 0.1
"""seconds between two questions whether to stop"""
_GRACE = 5.0
"""seconds in which the cause of a failure may arrive after its consequences, and the others may end by themselves"""


@dataclass(frozen=True)
class _Failed:
    """How a process ended that did not do its work."""

    error: AfieldError
    trace: str
    died: bool = False


class _TraceError(Exception):
    """The trace of another process, as the cause of what is raised here."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def spread(numerics: Numerics, work: Callable[[Tell, Stop], Result], tell: Tell, stop: Stop) -> Result:
    """Do `work(tell, stop)` in as many processes as the numerics have devices, and give what the first one made of it;
    for one device simply call it.

    `work` is picklable; its result and what it tells are plain values. In each process `devices.share()` says which of
    them it is. What the first one tells is told here; once `stop` says so here, it does in all of them. Raises what
    work raised in any of them, whichever was the cause, and AfieldError where one died.
    """
    if numerics.devices == 1:
        return work(tell, stop)
    with TemporaryDirectory(prefix="afield-") as folder:
        meeting = Path(folder) / "meeting"
        ranks = list[_Rank]()
        try:
            ranks.extend(_Rank(work, numerics, rank, meeting) for rank in range(numerics.devices))
            _watch(ranks, tell, stop)
        finally:
            for rank in ranks:
                rank.end()
    failures = [rank.failed for rank in ranks if rank.failed is not None]
    if failures:
        cause = max(failures, key=_weight)
        raise cause.error from _TraceError(cause.trace)
    return cast(Result, ranks[0].result)


def _weight(failed: _Failed) -> int:
    """How much a failure explains: where one died, or failed, others may fail for want of it, or stop."""
    from afield.training.devices import LostError

    if isinstance(failed.error, LostError | Stopped):
        return 0 if isinstance(failed.error, LostError) else 1
    return 3 if failed.died else 2


class _Rank:
    """One of the processes: its pipe, and what became of it once it is through."""

    def __init__(self, work: Callable[[Tell, Stop], object], numerics: Numerics, rank: int, meeting: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.name = f"process {rank + 1} of {numerics.devices}"
        self.through = False
        self.result: object = None
        self.failed: _Failed | None = None
        self.process = context.Process(target=_take_part, args=(other, work, numerics, rank, meeting))
        self.process.start()
        other.close()

    def hear(self, tell: Tell) -> None:
        """Take its next message, or note that it died."""
        try:
            kind, content = self.pipe.recv()
        except (EOFError, ConnectionError):
            kind, content = "failed", self._died()
        if kind == "told":
            tell(*content)
            return
        self.through = True
        if kind == "failed":
            self.failed = content
        else:
            self.result = content

    def ask_to_stop(self) -> None:
        """Let `stop` say so there."""
        with suppress(OSError):  # it has just ended
            self.pipe.send("stop")

    def end(self) -> None:
        """End it, at once where it is not through."""
        self.pipe.close()  # without its pipe it ends by itself
        if not self.through:
            self.process.kill()
        self.process.join(timeout=_GRACE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def _died(self) -> _Failed:
        self.process.join(timeout=4 * _GRACE)  # its pipe may be closed long before torch has ended
        code = self.process.exitcode
        if code in (-signal.SIGINT, -signal.SIGTERM):  # Ctrl-C reaches the whole group, also who does not listen yet
            return _Failed(Stopped("stopped before the first step; run the same command again to go on"), "", died=True)
        if code is not None and code < 0:
            why = f"signal {signal.Signals(-code).name}; out of memory is a frequent cause"
        else:
            why = f"exit code {code}; what it said stands above"
        reason = f"{self.name} of this trial ended by {why}"
        return _Failed(AfieldError(reason), reason, died=True)


def _watch(ranks: list[_Rank], tell: Tell, stop: Stop) -> None:
    """Wait until every process is through, or for a while longer where one has failed."""
    asked, limit = False, None
    while waiting := {rank.pipe: rank for rank in ranks if not rank.through}:
        if limit is not None and time.monotonic() > limit:
            return
        if not asked and stop():
            asked = True
            for rank in ranks:
                rank.ask_to_stop()
        for pipe in wait(list(waiting), _ASKED_EVERY):
            waiting[pipe].hear(tell)  # type: ignore[index]
        failures = [rank.failed for rank in ranks if rank.failed is not None]
        if limit is None and any(failed.died or not isinstance(failed.error, Stopped) for failed in failures):
            limit = time.monotonic() + _GRACE  # after a mere stop the first one may be saving: it has all the time


def _take_part(
    pipe: Connection, work: Callable[[Tell, Stop], object], numerics: Numerics, rank: int, meeting: Path
) -> None:
    """The life of one of the processes. Interrupts are for the one that started it; when that is gone, so is this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stopping = threading.Event()
    threading.Thread(target=_listen, args=(pipe, stopping), daemon=True).start()

    def tell(*told: object) -> None:
        if rank == 0:
            pipe.send(("told", told))

    try:
        from afield.training.devices import joined

        with joined(numerics, rank, meeting):
            result = work(tell, stopping.is_set)
        pipe.send(("done", result if rank == 0 else None))
    except Exception as error:  # noqa: BLE001 - whatever work raises is told, and ends the others
        known = error if isinstance(error, AfieldError) else AfieldError(f"{type(error).__name__}: {error}")
        pipe.send(("failed", _Failed(known, traceback.format_exc())))
        os._exit(1)  # at once: the others may wait for this one, and what they share cannot be ended in order


def _listen(pipe: Connection, stopping: threading.Event) -> None:
    """Hear a stop; end with the process at the other end."""
    while True:
        try:
            pipe.recv()
        except (EOFError, OSError):
            os._exit(0)
        stopping.set()
