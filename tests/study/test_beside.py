"""One's own metrics beside all that fit: found, computed when a run ends, kept by their file's hash, never silent."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest

import afield
from afield.base.errors import InputError
from afield.report.page import report
from afield.scoring.metric import Metric, guarded
from afield.scoring.predictions import Predictions
from afield.study.beside import NOWHERE, Beside, lacking, read_beside, with_columns
from afield.study.collecting import beside_computed
from afield.study.collecting.beside_computed import Said, compute_beside
from afield.study.collecting.collect import load_record
from afield.study.collecting.result_rows import Tables
from afield.study.measured import Measured
from afield.study.preparing.needs import gather
from afield.study.preparing.study_file import parse_study
from afield.study.running.run import run_study
from afield.study.store import Store
from afield.study.study import Study
from tests.fixtures.own import table

EXAMPLE = Path(__file__).parents[2] / "examples" / "extensions" / "my_metrics.py"
BROKEN = """
from afield import Metric

broken = Metric(compute=lambda predictions: 1 / 0, range=(0, 1))
percent = Metric(compute=lambda predictions: 80.0, range=(0, 1))
seen = Metric(compute=lambda predictions: 0.5, range=(0, 1), needs=("cluster", "weather"))
"""
STUDY = """
extensions = ["my_metrics.py", "broken.py"]
[study]
name = "moths"
tasks = ["moths"]
backbones = ["squeezenet1_1.caffe_in1k"]
seeds = [0, 1]
metrics = [{metrics}]
[tasks.moths]
table = "moths.csv"
label = "species"
group = "plot"
subgroups = ["site"]
[recipe]
initialisation = "scratch"
image_size = 32
epochs = 1
batch_size = 8
learning_rate = 1e-3
[search]
method = "grid"
[ensembles.both]
over = ["seeds"]
"""
GOOD = ("my_metrics:worst_site", "my_metrics:mean_cost")
FAILING = ("broken:broken", "broken:percent")


def write(folder: Path) -> None:
    """Sixty moths of two species from twelve plots of four sites, one of which nobody wrote down."""
    shutil.copy(EXAMPLE, folder)
    (folder / "broken.py").write_text(BROKEN)
    rows = range(60)
    table(
        folder / "moths.csv",
        {
            "species": [("owlet", "hawk")[row % 2] for row in rows],
            "plot": [f"p{row % 12}" for row in rows],
            "site": [("dune", "", "wood", "heath")[row % 4] for row in rows],
        },
    )


def study(folder: Path, *metrics: str) -> Study:
    text = STUDY.format(metrics=", ".join(f'"{name}"' for name in metrics))
    return parse_study(text, "moths.toml", folder)


def of_two(label: list[int], **columns: list[str]) -> Predictions:
    """Predictions that are all the first class."""
    names = np.array([f"s{row}" for row in range(len(label))])
    logits = np.tile(np.array([1, 0], np.float32), (len(label), 1))
    told = {name: np.array(values, np.str_) for name, values in columns.items()}
    return Predictions(("a", "b"), names, names, names, np.array(label), logits, told)


def test_they_are_found_and_lead_nothing(tmp_path: Path) -> None:
    write(tmp_path)
    needs = gather(study(tmp_path, *GOOD), tmp_path / "cache")
    assert tuple(needs.beside) == GOOD
    assert needs.beside["my_metrics:mean_cost"].direction == "lower", "which could not lead"
    assert needs.metrics == {}
    assert needs.tasks["moths"].task.metric == "auroc"


def test_what_cannot_be_computed_is_said_before_anything_is_trained(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(InputError, match=r"broken:seen: needs weather, which the samples lack; .*moths.subgroups"):
        gather(study(tmp_path, "broken:seen"), tmp_path / "cache")
    with pytest.raises(InputError, match=r"my_metrics:worst: .*did you mean my_metrics:worst_site"):
        gather(study(tmp_path, "my_metrics:worst"), tmp_path / "cache")
    with pytest.raises(InputError, match=r"study.metrics: auroc: must be one of your own, FILE:NAME"):
        study(tmp_path, "auroc")
    with pytest.raises(InputError, match="metrics: named twice: a:b"):
        study(tmp_path, "a:b", "a:b")


def test_one_that_leads_may_need_no_further_column(tmp_path: Path) -> None:
    write(tmp_path)
    text = STUDY.format(metrics="").replace('label = "species"', 'label = "species"\nmetric = "my_metrics:worst_site"')
    with pytest.raises(InputError, match=r"worst_site: needs site; .*name it under study.metrics"):
        gather(parse_study(text, "moths.toml", tmp_path), tmp_path / "cache")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (1.5, r"mine: gives 1.5; must give a number between 0 and 1, its range"),
        (-0.1, r"gives -0.1"),
        (None, r"gives None"),
        (np.ones(2), r"gives array"),
    ],
)
def test_what_is_no_number_of_the_range_is_no_value(given: object, words: str) -> None:
    def compute(predictions: Predictions) -> float:
        return given  # type: ignore[return-value]

    with pytest.raises(InputError, match=words):
        guarded(Metric(name="mine", compute=compute, range=(0, 1))).compute(of_two([0, 1]))


def test_resamples_lie_in_the_range_too_and_nan_is_undefined() -> None:
    def compute(predictions: Predictions) -> float:
        return np.float32("nan")  # type: ignore[return-value]  # numpy's own numbers will do

    fine = Metric(name="mine", compute=compute, range=(0, 1))
    assert np.isnan(guarded(fine).compute(of_two([0, 1])))
    high = Metric(name="mine", compute=fine.compute, range=(0, 1), resampled=lambda said, weights: weights.sum(axis=1))
    with pytest.raises(InputError, match=r"mine: gives 4.0"):
        guarded(high).resampled(of_two([0, 1]), np.full((3, 2), 2.0))  # type: ignore[misc]
    flat = Metric(name="mine", compute=fine.compute, range=(0, 1), resampled=lambda said, weights: weights)
    with pytest.raises(InputError, match=r"shape \(3, 2\); must give a number a resample, \(3,\)"):
        guarded(flat).resampled(of_two([0, 1]), np.ones((3, 2)))  # type: ignore[misc]


def test_columns_come_with_the_samples_that_they_are_of() -> None:
    samples = pd.DataFrame(
        {"id": ["s2", "s0", "s1"], "site": ["dune", "wood", None], "cluster": ["s2", "s0", "s1"], "blank": [None] * 3}
    )
    of_site = Metric(compute=len, range=(0, 1), needs=("site",))  # type: ignore[arg-type]
    found = with_columns(of_two([0, 1, 1]), of_site, samples)
    assert found.columns["site"].tolist() == ["wood", "", "dune"]
    metric = Metric(compute=len, range=(0, 1), needs=("site", "cluster", "blank", "none"))  # type: ignore[arg-type]
    assert lacking(metric, samples) == ("cluster", "blank", "none"), "each sample is its own cluster"
    with pytest.raises(InputError, match="needs cluster and blank and none, which the samples lack"):
        with_columns(of_two([0, 1, 1]), metric, samples)


def test_they_are_computed_again_where_a_column_that_they_need_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said_of = of_two([0, 1, 1])
    asked: list[str] = []

    def measure(metric: Metric, pairs: Sequence[tuple[Predictions, Predictions]]) -> Measured:
        asked.append("".join(pairs[0][1].columns["site"]))
        return replace(NOWHERE, value=0.5)

    said = Said(tmp_path, ["hash"], ("moths",), lambda: [(said_of, said_of)], measure)
    monkeypatch.setattr(beside_computed, "_all_said", lambda *_: [said])
    own = Beside("my_metrics:of_site", "higher", "0" * 64)
    tables = cast(Tables, SimpleNamespace(beside_of=lambda task: (own,)))
    metric = Metric(name=own.name, compute=lambda predictions: 0.5, range=(0, 1), needs=("site",))
    samples = pd.DataFrame({"id": ["s0", "s1", "s2"], "site": ["a", "b", "b"], "box": ["", "", ""]})
    for table_now in (samples, samples, samples.assign(box="x"), samples.assign(site=["a", "b", "c"]), samples[::-1]):
        assert compute_beside(tables, (), (), {own.name: metric}, {"moths": table_now}) == ()
        assert read_beside(tmp_path, ["hash"], own).value == 0.5
    assert asked == ["abb", "abc", "abb"]


@pytest.mark.slow
def test_they_stand_in_table_and_report_and_never_train_anything(tmp_path: Path) -> None:
    write(tmp_path)
    out = tmp_path / "out"
    assert run_study(study(tmp_path, *GOOD, *FAILING), out).complete, load_record(out).failures
    rows = afield.results(out).set_index(["metric", "kind"])
    assert set(rows.loc[["my_metrics:worst_site"], "why"]) == {""}
    assert set(rows.loc[["my_metrics:mean_cost"], "direction"]) == {"lower"}
    assert rows.loc[list(FAILING), "value"].isna().all()
    assert rows.loc[("broken:broken", "single"), "why"].str.contains("broken.py, line 4: ZeroDivisionError").all()
    assert "gives 80.0; must give a number between 0 and 1" in rows.loc[("broken:percent", "ensemble"), "why"]

    # each number is what the stored predictions say
    record, samples = load_record(out), pd.read_parquet(next((out / "tasks").rglob("samples.parquet")))
    site = samples.set_index("id")["site"]
    for key, row in rows.loc[("my_metrics:worst_site", "single")].set_index("key").iterrows():
        said = record.predictions[(record.predictions["key"] == key) & (record.predictions["split"] == "test")]
        right = np.array([np.argmax(logits) for logits in said["logits"]]) == said["label"]
        by_site = right.groupby(site.loc[said["sample"]].fillna("").to_numpy()).mean()
        assert row["value"] == by_site.drop("", errors="ignore").min()
    page = report(out).read_text()
    assert "worst site" in page
    assert "No value of broken:percent: gives 80.0" in page

    # another file: nothing is trained for it, and what it says counts; a reader needs no file at all
    (tmp_path / "broken.py").write_text(BROKEN.replace("80.0", "0.8"))
    again = run_study(study(tmp_path, *GOOD, *FAILING), out)
    assert (again.complete, again.trained) == (True, 0)
    for file in ("broken.py", "my_metrics.py"):
        (tmp_path / file).unlink()
    assert set(afield.results(out).query("metric == 'broken:percent'")["value"]) == {0.8}

    # what was not computed is no number
    for kept in (out / "scores").rglob("*mean_cost*"):
        kept.unlink()
    lost = load_record(out).results.query("metric == 'my_metrics:mean_cost'")
    assert lost["value"].isna().all()
    assert lost["why"].str.contains("run the study again").all()
    assert Store.open(out)
