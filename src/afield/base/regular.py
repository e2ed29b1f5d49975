"""Reading files that others may have put there: regular ones alone. A pipe or a device in the place of one would let
its reader wait for ever, or fill the memory.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def open_regular(name: str, flags: int) -> int:
    """An opener for `open`, which never waits. Raises OSError for what is no regular file, nor a link to one."""
    handle = os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "a folder, pipe or device lies in the place of this file; take it away")
    return handle


def read_bytes(path: Path) -> bytes:
    """The bytes of a regular file. Raises OSError."""
    with open(path, "rb", opener=open_regular) as stream:
        return stream.read()


def read_text(path: Path, *, replace: bool = False) -> str:
    """The text of a regular file in UTF-8; what is none raises UnicodeDecodeError, or is replaced. Raises OSError."""
    errors = "replace" if replace else "strict"
    with open(path, encoding="utf-8", errors=errors, opener=open_regular) as stream:
        return stream.read()
