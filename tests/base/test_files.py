"""Files that are whole or not there, and whose half-made ones are whose."""

import errno
import multiprocessing
import os
import socket
from pathlib import Path

import pytest

from afield.base import files
from afield.base.errors import StoreError
from afield.base.files import (
    TEMPORARY,
    keep_text,
    remove_abandoned,
    safe_name,
    temporary_prefix,
    write_text,
    write_text_once,
)


def ended_process() -> int:
    process = multiprocessing.get_context("spawn").Process(target=os.getpid)
    process.start()
    process.join()
    assert process.pid is not None
    return process.pid


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot tell whether a process runs")
def test_only_what_is_known_to_be_abandoned_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, ended = temporary_prefix(), ended_process()
    of_ended = mine.replace(f"-{os.getpid()}-", f"-{ended}-")
    monkeypatch.setattr(files, "machine", lambda: "another container with our host name and our process numbers")
    of_others = temporary_prefix().replace(f"-{os.getpid()}-", f"-{ended}-")
    monkeypatch.undo()
    longer_host = f"{TEMPORARY}{socket.gethostname()}-{ended}-{os.getpid()}-"
    of_nobody = mine.replace(f"-{os.getpid()}-", "-\N{SUPERSCRIPT TWO}-")
    for name in (mine, of_ended, of_others, of_nobody, longer_host):
        (tmp_path / f"{name}x.json").touch()
    (tmp_path / f"{of_ended}folder").mkdir()
    (tmp_path / f"{of_ended}link").symlink_to(tmp_path)
    remove_abandoned(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}x.json" for name in (mine, of_others, of_nobody, longer_host)
    }


def test_what_a_machine_left_goes_when_it_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{temporary_prefix()}x").touch()
    with monkeypatch.context() as there:
        there.setattr(files, "machine", lambda: "elsewhere")
        (tmp_path / f"{temporary_prefix()}x").touch()
    remove_abandoned(tmp_path, ["elsewhere"])
    assert [path.name for path in tmp_path.iterdir()] == [f"{temporary_prefix()}x"]


@pytest.mark.parametrize("links", [True, False])
def test_of_two_writers_the_first_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:

        def refuse(self: Path, target: Path) -> None:
            raise OSError(errno.EPERM, "no hard links here")

        monkeypatch.setattr(Path, "hardlink_to", refuse)
    path = tmp_path / "new" / "once.txt"
    assert write_text_once(path, "first\n")
    assert not write_text_once(path, "second\n")
    assert path.read_text() == "first\n"
    assert [item.name for item in path.parent.iterdir()] == ["once.txt"]


def test_a_write_that_fails_has_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for write in (write_text, write_text_once):
        with pytest.raises(StoreError, match=r"below\.txt: could not be written"):
            write(tmp_path / "file" / "below.txt", "")


def test_names_for_files_fit_any_file_system() -> None:
    assert safe_name("big/32 px", 40) == "big_32_px"
    assert len(safe_name("\u82d7" * 100, 40).encode()) <= 40
    assert set(safe_name("\u82d7" * 100, 40)) == {"\u82d7"}


def test_a_text_that_is_there_is_left_alone_and_another_one_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    keep_text(path, "1")
    first = path.stat()
    keep_text(path, "1")
    assert path.stat().st_ino == first.st_ino
    keep_text(path, "2")
    assert path.read_text() == "2"
    path.write_bytes(b"\xff")
    keep_text(path, "3")
    assert path.read_text() == "3"


@pytest.mark.skipif(os.name != "posix", reason="no pipes among files")
def test_what_cannot_be_read_is_replaced_and_a_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    os.mkfifo(path)
    keep_text(path, "1")
    assert path.read_text() == "1"
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="folder: "):
        keep_text(tmp_path / "folder", "1")
