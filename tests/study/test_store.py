"""The store's errors have words, and first runs agree."""

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from afield.base.errors import DamagedError, InputError, StoreError
from afield.base.hashing import sha256_file
from afield.scoring.predictions import Predictions
from afield.study.folder.sealed import seal, write_rows
from afield.study.folder.trial_files import read_history
from afield.study.inspecting.state import read_state
from afield.study.measured import Measured, read_measured, write_measured
from afield.study.preparing.numerics import settle_numerics
from afield.study.split_view import TEST
from afield.study.store import Store
from afield.tasks.task import Card
from afield.training import device
from afield.training.numerics import NumericsChoice
from tests.fixtures.tiny import tiny_inputs, tiny_trial


@pytest.mark.slow
def test_what_cannot_be_written_is_named(tmp_path: Path, photos: Path) -> None:
    store = Store.create(tmp_path / "out")
    data, _ = tiny_inputs(photos, tmp_path)
    trial = tiny_trial(data)
    (store.root / "trials").mkdir()
    store.trial_folder(trial.key).touch()
    with pytest.raises(StoreError, match=f"{trial.key}: could not be written"):
        store.begin(trial)
    (store.root / "test_reads.jsonl").mkdir()
    with pytest.raises(StoreError, match=r"test_reads\.jsonl: could not be written"):
        store.scores.log_read(trial.key, TEST)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("history.jsonl", '{"epoch": 1'),
        ("history.jsonl", "[1]"),
        ("history.jsonl", '{"epoch": 1, "validation": "0.5", "validation_loss": 0.7, "seconds": 1.0}'),
        ("history.jsonl", f'{{"epoch": 1, "validation": {10**400}, "validation_loss": 0.7, "seconds": 1.0}}'),
        ("result.json", '{"sha'),
        ("result.json", "{}"),
        ("result.json", "[]"),
        ("failure.json", ""),
        ("result.json", json.dumps({"sha256": {"predictions.parquet": "00"}})),
    ],
)
def test_any_damage_to_a_trial_means_that_it_is_trained_anew(tmp_path: Path, name: str, content: str) -> None:
    store = Store.create(tmp_path / "out")
    folder = store.trial_folder("key")
    folder.mkdir(parents=True)
    (folder / name).write_text(content)
    with pytest.raises(DamagedError, match="run the study again to make"):
        store.read("key")
    assert store.is_damaged("key")
    store.set_aside("key")
    assert not store.is_damaged("key")


def test_a_history_never_gets_shorter(tmp_path: Path) -> None:
    """A trial whose checkpoint went is trained again from the start, and has shown what it has shown."""
    store = Store.create(tmp_path / "out")
    first = {"validation": 0.5, "validation_loss": 0.7, "seconds": 1.0}
    rows = [{**first, "epoch": float(n)} for n in range(1, 4)]
    for shown, told in ((2, 2), (1, 2), (3, 3)):
        store.write_history("key", rows[:shown])
        assert store.read("key").history == tuple(rows[:told])
    other = [{**row, "seconds": 2.0} for row in rows] + [{**first, "epoch": 4.0, "seconds": 2.0}]  # on another platform
    store.write_history("key", other)
    assert store.read("key").history == (*rows, other[3]), "what a search has decided by never changes"
    (store.trial_folder("key") / "history.jsonl").write_text("{cut")
    store.write_history("key", rows[:1])
    assert store.read("key").history == tuple(rows[:1])


@pytest.mark.parametrize(
    ("column", "value"), [("epoch", math.inf), ("epoch", 3), ("epoch", math.nan), ("validation", math.nan)]
)
def test_rows_that_no_training_writes_are_named(tmp_path: Path, column: str, value: float) -> None:
    """The seal fits: an epoch that is none ended in a trace, and by a metric that is none another epoch was best."""
    path = tmp_path / "history.jsonl"
    write_rows(path, [{"epoch": 1, "validation": 0.5, "validation_loss": 0.5, "seconds": 1.0, column: value}])
    with pytest.raises(DamagedError, match=r"history\.jsonl:1: is not the row of epoch 1 with a finite metric"):
        read_history(path)


def test_what_another_platform_finishes_never_stands_under_the_old_result(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "out")
    labels = np.array(["a", "b"])
    said = Predictions(("cold", "warm"), labels, labels, labels, np.array([0, 1]), np.eye(2, dtype=np.float32))
    store.write_history("key", [{"epoch": 1.0, "validation": 0.5, "validation_loss": 0.7, "seconds": 1.0}])
    (store.trial_folder("key") / "trial.json").touch()
    store.finish("key", said, {"platform": {"device": "cpu"}})
    store.reopen("key", {"device": "cpu"})
    assert store.is_finished("key")
    store.reopen("key", {"device": "H100"})
    assert not store.is_finished("key")


def test_an_altered_network_is_not_used(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "out")
    store.write_network("key", b"tensors", {"classes": ["cold", "warm"]})
    assert store.check_network("key").read_bytes() == b"tensors"
    store.weights("key").write_bytes(b"tensorz")
    with pytest.raises(DamagedError, match=r"weights\.safetensors: was altered or cut"):
        store.check_network("key")


@pytest.mark.slow
@pytest.mark.parametrize("content", ["", "{}", "\udc80"])
def test_a_training_that_begins_again_tells_what_it_is(photos: Path, cache: Path, tmp_path: Path, content: str) -> None:
    """Else what was spoilt before it ended would be sealed with its result."""
    store, trial = Store.create(tmp_path / "out"), tiny_trial(tiny_inputs(photos, cache)[0])
    path = store.trial_folder(trial.key) / "trial.json"
    store.begin(trial)
    was = path.read_text()
    path.write_bytes(content.encode(errors="surrogateescape"))
    store.begin(trial)
    assert path.read_text() == was


