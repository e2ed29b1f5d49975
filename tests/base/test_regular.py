"""Files that others may have put there: only regular ones are read, and nobody waits."""

import os
from pathlib import Path

import pytest

from afield.base.regular import read_bytes, read_text

NO_PIPES = pytest.mark.skipif(os.name != "posix", reason="no pipes or devices among files")


def test_files_and_links_to_them_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("M\u00fccken\n", encoding="utf-8")
    assert read_text(tmp_path / "a.txt") == "M\u00fccken\n"
    (tmp_path / "b.txt").write_bytes(b"\xff\n")
    assert read_bytes(tmp_path / "b.txt") == b"\xff\n"
    assert read_text(tmp_path / "b.txt", replace=True) == "\ufffd\n"
    with pytest.raises(UnicodeDecodeError):
        read_text(tmp_path / "b.txt")
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "none")


@NO_PIPES
def test_a_folder_pipe_or_device_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "zero"):
        for read in (read_bytes, read_text):
            with pytest.raises(OSError, match="in the place of this file; take it away"):
                read(path)
