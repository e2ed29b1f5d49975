"""Soups, from the study file to the results table and a network that can be used."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save

import afield
from afield.analysis.answer import answer
from afield.backbones.catalogue import find
from afield.base.errors import DamagedError, InputError, Stopped
from afield.images.prepared import PreparedImages
from afield.report.further import further_table
from afield.report.words import number
from afield.study.collecting.collect import load_record
from afield.study.collecting.soup_records import unmade
from afield.study.combining.soups import Ended, Ingredient, Soup, SoupChoice, soups_of, waiting_for
from afield.study.engines.engine import Event
from afield.study.engines.local import LocalEngine
from afield.study.engines.make_soup import make_soup
from afield.study.engines.slots import Slots
from afield.study.forecasting.plan_notes import plan_notes
from afield.study.networks.open_network import open_network
from afield.study.preparing.misfits import soups_of_views
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.study_file import parse_study
from afield.study.running.claims import Claims
from afield.study.running.ledger import Ledger
from afield.study.running.one_run import OneRun
from afield.study.running.standing import Silent
from afield.study.searching.planned_search import PlannedSearch
from afield.study.split_view import TEST
from afield.study.store import Store
from afield.study.study import Study
from afield.tasks.builtin import find_task
from afield.training.checkpoint import Tensors
from afield.training.numerics import NumericsChoice
from afield.training.soup import Tasted
from afield.trial.inputs import SplitInputs
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import BACKBONE, study_text
from tests.study.helpers import assert_same, assert_tidy, said, train

SOUPS = """
[soups.cells]
over = ["cells"]

