"""A job's files from one result folder to another and back: the order in which they come, and nothing that is not its
own.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from afield.base.errors import StoreError
from afield.base.files import write_atomic
from afield.study.engines import parcel as module
from afield.study.engines.job import Job
from afield.study.engines.parcel import changes, pack, saved, unpack
from afield.study.split_view import TEST
from afield.study.store import Store
from tests.fixtures.tiny import tiny_inputs, tiny_trial


@pytest.fixture
def job(photos: Path, cache: Path, tmp_path: Path) -> Job:
    data, _ = tiny_inputs(photos, cache)
    return Job("train", tiny_trial(data), tmp_path / "here", {}, None)


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Store, Store]:
    return Store.create(tmp_path / "here"), Store.create(tmp_path / "there")


def files(store: Store, key: str) -> dict[str, str]:
    folder = store.trial_folder(key)
    return {path.name: path.read_text() for path in folder.iterdir()} if folder.exists() else {}


def write(store: Store, key: str, **contents: str) -> None:
    """Files by their names, a `_` in place of the dot."""
    store.trial_folder(key).mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        (store.trial_folder(key) / name.replace("_", ".")).write_text(text)


def test_what_a_job_changed_comes_back_and_the_result_comes_last(
    job: Job, stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = stores
    write(here, job.key, trial_json="{}", history_jsonl="1\n", checkpoint_pt="one", result_json="old", failure_json="x")
    before = pack(here, job)
    assert len(before) == 5
    unpack(there, job, before)
    assert files(there, job.key) == files(here, job.key)
    (there.trial_folder(job.key) / "checkpoint.pt").unlink()
    (there.trial_folder(job.key) / "failure.json").unlink()
    (there.trial_folder(job.key) / ".afield-tmp-half").write_text("half")
    write(there, job.key, history_jsonl="1\n2\n", predictions_parquet="p", result_json="new")
    there.scores.log_read(job.key, TEST)
    found = changes(there, job, before)
    names = {path.rpartition("/")[2]: content is not None for path, content in found.items()}
    assert {name for name, there in names.items() if not there} == {"checkpoint.pt", "failure.json"}
    assert {name for name, there in names.items() if there} == {
        "history.jsonl", "predictions.parquet", "result.json", "test_reads.jsonl"
    }  # fmt: skip

    written = list[str]()

    def watched(path: Path, write: Callable[[Path], object]) -> None:
        assert not (path.parent / "result.json").exists(), "no result stands over files that are about to change"
        written.append(path.name)
        write_atomic(path, write)

    monkeypatch.setattr(module, "write_atomic", watched)
    unpack(here, job, found)
    assert written == ["history.jsonl", "predictions.parquet", "result.json"]
    assert files(here, job.key) == {
        "trial.json": "{}", "history.jsonl": "1\n2\n", "predictions.parquet": "p", "result.json": "new"
    }  # fmt: skip
    assert here.scores.reads() == 1


def test_what_a_training_saved_last_is_enough_to_go_on_from(job: Job, stores: tuple[Store, Store]) -> None:
    here, there = stores
    write(there, job.key, trial_json="{}", history_jsonl="1\n", checkpoint_pt="one", predictions_parquet="p")
    unpack(here, job, saved(there, job))
    assert files(here, job.key) == {"trial.json": "{}", "history.jsonl": "1\n", "checkpoint.pt": "one"}
    (there.trial_folder(job.key) / "checkpoint.pt").unlink()
    write(there, job.key, result_json="done")
    unpack(here, job, changes(there, job, {}))
    assert files(here, job.key).keys() == {"trial.json", "history.jsonl", "predictions.parquet", "result.json"}


@pytest.mark.parametrize("name", ["afield.json", "trials/other/result.json", "trials/{key}/../../../x", "/etc/passwd"])
def test_a_file_that_is_none_of_the_job_s_is_refused(job: Job, stores: tuple[Store, Store], name: str) -> None:
    with pytest.raises(StoreError, match="none of the job's"):
        unpack(stores[0], job, {name.format(key=job.key): b"foreign"})
