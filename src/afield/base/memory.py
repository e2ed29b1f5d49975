"""How much memory this process may still take: what the system has free, and what a container or scheduler grants."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def free_memory(root: Path = Path("/")) -> int | None:
    """Bytes, the least of what the system and every control group leave; None where neither says anything. `root` is
    where the system's files hang.
    """
    told = [size for size in (_of_system(root), *_of_groups(root)) if size is not None]
    return max(0, min(told)) if told else None


def _of_system(root: Path) -> int | None:
    """What the kernel would give without swapping; without its word the pages that are free, or else those there are
    (macOS tells no more).
    """
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    names = getattr(os, "sysconf_names", {})
    for name in ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES"):
        if name in names and os.sysconf(name) > 0:
            return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")
    return None


def _of_groups(root: Path) -> Iterator[int]:
    """What the control groups of this process leave, of version 2 and 1, each group and all above it. A container may
    see its own group as the topmost one, whatever its name outside.
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, kind, name = line.split(":", 2)
        if kind and "memory" not in kind.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("memory" if kind else "")
        limit, used = ("memory.limit_in_bytes", "memory.usage_in_bytes") if kind else ("memory.max", "memory.current")
        group = top / name.lstrip("/")
        for folder in (group, *(above for above in group.parents if above.is_relative_to(top))):
            granted, taken = _text(folder / limit).strip(), _text(folder / used).strip()
            if granted.isdigit() and taken.isdigit():  # version 2 says `max` where there is no limit
                yield int(granted) - int(taken) + _reclaimable(folder)


def _reclaimable(group: Path) -> int:
    """Bytes of files that the group has read and the kernel takes back when it needs them."""
    told = dict(line.split() for line in _text(group / "memory.stat").splitlines())
    return int(told.get("total_inactive_file", told.get("inactive_file", 0)))


def _text(path: Path) -> str:
    """The text of a system's file; empty where there is none, or it may not be read."""
    try:
        return path.read_text()
    except OSError:
        return ""