[soups.all]
over = ["cells", "seeds"]
method = "uniform"
"""


def soup_study(photos: Path, text: str = SOUPS, method: str = "grid") -> Study:
    return parse_study(study_text(photos, method, epochs=2) + text, "tiny.toml")


PLACE = ("moths", "resnet", "plain")
BIG = ("moths", "resnet", "big")


def ended(identity: tuple[str, str, str], prefix: str = "") -> dict[tuple[str, str, str], Ended]:
    cells = tuple(f"{prefix}{cell}" for cell in "abc")
    return {identity: Ended(*identity, cells=cells, repeats=((0, cells[1]), (1, f"{prefix}b1")))}


def keys(choice: SoupChoice, *found: dict[tuple[str, str, str], Ended]) -> list[list[str]]:
    searches = {identity: each for one in found for identity, each in one.items()}
    soups = soups_of({"soup": choice}, [PLACE, BIG], searches)
    return [[each.key for each in soup.ingredients] for soup in soups]


def test_what_goes_into_a_soup() -> None:
    both = ended(PLACE), ended(BIG, "x")
    assert keys(SoupChoice(over=("cells",)), *both) == [["a", "b", "c"], ["xa", "xb", "xc"]]
    assert keys(SoupChoice(over=("seeds",)), *both) == [["b", "b1"], ["xb", "xb1"]]
    assert keys(SoupChoice(over=("cells", "seeds")), ended(PLACE)) == [["a", "b", "c", "b1"]]
    assert keys(SoupChoice(over=("interventions",)), *both) == [["b", "xb"], ["b1", "xb1"]]
    assert keys(SoupChoice(over=("interventions", "seeds")), *both) == [["b", "b1", "xb", "xb1"]]
    assert keys(SoupChoice(over=("cells", "interventions")), *both) == [["a", "b", "c", "xa", "xb", "xc"]]
    assert keys(SoupChoice(over=("cells",), interventions=("big",)), *both) == [["xa", "xb", "xc"]]


def test_a_soup_waits_for_every_search_that_it_is_of() -> None:
    assert keys(SoupChoice(over=("interventions",)), ended(PLACE)) == []
    assert keys(SoupChoice(over=("cells",)), ended(PLACE)) == [["a", "b", "c"]]
    both = {"soup": SoupChoice(over=("cells", "interventions"))}
    assert waiting_for(both, [PLACE, BIG], ended(PLACE)) == {"a", "b", "c"}
    assert waiting_for(both, [PLACE, BIG], ended(PLACE) | ended(BIG, "x")) == set()
    nothing = {BIG: Ended(*BIG, cells=(), repeats=())}
    assert keys(SoupChoice(over=("interventions",)), ended(PLACE), nothing) == [["b"], ["b1"]]


def test_a_network_alone_is_no_soup() -> None:
    """Another intervention is tried on another backbone alone, or is the same."""
    alone, elsewhere = {"soup": SoupChoice(over=("interventions",))}, ("moths", "vgg", "plain")
    assert soups_of(alone, [PLACE, elsewhere], ended(PLACE) | ended(elsewhere, "v")) == ()
    assert keys(SoupChoice(over=("interventions",)), ended(PLACE), ended(BIG)) == []


def test_a_soups_key_depends_on_method_and_ingredients_alone() -> None:
    (one,) = soups_of({"one": SoupChoice(over=("cells",))}, [PLACE], ended(PLACE))
    (same,) = soups_of({"same": SoupChoice(over=("cells",))}, [PLACE], ended(PLACE))
    (uniform,) = soups_of({"one": SoupChoice(over=("cells",), method="uniform")}, [PLACE], ended(PLACE))
    (other,) = soups_of({"one": SoupChoice(over=("cells",))}, [PLACE], ended(PLACE, "x"))
    assert one.key == same.key
    assert len({one.key, uniform.key, other.key}) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[soups.a]\nover = ["cells"]\nbackbones = ["x"]', r"soups\.a\.backbones: x: not among study\.backbones"),
        ('[soups.a]\nover = ["interventions"]', r"soups\.a: averages interventions, of which there is one alone"),
        ('[soups.a]\nover = ["cells", "cells"]', r"soups\.a\.over: one stands twice; name each once"),
        ('[soups.a]\nover = ["sizes"]', r"soups\.a\.over"),
        ('[soups.a]\nover = ["cells"]\nmethod = "best"', r"soups\.a\.method"),
    ],
)
def test_what_a_study_cannot_average_is_told_before_anything_runs(photos: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        soup_study(photos, text)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ('pooling = "max"', r"networks differ: pooling is own in plain and max in other"),
        ("image_size = 40", r"networks differ: image_size is 32 in plain and 40 in other"),
        ('initialisation = "pretrained"', r"networks differ: initialisation is scratch in plain and pretrained in"),
    ],
)
def test_interventions_whose_networks_differ_are_not_averaged(photos: Path, key: str, words: str) -> None:
    text = study_text(photos).replace("seeds =", 'interventions = ["plain", "other"]\nseeds =')
    with pytest.raises(InputError, match=rf"soups\.a: averages interventions whose {words}"):
        parse_study(text + f'[interventions.other]\n{key}\n[soups.a]\nover = ["interventions"]\n', "tiny.toml")


def test_interventions_on_different_backbones_are_not_averaged(photos: Path) -> None:
    text = study_text(photos).replace("backbones = [", 'backbones = ["mobilenetv1_050.amd_in1k", ')
    text = text.replace("seeds =", 'interventions = ["a", "b"]\nseeds =')
    text += '[interventions.a]\nbackbones = ["mobilenetv1_050.amd_in1k"]\n[interventions.b]\npooling = "max"\n'
    apart = text.replace("[interventions.b]", f'[interventions.b]\nbackbones = ["{BACKBONE}"]')
    with pytest.raises(InputError, match=r"soups\.a: averages interventions, of which there is one alone"):
        parse_study(apart + '[soups.a]\nover = ["interventions"]\n', "tiny.toml")
    parse_study(apart + '[soups.a]\nover = ["interventions", "cells"]\n', "tiny.toml")
    with pytest.raises(InputError, match="pooling is own in a and max in b"):
        parse_study(text + '[soups.a]\nover = ["interventions", "cells"]\n', "tiny.toml")


def test_sizes_are_compared_as_the_protocol_settles_them(photos: Path) -> None:
    text = study_text(photos).replace("seeds =", 'interventions = ["plain", "other"]\nseeds =')
    text = text.replace("image_size = 32\n", "") + '[soups.a]\nover = ["interventions"]\n[interventions.other]\n'
    parse_study(text + "image_size = 224", "tiny.toml")
    with pytest.raises(InputError, match="image_size is 224 in plain and 192 in other"):
        parse_study(text + "image_size = 192", "tiny.toml")
    paper = text.replace("seeds =", 'protocol = "paper"\nseeds =')
    task = find_task("cassava", {})
    published = {"cassava": task}
    assert task.published is not None
    backbones = {BACKBONE: find(BACKBONE)}
    same, other = (
        parse_study(f"{paper}image_size = {task.published.image_size + more}", "tiny.toml") for more in (0, 32)
    )
    assert list(soups_of_views(same, published, backbones)) == []
    (complaint,) = soups_of_views(other, published, backbones)
    assert (
        f"image_size is {task.published.image_size} in plain and {task.published.image_size + 32} in oth" in complaint
    )
    turned = paper.rstrip() + '\nchannels = "BGR"\n'
    (complaint,) = soups_of_views(parse_study(turned, "tiny.toml"), published, backbones)
    assert "channels is RGB in plain and BGR in other" in complaint
    with pytest.raises(InputError, match="channels is RGB in plain and BGR in other"):
        parse_study(text + 'channels = "BGR"', "tiny.toml")


@pytest.mark.parametrize("over", ['["cells"]', '["cells", "seeds"]'])
def test_a_search_that_ends_with_one_cell_makes_no_soup(photos: Path, tmp_path: Path, over: str) -> None:
    text = study_text(photos, "halving", epochs=2).replace("seeds = [0, 1]", "seeds = [0]")
    study = parse_study(f"{text}[soups.a]\nover = {over}\n", "tiny.toml")
    study = study.model_copy(update={"search": study.search.model_copy(update={"reduction": 4.0})})
    with pytest.raises(InputError, match=r"soups\.a: averages the cells of a search, and of 4 in plain one alone"):
        make_plan(study, settle_numerics(study.numerics, None), tmp_path)


@pytest.mark.slow
def test_a_soup_is_wanted_once_all_is_there_and_what_it_needs_is_trained_again(photos: Path, tmp_path: Path) -> None:
    study = soup_study(photos)
    plan = make_plan(study, settle_numerics(study.numerics, None), tmp_path / "cache")
    store = Store.create(tmp_path / "out")
    ledger = Ledger(plan, store, lambda key, error: store.set_aside(key))
    (search,) = plan.searches
    (note,) = [line for line in plan_notes(plan) if line.startswith("Soups")]
    assert note.startswith("Soups: the networks of 4 cells stay until theirs are made, at most about 20 MB")
    assert ledger.soups() == ()
    for cell in search.cells:
        train(store, cell, 2)
        ledger.reload(cell.key)
    assert [soup.name for soup in ledger.soups()] == ["cells", "all"]
    assert ledger.needed_by_soups() == {cell.key for cell in (*search.cells, *ledger.outlook(search).chosen)}
    kinds = [(want.kind, want.soup and want.soup.name) for want in ledger.wanted()]
    assert sorted(kinds, key=str) == [("score", None), ("soup", "cells"), ("train", None)]
    store.prune(search.cells[0].key, keep_weights=False)  # as another study's search may do
    ledger.reload(search.cells[0].key)
    assert [want.trial.key for want in ledger.wanted() if want.kind == "train"].count(search.cells[0].key) == 1
    assert "soup" not in [want.kind for want in ledger.wanted()]
    train(store, search.cells[0], 2)
    ledger.reload(search.cells[0].key)
    (soup, _) = ledger.soups()
    store.begin(search.cells[0], soup.key)
    store.weights(soup.key).write_bytes(b"network")
    store.finish_soup(soup.key, said(search.cells[0]), {"tried": []}, {"key": soup.key, "platform": {}})
    assert ledger.reload(soup.key)
    assert [want.kind for want in ledger.wanted() if want.soup == soup] == ["score"]
    store.fail(soup.key, "no memory", "trace")
    ledger.reload(soup.key)
    assert ledger.failed() == [soup.key]
    repeat = ledger.outlook(search).chosen[1]
    train(store, repeat, 2)
    store.scores.write(repeat.key, TEST, said(repeat))
    store.scores.seal(repeat.key, TEST, {"key": repeat.key})
    store.weights(repeat.key).unlink()
    ledger.reload(repeat.key)
    assert repeat.key in [want.trial.key for want in ledger.wanted() if want.kind == "train"]
    store.fail(repeat.key, "no memory", "trace")
    ledger.reload(repeat.key)
    assert "train" not in [want.kind for want in ledger.wanted()], "what failed is not tried for ever"
    assert ledger.failed() == [soup.key, repeat.key]


@pytest.fixture
def run(photos: Path, tmp_path: Path) -> Iterator[OneRun]:
    """A run of two interventions, halving from four cells to two each, whose finalists one soup averages."""
    text = study_text(photos, epochs=2).replace("seeds = [0, 1]", 'seeds = [0]\ninterventions = ["plain", "long"]')
    text += '[interventions.long]\nwarmup_epochs = 1\n[soups.a]\nover = ["cells", "interventions"]\n'
    plan = make_plan(parse_study(text, "two.toml"), settle_numerics(NumericsChoice(), None), tmp_path / "cache")
    store = Store.create(tmp_path / "out")
    with Claims(store.root) as claims, LocalEngine(Slots(1)) as engine:
        yield OneRun(plan, store, claims, engine, Silent(), None)


def bring_to_its_end(run: OneRun, search: PlannedSearch) -> None:
    """Train and score all that a search wants."""
    while wants := run.ledger.wanted_by(search):
        for want in wants:
            if want.kind == "train":
                train(run.store, want.trial, want.until)
            else:
                run.store.scores.write(want.key, TEST, said(want.trial))
                run.store.scores.seal(want.key, TEST, {"key": want.key})
            run.ledger.reload(want.key)


def held(run: OneRun, name: str) -> set[str]:
    return {path.parent.name for path in run.store.root.glob(f"trials/*/{name}")}


@pytest.mark.slow
def test_a_search_that_ended_keeps_what_a_soup_needs_and_nothing_else(run: OneRun) -> None:
    first, second = run.plan.searches
    bring_to_its_end(run, first)
    run.choices.settle()
    finalists = {cell.key for cell in run.ledger.outlook(first).finalists}
    assert len(finalists) == 2
    assert held(run, "checkpoint.pt") == set(), "those that halving stopped may go, whatever waits for the finalists"
    assert held(run, "weights.safetensors") == finalists, "the other search goes on, and then a soup is of them"
    bring_to_its_end(run, second)
    run.choices.settle()
    (soup,) = run.ledger.soups()
    assert held(run, "weights.safetensors") == {each.key for each in soup.ingredients} > finalists
    assert [want.kind for want in run.ledger.wanted()] == ["soup"], "nothing is trained again"
    run.store.begin(first.cells[0], soup.key)
    run.store.weights(soup.key).write_bytes(b"network")
    run.store.finish_soup(soup.key, said(first.cells[0]), {"tried": []}, {"key": soup.key, "platform": {}})
    run.ledger.reload(soup.key)
    run.choices.settle()
    assert held(run, "weights.safetensors") == {soup.key, *run.store.selections.together()[0]}
    near = f"{soup.key[:-1]}x"
    with pytest.raises(InputError, match=f"no training or soup has the key {near}; did you mean {soup.key}"):
        open_network(run.store.root, near)


def test_a_soup_whose_networks_cannot_be_trained_again_is_told(run: OneRun) -> None:
    """Its own network has gone before it was scored, and one that it was made of, too."""
    first, second = run.plan.searches
    for search in (first, second):
        bring_to_its_end(run, search)
    (soup,) = run.ledger.soups()
    states = {each.key: "finished" for each in soup.ingredients}
    store, cell = run.store, soup.ingredients[0]
    assert unmade(store, [soup], states) == ()
    store.begin(first.cells[0], soup.key)
    store.weights(soup.key).write_bytes(b"network")
    store.finish_soup(soup.key, said(first.cells[0]), {"tried": []}, {"key": soup.key, "platform": {}})
    store.weights(cell.key).unlink()
    store.fail(cell.key, "no memory", "trace")
    assert unmade(store, [soup], states) == (), "it is there"
    store.weights(soup.key).unlink()
    words = f"soup a of {soup.task} lacks 1 of {len(states)} networks, which could not be trained again (no memory)"
    assert [each.words for each in unmade(store, [soup], states)] == [words]
    store.scores.write(soup.key, TEST, said(first.cells[0]))
    store.scores.seal(soup.key, TEST, {"key": soup.key})
    assert unmade(store, [soup], states) == (), "it was scored before"


@pytest.mark.slow
def test_another_study_leaves_what_a_soup_is_still_to_be_made_of(run: OneRun, photos: Path, tmp_path: Path) -> None:
    """Of a run that was killed just before it made a soup; the same searches then end in a study without soups."""
    for search in run.plan.searches:
        bring_to_its_end(run, search)
    run.choices.settle()
    (soup,) = run.ledger.soups()
    needed = held(run, "weights.safetensors")
    assert needed == {each.key for each in soup.ingredients}
    text = run.plan.study.written()
    plain = Study.model_validate_json(text).model_copy(update={"soups": {}})
    other = plain.model_copy(update={"study": plain.study.model_copy(update={"name": "another"})})
    plan = make_plan(other, settle_numerics(NumericsChoice(), None), tmp_path / "cache")
    with Claims(run.store.root) as claims, LocalEngine(Slots(1)) as engine:
        beside = OneRun(plan, run.store, claims, engine, Silent(), None)
        assert not beside.ledger.wanted()
        beside.choices.settle()
    assert held(run, "weights.safetensors") == needed
    again = OneRun(run.plan, run.store, run.claims, run.engine, Silent(), None)
    assert [want.kind for want in again.ledger.wanted()] == ["soup"], "nothing is trained again"


def test_a_soup_is_stored_whole_or_not_at_all(photos: Path, tmp_path: Path) -> None:
    """Weights of 1, 3 and 9, in this order on validation, which wants 2: the mean of the first two."""
    study = soup_study(photos)
    plan = make_plan(study, settle_numerics(study.numerics, None), tmp_path / "cache")
    store = Store.create(tmp_path / "out")
    cells = plan.searches[0].cells[:3]
    for cell, weight, metric in zip(cells, (9.0, 1.0, 3.0), (0.1, 0.3, 0.2), strict=True):
        store.begin(cell)
        store.write_network(cell.key, save({"w": torch.tensor([weight])}), {})
        store.write_history(cell.key, [{"epoch": 1, "validation": 0.5, "validation_loss": 0.7, "seconds": 1.0}])
        store.finish(
            cell.key, said(cell), {"key": cell.key, "platform": {}, "validation": metric, "validation_loss": 0.5}
        )
    soup = Soup("a", "greedy", tuple(Ingredient(plan.searches[0].identity, 0, cell.key) for cell in cells))
    samples = pd.DataFrame({"id": ["a"], "unit": ["a"], "cluster": ["a"], "label": [1]})
    validation = SplitInputs(samples, cast(PreparedImages, None), np.zeros(1, np.int64))  # nobody looks at an image

    def taste(network: Tensors) -> Tasted:
        return Tasted(network, -abs(float(network["w"]) - 2), 0.0, torch.zeros(1, 2))

    def keep(network: Tensors) -> None:
        store.write_network(soup.key, save(network), {})

    stops = iter([False, False, True])
    with pytest.raises(Stopped):
        make_soup(store, soup, cells[0], validation, taste, keep, {}, lambda: next(stops))
    assert not store.trial_folder(soup.key).exists()
    make_soup(store, soup, cells[0], validation, taste, keep, {}, lambda: False)
    assert float(load_file(store.check_network(soup.key))["w"]) == 2
    result = store.read(soup.key).result
    assert result is not None
    assert result["ingredients"] == [cells[1].key, cells[2].key]
    tried = json.loads((store.trial_folder(soup.key) / "soup.json").read_text())["tried"]
    assert [(each["key"], each["taken"]) for each in tried] == [
        (cells[1].key, True), (cells[2].key, True), (cells[0].key, False)
    ]  # fmt: skip
    store.weights(cells[0].key).write_bytes(b"cut")
    with pytest.raises(DamagedError, match="was altered or cut"):
        make_soup(store, soup, cells[0], validation, taste, keep, {}, lambda: False)


class Said(Silent):
    """Keeps what a run says."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def say(self, words: str) -> None:
        self.words.append(words)


