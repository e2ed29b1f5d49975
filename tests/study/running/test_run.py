"""A study through search, store and engine: what is chosen, what is kept, and what happens when something breaks."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import save

import afield
from afield.base.errors import DamagedError, InputError, StoreError
from afield.base.files import temporary_prefix
from afield.scoring.panel import fitting
from afield.study import store
from afield.study.collecting.collect import load_record
from afield.study.folder.sealed import read_json, read_rows, sealed, write_rows, write_sealed
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.study_file import parse_study
from afield.study.running.claims import Claims
from afield.study.running.standing import Silent, Standing
from afield.study.store import Store
from afield.tasks.places import cache_folder
from tests.fixtures.plans import make_plan
from tests.fixtures.tiny import study_text, tiny_study
from tests.study.helpers import assert_same, assert_tidy, predictions

pytestmark = pytest.mark.slow


class Listener(Silent):
    def __init__(self) -> None:
        self.words: list[str] = []

    def say(self, words: str) -> None:
        self.words.append(words)


@pytest.fixture(scope="module")
def done(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny study, run once."""
    return Path(shutil.copytree(finished, tmp_path_factory.mktemp("done") / "out"))


def copy(done: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(done, tmp_path / "copy"))


def test_the_folder_holds_what_the_docs_say(done: Path) -> None:
    record = load_record(done)
    (search,) = record.searches
    assert [len(cell.history) for cell in search.cells].count(3) >= 1
    assert sorted(len(cell.history) for cell in search.cells) == [1, 1, 2, 3]
    assert search.chosen == search.repeats[0].key
    assert [trial.seed for trial in search.repeats] == [0, 1]
    for trial in search.repeats:
        folder = done / "trials" / trial.key
        assert {path.name for path in folder.iterdir()} == {
            "trial.json", "history.jsonl", "predictions.parquet", "result.json", "weights.safetensors", "weights.json"
        }  # fmt: skip
        assert json.loads((folder / "weights.json").read_text())["classes"] == ["cold", "warm"]
    assert record.test_reads == 2
    assert set(record.results["metric"]) == set(fitting(2))
    assert_tidy(done)


def test_the_test_split_is_read_after_the_choice(done: Path) -> None:
    (selection,) = (done / "selections").glob("*.json")
    reads = [json.loads(line)["key"] for line in (done / "test_reads.jsonl").read_text().splitlines()]
    assert sorted(reads) == sorted(json.loads(selection.read_text())["keys"])
    assert all(selection.stat().st_mtime <= (done / "scores" / key / "result.json").stat().st_mtime for key in reads)


def kill_a_run(out: Path) -> None:
    """What a run leaves that is killed as it begins."""
    begin = "import os, pathlib\nfrom afield.study.running.claims import Claims\n"
    begin += f"Claims(pathlib.Path({str(out)!r})).__enter__()\nos._exit(9)"
    assert subprocess.run([sys.executable, "-c", begin], check=False).returncode == 9


def test_a_second_run_trains_nothing(done: Path, photos: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (done / "trials").rglob("*") if path.is_file()}
    assert afield.run_study(tiny_study(photos), done).trained == 0
    assert {path: path.stat().st_mtime_ns for path in (done / "trials").rglob("*") if path.is_file()} == before


def test_halving_s_survivor_equals_its_cell_of_the_grid(done: Path, photos: Path, tmp_path: Path) -> None:
    """One trial at a time, too: how many run at once changes nothing."""
    afield.run_study(tiny_study(photos, method="grid"), tmp_path / "grid", slots=1)
    whole, halved = predictions(tmp_path / "grid"), predictions(done)
    shared = {path for path in halved if path.startswith("trials")} & whole.keys()
    (search,) = load_record(done).searches
    assert f"trials/{search.chosen}/predictions.parquet" in shared
    for path in shared:
        pd.testing.assert_frame_equal(halved[path], whole[path], check_exact=True)
    assert sum(path.startswith("trials") for path in whole) >= 4


class Neighbour(Listener):
    """Another run that holds a trial's claim until this one has come to wait for it."""

    def __init__(self, claims: Claims, trial: Path) -> None:
        super().__init__()
        self.claims, self.trial = claims, trial
        self.there: list[bool] = []

    def standing(self, standing: object) -> None:
        self.there.append((self.trial / "result.json").exists())
        self.claims.release(self.trial.name)


