"""What every engine must keep: the same bits, a failure of its own, a second try for a worker that dies, stops that
save. Each test is run over all engines.
"""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import afield
from afield.base.errors import Stopped
from afield.study.collecting.collect import load_record
from afield.study.engines.choose import EngineName
from afield.study.preparing.study_file import parse_study
from afield.study.running.standing import Silent, Standing
from tests.fixtures.tiny import study_text, tiny_study
from tests.study.engines.helpers import killer, small_ray
from tests.study.helpers import assert_same, assert_tidy

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send")]


@pytest.fixture(scope="module", params=["local", "ray"])
def engine(request: pytest.FixtureRequest, cache: Path) -> Iterator[EngineName]:
    if request.param == "local":
        yield "local"
        return
    with small_ray(cache):
        yield "ray"


class Watcher(Silent):
    """Keeps what is said; from a number of whole epochs on it sends this process Ctrl-C, once."""

    def __init__(self, stop_at: float | None = None) -> None:
        self.stop_at, self.said = stop_at, list[str]()

    def say(self, words: str) -> None:
        self.said.append(words)

    def standing(self, standing: Standing) -> None:
        if self.stop_at is not None and standing.epochs_done >= self.stop_at:
            self.stop_at = None
            os.kill(os.getpid(), signal.SIGINT)


def test_stops_save_and_what_comes_of_it_all_has_the_bits_of_an_undisturbed_run(
    engine: EngineName, photos: Path, finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(Stopped, match="everything is saved"):
        afield.run_study(tiny_study(photos), out, slots=2, engine=engine, watch=Watcher(stop_at=1.5))
    assert list(out.glob("trials/*/checkpoint.pt"))
    outcome = afield.run_study(tiny_study(photos), out, slots=2, engine=engine)
    assert outcome.complete
    assert 0 < outcome.epochs < 10, "it went on from what was saved"
    assert_same(out, finished)
    assert_tidy(out)
    assert load_record(out).test_reads == 2


def test_a_trial_that_fails_is_stored_with_its_trace_and_harms_no_other(
    engine: EngineName, photos: Path, tmp_path: Path
) -> None:
    text = study_text(photos, "grid", 1).replace("1e-4, 1e-3, 3e-3, 1e-2", "1e-4, 1e-3, 1e18")
    text = text.replace("[0, 1]", "[0]").replace('method = "grid"', 'method = "grid"\naudit = true')
    outcome = afield.run_study(parse_study(text, "bad.toml"), tmp_path / "out", slots=2, engine=engine)
    assert (outcome.failed, outcome.missing) == (1, 0)
    record = load_record(tmp_path / "out")
    assert (len(record.audits), record.test_reads) == (2, 2), "the other cells are audited"
    (failure,) = record.failures
    assert "smaller learning rate" in failure.reason
    assert "Traceback" in failure.trace


@pytest.mark.parametrize("engine", ["local", pytest.param("ray", marks=pytest.mark.long)], indirect=True)
def test_a_worker_that_dies_is_tried_once_again_and_then_has_failed(
    engine: EngineName, photos: Path, tmp_path: Path
) -> None:
    text = study_text(photos, "grid", 1).replace("1e-4, 1e-3, 3e-3, 1e-2", "1e-3").replace("[0, 1]", "[0]")
    text = 'extensions = ["deadly.py"]\n' + text.replace("image_size = 32", 'image_size = 32\nloss = "deadly:loss"')
    (tmp_path / "deadly.py").write_text(killer(tmp_path, deaths=2))
    study, out, watch = parse_study(text, "deadly.toml", tmp_path), tmp_path / "out", Watcher()
    assert afield.run_study(study, out, slots=1, engine=engine, watch=watch).failed == 1
    (failure,) = load_record(out).failures
    assert re.search(r"signal SIGKILL|Ray says: The worker died unexpectedly", failure.reason)
    assert "out of memory is a frequent cause" in failure.reason
    assert failure.reason.endswith("(for the second time)")
    (tmp_path / "deaths").write_text("1")
    watch = Watcher()
    assert afield.run_study(study, out, slots=1, engine=engine, watch=watch, retry_failed=True).complete
    assert [words for words in watch.said if words.endswith("It is tried once again")]
    assert_tidy(out)
