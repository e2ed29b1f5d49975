"""The network that people come for is the one that the printed answer names."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import afield
from afield.analysis.answer import answer
from afield.base.errors import InputError
from afield.study.collecting.collect import load_record
from afield.study.record import StudyRecord
from afield.study.split_view import TEST
from afield.study.store import Store
from afield.winner import winner_of
from tests.fixtures.records import make_record


@pytest.fixture(scope="module")
def record() -> StudyRecord:
    return make_record(metrics=["accuracy"])


@pytest.mark.slow
def test_it_is_the_answer_s_backbone_at_the_first_seed(record: StudyRecord) -> None:
    rows = record.results[record.results["key"] == winner_of(record, "out")]
    assert set(rows["seed"]) == {record.study.study.seeds[0]}
    assert set(rows["intervention"]) == {"plain"}
    assert f"Take {rows['backbone'].iloc[0]}: " in answer(record).text()


@pytest.mark.slow
def test_of_a_first_seed_that_failed_the_next_stands_for_it(record: StudyRecord) -> None:
    first = winner_of(record, "out")
    lacking = dataclasses.replace(record, results=record.results[record.results["key"] != first])
    second = record.results[record.results["key"] == winner_of(lacking, "out")]
    assert set(second["seed"]) == {record.study.study.seeds[1]}


@pytest.mark.slow
def test_without_a_single_winner_it_says_what_there_is(record: StudyRecord) -> None:
    with pytest.raises(InputError, match=r"out: no backbone was scored yet, .* afield status out"):
        winner_of(dataclasses.replace(record, results=record.results.iloc[:0]), "out")
    other = dataclasses.replace(record.tasks[0], name="moths")
    several = dataclasses.replace(record, tasks=(*record.tasks, other))
    mine = winner_of(record, "out")
    with pytest.raises(InputError, match=f"out: each task has a winner of its own; .*: {mine} for elpv"):
        winner_of(several, "out")


@pytest.mark.slow
def test_the_network_repeats_its_stored_test_predictions(finished: Path, photos: Path) -> None:
    network = afield.load_network(finished)
    search = load_record(finished).searches[0]
    assert network.key == search.repeats[0].key
    store = Store.open(finished)
    for key in (network.key, search.repeats[1].key):
        stored = store.scores.predictions(key, TEST, network.classes)
        logits = afield.load_network(finished, key).logits([photos / name for name in stored["sample"]])
        np.testing.assert_allclose(logits, np.stack(stored["logits"].to_list()), rtol=0, atol=1e-5)
    about = json.loads((finished / "trials" / network.key / "weights.json").read_text())
    assert {**network.about, "seal": about["seal"]} == about
    assert list(network.classes) == about["classes"]
    stopped = next(cell.key for cell in search.cells if cell.state == "paused")
    with pytest.raises(InputError, match="halving stopped it"):
        afield.load_network(finished, stopped)
