"""The ledger: what it says after any change in the files is what a fresh look would say, and it looks no more than it
must."""

import json
import random
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from afield.study.merging.shards import Shard, shard_of
from afield.study.plan import Plan
from afield.study.preparing.cost import cost_of
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.study_file import parse_study
from afield.study.running.growing import with_grown_elsewhere
from afield.study.running.ledger import Ledger
from afield.study.running.standing import standing_of
from afield.study.split_view import TEST
from afield.study.store import Store
from afield.trial.trial import Trial
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import study_text
from tests.study.helpers import said, train

INTERVENTIONS = "[interventions.same]\nimage_size = 32\n[interventions.big]\nimage_size = 40\n"


@pytest.fixture(scope="module")
def plan(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Three searches of four cells under two seeds, two of them one and the same."""
    text = study_text(photos).replace("seeds = [0, 1]", 'seeds = [0, 1]\ninterventions = ["plain", "same", "big"]')
    study = parse_study(text + INTERVENTIONS, "three.toml")
    return make_plan(study, settle_numerics(study.numerics, None), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def raced(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Two races of two backbones with four cells each, under two seeds."""
    text = study_text(photos, method="race").replace('caffe_in1k"]', 'caffe_in1k", "test_resnet.r160_in1k"]')
    text = text.replace("seeds = [0, 1]", 'seeds = [0, 1]\ninterventions = ["plain", "big"]')
    study = parse_study(f"{text}[interventions.big]\nimage_size = 40\n", "races.toml")
    return make_plan(study, settle_numerics(study.numerics, None), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def audited(raced: Plan) -> Plan:
    """The same races, audited."""
    search = raced.study.search.model_copy(update={"audit": True, "reduction": 1.5})
    return replace(raced, study=raced.study.model_copy(update={"search": search}))


def ledger_of(plan: Plan, store: Store) -> Ledger:
    return Ledger(plan, store, lambda key, error: store.set_aside(key))


def harm(kind: str, trial: Trial, store: Store, ledger: Ledger) -> None:
    """A trial fails, failed ones are tried again, or a finished one is damaged."""
    said_of_validation = store.trial_folder(trial.key) / "predictions.parquet"
    if kind == "fail":
        store.begin(trial)
        store.fail(trial.key, "diverged", "trace")
    elif kind == "retry":
        for key in ledger.failed():
            store.forget_failure(key)
            ledger.reload(key)
    elif kind == "damage" and said_of_validation.exists():
        said_of_validation.write_bytes(b"cut")


@pytest.mark.slow
@pytest.mark.parametrize("which", ["plan", "raced", "audited"])
def test_after_every_change_it_says_what_a_fresh_look_would(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A random run with failures, retries, damage and a network that another study's search took away."""
    plan: Plan = request.getfixturevalue(which)
    luck = random.Random(1)
    store = Store.create(tmp_path / "out")
    ledger = ledger_of(plan, store)
    for _ in range(150):
        wanted = ledger.wanted()
        trials = [want.trial for want in wanted] or [trial for search in plan.searches for trial in search.cells]
        trial, kind = luck.choice(trials), luck.choice(["work"] * 6 + ["fail", "retry", "damage", "take the network"])
        if kind == "work" and wanted:
            want = luck.choice(wanted)
            trial = want.trial
            if want.kind == "train":
                train(store, trial, want.until)
            else:
                store.scores.write(trial.key, TEST, said(trial))
                store.scores.seal(trial.key, TEST, {"key": trial.key})
        elif kind == "take the network":
            store.weights(trial.key).unlink(missing_ok=True)
        else:
            harm(kind, trial, store, ledger)
        ledger.reload(trial.key)
        fresh = ledger_of(plan, store)
        assert ledger.wanted() == fresh.wanted()
        assert ledger.failed() == fresh.failed()
        assert [ledger.outlook(search) for search in plan.searches] == [fresh.outlook(s) for s in plan.searches]
        assert standing_of(ledger, [], [], 2) == standing_of(fresh, [], [], 2)


@pytest.mark.slow
def test_a_race_counts_on_one_network_a_seed_and_ends_with_no_epoch_left(raced: Plan, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "out")
    ledger = ledger_of(raced, store)
    cost = cost_of(raced.study)
    assert (cost.searches, cost.trainings, cost.epochs) == (4, 2 * (8 + 1), 2 * (8 + 4 + 2 + 3))
    begun = standing_of(ledger, [], [], 2)
    assert (begun.epochs_done, begun.epochs_planned, begun.to_score, begun.left) == (0, cost.epochs, 4, cost.trainings)
    while wanted := [want for want in ledger.wanted() if want.kind == "train"]:
        train(store, wanted[0].trial, wanted[0].until)
        ledger.reload(wanted[0].key)
    ended = standing_of(ledger, [], [], 2)
    assert (ended.epochs_done, ended.left) == (cost.epochs, 0)
    outlooks = [ledger.outlook(search) for search in raced.searches]
    assert all(outlook.ended for outlook in outlooks)
    assert sorted(len(outlook.chosen) for outlook in outlooks) == [0, 0, 2, 2]


def test_a_shard_owns_whole_races(raced: Plan) -> None:
    owned = [[search.intervention for search in shard_of(raced, Shard(2, number)).searches] for number in (1, 2)]
    assert sorted(owned) == [["big", "big"], ["plain", "plain"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "search",
    [
        'method = "optuna"\ntrials = 5\nbatch = 2\n[search.space]\nlearning_rate = { low = 1e-4, high = 1e-2 }',
        "rungs = [1]\nextend = true\n[search.grid]\nlearning_rate = [1e-4, 1e-3, 1e-2]",
    ],
)
def test_a_plan_that_grows_says_what_a_fresh_look_would(photos: Path, tmp_path: Path, search: str) -> None:
    """Whatever fails, is mended or is lost on the way: cells follow from the files alone."""
    text = study_text(photos)
    study = parse_study(f"{text[: text.index('[search]')]}[search]\n{search}", "grows.toml")
    plan = make_plan(study, settle_numerics(study.numerics, None), tmp_path / "cache")
    luck, store = random.Random(3), Store.create(tmp_path / "out")
    ledger = ledger_of(plan, store)
    sizes = set()
    for _ in range(60):
        (now,) = ledger.plan.searches
        wanted = [want for want in ledger.wanted() if want.kind == "train"]
        kind = luck.choice(["work"] * 8 + ["fail", "retry", "damage"])
        trial = luck.choice(wanted).trial if wanted else luck.choice(now.cells)
        if kind == "work" and wanted:
            want = luck.choice(wanted)
            trial = want.trial
            train(store, trial, want.until)
        else:
            harm(kind, trial, store, ledger)
        ledger.reload(trial.key)
        fresh = ledger_of(plan, store)
        assert ledger.plan.content() == fresh.plan.content()
        assert ledger.wanted() == fresh.wanted()
        assert standing_of(ledger, [], [], 2) == standing_of(fresh, [], [], 2)
        (now,) = ledger.plan.searches
        assert now.cells[: plan.searches[0].first] == plan.searches[0].cells, "no index changes"
        sizes.add(len(now.cells))
    assert len(sizes) > 1


@pytest.mark.slow
def test_a_shard_writes_down_what_searches_have_grown_to_in_others(photos: Path, tmp_path: Path) -> None:
    text = study_text(photos).replace("seeds = [0, 1]", 'seeds = [0]\ninterventions = ["plain", "big"]')
    text = text.replace("rungs = [1, 2]", "rungs = [1]\nextend = true\nextend_steps = 1")
    study = parse_study(text + "[interventions.big]\nimage_size = 40\n", "grows.toml")
    plan = make_plan(study, settle_numerics(study.numerics, None), tmp_path / "cache")
    store = Store.create(tmp_path / "out")
    shards = [shard_of(plan, Shard(2, number)) for number in (1, 2)]
    for shard in shards:
        ledger = ledger_of(shard, store)
        for _ in range(20):
            for want in [want for want in ledger.wanted() if want.kind == "train"]:
                best = max(want.search.cells, key=lambda cell: cell.recipe.learning_rate)
                train(store, want.trial, want.until, 2.0 if want.trial.key == best.key else 0.0)
                ledger.reload(want.trial.key)
        assert [len(search.cells) for search in ledger.plan.searches] == [5]
        store.write_study("tiny", "{}", with_grown_elsewhere(ledger.plan, store))
    stored = store.read_plan("tiny")
    assert [len(search["cells"]) for search in stored["searches"]] == [5, 5]
    assert {key for search in stored["searches"] for key in search["cells"]} == set(stored["trials"])
    for shard in shards:  # each begins anew from its own first generation
        again = with_grown_elsewhere(ledger_of(shard, store).plan, store)
        assert json.loads(json.dumps(again["searches"])) == stored["searches"]
        store.write_study("tiny", "{}", again)
        assert dict(store.read_plan("tiny")["trials"]) == dict(stored["trials"])


def test_only_a_search_with_news_is_thought_through_again(plan: Plan, tmp_path: Path) -> None:
    """A run looks four times a second; with a thousand searches each look must cost next to nothing."""
    store = Store.create(tmp_path / "out")
    ledger = ledger_of(plan, store)
    before, wanted = [ledger.outlook(search) for search in plan.searches], ledger.wanted()
    plain = plan.searches[0]
    assert not ledger.reload(plain.cells[0].key), "nothing was written, so nothing is new"
    assert ledger.wanted() is wanted
    train(store, plain.cells[0], 1)
    assert ledger.reload(plain.cells[0].key)
    after = [ledger.outlook(search) for search in plan.searches]
    assert after[2] is before[2], "no trial of that search told anything"
    assert [len(outlook.wants) for outlook in after] == [3, 3, 4], "the first two share their trials"


def test_a_key_is_the_hash_of_all_fields_whatever_the_cells_differ_in(plan: Plan) -> None:
    first, second, *_ = plan.searches[0].cells
    numerics = second.numerics.model_copy(update={"micro_batch": 8})
    search = replace(plan.searches[0], cells=(first, second.model_copy(update={"numerics": numerics}), second))
    for cell, keys in zip(search.cells, search.keys, strict=True):
        for seed, key in zip(search.seeds, keys, strict=True):
            fields = {**cell.model_dump(mode="json"), "seed": seed}
            text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            assert key == sha256(text.encode()).hexdigest()[:20]


def test_keys_are_those_of_the_trials_and_a_network_that_went_is_trained_again(plan: Plan, tmp_path: Path) -> None:
    plain = plan.searches[0]
    for cell, keys in enumerate(plain.keys):
        assert keys == tuple(trial.key for trial in plain.repeats(cell))
    Store.create(tmp_path / "out").write_study("tiny", "{}", plan.content())
    trials = Store.open(tmp_path / "out").read_plan("tiny")["trials"]
    assert {key for search in plan.searches for keys in search.keys for key in keys} == set(trials)
    for search in plan.searches:
        for cell, keys in enumerate(search.keys):
            assert tuple(Trial.model_validate(trials[key]) for key in keys) == search.repeats(cell)

    store = Store.create(tmp_path / "out")
    ledger = ledger_of(plan, store)
    for _ in range(9):
        for want in ledger.wanted_by(plain):
            if want.kind == "train":
                train(store, want.trial, want.until)
                ledger.reload(want.trial.key)
    assert [want.kind for want in ledger.wanted_by(plain)] == ["score", "score"]
    store.weights(ledger.outlook(plain).chosen[1].key).unlink()
    assert ledger.reload(ledger.outlook(plain).chosen[1].key)
    assert [want.kind for want in ledger.wanted_by(plain)] == ["score", "train"]


def test_the_time_left_is_told_from_epochs_of_the_same_search(plan: Plan, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "out")
    ledger = ledger_of(plan, store)
    plain, _, big = plan.searches
    train(store, plain.cells[0], 1)
    ledger.reload(plain.cells[0].key)
    # Epochs of 2 s are known, those at 40 px instead of 32 are taken for e = 2 (40 / 32)^2 = 3.125 s. The longest rest
    # goes first: four cells and two survivors at 40 px on both slots (3 e), then the last of them (e) beside the cells
    # at 32 px, whose third one comes before the repeat at 40 px, since more hangs on it; then on one slot two
    # survivors, the last of them and the repeat (2 + 2 + 2 + 6 s), on the other the repeat (3 e), which is shorter.
    assert standing_of(ledger, [], [], 2).seconds_left == pytest.approx(4 * 3.125 + 2 + 2 + 2 + 2 + 6)
    train(store, big.cells[0], 1)  # they take 2 s, too
    ledger.reload(big.cells[0].key)
    standing = standing_of(ledger, [], [], 2)
    assert standing.seconds_left == pytest.approx((9 * 2 + 9 * 2) / 2)
    assert standing.done == 0, "both wait at a rung and may go on"
    store.checkpoint(big.cells[0].key).unlink()
    ledger.reload(big.cells[0].key)
    left = standing_of(ledger, [], [], 2).seconds_left
    assert left == pytest.approx((9 * 2 + 9 * 2) / 2), "that cell waits; what it lacks is asked for later"
    # with many slots the longest chain decides: a whole training, then a repeat
    assert standing_of(ledger, [], [], 50).seconds_left == pytest.approx((3 + 3) * 2)


def test_a_standing_counts_each_training_once_and_what_is_left_ends_at_nothing(plan: Plan, tmp_path: Path) -> None:
    store = Store.create(tmp_path / "out")
    ledger = ledger_of(plan, store)
    start = standing_of(ledger, [], [], 2)
    assert (start.done, start.left, start.epochs_done, start.epochs_planned) == (0, 10, 0, 20)
    assert start.seconds_left is None
    spoilt = plan.searches[0].cells[2]
    store.begin(spoilt)
    store.fail(spoilt.key, "diverged", "trace")
    ledger.reload(spoilt.key)
    seen = [standing_of(ledger, [], [], 2)]
    assert (seen[0].done, seen[0].left, seen[0].failed) == (0, 9, 1)
    for _ in range(40):
        if not ledger.wanted():
            break
        want = ledger.wanted()[0]
        if want.kind == "train":
            train(store, want.trial, want.until)
        else:
            store.scores.write(want.trial.key, TEST, said(want.trial))
            store.scores.seal(want.trial.key, TEST, {"key": want.trial.key})
        ledger.reload(want.trial.key)
        seen.append(standing_of(ledger, [], [], 2))
    assert (seen[-1].done, seen[-1].left, seen[-1].failed, seen[-1].seconds_left) == (9, 0, 1, 0.0)
    assert seen[-1].epochs_done == seen[-1].epochs_planned
    done = [standing.epochs_done for standing in seen]
    assert done == sorted(done)
