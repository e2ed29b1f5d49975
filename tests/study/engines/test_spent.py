"""A worker whose GPU answers no more, as after a fault in a kernel, is followed by a new one. The GPU is played by a
loss that spoils torch's answers in its process, as the first fault there does on a real one.
"""

import os
from pathlib import Path

import pytest
import torch

import afield
from afield.study.collecting.collect import load_record
from afield.study.preparing.study_file import parse_study
from afield.training.device import answers
from tests.fixtures.tiny import study_text

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send")


def faulty(place: Path) -> str:
    """An extension whose loss ends in CUDA's error in the process that calls it first, as does all that is asked of the
    GPU there from then on; which processes call it, it notes.
    """
    return f"""
import os
from pathlib import Path

import torch
from torch.nn import functional

from afield import Loss

PLACE = Path({str(place)!r})


def fault():
    raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")


def compute(logits, labels):
    if os.getpid() != {os.getpid()}:
        (PLACE / f"{{os.getpid()}}.process").touch()
        if not (PLACE / "faulty").exists():
            (PLACE / "faulty").touch()
            torch.cuda.is_initialized = lambda: True
            torch.cuda.synchronize = fault
        if torch.cuda.is_initialized():
            fault()
    return functional.cross_entropy(logits, labels, reduction="none")


loss = Loss(compute=compute)
"""


@pytest.mark.slow
def test_one_fault_of_a_gpu_takes_one_training_and_not_all_that_follow(photos: Path, tmp_path: Path) -> None:
    text = study_text(photos, "grid", 1).replace("1e-4, 1e-3, 3e-3, 1e-2", "1e-4, 1e-3, 3e-3").replace("[0, 1]", "[0]")
    text = 'extensions = ["faulty.py"]\n' + text.replace("image_size = 32", 'image_size = 32\nloss = "faulty:loss"')
    (tmp_path / "faulty.py").write_text(faulty(tmp_path))
    out = tmp_path / "out"
    outcome = afield.run_study(parse_study(text, "faulty.toml", tmp_path), out, slots=1)
    assert (outcome.failed, outcome.missing) == (1, 0)
    (failure,) = load_record(out).failures
    assert "illegal memory access" in failure.reason
    assert len(list(tmp_path.glob("*.process"))) == 2


def test_a_process_without_a_gpu_has_none_that_fails_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault() -> None:
        raise torch.AcceleratorError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch.cuda, "synchronize", fault)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    assert answers()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    assert not answers()
