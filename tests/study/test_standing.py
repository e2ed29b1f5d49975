"""What a person who waits is shown."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from afield.progress import Display
from afield.study.engines.local import Event
from afield.study.job import Job
from afield.study.ledger import Ledger
from afield.study.plan import make_plan
from afield.study.standing import Standing, standing_of
from afield.study.store import Store
from afield.training.numerics import NumericsChoice, settle
from tests.fixtures.tiny import tiny_study


@pytest.fixture
def standing(photos: Path, cache: Path, tmp_path: Path) -> Standing:
    """One training is at the features before its first epoch."""
    plan = make_plan(tiny_study(photos), settle(NumericsChoice(), "cpu"), cache)
    store = Store.create(tmp_path / "out")
    trial = plan.searches[0].cells[0]
    job = Job("train", trial, store.root, {}, None, until=3)
    event = Event(job, "progress", 0, 1_200, 16_200, 100.0, "features of the training split")
    return standing_of(Ledger(plan, store, lambda key, error: None), [job], [event], 2)


def test_what_comes_before_the_first_epoch_is_no_epoch_and_has_its_time(standing: Standing) -> None:
    (running,) = standing.running
    assert running.before == "features of the training split: 1,200 of 16,200"
    assert running.seconds_left == pytest.approx(150)
    assert (standing.at_work, standing.epochs_done) == (1, 0)


@pytest.mark.parametrize("terminal", [True, False])
def test_it_is_shown_with_the_time_left(standing: Standing, terminal: bool) -> None:
    shown = io.StringIO()
    with Display(Console(file=shown, force_terminal=terminal, width=240)) as display:
        display.standing(standing)
    assert "features of the training split: 1,200 of 16,200, about 2 min 30 s left" in shown.getvalue()
