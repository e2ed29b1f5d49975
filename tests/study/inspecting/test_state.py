"""Where a study stands, from its files alone."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from afield import progress
from afield.base.errors import InputError
from afield.study.inspecting.state import FailedTraining, by_cause, read_state
from afield.study.inspecting.state_words import describe_state
from afield.study.plan import Plan
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.study_file import parse_study
from afield.study.split_view import TEST
from afield.study.store import Store
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import study_text
from tests.study.helpers import said, train


@pytest.fixture
def store(plan: Plan, tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "out")
    store.write_study("tiny", plan.study.model_dump_json(), plan.content())
    return store


def test_before_the_first_epoch_it_says_so(store: Store) -> None:
    state = read_state(store.root)
    (search,) = state.searches
    assert (search.finished, search.paused, search.failed, search.missing, search.ended) == (0, 0, 0, 4, False)
    assert "No epoch has ended yet" in describe_state(state, store.root)


def test_it_counts_what_is_there_and_groups_what_failed(plan: Plan, store: Store) -> None:
    (search,) = plan.searches
    best, paused, *failed = search.cells
    train(store, best, 3)
    train(store, paused, 1)
    for number, trial in enumerate(failed):
        store.begin(trial)
        store.fail(trial.key, f"the loss is nan at step {number}", "trace")
    repeats = search.repeats(0)
    store.selections.write("tiny", search.name, [trial.key for trial in repeats], best.metric, "validation")
    store.scores.log_read(best.key, TEST)
    store.scores.write(best.key, TEST, said(best))
    store.scores.seal(best.key, TEST, {"key": best.key})
    state = read_state(store.root)
    (found,) = state.searches
    assert (found.finished, found.paused, found.failed, found.missing) == (1, 1, 2, 1)
    assert (found.scored, found.seeds, found.ended, state.test_reads) == (1, 2, True, 1)
    (group,) = state.failures
    assert group.example == "the loss is nan at step 0"
    assert [each.key for each in group.trainings] == [trial.key for trial in failed]
    words = describe_state(state, store.root)
    assert "and by the same cause 1 training" in words
    assert "--retry failed" in words
    assert "stopped by halving" in words
    assert "In all" not in words
    twice = replace(state, searches=(found, replace(found, finished=1_234)))
    assert "\nIn all: 1,235 trainings finished, 2 paused, 4 failed, 2 missing; 2 of 4 networks scored.\n" in (
        describe_state(twice, store.root)
    )
    assert json.loads(json.dumps(state.as_json()))["searches"][0]["finished"] == 1


def test_trainings_that_two_searches_share_are_told(photos: Path, tmp_path: Path) -> None:
    """An intervention may come to the plain recipe."""
    text = study_text(photos).replace("seeds =", 'interventions = ["plain", "same"]\nseeds =')
    study = parse_study(text + "\n[interventions.same]\nlabel_smoothing = 0.0\n", "same.toml")
    plan = make_plan(study, settle_numerics(study.numerics, None), tmp_path / "cache")
    store = Store.create(tmp_path / "out")
    store.write_study("tiny", study.model_dump_json(), plan.content())
    train(store, plan.searches[0].cells[0], 3)
    state = read_state(store.root)
    assert [search.finished for search in state.searches] == [1, 1]
    assert state.again == 4
    assert "Counted in more than one search: 4 trainings." in describe_state(state, store.root)


@pytest.mark.parametrize("what", ["trial", "score", "selection"])
def test_what_was_altered_is_named_and_counts_for_nothing(plan: Plan, store: Store, what: str) -> None:
    (search,) = plan.searches
    best = search.cells[0]
    train(store, best, 3)
    store.selections.write("tiny", search.name, [best.key], best.metric, "validation")
    store.scores.write(best.key, TEST, said(best))
    store.scores.seal(best.key, TEST, {"key": best.key})
    (selection,) = (store.root / "selections").iterdir()
    places = {
        "trial": store.trial_folder(best.key) / "history.jsonl",
        "score": store.scores.folder(best.key) / "predictions.parquet",
        "selection": selection,
    }
    path = places[what]
    path.write_bytes(path.read_bytes().replace(best.key.encode(), b"0" * 20)[:-1] + b" ")
    state = read_state(store.root)
    (words,) = state.damaged
    assert str(path) in words
    assert "run the study again" in words
    assert f"damaged: {words}" in describe_state(state, store.root)
    (found,) = state.searches
    assert (found.finished, found.scored) == ((0, 1) if what == "trial" else (1, 0))


def test_watching_ends_with_the_last_state(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_LOOK_EVERY", 0.0)
    console = Console(record=True, width=120, force_terminal=True)
    progress.watch_state(store.root, None, console, looks=2)
    assert "squeezenet1_1.caffe_in1k" in console.export_text()


def test_watching_without_a_terminal_prints_each_state_that_is_new_and_breaks_no_line(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_LOOK_EVERY", 0.0)
    console = Console(record=True, width=40, file=StringIO())
    progress.watch_state(store.root, None, console, looks=3)
    assert console.export_text() == f"{describe_state(read_state(store.root), store.root)}\n\n"


def test_ctrl_c_ends_watching(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    progress.watch_state(store.root, None, Console(record=True))


def test_a_folder_of_a_newer_version_is_named(store: Store) -> None:
    (store.root / "afield.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match=r"afield\.json: made by a newer version of afield \(format 99, .* install"):
        read_state(store.root)


def test_causes_are_told_apart_by_more_than_numbers_and_paths() -> None:
    reasons = ["/a/b.png: cannot be read", "/c/d.png: cannot be read", "nan at step 3", "nan at step 12", "other"]
    failures = [FailedTraining(str(place), "t", "b", "plain", 0, reason) for place, reason in enumerate(reasons)]
    assert [len(group.trainings) for group in by_cause(failures)] == [2, 2, 1]


def test_it_needs_neither_pandas_nor_torch() -> None:
    heavy = {"pandas", "torch", "numpy", "scipy"}
    code = f"import sys, afield.study.inspecting.state_words; print(sorted({heavy} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
