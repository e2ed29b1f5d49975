"""What a job carries to the process that does it."""

from pathlib import Path
from types import TracebackType

import pytest

from afield.images import samples
from afield.study.engines.engine import Event, outcome_of
from afield.study.engines.job import Job
from afield.study.preparing.study_file import parse_study
from afield.study.running import run
from afield.study.running.run import run_study
from tests.fixtures.made import planned
from tests.fixtures.tiny import study_text


class Here:
    """An engine that does each job at once, in this process, and notes how many shared a GPU's room for images."""

    slots, workers = 1, 0

    def __init__(self) -> None:
        self.done = list[Event]()
        self.shared = list[tuple[str, int]]()

    def __enter__(self) -> "Here":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def free(self) -> int:
        return 1 - len(self.done)

    def busy(self) -> list[Job]:
        return [event.job for event in self.done]

    def submit(self, job: Job) -> None:
        samples.begin_residents(1)
        self.done.append(outcome_of(job, lambda event: None, lambda: False))
        self.shared.append((job.kind, samples._HERE.sharing))

    def events(self, timeout: float) -> list[Event]:
        done, self.done = self.done, []
        return done

    def stop(self) -> list[Event]:
        return []


@pytest.mark.slow
def test_trials_that_share_a_device_share_its_room_for_images_and_keep_their_keys(
    photos: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "_HERE", samples._Residents())
    text = study_text(photos, "grid", 1).replace("1e-4, 1e-3, 3e-3, 1e-2", "1e-3")
    study, here = parse_study(text, "tiny.toml"), Here()
    with monkeypatch.context() as patch:
        patch.setattr(run, "make_engine", lambda *_: here)
        outcome = run_study(study, tmp_path / "out", engine="ray", slots=1, trials_per_device=3)
    assert outcome.complete
    assert set(here.shared) == {("train", 3), ("score", 3)}
    keys = {cell.key for search in planned(study, cache).searches for cell in (*search.cells, *search.repeats(0))}
    assert {path.name for path in (tmp_path / "out" / "trials").iterdir()} == keys
