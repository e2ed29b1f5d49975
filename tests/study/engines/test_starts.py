"""A worker that dies while it starts, as by the system for want of memory, where others have come up before."""

import os
from pathlib import Path

import pytest

from afield.study.collecting.collect import load_record
from tests.fixtures.tiny import study_text
from tests.study.engines.helpers import killer
from tests.study.helpers import finish, start

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send")]

DEADLY_START = """
import os
import signal
import sys
from pathlib import Path

begun = Path({place!r}) / "begun"
if "--multiprocessing-fork" in sys.orig_argv and (begun.parent / "deaths").read_text() == "0" and not begun.exists():
    begun.touch()
    os.kill(os.getpid(), signal.SIGSEGV)
"""
"""Python runs it at the start of each process: the first worker that starts after another has died dies, too"""


def test_it_costs_a_trial_its_try_and_no_run_its_end(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = study_text(photos, "grid", 1).replace("1e-4, 1e-3, 3e-3, 1e-2", "1e-3, 3e-3").replace("[0, 1]", "[0]")
    text = 'extensions = ["deadly.py"]\n' + text.replace("image_size = 32", 'image_size = 32\nloss = "deadly:loss"')
    (tmp_path / "deadly.toml").write_text(text)
    (tmp_path / "deadly.py").write_text(killer(tmp_path, deaths=1))
    (tmp_path / "sitecustomize.py").write_text(DEADLY_START.format(place=str(tmp_path)))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    code, _, errors = finish(start(tmp_path / "deadly.toml", tmp_path / "out", slots=1))
    assert (tmp_path / "begun").exists()
    assert code == 1, errors
    assert "1 failed, 0 results missing" in errors, "the other cell is trained, chosen and scored"
    (failure,) = load_record(tmp_path / "out").failures
    assert failure.reason == (
        "the worker process ended by signal SIGSEGV; a fault in a library is a frequent cause; the log of the system "
        "may say in which (for the second time)"
    )
