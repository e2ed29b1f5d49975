"""Text for a terminal: columns, entries of a card, numbers with their nouns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from textwrap import fill

_INDENT = 16
"""columns that the key of an entry takes"""


def columns(rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> str:
    """Rows as aligned columns under a header, numbers to the right.

    >>> print(columns([("a", "1.5"), ("bcd", "12")], ("name", "n")))
    name    n
    a     1.5
    bcd    12
    """
    table = [header, *rows]
    widths = [max(len(row[index]) for row in table) for index in range(len(header))]
    right = [len(rows) > 0 and all(_is_number(row[index]) for row in rows) for index in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in table
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def entry(key: str, value: str, width: int) -> str:
    """A key with its value beside it, broken into lines of `width` columns; a value that is one word, such as an
    address, stays whole in its line.

    >>> print(entry("licence", "free for research, not for sale", 40))
    licence         free for research, not
                    for sale
    """
    line = f"{key:{_INDENT}}{value}"
    if " " not in value:
        return line
    return fill(line, width, subsequent_indent=" " * _INDENT, break_long_words=False, break_on_hyphens=False)


def brief(text: str, length: int) -> str:
    """A text of at most `length` characters: what is longer loses its middle.

    >>> brief("abcdefghij", 7)
    'ab...ij'
    """
    if len(text) <= length:
        return text
    kept = (length - 3) // 2
    return f"{text[:kept]}...{text[-kept:]}"


def in_a_line(error: BaseException, *, last: bool = False) -> str:
    r"""What an error says in one line of 300 characters at most; of a trace that it carries the last line alone.

    >>> in_a_line(OSError("no route\n to host")), in_a_line(ValueError())
    ('no route to host', 'ValueError')
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    words = lines[-1] if last else " ".join(lines)
    return words if len(words) <= 300 else words[:300] + " ..."


def printable(text: str) -> str:
    r"""A text that leaves a terminal as it is: control characters, those that turn the direction of writing, and halves
    of characters become their escapes; lines and tabs stay.

    >>> print(printable("\x1b[31mred"))
    \x1b[31mred
    """
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def count(number: int, noun: str, plural: str = "", *, say: Callable[[int], str] = str) -> str:
    """A number with its noun; `say` puts the number into words.

    >>> count(1, "search", "searches"), count(2, "epoch")
    ('1 search', '2 epochs')
    """
    return f"{say(number)} {noun if number == 1 else plural or noun + 's'}"


def first_few(names: Sequence[str], shown: int = 3) -> str:
    """Names in a row, of many the first few.

    >>> first_few(["A", "B"]), first_few(list("ABCDE"))
    ('A, B', 'A, B, C and 2 more')
    """
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def megabytes(size: int | None) -> str:
    """Bytes as people say them.

    >>> megabytes(12_345_678), megabytes(None)
    ('12.3 MB', 'unknown')
    """
    return "unknown" if size is None else f"{size / 1e6:,.1f} MB"


def roughly_bytes(size: float) -> str:
    """Bytes that are estimated, as people say them.

    >>> roughly_bytes(3e5), roughly_bytes(4.25e7), roughly_bytes(2.5e9)
    ('under 1 MB', '42 MB', '2.5 GB')
    """
    if size >= 1e9:
        return f"{size / 1e9:,.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else "under 1 MB"
