"""How the index of a result folder lies in its file: a line of JSON, then three parts, each with its checksum.

    {"format": ..., "parts": [[bytes, SHA-256], ...]}
    heads        JSON: of each folder the files in it, their sizes and times, and where the rest of it lies
    results      the JSON text of each result.json
    histories    float64: of each training row after row

The heads alone are read at once: `afield status` needs no more. The rest is mapped, and checked when it is first asked.
"""

from __future__ import annotations

import json
import mmap
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from afield.base.files import write_atomic
from afield.base.regular import open_regular
from afield.study.folder.history import History

_FORMAT = [1, sys.byteorder]
"""the number is raised whenever the index holds something else, or what it holds was checked in another way"""
_NUMBER = 8
"""bytes of a float64"""

_PLACES = 6
"""numbers of a head that come before its stamps"""

Seen = tuple[tuple[str, ...], Sequence[int]]
"""of a folder: the names of the files in it, in order; its own time, then size and time of each; nanoseconds"""


@dataclass(frozen=True)
class Entry:
    """What is kept of a folder."""

    seen: Seen
    result: bytes
    """the text of its result.json; empty where there is none"""
    history: History


class IndexFile:
    """An index as it was written; one that is missing, cut or altered has no entries."""

    def __init__(self, path: Path) -> None:
        self._bytes: mmap.mmap | bytes = b""
        self._parts: list[tuple[int, int, str]] = []
        """begin, end and SHA-256 of each"""
        self._shapes: list[tuple[str, ...]] = []
        self._columns: list[tuple[tuple[str, ...], frozenset[str]]] = []
        self._heads: dict[str, list[int]] = {}
        try:
            with open(path, "rb", opener=open_regular) as stream:
                self._bytes = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            self._read()
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            self._heads = {}

    def _read(self) -> None:
        begin = self._bytes.find(b"\n") + 1
        header = json.loads(self._bytes[:begin])
        if header["format"] != _FORMAT:
            return
        for length, digest in header["parts"]:
            self._parts.append((begin, begin + length, digest))
            begin += length
        if len(self._parts) != 3 or begin != len(self._bytes) or not self._is_whole(0):
            return
        content = json.loads(self._bytes[self._parts[0][0] : self._parts[0][1]])
        self._shapes = [tuple(names) for names in content["shapes"]]
        self._columns = [(tuple(names), frozenset(whole)) for names, whole in content["columns"]]
        self._heads = content["heads"]

    def _is_whole(self, part: int) -> bool:
        begin, end, digest = self._parts[part]
        with memoryview(self._bytes) as view, view[begin:end] as content:
            return sha256(content).hexdigest() == digest

    @cached_property
    def _rest(self) -> tuple[memoryview[int], memoryview[float]] | None:
        """Results as bytes and histories as numbers; None where they are not what was written."""
        if not (self._is_whole(1) and self._is_whole(2)):
            return None
        view = memoryview(self._bytes)
        results, histories = (view[begin:end] for begin, end, _ in self._parts[1:])
        return results, histories.cast("d")

    def folders(self) -> list[str]:
        """All that it knows."""
        return list(self._heads)

    def seen(self, folder: str) -> Seen | None:
        """The files of a folder and its stamps, as they were."""
        head = self._heads.get(folder)
        return None if head is None else (self._shapes[head[0]], head[_PLACES:])

    def entry(self, folder: str) -> Entry | None:
        """All that is kept of a folder."""
        head, rest = self._heads.get(folder), self._rest
        if head is None or rest is None:
            return None
        shape, columns, first, last, begin, end = head[:_PLACES]
        (results, histories), (names, whole) = rest, self._columns[columns]
        history = History(names, whole, histories[first:last])
        return Entry((self._shapes[shape], head[_PLACES:]), bytes(results[begin:end]), history)


def write_index(path: Path, entries: Iterable[tuple[str, Entry]]) -> None:
    """Write an index, whole or not at all. Raises StoreError where that fails."""
    shapes: dict[tuple[str, ...], int] = {}
    columns: dict[tuple[tuple[str, ...], frozenset[str]], int] = {}
    heads: dict[str, list[int]] = {}
    results, histories = bytearray(), array("d")
    for folder, entry in entries:
        (names, stamps), history = entry.seen, entry.history
        shape = shapes.setdefault(names, len(shapes))
        column = columns.setdefault((history.names, history.whole), len(columns))
        first, begin = len(histories), len(results)
        histories.extend(history.values)
        results += entry.result
        heads[folder] = [shape, column, first, len(histories), begin, len(results), *stamps]
    content = {
        "shapes": list(shapes),
        "columns": [[names, sorted(whole)] for names, whole in columns],
        "heads": heads,
    }
    parts = (json.dumps(content, separators=(",", ":")).encode(), results, histories.tobytes())
    header = {"format": _FORMAT, "parts": [[len(part), sha256(part).hexdigest()] for part in parts]}
    write_atomic(path, lambda temporary: temporary.write_bytes(b"".join([json.dumps(header).encode(), b"\n", *parts])))
