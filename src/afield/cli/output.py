"""What a command prints, and how it ends in words."""

from __future__ import annotations

import json
import sys
from typing import NoReturn

from afield.base.plain import plain
from afield.base.text import printable


def complain(words: str, code: int) -> NoReturn:
    """Say what is wrong and end with that exit code."""
    say(words)
    sys.exit(code)


def put(text: str) -> None:
    """The output; nothing where all of it went into a file. A terminal gets it without control characters, a file or
    another program as it is.
    """
    if text:
        print(printable(text) if sys.stdout.isatty() else text, flush=True)


def put_json(value: object) -> None:
    """The output for a script (docs/scripts.md): JSON and nothing else, to a terminal as to a program. What is not
    defined is null, and what is no ASCII stands in escapes.
    """
    print(json.dumps(plain(value), indent=2, allow_nan=False), flush=True)


def say(words: str) -> None:
    """Words beside the output; nothing where there are none."""
    if words:
        sys.stderr.write(f"{printable(words)}\n")
