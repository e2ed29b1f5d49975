"""Errors in words. A message names the thing, the place and the mend."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from afield.base.text import first_few

_LONGEST = 100
"""letters of a known name that a message shows"""


class AfieldError(Exception):
    """Something that afield can explain: the command prints the message alone, without a trace."""


class InputError(AfieldError):
    """What the user gave cannot be used (exit code 2)."""


class StoreError(AfieldError):
    """A result folder, or a file in it, is not what it should be."""


class DamagedError(StoreError):
    """A trial's file is not what was written (a checksum, a cut checkpoint): it has to be made again."""


class Stopped(AfieldError):  # noqa: N818 - no error: somebody asked for it
    """The user or a scheduler asked for a stop; everything so far is saved and can be resumed."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Words that help with an unknown name: the nearest known ones, or all where none is near.

    >>> nearest("lerning_rate", ["learning_rate", "epochs"])
    'did you mean learning_rate?'
    >>> nearest("x", ["a", "b"])
    'known: a, b'
    """
    options = sorted(known)
    close = get_close_matches(name, options, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(map(_cut, close))}?"
    return f"known: {first_few([_cut(each) for each in options], 12)}"


def _cut(name: str) -> str:
    """A name that may be of any length, as a message shows it."""
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."
