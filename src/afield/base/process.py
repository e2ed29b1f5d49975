"""Processes and the machine they run on: what tells one from another, whether one still runs, what interrupts it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

UNGUARDED = (
    "If a script of yours calls run_study, the processes that it starts import that script: put the call under\n"
    '    if __name__ == "__main__":\n'
    "        afield.run_study(...)"
)
"""what to write into a script"""


@cache
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
        return _stat(process)[19]
    except IndexError:
        return ""


def _stat(process: int) -> list[str]:
    """What Linux tells of a process behind its name, its state first (man 5 proc_pid_stat); empty where unknown."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return []


def process_alive(process: int) -> bool:
    """Whether a process of this number may run here (Windows has no harmless question: the answer is yes). One that has
    ended and that nobody has waited for, as in a container whose first process waits for none, does not.
    """
    if os.name == "nt":
        return True
    if process < 1:
        return False  # by such numbers the system means many processes
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return _stat(process)[:1] not in (["Z"], ["X"])


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM instead of dying of them; a second one kills."""
    caught: list[int] = []
    before: dict[int, Any] = {}

    def note(caught_number: int, frame: FrameType | None) -> None:
        caught.append(caught_number)
        for signal_number, handler in before.items():
            signal.signal(signal_number, handler)

    try:
        for which in (signal.SIGINT, signal.SIGTERM):
            before[which] = signal.signal(which, note)
    except ValueError:
        before.clear()  # not in the main thread: interrupts are somebody else's
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def begun_in(given: Mapping[str, str]) -> Iterator[None]:
    """Let a child start with these variables."""
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def cores() -> int:
    """Processors that this process may use: a scheduler or container may grant fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
