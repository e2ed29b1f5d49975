"""A run under a budget: planned, cut, stopped when the hours are used, and gone on with under a larger one."""

import json
from pathlib import Path

import pytest

from afield.backbones.weights import Sources
from afield.base.errors import Stopped
from afield.report.page import report
from afield.study.collecting.collect import load_record
from afield.study.folder.budget_files import Clock
from afield.study.forecasting.forecast import forecast
from afield.study.planning.budget import budget_words
from afield.study.planning.pace import Speed
from afield.study.running.run import run_study
from tests.fixtures.tiny import tiny_study
from tests.study.helpers import assert_same, assert_tidy, whole_state

SLOW = Speed(train=1.0, evaluate=0.2, begin=2.0, save=1.0, starting=4.0, memory=300_000_000)
"""far from the truth, so that the budgets of this test are hours that nobody waits for"""


@pytest.mark.slow
def test_a_budget_cuts_stops_and_is_gone_on_with(
    photos: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, out, whole = tiny_study(photos), tmp_path / "out", tmp_path / "whole"
    monkeypatch.setenv("AFIELD_CACHE", str(tmp_path / "cache"))
    sources = Sources(None, offline=True)
    found = forecast(
        study, out, sources=sources, data=None, cache=tmp_path / "cache", slots=2, probe=lambda subject, slots: SLOW
    )
    budget = f"{found.seconds.middle - 20:.1f}s"

    def used_after_two_trainings(clock: Clock) -> bool:
        clock.note()
        return len(list((out / "trials").glob("*/history.jsonl"))) >= 2

    with monkeypatch.context() as patch:
        patch.setattr(Clock, "over", used_after_two_trainings)
        with pytest.raises(
            Stopped, match=r"the budget of .* is used\. \d+ trainings? done, .* larger --budget to go on"
        ):
            run_study(study, out, slots=2, budget=budget)
    kept = json.loads((out / "budgets" / "tiny.json").read_text())
    assert kept["budget"] == budget
    assert len(kept["cut"]["cells"]) < kept["cut"]["of"] == 4
    assert len(list((out / "budgets" / "tiny").glob("*.json"))) == 1

    assert run_study(study, out, slots=2, budget="9d").complete
    record = load_record(out)
    words = budget_words(record.study)
    assert f"{len(kept['cut']['cells'])} of 4 cells of each search" in words
    assert words in whole_state(out)
    assert words in report(out).read_text(encoding="utf-8")

    assert run_study(study, whole, slots=2, budget=budget).complete
    assert_same(out, whole)
    assert_tidy(out)
