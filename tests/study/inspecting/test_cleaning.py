"""What can go from a result folder, and what never does."""

import os
from pathlib import Path

import pytest

from afield.base import files
from afield.base.errors import DamagedError, InputError
from afield.study.inspecting.cleaning import clean, describe_waste, waste_in
from afield.study.plan import Plan
from afield.study.preparing.study_file import parse_study
from afield.study.running.claims import Claims
from afield.study.split_view import TEST
from afield.study.store import Store
from tests.fixtures.tiny import study_text
from tests.study.helpers import said, train


@pytest.fixture
def store(plan: Plan, tmp_path: Path) -> Store:
    """Two finished cells and two that halving stopped; the search has not chosen yet."""
    store = Store.create(tmp_path / "out")
    store.write_study("tiny", plan.study.model_dump_json(), plan.content())
    for place, cell in enumerate(plan.searches[0].cells):
        train(store, cell, 3 if place < 2 else 1)
    return store


def choose(plan: Plan, store: Store) -> None:
    (search,) = plan.searches
    store.selections.write("tiny", search.name, [search.cells[0].key], search.cells[0].metric, "validation")


def test_nothing_of_a_search_under_way_goes(plan: Plan, store: Store) -> None:
    assert waste_in(store) == ()
    assert describe_waste((), store.root, done=False) == f"{store.root}: nothing to free"


def test_a_network_that_an_audit_has_still_to_score_stays(plan: Plan, store: Store) -> None:
    (search,) = plan.searches
    chosen, other, *_ = search.cells
    store.selections.write("tiny", search.name, [chosen.key], chosen.metric, "validation", [other.key])
    assert "network" not in {waste.kind for waste in waste_in(store)}
    store.scores.write(other.key, TEST, said(other))
    store.scores.seal(other.key, TEST, {"key": other.key})
    assert [waste.path for waste in waste_in(store) if waste.kind == "network"] == [store.weights(other.key)]


def test_what_an_ended_search_left_goes_when_asked_and_the_chosen_network_stays(plan: Plan, store: Store) -> None:
    choose(plan, store)
    chosen, other, *stopped = [cell.key for cell in plan.searches[0].cells]
    store.checkpoint(chosen).write_bytes(b"left by a killed run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 2**22 + 1)  # no process has this number
        half = store.trial_folder(other) / f"{files.temporary_prefix()}half.json"
    half.touch()
    found = waste_in(store)
    assert {(waste.kind, waste.path) for waste in found} == {
        ("network", store.weights(other)),
        ("checkpoint", store.checkpoint(chosen)),
        ("temporary", half),
        *(("checkpoint", store.checkpoint(key)) for key in stopped),
    }
    assert all(waste.path.exists() for waste in found), "it is only told"
    assert "--yes" in describe_waste(found, store.root, done=False)
    assert {waste.path for waste in clean(store)} == {waste.path for waste in found}
    assert not any(waste.path.exists() for waste in found)
    assert store.weights(chosen).exists()
    assert store.look(other).result is not None, "results stay"
    assert waste_in(store) == ()


def test_damaged_results_go_whole(plan: Plan, store: Store) -> None:
    choose(plan, store)
    chosen = plan.searches[0].cells[0].key
    path = store.trial_folder(chosen) / "history.jsonl"
    path.write_text(path.read_text()[:-9])
    (damaged,) = [waste for waste in clean(store) if waste.kind == "damaged"]
    assert damaged.path == store.trial_folder(chosen)
    assert not damaged.path.exists()


@pytest.mark.parametrize("audited", [False, True])
def test_a_choice_that_names_a_folder_elsewhere_is_refused_and_that_stays(
    plan: Plan, store: Store, audited: bool
) -> None:
    """Its seal fits: who can write the folder can write one."""
    elsewhere = store.root.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "result.json").write_text("{}")
    (search,) = plan.searches
    chosen, away = search.cells[0].key, "../../elsewhere"
    keys, beside = ([chosen], [away]) if audited else ([away], [])
    store.selections.write("tiny", search.name, keys, search.cells[0].metric, "validation", beside)
    with pytest.raises(DamagedError, match=rf"{search.name}\.json: damaged, it names no trials"):
        clean(store)
    assert (elsewhere / "result.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_through_a_link_nothing_goes(plan: Plan, store: Store) -> None:
    choose(plan, store)
    elsewhere = store.root.parent / "elsewhere"
    store.trial_folder(plan.searches[0].cells[0].key).rename(elsewhere)
    (elsewhere / "history.jsonl").write_text("{}\n")
    store.trial_folder(plan.searches[0].cells[0].key).symlink_to(elsewhere)
    before = set(elsewhere.iterdir())
    with pytest.raises(InputError, match="is a link, and a result folder holds none"):
        clean(store)
    assert set(elsewhere.iterdir()) == before


@pytest.fixture
def elsewhere(store: Store) -> Path:
    """A folder that is not the store's, and would look like one of its results."""
    folder = store.root.parent / "elsewhere"
    folder.mkdir()
    (folder / "result.json").write_text("{}")
    return folder


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize(
    "name",
    ["trials/{key}/checkpoint.pt", "trials/{key}/weights.safetensors", "trials/{key}/a/b", "scores/{key}/test--tta/a"],
)
def test_a_link_deep_in_the_folder_is_refused_and_what_it_names_stays(
    plan: Plan, store: Store, elsewhere: Path, name: str
) -> None:
    choose(plan, store)
    link = store.root / name.format(key=plan.searches[0].cells[1].key)  # finished, and not chosen
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(InputError, match=f"{link.name}: is a link, and a result folder holds none"):
        clean(store)
    assert (elsewhere / "result.json").exists()
    assert store.checkpoint(plan.searches[0].cells[2].key).exists(), "nothing is removed before it is refused"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_of_a_link_that_is_called_half_written_the_link_goes_alone(
    plan: Plan, store: Store, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 2**22 + 1)  # no process has this number
        link, half = (store.root / "extensions" / "0" / f"{files.temporary_prefix()}{name}" for name in ("x", "half"))
    link.parent.mkdir(parents=True)
    half.touch()  # for the sake of which one looks into this folder
    link.symlink_to(elsewhere)
    (elsewhere / "large").write_bytes(bytes(10_000))
    freed = {waste.path: waste.bytes for waste in clean(store)}
    assert freed.keys() == {link, half}
    assert freed[link] < 10_000, "what it names is not freed"
    assert not link.is_symlink()
    assert {path.name for path in elsewhere.iterdir()} == {"result.json", "large"}


def test_networks_of_a_study_with_soups_are_left_to_its_run(plan: Plan, store: Store, photos: Path) -> None:
    choose(plan, store)
    text = study_text(photos).replace('method = "halving"', 'method = "grid"') + '[soups.mean]\nover = ["cells"]\n'
    soups = parse_study(text.replace('name = "tiny"', 'name = "soups"'), "soups.toml")
    store.write_study("soups", soups.model_dump_json(), plan.content())
    (search,) = plan.searches
    store.selections.write("soups", search.name, [search.cells[0].key], search.cells[0].metric, "validation")
    assert waste_in(store) == ()


def test_while_a_run_is_at_work_nothing_goes(plan: Plan, store: Store) -> None:
    choose(plan, store)
    with Claims(store.root), pytest.raises(InputError, match="a run is at work here"):
        clean(store)
