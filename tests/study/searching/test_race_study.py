"""A race from its study file to its record, answer and page; stopped and gone on with; in a plan and in shards."""

import os
import signal
from pathlib import Path

import pytest

import afield
from afield.analysis.analyse import analyse
from afield.analysis.answer import answer
from afield.analysis.questions import QUESTIONS
from afield.analysis.searches.races import NOT_ASKED, race_of
from afield.base.errors import InputError, Stopped
from afield.report.page import render
from afield.study.collecting.collect import load_record
from afield.study.preparing.study_file import parse_study
from afield.study.running.standing import Silent, Standing
from afield.study.study import Study
from tests.fixtures.tiny import study_text
from tests.study.helpers import assert_same, assert_tidy, whole_state

BACKBONES = ("squeezenet1_1.caffe_in1k", "test_resnet.r160_in1k")


def study_of(photos: Path, more: str = "") -> Study:
    text = study_text(photos, method="race").replace(
        '"squeezenet1_1.caffe_in1k"', ", ".join(f'"{b}"' for b in BACKBONES)
    )
    return parse_study(text.replace("[1e-4, 1e-3, 3e-3, 1e-2]", "[1e-3, 3e-3]") + more, "tiny.toml")


class Impatient(Silent):
    """Presses Ctrl-C when three trainings are done, and notes what was said to be left."""

    def __init__(self) -> None:
        self.stop, self.told = True, list[tuple[float, int, int]]()

    def standing(self, standing: Standing) -> None:
        self.told.append((standing.epochs_done, standing.epochs_planned, standing.to_score))
        if standing.done >= 3 and self.stop:
            self.stop = False
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('[ensembles.all]\nover = ["seeds"]', "ensembles.all: joins what the searches of backbones chose"),
        ('[soups.all]\nover = ["seeds"]', "soups.all: joins what the searches of backbones chose"),
    ],
)
def test_what_a_race_cannot_have_is_refused(photos: Path, more: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        study_of(photos, more)


@pytest.mark.slow
def test_a_race_has_one_winner_and_enters_no_fit(photos: Path, tmp_path: Path) -> None:
    study, out, other = study_of(photos), tmp_path / "out", tmp_path / "other"
    assert afield.run_study(study, out).complete
    record = load_record(out)
    won, lost = sorted(record.searches, key=lambda search: search.lost)
    assert (won.lost, len(won.repeats), lost.lost, lost.chosen, lost.repeats) == (False, 2, True, None, ())
    assert sum(map(sum, (won.asked, lost.asked))) == 4 * 1 + 2 * 1 + 1 * 1
    table = afield.results(out)
    assert set(table["kind"]) == {"race"}
    assert set(table["backbone"]) == {won.backbone}
    (task,) = answer(record).tasks
    race = race_of(record, task.task, "plain")
    assert race is not None
    assert (race.winner, race.rungs, race.spent, race.whole) == (won.backbone, (1, 2, 3), 7, 12)
    assert [runner.backbone for runner in race.runners] == [won.backbone, lost.backbone]
    assert task.fit is None
    found = analyse(out)
    assert found.notes == (f"{out}: {NOT_ASKED}",)
    assert all(found.over(name).table.empty for name in QUESTIONS)
    assert "It won a race of two backbones with four recipes, which spent 7 of 12 epochs" in task.take
    assert "Nothing of it enters one" in task.transfer
    assert not [words for words in task.warnings if "ranked" in words or "lacks" in words]
    page = render(record)
    assert "A race does not ask that" in page
    assert "out of the race after" in page
    assert "lost the race" in whole_state(out)
    assert_tidy(out)
    assert afield.run_study(study, out).trained == 0
    watch = Impatient()
    with pytest.raises(Stopped):
        afield.run_study(study, other, watch=watch)
    assert afield.run_study(study, other, watch=watch).complete
    assert_same(out, other)
    assert watch.told[0][1:] == (7 + 3, 2)
    assert watch.told[-1] == (10, 10, 2)
