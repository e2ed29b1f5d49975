"""How the index of a result folder lies in its file: a line of JSON, then four parts, each with its checksum.

    {"format": ..., "parts": [[bytes, SHA-256], ...]}
    names        JSON: the folders, each with the place of its head; the names of files and of columns that they share
    results      the JSON text of each result.json
    heads        int64: of each folder which files are in it, where the rest of it lies, and sizes and times
    histories    float64: of each training row after row

Names and heads are read at once: `afield status` needs no more. The rest is mapped, and checked when it is first asked.
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

_FORMAT = [2, sys.byteorder]
"""the number is raised whenever the index holds something else, or what it holds was checked in another way"""
_NAMES, _RESULTS, _HEADS, _HISTORIES = range(4)
"""the parts"""

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
        self._heads = memoryview(b"").cast("q")
        self._places: dict[str, int] = {}
        """of each folder where its head begins"""
        try:
            with open(path, "rb", opener=open_regular) as stream:
                self._bytes = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            self._read()
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            self._places = {}

    def _read(self) -> None:
        begin = self._bytes.find(b"\n") + 1
        header = json.loads(self._bytes[:begin])
        if header["format"] != _FORMAT:
            return
        for length, digest in header["parts"]:
            self._parts.append((begin, begin + length, digest))
            begin += length
        if (
            len(self._parts) != 4
            or begin != len(self._bytes)
            or not (self._is_whole(_NAMES) and self._is_whole(_HEADS))
        ):
            return
        content = json.loads(self._part(_NAMES).tobytes())
        self._shapes = [tuple(names) for names in content["shapes"]]
        self._columns = [(tuple(names), frozenset(whole)) for names, whole in content["columns"]]
        self._heads = self._part(_HEADS).cast("q")
        self._places = content["folders"]

    def _part(self, part: int) -> memoryview[int]:
        begin, end, _ = self._parts[part]
        return memoryview(self._bytes)[begin:end]

    def _is_whole(self, part: int) -> bool:
        with self._part(part) as content:
            return sha256(content).hexdigest() == self._parts[part][2]

    @cached_property
    def _rest(self) -> tuple[memoryview[int], memoryview[float]] | None:
        """Results as bytes and histories as numbers; None where they are not what was written."""
        if not (self._is_whole(_RESULTS) and self._is_whole(_HISTORIES)):
            return None
        return self._part(_RESULTS), self._part(_HISTORIES).cast("d")

    def folders(self) -> list[str]:
        """All that it knows."""
        return list(self._places)

    def listed(self, folder: str, changed: int) -> tuple[str, ...] | None:
        """The files of a folder as they were, if that was its own time."""
        begin = self._places.get(folder)
        return None if begin is None or self._heads[begin + _PLACES] != changed else self._shapes[self._heads[begin]]

    def seen(self, folder: str) -> Seen | None:
        """The files of a folder and its stamps, as they were."""
        begin = self._places.get(folder)
        if begin is None:
            return None
        names = self._shapes[self._heads[begin]]
        begin += _PLACES
        return names, self._heads[begin : begin + 1 + 2 * len(names)]

    def entry(self, folder: str) -> Entry | None:
        """All that is kept of a folder."""
        seen, rest = self.seen(folder), self._rest
        if seen is None or rest is None:
            return None
        place = self._places[folder]
        _, columns, first, last, begin, end = self._heads[place : place + _PLACES]
        (results, histories), (names, whole) = rest, self._columns[columns]
        return Entry(seen, bytes(results[begin:end]), History(names, whole, histories[first:last]))


def write_index(path: Path, entries: Iterable[tuple[str, Entry]]) -> None:
    """Write an index, whole or not at all. Raises StoreError where that fails."""
    shapes: dict[tuple[str, ...], int] = {}
    columns: dict[tuple[tuple[str, ...], frozenset[str]], int] = {}
    folders: dict[str, int] = {}
    results, heads, histories = bytearray(), array("q"), array("d")
    for folder, entry in entries:
        (names, stamps), history = entry.seen, entry.history
        shape = shapes.setdefault(names, len(shapes))
        column = columns.setdefault((history.names, history.whole), len(columns))
        first, begin = len(histories), len(results)
        histories.extend(history.values)
        results += entry.result
        folders[folder] = len(heads)
        heads.extend((shape, column, first, len(histories), begin, len(results), *stamps))
    content = {
        "folders": folders,
        "shapes": list(shapes),
        "columns": [[names, sorted(whole)] for names, whole in columns],
    }
    parts = (json.dumps(content, separators=(",", ":")).encode(), results, heads.tobytes(), histories.tobytes())
    header = {"format": _FORMAT, "parts": [[len(part), sha256(part).hexdigest()] for part in parts]}
    write_atomic(path, lambda temporary: temporary.write_bytes(b"".join([json.dumps(header).encode(), b"\n", *parts])))
