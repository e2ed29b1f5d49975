"""How a file of a result folder is spoilt, and put back."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from hypothesis import assume
from hypothesis import strategies as st

from afield.study.folder.sealed import write_sealed
from tests.hostile.mutations import spoilt_bytes, spoilt_numbers, spoilt_trees

KEYS = ("name", "tasks", "searches", "platform", "metrics")
"""under which a value of a sealed file may turn up"""
Spoil = Callable[[Path], object]
"""what is done to a file"""


def write(content: bytes) -> Spoil:
    return lambda path: path.write_bytes(content)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link(to: str) -> Spoil:
    def spoil(path: Path) -> None:
        path.unlink()
        path.symlink_to(to)

    return spoil


@st.composite
def spoilt(draw: st.DrawFn, files: list[Path], *elsewhere: str) -> tuple[Path, Spoil]:
    """A file, and what is done to it; it may become a link to one of those paths."""
    path = draw(st.sampled_from(files))
    content = path.read_bytes()
    match draw(st.sampled_from(["bytes", "bytes", "bit", "numbers", "another", "empty", "deep", "gone", "place"])):
        case "bytes":
            return path, write(draw(spoilt_bytes(content)))
        case "bit":
            place = draw(st.integers(0, max(0, len(content) - 1)))
            flipped = bytes(each ^ 1 << draw(st.integers(0, 7)) for each in content[place : place + 1])
            return path, write(content[:place] + flipped + content[place + 1 :])
        case "numbers":
            return path, write(draw(spoilt_numbers(content)) if re.search(rb"[:\[ ,][0-9]", content) else b"0")
        case "another":
            return path, write(draw(st.sampled_from(files)).read_bytes())
        case "empty":
            return path, write(b"")
        case "deep":
            return path, write(b'{"a":' * 100_000)
        case "gone":
            return path, Path.unlink
        case _:
            places = [_folder, *(_link(to) for to in ("nowhere", path.name, "..", *elsewhere))]
            places += [pipe, _link("/dev/zero")] if os.name == "posix" else []  # whose end no reader would see
            return path, draw(st.sampled_from(places))


@st.composite
def resealed(draw: st.DrawFn, files: list[Path], keys: tuple[str, ...]) -> tuple[Path, Spoil]:
    """A file, and how it comes to tell of something else under a seal that fits: another version of afield would have
    written it, or who means harm. `keys` may come into it.
    """
    path = draw(st.sampled_from(files))
    was = json.loads(path.read_text())
    content = {name: value for name, value in was.items() if name != "seal"}
    tree = draw(spoilt_trees([content], keys))
    assume(isinstance(tree, dict) and is_json(tree))
    return path, lambda path: write_sealed(path, tree) if "seal" in was else path.write_text(json.dumps(tree))


def restore(path: Path, kept: Path) -> None:
    """Put back what was spoilt."""
    path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    shutil.copy2(kept, path)
    shutil.copystat(kept.parent, path.parent)  # as far as the index is concerned, nothing has happened


def is_json(tree: object) -> bool:
    """Whether a sealed file could hold it."""
    try:
        json.dumps(tree, allow_nan=False)
    except ValueError:
        return False
    return True
