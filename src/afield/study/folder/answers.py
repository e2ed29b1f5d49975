"""What was worked out from a whole result folder, kept until anything in it changes: OUT/answers/STUDY/.

It is derived, and never trusted over files: it counts in the state of the folder in which it was worked out, and in no
other. A folder that cannot be written does without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from afield.base.errors import StoreError
from afield.base.hashing import sha256_file
from afield.study.folder.folder_state import FolderState
from afield.study.folder.sealed import read_json, write_parquet, write_sealed

if TYPE_CHECKING:
    import pandas as pd  # takes half a second, and `afield status` keeps no table
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class _KeptTable:
    sha256: str
    """of the file that holds it"""


_Kept = TypeVar("_Kept")


class Answers:
    """What is kept of one study."""

    def __init__(self, root: Path, study: str) -> None:
        self._folder = root / "answers" / study

    def read(self, name: str, state: FolderState, restore: Callable[[Mapping[str, Any]], _Kept]) -> _Kept | None:
        """What was kept under a name in this state, made of its plain values again; None where there is no such thing,
        or these are those of another one.
        """
        path = self._folder / f"{name}.json"
        try:
            content = read_json(path) if path.exists() else {}
            return restore(content["told"]) if content.get("state") == state.digest else None
        except (StoreError, KeyError, TypeError, ValueError, AttributeError):
            return None  # it is derived: made anew

    def write(self, name: str, state: FolderState, told: DataclassInstance) -> None:
        """Keep something that was worked out after that look at the folder."""
        with suppress(StoreError):
            write_sealed(self._folder / f"{name}.json", {"state": state.digest, "told": asdict(told)}, compact=True)

    def read_table(self, name: str, state: FolderState) -> pd.DataFrame | None:
        """The same of a table."""
        kept, path = self.read(name, state, lambda told: _KeptTable(**told)), self._table(name)
        if kept is None or not path.is_file() or kept.sha256 != sha256_file(path):
            return None
        import pandas as pd

        return pd.read_parquet(path)

    def write_table(self, name: str, state: FolderState, table: pd.DataFrame) -> None:
        """The same of a table."""
        with suppress(StoreError):
            write_parquet(self._table(name), table)
            self.write(name, state, _KeptTable(sha256_file(self._table(name))))

    def _table(self, name: str) -> Path:
        return self._folder / f"{name}.parquet"
