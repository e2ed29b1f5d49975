"""Where data lie, and archives that nobody should trust."""

import stat
import zipfile
from pathlib import Path

import pytest

from afield.base.errors import InputError
from afield.tasks.places import data_folder, find_root, unpack_zip


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as target:
        for name, content in members.items():
            target.writestr(name, content)
    return path


def test_the_folder_that_is_named_goes_before_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFIELD_DATA", str(tmp_path / "variable"))
    assert data_folder() == tmp_path / "variable"
    assert data_folder(tmp_path / "named") == tmp_path / "named"
    monkeypatch.delenv("AFIELD_DATA")
    assert data_folder().name == "afield"


def test_what_is_not_there_is_told_with_every_place_that_was_looked_at(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"moths: not found: below /\S+, none of one, two holds labels\.csv\. Buy it"):
        find_root("moths", tmp_path, ("one", "two"), "labels.csv", "Buy it")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "labels.csv").touch()
    assert find_root("moths", tmp_path, ("one", "two"), "labels.csv", "Buy it") == tmp_path / "two"


def test_an_archive_is_unpacked_whole_or_not_at_all(tmp_path: Path) -> None:
    good = archive(tmp_path / "good.zip", {"a/b.txt": b"text"})
    unpack_zip(good, tmp_path / "out")
    assert (tmp_path / "out" / "a" / "b.txt").read_text() == "text"
    cut = tmp_path / "cut.zip"
    cut.write_bytes(good.read_bytes()[:-20])
    flipped = tmp_path / "flipped.zip"
    with zipfile.ZipFile(flipped, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("a.txt", bytes(range(256)) * 9)
    packed = flipped.read_bytes()
    deflated = zipfile.ZipFile(flipped).infolist()[0].compress_size
    for place in range(35, 35 + deflated, 9):  # behind the member's own header
        flipped.write_bytes(packed[:place] + bytes([packed[place] ^ 255]) + packed[place + 1 :])
        with pytest.raises(InputError, match=r"cannot be unpacked .* download it again"):
            unpack_zip(flipped, tmp_path / "broken")
    with pytest.raises(InputError, match=r"cannot be unpacked .* download it again"):
        unpack_zip(cut, tmp_path / "broken")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.zip", "flipped.zip", "good.zip", "out"]


def test_of_two_runs_that_unpack_at_once_the_second_takes_what_the_first_put_there(tmp_path: Path) -> None:
    good = archive(tmp_path / "good.zip", {"b.txt": b"text"})
    unpack_zip(good, tmp_path / "out")
    unpack_zip(good, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.txt"]


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/../../evil.txt", "..\\evil.txt", "C:\\evil.txt"])
def test_members_that_leave_the_folder_are_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    bad = archive(tmp_path / "bad.zip", {"sound.txt": b"", name: b"evil"})
    with pytest.raises(InputError, match="leaves the folder"):
        unpack_zip(bad, tmp_path / "in" / "out")
    assert not list(tmp_path.rglob("*.txt"))


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "links.zip", "w") as target:
        target.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match="its member link is a link"):
        unpack_zip(tmp_path / "links.zip", tmp_path / "out")
