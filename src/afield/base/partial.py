"""A download in the making: `NAME.part`, and beside it what must still be true of the server's file to go on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path

from afield.base.files import write_json


@dataclass(frozen=True)
class Notes:
    """Which file a part is of."""

    address: str
    validator: str
    """its strong ETag, else its Last-Modified"""
    total: int | None
    """its length in bytes, where the server said so"""


def begin(part: Path, address: str, headers: Message, total: int | None) -> None:
    """Empty the part, then note what it will be of: a kill between the two leaves nothing to resume."""
    part.write_bytes(b"")
    forget(part)
    validator = _validator(headers)
    if validator:
        write_json(_place(part), asdict(Notes(address, validator, total)))


def read_notes(part: Path, address: str) -> Notes | None:
    """What was noted of a part of the file at `address`; None where it cannot be resumed and is to be written anew."""
    try:
        notes = Notes(**json.loads(_place(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return notes if notes.address == address else None


def continues(headers: Message, notes: Notes, have: int) -> bool:
    """Whether a partial answer is the rest of the same file (some servers know Range, but not If-Range)."""
    unit, _, place = headers.get("Content-Range", "").partition(" ")
    span, _, total = place.partition("/")
    same_length = notes.total is None or total in ("*", str(notes.total))
    same_file = _validator(headers) in (None, notes.validator)
    return unit == "bytes" and span.startswith(f"{have}-") and same_length and same_file


def whole_length(headers: Message) -> int | None:
    """Bytes of the whole file by a partial answer; None where it does not say."""
    total = headers.get("Content-Range", "").rpartition("/")[2]
    return int(total) if total.isdigit() else None


def size(part: Path) -> int:
    """Bytes of the part that are here."""
    return part.stat().st_size if part.exists() else 0


def drop(part: Path) -> None:
    """Throw a part away."""
    part.unlink(missing_ok=True)
    forget(part)


def forget(part: Path) -> None:
    """Remove the notes alone."""
    _place(part).unlink(missing_ok=True)


def _validator(headers: Message) -> str | None:
    """A weak ETag promises equal meaning, not equal bytes, and is of no use here."""
    etag = headers.get("ETag")
    return headers.get("Last-Modified") if etag is None or etag.startswith("W/") else etag


def _place(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")