@pytest.mark.parametrize("damage", ["network", "sealed file", "result"])
def test_what_a_soup_finds_damaged_is_said_once_and_trained_again(run: OneRun, damage: str) -> None:
    for search in run.plan.searches:
        bring_to_its_end(run, search)
    (want,) = run.ledger.wanted()
    run.inputs = {want.search.identity: {}}
    job = run._job(want)
    assert want.soup is not None
    key = want.soup.ingredients[-1].key
    for each in want.soup.ingredients:
        run.store.write_network(each.key, b"network", {})
    name = {"network": "weights.safetensors", "sealed file": "predictions.parquet", "result": "result.json"}[damage]
    file = run.store.trial_folder(key) / name
    file.unlink() if damage == "result" else file.write_bytes(b"cut")
    run.watch = watch = Said()
    run._take(Event(job, "damaged", reason=f"{file}: damaged"))
    assert len(watch.words) == 1
    assert str(file) in watch.words[0]
    assert key in {want.trial.key for want in run.ledger.wanted() if want.kind == "train"}
    for search in run.plan.searches:
        bring_to_its_end(run, search)
    for again in run.ledger.wanted():
        if again.kind == "train":
            train(run.store, again.trial, again.until)
            run.ledger.reload(again.key)
    assert [again.kind for again in run.ledger.wanted()] == ["soup"]


