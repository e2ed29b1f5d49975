"""Claims: who works on what, so that several runs on one folder never do the same work twice.

Each run keeps one file `runs/<name>.json` with its host, process and a counter that it raises every few seconds. A
claim names its run. A run on this machine is gone when its process is; one on another machine when its counter has
stood still for STALE seconds of *our
own* clock: no clock of another machine is trusted.
"""

from __future__ import annotations

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

from afield.base.files import process_alive, write_text

BEAT = 2.0
STALE = 60.0


def machine() -> str:
    """This machine in this boot and process namespace: where process numbers mean the same."""
    parts = [socket.gethostname()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        source = Path(path)
        if source.is_symlink():
            parts.append(str(source.readlink()))
        elif source.exists():
            parts.append(source.read_text().strip())
    return " ".join(parts)


def process_start(process: int) -> str:
    """When a process began, in the kernel's ticks since boot: tells a process from a later one of the same number.
    Empty where unknown.
    """
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""


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
        (self.root / "claims").mkdir(parents=True, exist_ok=True)
        write_text(self._file(self.name), self._line())
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        for path in (self.root / "claims").glob("*.json"):
            if self._holder(path) == self.name:
                path.unlink(missing_ok=True)
        self._file(self.name).unlink(missing_ok=True)

    def gone(self) -> list[str]:
        """Names of earlier runs on this folder that ended without letting go: killed ones."""
        runs = [path.stem for path in (self.root / "runs").glob("*.json")]
        return [run for run in runs if run != self.name and not self._lives(run)]

    def bury(self, run: str) -> None:
        """Remove what is left of a run that is gone."""
        with self._alone():
            for path in (self.root / "claims").glob("*.json"):
                if self._holder(path) == run:
                    path.unlink(missing_ok=True)
        self._file(run).unlink(missing_ok=True)

    def take(self, what: str) -> bool:
        """Claim a piece of work; False where another living run holds it."""
        path = self.root / "claims" / f"{what}.json"
        with self._alone():
            holder = self._holder(path)
            if holder not in (None, self.name) and self._lives(str(holder)):
                return False
            write_text(path, json.dumps({"run": self.name}) + "\n")
            return True

    def release(self, what: str) -> None:
        """Give a piece of work back."""
        (self.root / "claims" / f"{what}.json").unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A short section that one run at a time is in; the operating system ends it with the process."""
        with (self.root / "claims" / ".lock").open("a") as stream:
            _lock(stream.fileno())
            yield

    def _file(self, run: str) -> Path:
        return self.root / "runs" / f"{run}.json"

    def _line(self) -> str:
        """This run as a line of constant length: a beat overwrites it in place, which works on a full disk too."""
        self._counter += 1
        me = {"machine": self._machine, "process": os.getpid(), "start": process_start(os.getpid())}
        return json.dumps({**me, "counter": f"{self._counter:012}"}) + "\n"

    def _beat(self) -> None:
        with self._file(self.name).open("r+b", buffering=0) as stream:
            while not self._ended.wait(BEAT):
                stream.seek(0)
                stream.write(self._line().encode())

    def _holder(self, path: Path) -> str | None:
        try:
            return str(json.loads(path.read_text())["run"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError):
            return ""  # a claim that says nothing holds nothing

    def _lives(self, run: str) -> bool:
        try:
            other = json.loads(self._file(run).read_text())
        except (FileNotFoundError, ValueError):
            return False
        if other["machine"] == self._machine and other["start"]:  # without a start, numbers of processes tell nothing
            return process_alive(other["process"]) and process_start(other["process"]) == other["start"]
        counter, since = self._seen.get(run, ("", 0.0))
        now = time.monotonic()
        if other["counter"] != counter:
            self._seen[run] = (other["counter"], now)
            return True
        return now - since < STALE


def _lock(handle: int) -> None:
    """Take the kernel's exclusive lock on an open file; closing the file gives it back."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined, unused-ignore]
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
