"""Claims: who works on what, so that several runs on one folder never do the same work twice.

Each run keeps one file `runs/<name>.json` with its host, process and a counter that it raises every few seconds. A
claim names its run. A run on this machine is gone when its process is; one on another machine when its counter has
stood still for STALE seconds of *our own* clock: no clock of another machine is trusted.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from afield.base.errors import StoreError
from afield.base.files import words_for_failed_writes, write_text
from afield.base.process import machine, process_alive, process_start
from afield.base.regular import read_text

BEAT = 2.0
STALE = 60.0
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)
"""what file systems without locks answer"""


def work_on(key: str) -> tuple[str, str]:
    """What claims all work on a trial."""
    return key, f"{key}-score"


class Claims:
    """The claims of one run on one result folder; a context manager that lets go of all of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._machine = machine()
        self._counter = 0
        self._seen: dict[str, tuple[str, float]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="afield-heartbeat")

    def __enter__(self) -> Claims:
        with self.alone():  # tells at once where the folder has no locks
            write_text(self._file(self.name), self._line())
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.bury(self.name)

    def gone(self) -> list[str]:
        """Names of other runs on this folder that ended without letting go: killed ones. One of another machine is
        among them once it has been asked about for STALE seconds.
        """
        runs = [path.stem for path in (self.root / "runs").glob("*.json")]
        return [run for run in runs if run != self.name and not self._lives(run)]

    def at_work(self) -> list[str]:
        """Names of other runs on this folder that live, as far as one can tell: one of another machine does until it
        has been asked about for STALE seconds.
        """
        runs = [path.stem for path in (self.root / "runs").glob("*.json")]
        return [run for run in runs if run != self.name and self._lives(run)]

    def machines(self, runs: list[str]) -> set[str]:
        """The machines of these runs that no other run on this folder is on: their processes are gone, all of them."""
        known = {path.stem: self._about(path.stem) or {} for path in (self.root / "runs").glob("*.json")}
        staying = {about.get("machine") for run, about in known.items() if run not in runs} | {self._machine}
        return {about["machine"] for run, about in known.items() if run in runs and "machine" in about} - staying

    def bury(self, run: str) -> None:
        """Remove what is left of a run that is gone."""
        with self.alone():
            for path in (self.root / "claims").glob("*.json"):
                if self._holder(path) == run:
                    path.unlink(missing_ok=True)
            self._file(run).unlink(missing_ok=True)

    def take(self, what: str) -> bool:
        """Claim a piece of work; False where another living run holds it."""
        path = self._claim(what)
        with self.alone():
            holder = self._holder(path)
            if holder not in (None, self.name) and self._lives(str(holder)):
                return False
            write_text(path, json.dumps({"run": self.name}) + "\n")
            return True

    def release(self, what: str) -> None:
        """Give a piece of work back; nothing happens where another run has it by now."""
        path = self._claim(what)
        with self.alone():
            if self._holder(path) == self.name:
                path.unlink(missing_ok=True)

    @contextmanager
    def held(self, *works: str) -> Iterator[bool]:
        """Hold pieces of work for a while; gives False where another living run holds one. Those that were ours before
        stay ours.
        """
        before = [work for work in works if self._holder(self._claim(work)) == self.name]
        taken = [work for work in works if self.take(work)]
        try:
            yield len(taken) == len(works)
        finally:
            for work in taken:
                if work not in before:
                    self.release(work)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A short section that one run at a time is in; the operating system ends it with the process."""
        path = self.root / "claims" / ".lock"
        with words_for_failed_writes(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            stream = path.open("a")
        with stream:
            _lock(stream.fileno(), path)
            with words_for_failed_writes(path.parent):
                yield

    def _claim(self, what: str) -> Path:
        return self.root / "claims" / f"{what}.json"

    def _file(self, run: str) -> Path:
        return self.root / "runs" / f"{run}.json"

    def _line(self) -> str:
        """This run as a line of constant length: a beat overwrites it in place, which works on a full disk too."""
        self._counter += 1
        me = {"machine": self._machine, "process": os.getpid(), "start": process_start(os.getpid())}
        return json.dumps({**me, "counter": f"{self._counter:012}"}) + "\n"

    def _beat(self) -> None:
        """Raise the counter until the end. A beat that fails is left out: the next may succeed, and others wait STALE
        seconds for it.
        """
        while not self._ended.wait(BEAT):
            try:
                with self._file(self.name).open("r+b", buffering=0) as stream:
                    stream.write(self._line().encode())
            except FileNotFoundError:
                self._return()
            except OSError:
                continue

    def _return(self) -> None:
        """Another run took us for dead, after a long freeze perhaps: from here on we are known again."""
        try:
            write_text(self._file(self.name), self._line())
        except StoreError:
            return  # the next beat tries again

    def _holder(self, path: Path) -> str | None:
        try:
            return str(_table(path).get("run", ""))  # a claim that says nothing holds nothing
        except FileNotFoundError:
            return None

    def _about(self, run: str) -> dict[str, Any] | None:
        """What a run says of itself: an empty table in the instant of a beat, None where it has let go."""
        try:
            return _table(self._file(run))
        except FileNotFoundError:
            return None

    def _lives(self, run: str) -> bool:
        other = self._about(run)
        if other is None:
            return False
        start = other.get("start")
        if other.get("machine") == self._machine and start:  # without a start, numbers of processes tell nothing
            process = other.get("process")
            return isinstance(process, int) and process_alive(process) and process_start(process) == start
        counter, since = self._seen.get(run, (None, 0.0))
        now = time.monotonic()
        if other.get("counter", "") != counter:
            self._seen[run] = (other.get("counter", ""), now)
            return True
        return now - since < STALE


def _table(path: Path) -> dict[str, Any]:
    """Text and numbers of a file's table; empty where it holds none. Raises FileNotFoundError where there is no such
    file, and StoreError where it cannot be read: it may well say that its run is at work.
    """
    try:
        found = json.loads(read_text(path))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be read ({error.strerror or error}); remove it if no run is at work"
        ) from error
    except (ValueError, RecursionError):
        return {}
    table = found if isinstance(found, dict) else {}
    return {name: value for name, value in table.items() if isinstance(value, str | int)}


def _lock(handle: int, path: Path) -> None:
    """Take the kernel's exclusive lock on an open file; closing the file gives it back."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise StoreError(f"{path}: could not be locked ({error.strerror or error})") from error
        raise StoreError(
            f"{path}: this file system has no locks ({error.strerror}), without which two runs could do the same work; "
            "let --out name a folder on another file system, or mount this one with locks"
        ) from error
