"""What an audit asks, when, and that nothing is chosen, joined or ranked by what it finds."""

import json
import os
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import afield
from afield.base.errors import Stopped
from afield.report.page import render
from afield.study.collecting.collect import load_record
from afield.study.inspecting.state import read_state
from afield.study.plan import Plan
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.study_file import parse_study
from afield.study.running.choices import Choices
from afield.study.running.claims import Claims
from afield.study.running.ledger import Ledger
from afield.study.running.standing import Silent, Standing, standing_of
from afield.study.searching.growth import follows
from afield.study.searching.outlook import Want
from afield.study.searching.search import Seen
from afield.study.split_view import TEST
from afield.study.store import Store
from afield.trial.trial import Trial
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import study_text
from tests.study.helpers import assert_tidy, said, table, train, whole_state


def text_of(photos: Path, *, audit: bool = True) -> str:
    """Three cells, all trained to the end, under two seeds; an ensemble and a soup of all that may be joined."""
    text = study_text(photos, "grid", 1).replace("[1e-4, 1e-3, 3e-3, 1e-2]", "[1e-3, 3e-3, 1e-2]")
    text += '\n[ensembles.seeds]\nover = ["seeds"]\n[soups.cells]\nover = ["cells"]\n'
    return text.replace('method = "grid"', f'method = "grid"\naudit = {str(audit).lower()}')


