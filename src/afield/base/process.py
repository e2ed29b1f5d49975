"""Processes and the machine they run on: what tells one from another, and whether one still runs."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

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
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""


def process_alive(process: int) -> bool:
    """Whether a process of this number may run here (Windows has no harmless question: the answer is yes)."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