def test_damaged_trials_are_named_and_trained_anew(done: Path, photos: Path, tmp_path: Path) -> None:
    out = copy(done, tmp_path)
    (search,) = load_record(out).searches
    chosen, repeat = (out / "trials" / trial.key for trial in search.repeats)
    path = chosen / "predictions.parquet"
    path.write_bytes(path.read_bytes()[:-10])
    shutil.rmtree(out / "scores" / repeat.name)
    for name in ("result.json", "predictions.parquet", "weights.safetensors", "weights.json"):
        (repeat / name).unlink()
    history = read_rows(repeat / "history.jsonl")
    write_rows(repeat / "history.jsonl", history[:1])
    (repeat / "checkpoint.pt").write_bytes(b"cut")
    with Claims(out) as other:
        other.take(chosen.name)
        listener = Neighbour(other, chosen)
        outcome = afield.run_study(tiny_study(photos), out, watch=listener)
    assert listener.there[0], "nothing is removed while another run is at it"
    assert (outcome.trained, outcome.epochs) == (2, 6), "each trial counts once, though it was trained rung by rung"
    for words in ("predictions.parquet: was altered or cut", "checkpoint.pt: a damaged checkpoint"):
        assert sum(words in said for said in listener.words) == 1, listener.words
    assert_same(done, out)
    assert_tidy(out)


def test_a_lost_score_is_made_again_where_the_network_is_sound(done: Path, photos: Path, tmp_path: Path) -> None:
    out = copy(done, tmp_path)
    shutil.rmtree(out / "scores")
    (search,) = load_record(out).searches
    unfit = out / "trials" / search.repeats[1].key
    Store(out).write_network(unfit.name, save({"other": torch.zeros(1)}), {"classes": ["cold", "warm"]})
    outcome = afield.run_study(tiny_study(photos), out)
    assert (outcome.trained, outcome.failed, outcome.missing) == (0, 1, 1), "a score that fails is not tried for ever"
    (failure,) = load_record(out).failures
    assert failure.key == unfit.name
    (unfit / "weights.safetensors").write_bytes(b"cut")
    listener = Listener()
    assert afield.run_study(tiny_study(photos), out, retry_failed=True, watch=listener).trained == 1
    assert any("weights.safetensors: was altered or cut" in words for words in listener.words)
    assert_same(done, out)


