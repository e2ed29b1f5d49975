"""Archives that nobody should trust."""

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from afield.base.errors import InputError, Stopped, StoreError
from afield.base.files import TEMPORARY
from afield.tasks.getting.archives import merge, unpack
from tests.fixtures.archives import tarred, tree, zipped

FILES = {"a/b.txt": b"text", "a/c/d.bin": bytes(range(256)) * 9, "empty.txt": b""}
PACKED = {"x.zip": zipped(FILES)} | {
    name: tarred(FILES, packing)
    for name, packing in (("x.tar", ""), ("x.tar.gz", "gz"), ("x.tgz", "gz"), ("x.txz", "xz"))
}


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", PACKED)
def test_an_archive_is_unpacked_whole_with_plain_rights(tmp_path: Path, name: str) -> None:
    told: list[tuple[int, int]] = []
    archive = written(tmp_path / name, PACKED[name])
    unpack(archive, tmp_path / "out", lambda done, total: told.append((done, total)))
    assert tree(tmp_path / "out") == FILES
    assert told[-1][0] == told[-1][1] > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", name]
    if os.name != "nt":
        assert not (tmp_path / "out" / "a" / "b.txt").stat().st_mode & (stat.S_ISUID | stat.S_IXUSR)


@pytest.mark.parametrize("name", PACKED)
def test_of_a_damaged_archive_nothing_stays(tmp_path: Path, name: str) -> None:
    whole = PACKED[name]
    for cut in (0, 1, len(whole) // 5, len(whole) // 3):
        with pytest.raises(InputError, match=rf"{name}: cannot be unpacked \([^\n]*\); download it again"):
            unpack(written(tmp_path / name, whole[:cut]), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.txz"])
def test_a_changed_byte_is_noticed_by_the_checksums(tmp_path: Path, name: str) -> None:
    whole = PACKED[name]
    covered = range(45, len(whole) - 30, 7)
    if name == "x.zip":  # the bytes of its second member: the list at the end has no checksum
        second = zipfile.ZipFile(io.BytesIO(whole)).infolist()[1]
        first = second.header_offset + 30 + len(second.filename)
        covered = range(first, first + second.compress_size, 7)
    for place in covered:
        changed = whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :]
        with pytest.raises(InputError, match="cannot be unpacked"):
            unpack(written(tmp_path / name, changed), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_damaged_header_is_not_taken_for_the_end_of_a_tar_archive(tmp_path: Path) -> None:
    whole = PACKED["x.tar"]
    header = whole.index(b"empty.txt")
    for content in (whole[:header], whole[: header + 100], whole[:header] + b"X" + whole[header + 1 :]):
        with pytest.raises(InputError, match=r"x\.tar: cannot be unpacked \(.*download it again"):
            unpack(written(tmp_path / "x.tar", content), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar"]


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/../../evil.txt", "..\\evil.txt", "C:\\evil.txt"])
@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_members_that_leave_the_folder_are_refused(tmp_path: Path, name: str, suffix: str) -> None:
    make = zipped if suffix == ".zip" else tarred
    bad = written(tmp_path / f"bad{suffix}", make({"sound.txt": b"", name: b"evil"}))
    with pytest.raises(InputError, match="leaves the folder; this is not the published file"):
        unpack(bad, tmp_path / "in" / "out")
    assert not list(tmp_path.rglob("*.txt"))


def test_a_link_in_a_zip_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its member link is a link"):
        unpack(written(tmp_path / "x.zip", zipped(FILES, {"link": "/etc/passwd"})), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "no file"),
        (tarfile.BLKTYPE, "no file"),
        (tarfile.FIFOTYPE, "no file"),
    ],
)
def test_links_and_devices_in_a_tar_archive_are_refused(tmp_path: Path, kind: bytes, words: str) -> None:
    with pytest.raises(InputError, match=f"its member thing is {words}; this is not the published file"):
        unpack(written(tmp_path / "x.tgz", tarred(FILES, others={"thing": kind})), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tgz"]


@pytest.mark.parametrize("name", ["x.zip", "x.tgz"])
def test_what_would_unpack_to_too_much_is_refused_and_nothing_stays(tmp_path: Path, name: str) -> None:
    zeros = {"a.bin": bytes(3_000_000), "b.bin": bytes(3_000_000)}
    archive = written(tmp_path / name, zipped(zeros) if name == "x.zip" else tarred(zeros))
    assert archive.stat().st_size < 20_000
    with pytest.raises(InputError, match="would unpack to 0 GB or more; this is not the published file"):
        unpack(archive, tmp_path / "out", largest=5_999_999)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    unpack(archive, tmp_path / "out", largest=6_000_000)


@pytest.mark.parametrize("stop", [Stopped("enough"), KeyboardInterrupt()])
def test_a_stop_leaves_nothing(tmp_path: Path, stop: BaseException) -> None:
    def watch(done: int, total: int) -> None:
        raise stop

    with pytest.raises(type(stop)):
        unpack(written(tmp_path / "x.tgz", PACKED["x.tgz"]), tmp_path / "out", watch)
    assert [path.name for path in tmp_path.iterdir()] == ["x.tgz"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_no_fault_of_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def on_a_full_disk(path: Path, mode: str = "r") -> object:
        return opened(Path("/dev/full") if path.name == "d.bin" else path, mode)

    archives = [written(tmp_path / name, PACKED[name]) for name in ("x.zip", "x.tgz")]
    monkeypatch.setattr(Path, "open", on_a_full_disk)
    for archive in archives:
        with pytest.raises(StoreError, match=r"d\.bin: no space left on the disk"):
            unpack(archive, tmp_path / "out")


def test_of_two_runs_that_unpack_at_once_the_second_takes_what_the_first_put_there(tmp_path: Path) -> None:
    good = written(tmp_path / "good.zip", PACKED["x.zip"])
    unpack(good, tmp_path / "out")
    unpack(good, tmp_path / "out")
    assert tree(tmp_path / "out") == FILES


def test_what_is_merged_lies_beside_and_over_what_is_there_and_the_last_comes_last(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, names in ((old, ("a/1.txt", "a/b/2.txt")), (new, ("a/b/2.txt", "a/b/last.txt", "a/b/z.txt", "c.txt"))):
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(folder.name)
    (old / "a" / "b" / "z.txt").mkdir()  # in the way: it ends before the last
    with pytest.raises(StoreError, match=r"old/a/b: could not be written"):
        merge(new, old, ("a", "b", "last.txt"))
    assert not (old / "a" / "b" / "last.txt").exists()
    (old / "a" / "b" / "z.txt").rmdir()
    merge(new, old, ("a", "b", "last.txt"))
    assert tree(old) == {
        "a/1.txt": b"old", "a/b/2.txt": b"new", "a/b/last.txt": b"new", "a/b/z.txt": b"new", "c.txt": b"new",
    }  # fmt: skip


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    from afield.base.files import temporary_prefix

    machine = temporary_prefix().removeprefix(TEMPORARY).partition("-")[0]
    left = tmp_path / f"{TEMPORARY}{machine}-4194303-x"
    left.mkdir()
    unpack(written(tmp_path / "x.tgz", PACKED["x.tgz"]), tmp_path / "out")
    assert not left.exists()
