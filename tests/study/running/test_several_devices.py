"""A study whose trainings have several devices each, on CPU processes: stopped in the middle, gone on with, scored."""

import os
import signal
from pathlib import Path

import pytest

import afield
from afield.base.errors import InputError, Stopped
from afield.report.page import report
from afield.study.collecting.collect import load_record
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.study_file import parse_study
from afield.study.running.standing import Silent, Standing
from afield.study.study import Study
from afield.training.numerics import Device, NumericsChoice
from tests.fixtures.tiny import study_text
from tests.study.helpers import assert_tidy


def study(photos: Path, devices: int) -> Study:
    text = study_text(photos, "grid", 2).replace("[1e-4, 1e-3, 3e-3, 1e-2]", "[1e-3]").replace("[0, 1]", "[0]")
    return parse_study(f"{text}\n[numerics]\ndevices = {devices}\n", "tiny.toml")


class Interrupter(Silent):
    """Presses Ctrl-C when the first training is under way."""

    def standing(self, standing: Standing) -> None:
        if standing.running:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send")
def test_a_study_on_two_devices_stops_goes_on_and_ends(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(Stopped, match="everything is saved"):
        afield.run_study(study(photos, 2), out, watch=Interrupter())
    outcome = afield.run_study(study(photos, 2), out)
    assert outcome.complete
    (search,) = load_record(out).searches
    assert search.micro_batch == 4, "each device's half of 8"
    assert "4 images of a batch computed at once: BatchNorm" in report(out).read_text(encoding="utf-8")
    results = afield.results(out)
    assert set(results["n_test"]) == {8}
    assert_tidy(out)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_more_devices_than_there_are_is_refused(monkeypatch: pytest.MonkeyPatch, device: Device) -> None:
    monkeypatch.setattr("afield.training.device.available_devices", lambda: (device, "cpu"))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(InputError, match=rf"numerics\.devices: 2: one training can use 1 of this machine's {device}"):
        settle_numerics(NumericsChoice(device=device, devices=2), None)


def test_batches_that_devices_cannot_share_are_refused(photos: Path) -> None:
    with pytest.raises(
        InputError, match=r"numerics\.devices: 8 devices cannot share batches of 8, of which each takes 2"
    ):
        study(photos, 8)