@pytest.mark.slow
def test_a_study_makes_its_soups_and_keeps_what_it_needs(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert afield.run_study(soup_study(photos), out, slots=2).complete
    assert_tidy(out)
    store, record, table = Store.open(out), load_record(out), afield.results(out)
    (search,) = record.searches
    rows = table[(table["kind"] == "soup") & (table["metric"] == "accuracy")].set_index("joined")
    assert sorted(rows.index) == ["all", "cells"]
    assert rows.loc["cells", "seed"] == 0
    assert rows["seed"].isna()["all"]
    assert set(record.results["kind"]) == {"single"}
    assert record.unjoined == ()

    # uniform: the mean of the four cells, of which three are one network of the results, and of the other seed
    key = str(rows.loc["all", "key"])
    about = json.loads((store.trial_folder(key) / "soup.json").read_text())
    assert {each["key"] for each in about["tried"]} == {each.key for each in (*search.cells, *search.repeats)}
    assert all(each["taken"] for each in about["tried"])

    # greedy: begins with the best, so the chosen cell, and never falls on validation
    key = str(rows.loc["cells", "key"])
    about = json.loads((store.trial_folder(key) / "soup.json").read_text())
    assert about["tried"][0]["key"] == search.chosen
    assert about["tried"][0]["validation"] == about["tried"][0]["validation_of_soup"]
    result = store.read(key).result
    assert result is not None
    assert result["validation"] >= about["tried"][0]["validation"]

    # only what was chosen and the soups keep their networks
    kept = {path.parent.name for path in out.glob("trials/*/weights.safetensors")}
    assert kept == {*rows["key"], *(each.key for each in search.repeats)}

    # the soup is a network like any other, and says on new pictures what it said of test
    network = afield.load_network(out, key)
    test = store.scores.predictions(key, TEST, network.classes)
    pictures = [photos / name for name in test["sample"]]
    np.testing.assert_allclose(network.logits(pictures), np.stack(test["logits"].to_list()), rtol=1e-5, atol=1e-5)
    assert sum(json.loads(line)["key"] == key for line in (out / "test_reads.jsonl").read_text().splitlines()) == 1
    if len(result["ingredients"]) == 1:
        one, other = (load_file(store.weights(each)) for each in (key, str(search.chosen)))
        assert all(torch.equal(one[name], other[name]) for name in one)

    # the report holds each against the chosen network: greedy against that of the search's own seed
    shown = further_table(record, answer(record).tasks[0].ranking, {})
    assert shown is not None
    cells = {row.cells[0]: row.cells[2] for row in shown.rows}
    single = record.results[record.results["metric"] == record.task(search.task).metric].set_index("seed")["value"]
    assert cells == {
        "soup cells on test, plain": number(single[0], 3),
        "soup all on test, plain": number(single.mean(), 3),
    }

    # what it said of validation is read by nobody once it was altered, and made anew by the next run
    altered = Path(shutil.copytree(out, tmp_path / "altered"))
    path = altered / "trials" / key / "predictions.parquet"
    said_of_validation = pd.read_parquet(path)
    said_of_validation["logits"] = said_of_validation["logits"].map(lambda logits: logits + 1)
    said_of_validation.to_parquet(path, index=False)
    with pytest.raises(DamagedError, match=rf"{key}/predictions\.parquet: was altered or cut"):
        afield.results(altered)
    assert afield.run_study(soup_study(photos), altered, slots=2).complete
    assert_same(altered, out)

    # a soup that was asked for later: what it needs is trained again, to the same bits
    later = tmp_path / "later"
    assert afield.run_study(soup_study(photos, ""), later, slots=2).complete
    assert afield.run_study(soup_study(photos), later, slots=2).complete
    assert_same(later, out)
