"""The example that keeps a copy in an object store: what it sent goes on elsewhere."""

import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from afield.base.files import TEMPORARY
from tests.fixtures.faults import faulty
from tests.fixtures.tiny import study_text
from tests.study.helpers import assert_same, run_apart

EXAMPLE = Path(__file__).parents[2] / "examples" / "object_store" / "keep_copy.py"
ROOT = "/bucket/study"


@pytest.fixture
def store() -> Iterator[MemoryFileSystem]:
    found = MemoryFileSystem()
    yield found
    found.store.clear()


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLE))


def names(store: MemoryFileSystem) -> set[str]:
    return {str(path).removeprefix(f"{ROOT}/") for path in store.find(ROOT)}


def test_what_is_new_or_changed_is_sent_and_what_has_gone_goes(
    example: dict[str, Any], store: MemoryFileSystem, tmp_path: Path
) -> None:
    send: Callable[..., int] = example["send_new"]
    out, sent = tmp_path / "out", dict[str, object]()
    for name in ("afield.json", "trials/a/checkpoint.pt", "claims/a.json", f"trials/a/{TEMPORARY}b"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("1")
    assert send(out, store, ROOT, sent) == 2
    assert names(store) == {"afield.json", "trials/a/checkpoint.pt"}
    assert send(out, store, ROOT, sent) == 0
    (out / "trials/a/checkpoint.pt").unlink()
    (out / "trials/a/result.json").write_text("2")
    (out / "afield.json").write_text("3")
    os.utime(out / "afield.json", ns=(0, 0))
    assert send(out, store, ROOT, sent) == 2
    assert names(store) == {"afield.json", "trials/a/result.json"}
    assert store.cat(f"{ROOT}/afield.json") == b"3"


def test_a_folder_that_holds_something_is_not_written_into(
    example: dict[str, Any], store: MemoryFileSystem, tmp_path: Path
) -> None:
    (tmp_path / "thesis.docx").touch()
    with pytest.raises(SystemExit, match=r"is not empty; name a new folder"):
        example["bring_back"](store, ROOT, tmp_path)
    with pytest.raises(SystemExit, match=r"study: holds nothing; is that the address"):
        example["bring_back"](store, f"/elsewhere{ROOT}", tmp_path / "new")
    with pytest.raises(SystemExit, match=r"s4://bucket: Protocol not known: s4"):
        example["reach"]("s4://bucket")


@pytest.mark.slow
def test_a_study_goes_on_from_what_was_sent_at_any_moment(
    example: dict[str, Any], store: MemoryFileSystem, photos: Path, finished: Path, tmp_path: Path
) -> None:
    study, out = tmp_path / "tiny.toml", tmp_path / "out"
    study.write_text(study_text(photos))
    sent: dict[str, object] = {}
    for moment, after in enumerate((60, 90)):
        with faulty(out, after=after, killed=True):
            assert run_apart(study, out) == -signal.SIGKILL
        assert example["send_new"](out, store, ROOT, sent)
        elsewhere = tmp_path / f"{moment}"
        example["bring_back"](store, ROOT, elsewhere)
        assert run_apart(study, elsewhere) == 0
        assert_same(finished, elsewhere)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no Ctrl-C for one process there")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_as_a_command_it_copies_until_it_is_stopped_and_brings_back(
    finished: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    bucket, back = f"file://{tmp_path}/bucket/study", tmp_path / "back"
    command = [sys.executable, str(EXAMPLE), str(finished), bucket]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "files sent to file://" in process.stdout.readline()
        process.send_signal(stop)
        assert process.communicate(timeout=60)[0] == f"0 files sent to {bucket}\n"
    assert process.returncode == 0
    subprocess.run([sys.executable, EXAMPLE, bucket, back], check=True)
    assert_same(finished, back)