def test_of_two_first_runs_the_first_settles_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choice = NumericsChoice()
    settle_numerics(NumericsChoice(device="cpu"), tmp_path)
    assert not list(tmp_path.iterdir()), "a device that a study names is settled for that study alone"

    def devices() -> tuple[str, ...]:
        monkeypatch.setattr(device, "available_devices", lambda: ("cpu",))
        assert settle_numerics(choice, tmp_path).device == "cpu"  # another run, meanwhile
        return "cuda", "cpu"

    monkeypatch.setattr(device, "available_devices", devices)
    assert settle_numerics(choice, tmp_path).device == "cpu"
    assert [path.name for path in tmp_path.iterdir()] == ["numerics.toml"]
    (tmp_path / "numerics.toml").write_text("")
    with pytest.raises(StoreError, match=r"numerics\.toml: names no device; delete it"):
        settle_numerics(choice, tmp_path)


def test_an_altered_plan_is_named_and_written_anew(tmp_path: Path) -> None:
    parts = ("trials", "incomplete", "backbones", "metrics", "weights", "numerics", "dropped", "selection")
    of_task = {"selection": {"photos": "validation"}, "dropped": {"photos": {}}, "incomplete": {"photos": ""}}
    plan = {**{part: {} for part in parts}, "searches": [], "tasks": {"photos": "abc"}, **of_task}
    store = Store.create(tmp_path / "out")
    store.write_study("one", "{}", plan)
    path = store.root / "plans" / "one.json"
    written = path.read_text()
    path.write_text(written.replace("photos", "photoz"))
    with pytest.raises(DamagedError, match=r"one\.json: was altered or cut .* run the study again"):
        store.read_plan("one")
    store.write_study("one", "{}", plan)
    assert path.read_text() == written
    assert store.read_plan("one")["tasks"] == {"photos": "abc"}


def test_altered_samples_of_a_task_are_named_and_written_anew(tmp_path: Path) -> None:
    tasks, table = Store.create(tmp_path / "out").tasks, pd.DataFrame({"id": ["a", "b"], "split": ["train", "test"]})
    card = Card(title="Photos", source="", application="", licence="")
    content = {
        "name": "photos", "version": 1, "classes": ["cold", "warm"], "metric": "accuracy", "metrics": ["accuracy"],
        "target": "class", "subgroups": [], "split_seed": 0, "fingerprint": "ab", "card": asdict(card), "counts": {},
        "sizes": {},
    }  # fmt: skip
    tasks.write("photos", "0" * 20, table, content)
    path = tasks.samples("photos", "0" * 20)
    written = path.read_bytes()
    path.write_bytes(written[:-1])
    with pytest.raises(DamagedError, match=r"samples\.parquet: was altered, cut or lost"):
        tasks.read("photos", "0" * 20)
    tasks.write("photos", "0" * 20, table, content)
    assert path.read_bytes() == written
    assert tasks.read("photos", "0" * 20)["classes"] == ["cold", "warm"]


def test_altered_metrics_count_for_nothing(tmp_path: Path) -> None:
    path, found = tmp_path / "metrics.json", {"accuracy": Measured(0.5, 0.4, 0.6, 0.5, 10, 10)}
    write_measured(path, ["hash"], found)
    assert read_measured(path, ["hash"]) == found
    path.write_text(path.read_text().replace("0.6", "0.7"))
    assert read_measured(path, ["hash"]) == {}


def test_a_score_is_what_was_sealed_and_before_that_what_lies_there(tmp_path: Path) -> None:
    def hash_of() -> str:
        return Store.open(out).scores.hash_of("key", TEST)

    out = Store.create(tmp_path / "out").root
    path = out / "scores" / "key" / "predictions.parquet"
    path.parent.mkdir(parents=True)
    with pytest.raises(DamagedError, match=r"predictions\.parquet: is missing"):
        hash_of()
    path.write_bytes(b"predictions")
    assert hash_of() == sha256_file(path), "it is measured before it is sealed"
    seal(path.parent, ["predictions.parquet"], {"key": "key"})
    assert hash_of() == sha256_file(path)
    path.write_bytes(b"altered")
    with pytest.raises(DamagedError, match=r"predictions\.parquet: was altered"):
        hash_of()
    seal(path.parent, [], {"key": "key"})
    with pytest.raises(DamagedError, match=r"predictions\.parquet: is none of the files that result\.json tells of"):
        hash_of()


@pytest.mark.parametrize("name", ["answers", "answers/tiny"])
def test_who_reads_a_folder_keeps_no_answers_elsewhere(tmp_path: Path, name: str) -> None:
    root = Store.create(tmp_path / "out").root
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).symlink_to(tmp_path)
    for read in (Store.open, read_state):
        with pytest.raises(InputError, match=f"{name}: is a link"):
            read(root)


@pytest.mark.parametrize("name", ["trials", "test_reads.jsonl", "scores/key"])
def test_a_folder_with_links_in_it_is_refused(tmp_path: Path, name: str) -> None:
    root = Store.create(tmp_path / "out").root
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).symlink_to(tmp_path)
    with pytest.raises(InputError, match=f"{name}: is a link"):
        Store.create(root)
    (tmp_path / "link").symlink_to(tmp_path / "other")
    (tmp_path / "other").mkdir()
    assert Store.create(tmp_path / "link").root == tmp_path / "link"