def test_what_a_kill_between_result_and_cleaning_left_is_removed(done: Path, photos: Path, tmp_path: Path) -> None:
    out = copy(done, tmp_path)
    (search,) = load_record(out).searches
    for trial in search.repeats:
        (out / "trials" / trial.key / "checkpoint.pt").touch()
    assert afield.run_study(tiny_study(photos), out).trained == 0
    assert_tidy(out)
    assert_same(done, out)


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot tell whether a process runs")
def test_what_a_worker_of_a_killed_run_still_wrote_as_the_next_one_began_is_removed(
    done: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker hears of its parent's death after the next run has buried that."""
    out = copy(done, tmp_path)
    shutil.rmtree(min(out.glob("scores/*")))  # there is something to do
    kill_a_run(out)
    worker = subprocess.Popen(["sleep", "60"])
    with monkeypatch.context() as there:
        there.setattr(os, "getpid", lambda: worker.pid)
        half = out / "scores" / f"{temporary_prefix()}half"
    half.write_bytes(b"half")

    class Ending(Silent):
        def standing(self, standing: Standing) -> None:
            assert half.exists()
            worker.kill()
            worker.wait()

    assert afield.run_study(tiny_study(photos), out, watch=Ending()).complete
    assert_tidy(out)


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot tell whether a process runs")
@pytest.mark.parametrize("first", ["no space left on the disk", ""])
def test_what_ended_a_run_is_told_where_it_cannot_clear_up_either(
    done: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    out = copy(done, tmp_path)
    shutil.rmtree(min(out.glob("scores/*")))  # there is something to do
    kill_a_run(out)  # behind which the next one clears up

    def fail(folder: Path, gone: object = ()) -> None:
        raise OSError(errno.EIO, "input/output error")

    class Failing(Silent):
        def standing(self, standing: Standing) -> None:
            monkeypatch.setattr(store, "remove_abandoned", fail)
            if first:
                raise StoreError(first)

    with pytest.raises(StoreError, match=first or "could not be written"):
        afield.run_study(tiny_study(photos), out, watch=Failing())


def test_a_moved_folder_goes_on(done: Path, photos: Path, tmp_path: Path) -> None:
    out = copy(done, tmp_path)
    (search,) = load_record(out).searches
    shutil.rmtree(out / "trials" / search.repeats[1].key)
    shutil.rmtree(out / "scores" / search.repeats[1].key)
    assert afield.run_study(tiny_study(photos), out).trained == 1
    assert_same(done, out)


def test_a_failed_trial_is_stored_does_not_stop_the_others_and_can_be_retried(photos: Path, tmp_path: Path) -> None:
    text = study_text(photos).replace("3e-3, 1e-2", "3e-3, 1e18")
    (tmp_path / "bad.toml").write_text(text)
    outcome = afield.run_study(tmp_path / "bad.toml", tmp_path / "out")
    assert (outcome.failed, outcome.missing, outcome.complete) == (1, 0, False)
    (failure,) = load_record(tmp_path / "out").failures
    assert "smaller learning rate" in failure.reason
    assert "Traceback" in failure.trace
    again = afield.run_study(tmp_path / "bad.toml", tmp_path / "out")
    assert (again.trained, again.failed) == (0, 1)
    listener = Listener()
    afield.run_study(tmp_path / "bad.toml", tmp_path / "out", retry_failed=True, watch=listener)
    assert any(words.startswith("failed:") for words in listener.words)


def test_a_search_whose_cells_all_failed_has_ended(photos: Path, tmp_path: Path) -> None:
    text = study_text(photos).replace("1e-4, 1e-3, 3e-3, 1e-2", "1e18, 1e19")
    (tmp_path / "bad.toml").write_text(text)
    outcome = afield.run_study(tmp_path / "bad.toml", tmp_path / "out")
    assert (outcome.failed, outcome.missing) == (2, 2)
    (selection,) = (tmp_path / "out" / "selections").glob("*.json")
    assert json.loads(selection.read_text())["chosen"] is None
    assert_tidy(tmp_path / "out")
    assert Store(tmp_path / "out").open_cells("another") == set()


def test_studies_that_share_a_folder_share_trials(done: Path, photos: Path, tmp_path: Path) -> None:
    out = copy(done, tmp_path)
    text = study_text(photos).replace('name = "tiny"', 'name = "other"').replace("seeds = [0, 1]", "seeds = [0]")
    (tmp_path / "other.toml").write_text(text)
    assert afield.run_study(tmp_path / "other.toml", out).trained == 0
    assert len(afield.results(out, study="other")) == len(fitting(2))
    with pytest.raises(InputError, match="several studies; choose one with --study: other, tiny"):
        load_record(out)


class Colleague(Silent):
    """Reads what another study of the folder has found, all the time."""

    def __init__(self, out: Path, study: str) -> None:
        self.out, self.study = out, study
        self.states: set[str] = set()

    def standing(self, standing: object) -> None:
        (search,) = load_record(self.out, study=self.study).searches
        self.states |= {cell.state for cell in search.cells}


def test_a_study_takes_nothing_from_another_in_its_folder(photos: Path, tmp_path: Path) -> None:
    """What halving stopped stays while another study may go on with it. A network that went is trained again, while
    the trial stays finished."""
    out = tmp_path / "out"
    grid = study_text(photos, "grid").replace('name = "tiny"', 'name = "grid"').replace("seeds = [0, 1]", "seeds = [0]")
    whole = parse_study(grid, "grid.toml")
    plan = make_plan(whole, settle_numerics(whole.numerics, None), cache_folder())
    Store.create(out).write_study("grid", whole.model_dump_json(), plan.content())
    assert afield.run_study(tiny_study(photos), out).epochs == 10, "1 + 1 + 2 + 3, and 3 under the second seed"
    assert len(list(out.rglob("checkpoint.pt"))) == 3
    assert afield.run_study(whole, out).epochs == 5, "of 12"
    assert_tidy(out)

    chosen = {search.chosen for name in ("tiny", "grid") for search in load_record(out, study=name).searches}
    (search,) = plan.searches
    rest = [cell.recipe.learning_rate for cell in search.cells if cell.key not in chosen]
    narrow = parse_study(
        grid.replace("1e-4, 1e-3, 3e-3, 1e-2", f"{rest[0]}").replace('"grid"', '"narrow"', 1), "n.toml"
    )
    colleague = Colleague(out, "grid")
    assert afield.run_study(narrow, out, watch=colleague).epochs == 3
    assert colleague.states == {"finished"}
    assert len(afield.results(out, study="narrow")) == len(fitting(2))
    assert set(afield.results(out, study="tiny")["search_epochs"]) == {7}, "the grid's epochs are not its own"


def test_a_folder_of_an_earlier_version_is_named(done: Path, tmp_path: Path) -> None:
    out = copy(done, tmp_path)
    plan = read_json(out / "plans" / "tiny.json")
    for trial in plan["trials"].values():
        trial.get("numerics", {}).pop("deterministic", None)
    write_sealed(out / "plans" / "tiny.json", plan)
    with pytest.raises(InputError, match=r"another version of afield wrote \(numerics.deterministic"):
        load_record(out)
    study = next((out / "studies").iterdir())
    study.write_text(sealed(json.dumps(read_json(study)).replace('"epochs"', '"epoches"', 1)))
    with pytest.raises(InputError, match=r"another version of afield wrote \(recipe.epoches"):
        load_record(out)


def test_a_task_s_record_of_other_classes_than_the_predictions_have_is_named_and_made_anew(
    done: Path, photos: Path, tmp_path: Path
) -> None:
    """Each is sealed, and neither tells of the other."""
    out = copy(done, tmp_path)
    (about,) = (out / "tasks").glob("*/task.json")
    told = read_json(about)
    write_sealed(about, {**told, "classes": told["classes"][:1]})
    for read in (load_record, afield.report):
        with pytest.raises(DamagedError, match=r"predictions\.parquet: does not fit the record of its task in .*tasks"):
            read(out)
    assert afield.run_study(tiny_study(photos), out).epochs == 0
    assert read_json(about) == told
    assert len(load_record(out).results)


def test_a_study_that_is_no_text_hides_no_other(done: Path, tmp_path: Path) -> None:
    out = copy(done, tmp_path)
    (out / "studies" / "other.json").write_bytes(b"\xff\xfe")
    assert len(load_record(out, study="tiny").results)
    (out / "plans" / "other.json").write_bytes(b"{}")
    with pytest.raises(DamagedError, match=r"studies/other\.json: damaged"):
        load_record(out, study="other")


def test_a_folder_that_is_not_ours_is_refused(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("not to be touched")
    with pytest.raises(InputError, match="not empty and not a result folder of afield"):
        afield.run_study(tiny_study(photos), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]
    with pytest.raises(InputError, match=r"it has no afield\.json"):
        Store.open(tmp_path)


def test_a_changed_image_changes_every_key(done: Path, photos: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(photos, tmp_path / "photos"))
    keys = []
    for change in (False, True):
        if change:
            picture = next((moved / "warm").iterdir())
            picture.write_bytes((moved / "cold" / "000.png").read_bytes())
        study = tiny_study(moved)
        plan = make_plan(study, settle_numerics(study.numerics, None), tmp_path / "cache")
        keys.append({trial.key for trial in plan.searches[0].cells})
    assert not keys[0] & keys[1]
    assert keys[0] == {cell.key for cell in load_record(done).searches[0].cells}, "a key names bytes, not folders"


def test_an_intervention_that_changes_nothing_shares_its_trials(done: Path, photos: Path, tmp_path: Path) -> None:
    text = study_text(photos).replace("seeds = [0, 1]", 'seeds = [0, 1]\ninterventions = ["plain", "big/32", "big_32"]')
    same = '[interventions."big/32"]\nimage_size = 32\n[interventions.big_32]\nimage_size = 40\n'
    (tmp_path / "twice.toml").write_text(text + same)
    out = copy(done, tmp_path)
    shutil.rmtree(out / "trials")
    shutil.rmtree(out / "scores")
    outcome = afield.run_study(tmp_path / "twice.toml", out, slots=2)
    assert outcome.complete
    table = afield.results(out, study="tiny")
    sizes = table.groupby("intervention")["image_size"].unique().map(list).to_dict()
    assert sizes == {"plain": [32], "big/32": [32], "big_32": [40]}
    keys = table.groupby("intervention")["key"].unique().map(set)
    assert keys["plain"] == keys["big/32"]
    assert not keys["plain"] & keys["big_32"]
    assert {trial.key for trial in load_record(done).searches[0].repeats} == keys["plain"]