@pytest.fixture(scope="module")
def plan(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    study = parse_study(text_of(photos), "audited.toml")
    return make_plan(study, settle_numerics(study.numerics, None), tmp_path_factory.mktemp("cache"))


@pytest.fixture
def store(plan: Plan, tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "out")
    store.write_study("tiny", plan.study.written(), plan.content())
    return store


def ledger_of(plan: Plan, store: Store) -> Ledger:
    return Ledger(plan, store, lambda key, error: store.set_aside(key))


def score(store: Store, trial: Trial) -> None:
    store.scores.write(trial.key, TEST, said(trial))
    store.scores.seal(trial.key, TEST, {"key": trial.key})


def do(store: Store, ledger: Ledger, want: Want) -> None:
    """The work that is wanted, but for soups."""
    if want.kind == "train":
        train(store, want.trial, want.until)
    else:
        score(store, want.trial)
    ledger.reload(want.key)


def trained(plan: Plan, store: Store) -> Ledger:
    """All trainings are done; soups are left aside."""
    ledger = ledger_of(replace(plan, study=plan.study.model_copy(update={"soups": {}})), store)
    while wants := [want for want in ledger.wanted() if want.kind == "train"]:
        assert not [want for want in ledger.wanted() if want.kind == "audit"] or ledger.outlook(plan.searches[0]).ended
        do(store, ledger, wants[0])
    return ledger


def test_it_changes_no_key_and_no_generation(plan: Plan, photos: Path, tmp_path: Path) -> None:
    study = parse_study(text_of(photos, audit=False), "plain.toml")
    plain = make_plan(study, settle_numerics(study.numerics, None), tmp_path)
    assert plain.searches[0].keys == plan.searches[0].keys
    seen = [Seen([{"validation": 0.5, "validation_loss": 0.1}])]
    assert follows(plan.study.search, seen, 1, 0, 1) == follows(study.search, seen, 1, 0, 1)


def test_it_asks_for_every_finished_cell_but_the_chosen_one_after_all_else(plan: Plan, store: Store) -> None:
    (search,) = plan.searches
    begun = standing_of(ledger_of(plan, store), [], [], 2)
    assert (begun.audited, begun.to_audit) == (0, 2)
    ledger = trained(plan, store)
    outlook = ledger.outlook(search)
    assert [want.kind for want in ledger.wanted()] == ["score", "score", "audit", "audit"]
    assert {want.key for want in outlook.audits} == {cell.key for cell in search.cells} - {outlook.chosen_keys[0]}
    do(store, ledger, outlook.audits[0])
    standing = standing_of(ledger, [], [], 2)
    assert (standing.audited, standing.to_audit, standing.scored) == (1, 2, 0)
    for want in ledger.wanted():
        do(store, ledger, want)
    assert (ledger.wanted(), ledger.failed()) == ([], [])


def test_networks_stay_until_they_are_audited_and_then_go(plan: Plan, store: Store) -> None:
    ledger = trained(plan, store)
    (search,) = plan.searches
    with Claims(store.root) as claims:
        choices = Choices(store, claims, ledger)
        for want in ledger.wanted():
            choices.settle()
            selection = store.selections.read("tiny", search.name)
            told = () if selection is None else selection.audited
            assert len(told) == 2, "what will be audited is written with the choice"
            left = {key for key in told if key not in ledger.known.on_test}
            assert all(store.weights(key).exists() for key in left)
            do(store, ledger, want)
        choices.settle()
    assert not any(store.weights(key).exists() for key in told)
    assert all(store.weights(key).exists() for key in ledger.outlook(search).chosen_keys)
    (state,) = read_state(store.root).searches
    assert (state.audited, state.to_audit, state.scored, state.seeds) == (2, 2, 2, 2)


def test_where_a_network_has_gone_its_training_is_wanted_again(plan: Plan, store: Store) -> None:
    ledger = trained(plan, store)
    gone = ledger.outlook(plan.searches[0]).audits[0].trial
    store.weights(gone.key).unlink()
    ledger.reload(gone.key)
    (want,) = [want for want in ledger.wanted() if want.key == gone.key]
    assert (want.kind, want.until) == ("train", 1)
    train(store, gone, 1)
    ledger.reload(gone.key)
    (want,) = [want for want in ledger.wanted() if want.key == gone.key]
    assert want.kind == "audit"


def test_one_that_fails_is_told_and_changes_nothing_that_was_chosen(plan: Plan, store: Store) -> None:
    ledger = trained(plan, store)
    (search,) = plan.searches
    before = ledger.outlook(search)
    failing = before.audits[0].key
    store.fail(failing, "out of memory", "trace")
    ledger.reload(failing)
    after = ledger.outlook(search)
    assert (after.chosen_keys, after.finalists, after.audited) == (before.chosen_keys, before.finalists, before.audited)
    assert (ledger.failed(), after.done, len(after.audits)) == ([failing], before.done - 1, 1)
    with Claims(store.root) as claims:
        Choices(store, claims, ledger).settle()
    (group,) = read_state(store.root).failures
    assert [each.key for each in group.trainings] == [failing]


def test_nothing_is_audited_where_test_itself_selects(plan: Plan, store: Store) -> None:
    tasks = {name: replace(data, selection="test") for name, data in plan.tasks.items()}
    ledger = trained(replace(plan, tasks=tasks), store)
    assert [want.kind for want in ledger.wanted()] == ["score", "score"]
    assert standing_of(ledger, [], [], 2).to_audit == 0


class Impatient(Silent):
    """Presses Ctrl-C as soon as one cell is audited."""

    def __init__(self) -> None:
        self.stop, self.most = True, 0

    def standing(self, standing: Standing) -> None:
        self.most = max(self.most, standing.to_audit)
        if standing.audited and self.stop:
            self.stop = False
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send")
def test_stopped_or_switched_on_late_it_finds_the_same_and_no_result_is_another(photos: Path, tmp_path: Path) -> None:
    """The same study without an audit has the same table, ensemble, soup and fits; with one that is switched on when
    the networks have gone they are trained again, to the same bits.
    """
    study, out, late = parse_study(text_of(photos), "tiny.toml"), tmp_path / "out", tmp_path / "late"
    watch = Impatient()
    with pytest.raises(Stopped):
        afield.run_study(study, out, slots=1, watch=watch)
    assert "Audit: 1 of 2 networks scored" in whole_state(out)
    assert afield.run_study(study, out, slots=1).complete
    assert_tidy(out)
    assert afield.run_study(parse_study(text_of(photos, audit=False), "tiny.toml"), late, slots=1).complete
    pd.testing.assert_frame_equal(table(out), table(late), check_exact=True)
    assert set(table(out)["kind"]) == {"single", "ensemble", "soup"}
    assert not set(load_record(out).audits) - {cell.key for cell in load_record(out).searches[0].cells}

    without = load_record(late)
    assert without.audits == {}
    outcome = afield.run_study(study, late, slots=1)
    assert (outcome.complete, outcome.trained) == (True, 2)
    pd.testing.assert_frame_equal(table(out), table(late), check_exact=True)
    mine, theirs = load_record(out), load_record(late)
    assert str(mine.audits) == str(theirs.audits), "of numbers that are none, too"
    assert len(mine.audits) == 3
    pd.testing.assert_frame_equal(mine.predictions, theirs.predictions, check_exact=True)
    for folder in (out, late):
        reads = [json.loads(line)["key"] for line in (folder / "test_reads.jsonl").read_text().splitlines()]
        assert Counter(Counter(reads).values()) == {1: 5}, "two of the choice, a soup, two audited; each once"
        assert len(list(folder.glob("trials/*/weights.safetensors"))) == 3
    assert watch.most == 2
    page = render(mine)
    assert "The audit: what choosing on validation was worth" in page
    assert "Validation against test (audit)" in page
    assert "Audit: 2 of 2 networks scored" in whole_state(out)
    found = afield.analyse(out)
    assert found.audit is not None
    assert [len(each.cells) for each in found.audit.searches] == [3]
    assert found.as_json()["audit"]["lacking"] == 0
