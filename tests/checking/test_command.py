"""`afield check` as a user meets it: exit codes, files, an interrupt."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from afield.cli import main
from tests.fixtures.copies import altered, scene

Run = Callable[..., str]


@pytest.fixture
def afield(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run the command in this process, in an empty folder; its output, or its complaint where it has none."""

    def run(*arguments: str, code: int = 0) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("afield.checking.check.cores", lambda: 1)
        monkeypatch.setattr(sys, "argv", ["afield", "check", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert (ended.value.code or 0) == code, said.err
        return said.out or said.err

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for position, name in enumerate(["crow", "owl"]):
        (root / name).mkdir(parents=True)
        for number in range(10):
            scene(100 * position + number).save(root / name / f"{number}.png")
    return root


@pytest.mark.slow
def test_a_clean_folder_ends_with_0_and_a_page(afield: Run, photos: Path, tmp_path: Path) -> None:
    said = afield(str(photos))
    assert "These checks found nothing that would bias a result.\nPage: check_photos.html" in said
    assert (tmp_path / "check_photos.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.slow
def test_copies_across_splits_end_with_1_and_groups_that_mend_it(afield: Run, photos: Path, tmp_path: Path) -> None:
    for number in range(10):
        copy = altered(scene(number), np.random.default_rng(number))
        (photos / "crow" / f"copy{number}.jpg").write_bytes(copy)
    said = afield(str(photos), "--out", "page.html", "--groups", "groups.csv", code=1)
    assert "ALARM  Near copies across splits: " in said
    assert "1 finding would bias a result." in said
    assert (tmp_path / "page.html").is_file()
    assert len((tmp_path / "groups.csv").read_text().splitlines()) == 31


def test_what_cannot_be_checked_ends_with_2(afield: Run, tmp_path: Path) -> None:
    assert "nowhere: unknown task" in afield("nowhere", code=2)
    (tmp_path / "empty").mkdir()
    assert "needs a folder of images for each of at least two classes" in afield(str(tmp_path / "empty"), code=2)


def test_help_has_an_example(afield: Run) -> None:
    assert "Example: afield check" in afield("--help")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process")
def test_an_interrupt_ends_it_without_a_trace_and_writes_nothing(photos: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2000, 3000, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.jpg")
    for number in range(300):
        (photos / "crow" / f"large{number}.jpg").hardlink_to(tmp_path / "large.jpg")
    # A shell that runs this in the background had it ignore interrupts.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from afield.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "check", str(photos)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(4)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in out + err
    assert list(tmp_path.glob("*.html")) == []
