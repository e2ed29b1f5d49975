"""Hashes of files and of plain values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def md5_file(path: Path) -> str:
    """MD5 of a file's bytes, in hexadecimal: what older data sets were published with. It tells a broken download from
    a whole one, not a forged one.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def canonical_json(value: object) -> str:
    """One text for equal values: sorted keys, no blanks, floats by shortest repr; NaN and infinity are refused."""
    return _CANONICAL.encode(value)


def digest(value: Mapping[str, object] | list[object], length: int = 20) -> str:
    """The first `length` hexadecimal digits of the SHA-256 of a value's canonical JSON (20 digits = 80 bits).

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]
