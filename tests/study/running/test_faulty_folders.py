"""A result folder that is full, read-only, moved or dated by another clock: named in words, and nothing is lost."""

import errno
import os
import random
import shutil
import sys
import time
from pathlib import Path

import pytest

import afield
from afield.base.errors import AfieldError, Stopped
from afield.cli import main
from afield.study.folder import index
from tests.fixtures.faults import faulty
from tests.fixtures.tiny import study_text, tiny_study
from tests.study.helpers import Impatient, assert_same, assert_tidy, table

pytestmark = pytest.mark.slow

DAY = 86_400
YEAR = 366 * DAY
PARTS = 12
"""of the long test, so that each is done in a minute or two"""


def small_text(photos: Path) -> str:
    """Two trainings of an epoch, one of them scored."""
    text = study_text(photos, "grid", 1).replace("1e-4, 1e-3, 3e-3, 1e-2", "1e-3, 3e-3")
    return text.replace("[0, 1]", "[0]")


@pytest.fixture(scope="module")
def study(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "tiny.toml"
    path.write_text(small_text(photos))
    return path


@pytest.fixture(scope="module")
def small(study: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The folder of the small study, and how often its run touched it."""
    out = tmp_path_factory.mktemp("small") / "out"
    with pytest.MonkeyPatch.context() as patch, faulty(out) as touches:
        patch.setenv("AFIELD_CACHE", str(cache))
        assert afield.run_study(study, out, slots=1).complete
    return out, touches.stat().st_size


@pytest.mark.parametrize("part", [None, *(pytest.param(part, marks=pytest.mark.long) for part in range(PARTS))])
def test_wherever_the_disk_is_full_it_is_said_and_the_run_goes_on_when_there_is_room(
    part: int | None, study: Path, small: tuple[Path, int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The folder takes so many touches and no more: three numbers of them, and in all parts together each."""
    undisturbed, touches = small
    numbers = sorted(random.Random(8).sample(range(touches), 3)) if part is None else range(part, touches, PARTS)
    for after in numbers:
        out = tmp_path / f"{after}"
        with (
            faulty(out, after=after, refused=errno.ENOSPC),
            pytest.raises(AfieldError, match="no space left on the disk; free some and run the same command again"),
        ):
            afield.run_study(study, out, slots=1)
        assert afield.run_study(study, out, slots=1).complete
        assert_same(undisturbed, out)
        assert_tidy(out)
    assert "Traceback" not in capfd.readouterr().err


def command(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[object, str, str]:
    """What a command ends with and says, run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["afield", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
    return ended.value.code, *capsys.readouterr()


def content(folder: Path) -> dict[str, tuple[int, bytes]]:
    """All files of a folder, with their times."""
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_a_folder_that_may_not_be_written_can_be_read(
    study: Path, small: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = Path(shutil.copytree(small[0], tmp_path / "out"))
    monkeypatch.setattr(index, "WORTH", 0)  # it would be written, could it be
    monkeypatch.setattr(index, "SETTLED", 0)
    before = content(out)
    with faulty(out, refused=errno.EROFS):
        for words in (("status", out), ("table", out)):
            code, said, errors = command(capsys, *words)
            assert (code, errors) == (0, "")
            assert "squeezenet1_1.caffe_in1k" in said
        assert table(out).equals(table(small[0]))
        for changing in (("report", out), ("clean", out, "--yes"), ("run", study, "--out", out)):
            code, _, errors = command(capsys, *changing)
            assert code == 1
            assert f"error: {out}/" in errors
            assert "may not be written (Read-only file system); change its permissions, or name another" in errors
        code, _, errors = command(capsys, "run", study, "--out", out / "new")
        assert code == 2
        assert f"error: {out / 'new'}: may not be written" in errors
    assert content(out) == before


def test_a_folder_that_moves_and_clocks_that_jump_change_nothing(
    photos: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out, now, now_ns = tiny_study(photos), tmp_path / "out", time.time, time.time_ns
    monkeypatch.setattr(index, "WORTH", 0)
    for done, jump in ((1, -DAY), (3, YEAR)):
        with pytest.raises(Stopped):
            afield.run_study(whole, out, slots=1, watch=Impatient(done))
        out = out.rename(tmp_path / f"moved{done}")
        for path in out.rglob("*"):  # files of the future, then of the past
            os.utime(path, (now() - jump, now() - jump))
        monkeypatch.setattr(time, "time", lambda jump=jump: now() + jump)
        monkeypatch.setattr(time, "time_ns", lambda jump=jump: now_ns() + jump * 10**9)
        assert len(table(out)) == 0
    assert afield.run_study(whole, out, slots=1).complete
    assert_same(finished, out)
    assert_tidy(out)
