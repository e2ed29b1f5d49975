"""The study of the other protocol in the same folder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from afield.analysis.answer import answer
from afield.base.errors import DamagedError
from afield.study.collecting.collect import load_record
from afield.study.collecting.counterpart import with_counterpart
from afield.study.folder.sealed import read_samples
from afield.study.preparing.study_file import parse_study
from afield.study.store import Store
from tests.fixtures.records import make_record

STUDY = """
[study]
name = "{name}"
tasks = {tasks}
backbones = {backbones}
protocol = "{protocol}"
"""
A, B, C = "squeezenet1_1.caffe_in1k", "tf_efficientnet_lite0.in1k", "tf_efficientnet_lite1.in1k"
PLAN: dict[str, Any] = {
    **{"trials": {}, "searches": [], "tasks": {}, "backbones": {}, "weights": {}, "numerics": {}, "incomplete": {}},
    **{"selection": {}, "dropped": {}, "metrics": {}},
}


def keep(store: Store, name: str, protocol: str, backbones: list[str], tasks: tuple[str, ...] = ("elpv",)) -> None:
    """A study that was planned and has no trials yet."""
    lists = {"tasks": list(tasks), "backbones": backbones}
    study = parse_study(STUDY.format(name=name, protocol=protocol, **lists), f"{name}.toml")
    store.write_study(name, study.model_dump_json(), PLAN)


def counterpart_of(out: Path, name: str) -> str | None:
    found = with_counterpart(load_record(out, name), out).counterpart
    return None if found is None else found.study.study.name


@pytest.mark.slow
def test_the_other_protocol_on_the_same_tasks_is_found_from_either_side(tmp_path: Path) -> None:
    store = Store.create(tmp_path)
    keep(store, "mine", "clean", [A, B])
    assert counterpart_of(tmp_path, "mine") is None
    keep(store, "again", "clean", [A, B])
    keep(store, "elsewhere", "paper", [A, B], tasks=("elpv", "cassava"))
    keep(store, "others", "paper", [C])
    assert counterpart_of(tmp_path, "mine") is None
    keep(store, "one", "paper", [A, C])
    assert counterpart_of(tmp_path, "mine") == "one"
    keep(store, "two", "paper", [B, A])
    assert counterpart_of(tmp_path, "mine") == "two", "it shares more backbones"
    assert counterpart_of(tmp_path, "two") == "again", "of equals the first by name"


@pytest.mark.slow
def test_a_damaged_study_takes_nothing_from_the_others(tmp_path: Path) -> None:
    store = Store.create(tmp_path)
    keep(store, "mine", "clean", [A, B])
    keep(store, "damaged", "paper", [A, B])
    plan = next((tmp_path / "plans").glob("damaged*"))
    for content in ("{", "[]", "{}"):
        plan.write_text(content)
        record = with_counterpart(load_record(tmp_path, "mine"), tmp_path)
        assert record.counterpart is None
        assert record.uncompared.startswith("Nothing is compared with what cannot be read: damaged (")
    assert f"Mind: {record.uncompared}" in answer(replace(make_record(n_test=60), uncompared=record.uncompared)).text()
    keep(store, "sound", "paper", [A])
    (tmp_path / "studies" / "damaged.json").write_text('{"study": {}}')
    record = with_counterpart(load_record(tmp_path, "mine"), tmp_path)
    assert "damaged (its file is damaged, or of another version of afield: study.name)" in record.uncompared
    assert record.counterpart is not None
    assert record.counterpart.study.study.name == "sound", "the next one is taken"


def test_samples_are_those_of_a_split_with_the_columns_that_were_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "samples.parquet"
    pd.DataFrame({"id": ["a", "b", "c"], "split": ["train", "test", "test"], "sex": ["f", None, "m"]}).to_parquet(path)
    table = read_samples(path, ["sex"], "test")
    assert list(table["id"]) == ["b", "c"]
    assert table["sex"].isna().tolist() == [True, False]
    assert len(read_samples(tmp_path / "none", [], "test")) == 0
    with pytest.raises(DamagedError, match="run the study again"):
        read_samples(path, ["age"], "test")
    path.write_bytes(b"cut")
    with pytest.raises(DamagedError, match=r"samples\.parquet: damaged or missing"):
        read_samples(path, ["sex"], "test")
