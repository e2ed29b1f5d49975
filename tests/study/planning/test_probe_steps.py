"""Steps measured in earnest, in two processes at once, and what becomes of a network that cannot train."""

import os
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from afield.base.errors import AfieldError
from afield.study.engines.job import Job
from afield.study.engines.slots import VISIBLE
from afield.study.planning.probe_steps import Subject, measure
from afield.trial.inputs import SplitInputs
from tests.fixtures.tiny import tiny_inputs, tiny_trial


@pytest.fixture
def subject(photos: Path, cache: Path, tmp_path: Path) -> Subject:
    data, splits = tiny_inputs(photos, cache)
    trial = tiny_trial(data, epochs=3, batch_size=8)
    return Subject(Job("train", trial, tmp_path, {}, None), splits["train"], splits["validation"])


@pytest.mark.slow
def test_two_processes_measure_a_trial_at_once(subject: Subject) -> None:
    speed = measure(subject, 2)
    assert min(speed.train, speed.evaluate, speed.save, speed.starting) > 0
    assert speed.begin >= 0
    assert speed.memory is not None
    assert speed.memory > 50_000_000
    assert speed.source == "measured"
    assert speed.scatter > 0


@pytest.mark.slow
def test_the_one_that_fails_says_why_and_none_waits_for_it(subject: Subject) -> None:
    trial = subject.job.trial.model_copy(update={"backbone": "no_such.backbone"})
    with pytest.raises(AfieldError, match=r"no_such\.backbone: unknown backbone"):
        measure(replace(subject, job=replace(subject.job, trial=trial)), 2)


class _Noting:
    """Inputs that are none: they note which devices the process sees that asks for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def samples(self) -> None:
        (self.folder / f"sees {os.environ.get(VISIBLE)}").touch()
        raise AfieldError("noted")


@pytest.mark.slow
def test_each_process_sees_the_gpu_that_a_worker_in_its_slot_has(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.delenv(VISIBLE, raising=False)
    numerics = subject.job.trial.numerics.model_copy(update={"device": "cuda"})
    job = replace(subject.job, trial=subject.job.trial.model_copy(update={"numerics": numerics}))
    inputs = cast(SplitInputs, _Noting(tmp_path))
    with pytest.raises(AfieldError, match="noted"):
        measure(Subject(job, inputs, inputs), 3)
    assert {file.name for file in tmp_path.glob("sees *")} == {"sees 0", "sees 1"}
    assert VISIBLE not in os.environ
