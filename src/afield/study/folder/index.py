"""The index of a result folder: what its folders of results held when they were last checked, in one file.

It is derived, and never trusted over files: an entry counts only while the folder's own time and the size and time of
each file in it that is asked about are unchanged. Where the index is missing, cut or altered, everything is read and
checked anew.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from afield.base.errors import StoreError
from afield.study.folder.history import History, Rows
from afield.study.folder.index_file import Entry, IndexFile, Seen, write_index

RESULT = "result.json"
"""the last file of each result"""
WORTH = 100
"""folders of which so much is kept: fewer are read as quickly; and so many must be new before it is written again"""
SETTLED = 2_000_000_000
"""nanoseconds that the files of an entry must be old: one that was altered in the same tick of the clock in which it
was read would look unchanged"""
_NO_HISTORY = History((), frozenset(), ())


@dataclass(frozen=True)
class Known:
    """What a folder of results holds, without opening its files."""

    names: tuple[str, ...]
    """of its files"""
    result: Mapping[str, Any] | None
    """its result.json; what that seals was found whole"""
    history: Rows


class Result(Mapping[str, Any]):
    """A result.json that is parsed when it is first looked into."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    @cached_property
    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._text)
        return content

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - of any kind
        return self._content[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)


class Index:
    """The index of one result folder as it was when it was first asked, and what was noted since."""

    def __init__(self, root: Path) -> None:
        self.path = root / "index.bin"
        self._root = str(root)
        self._noted: dict[str, Entry] = {}

    @cached_property
    def _file(self) -> IndexFile:
        return IndexFile(self.path)

    @property
    def listed(self) -> Callable[[str, int], tuple[str, ...] | None]:
        """The files of a folder (its path below the root), in order, if that is the time it had when the index was
        written: since then none has come, gone or taken another's place.
        """
        return self._file.listed

    def names(self, folder: str) -> tuple[str, ...] | None:
        """The files of a folder that was checked, if none has come or gone since and its result is the one that was
        checked: for whoever reads none of the others.
        """
        seen = self._seen(folder)
        return seen[0] if seen is not None and self._stands(folder, seen, (RESULT,)) else None

    def known(self, folder: str) -> Known | None:
        """What the files say, if none of them has changed since they were checked."""
        seen = self._seen(folder)
        if seen is None or not self._stands(folder, seen, seen[0]):
            return None
        entry = self._noted.get(folder) or self._file.entry(folder)
        return None if entry is None else Known(seen[0], Result(entry.result) if entry.result else None, entry.history)

    def _seen(self, folder: str) -> Seen | None:
        return self._noted[folder].seen if folder in self._noted else self._file.seen(folder)

    def _stands(self, folder: str, seen: Seen, files: Sequence[str]) -> bool:
        """Whether the folder's own time is what it was, and size and time of those of these files that it had."""
        names, stamps = seen
        place = f"{self._root}/{folder}"
        try:
            if os.stat(place).st_mtime_ns != stamps[0]:  # noqa: PTH116 - 150,000 times a start: a Path costs more
                return False
            for name, size, changed in zip(names, stamps[1::2], stamps[2::2], strict=True):
                if name in files:
                    about = os.stat(f"{place}/{name}")  # noqa: PTH116
                    if about.st_size != size or about.st_mtime_ns != changed:
                        return False
        except OSError:
            return False
        return True

    def look(self, folder: str) -> Seen | None:
        """The files of a folder now, to be noted once they were read and checked; None where there is no folder. Raises
        StoreError where it cannot be looked at.
        """
        place = f"{self._root}/{folder}"
        try:
            own = os.stat(place).st_mtime_ns  # noqa: PTH116
            with os.scandir(place) as entries:
                files = sorted((entry.name, entry.stat()) for entry in entries if entry.is_file())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StoreError(f"{error.filename}: cannot be read ({error.strerror or error})") from error
        stamps = (number for _, about in files for number in (about.st_size, about.st_mtime_ns))
        return tuple(name for name, _ in files), (own, *stamps)

    def note(self, folder: str, seen: Seen, result: Mapping[str, Any] | None, rows: Rows) -> None:
        """Keep what was found in a folder after that look at it, if its rows could be kept as columns and its files are
        old enough to tell a change.
        """
        _, (own, *stamps) = seen
        history = rows or _NO_HISTORY
        if isinstance(history, History) and max([own, *stamps[1::2]]) < time.time_ns() - SETTLED:
            text = b"" if result is None else json.dumps(dict(result), separators=(",", ":")).encode()
            self._noted[folder] = Entry(seen, text, history)

    def keep(self) -> None:
        """Write the index, where it has become worth it. A folder that cannot be written does without."""
        if len(self._noted) <= WORTH:
            return
        there = [folder for folder in self._file.folders() if Path(self._root, folder).is_dir()]
        known = {folder: entry for folder in there if (entry := self._file.entry(folder)) is not None}
        try:
            write_index(self.path, {**known, **self._noted}.items())
        except StoreError:
            return
        self._noted.clear()
        self.__dict__.pop("_file", None)
