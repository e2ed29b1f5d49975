"""What a person who waits is shown."""

import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from afield.progress import Display
from afield.study.engines.engine import Event
from afield.study.engines.job import Job
from afield.study.running.ledger import Ledger
from afield.study.running.standing import Standing, standing_of
from afield.study.store import Store
from afield.training.numerics import NumericsChoice, settle
from tests.fixtures.plans import make_plan
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


def test_where_only_scoring_is_left_it_is_what_is_shown(standing: Standing) -> None:
    scoring = replace(standing, at_work=0, left=0, running=(), scored=3, to_score=12, seconds_left=90.0)
    for seconds, words in ((90.0, "about 1 min 30 s left"), (None, "known after the first network is scored")):
        shown = io.StringIO()
        with Display(Console(file=shown, width=240)) as display:
            display.standing(replace(scoring, seconds_left=seconds))
        assert "networks scored: 3 of 12; " in shown.getvalue()
        assert words in shown.getvalue()


@pytest.mark.slow
def test_the_time_left_counts_networks_to_score(finished: Path, photos: Path, cache: Path, tmp_path: Path) -> None:
    out = shutil.copytree(finished, tmp_path / "out")
    plan = make_plan(tiny_study(photos), settle(NumericsChoice(), "cpu"), cache)
    store = Store.open(out)
    whole = standing_of(Ledger(plan, store, lambda key, error: None), [], [], 2, 6.0)
    assert (whole.scored, whole.to_score, whole.seconds_left, whole.trained) == (2, 2, 0.0, True)
    for scores in (out / "scores").iterdir():
        shutil.rmtree(scores)
    ledger = Ledger(plan, store, lambda key, error: None)
    assert standing_of(ledger, [], [], 2, 6.0).seconds_left == pytest.approx(6.0)
    assert standing_of(ledger, [], [], 2).seconds_left is None
