"""One's own data from a table to a report: several labels, a task and a metric of an extension."""

from pathlib import Path

import numpy as np
import pytest

from afield.analysis.answer import answer
from afield.base.errors import InputError
from afield.report.page import report
from afield.study.collecting.collect import load_record
from afield.study.networks.open_network import open_network
from afield.study.preparing.needs import gather
from afield.study.preparing.study_file import parse_study
from afield.study.running.run import run_study
from tests.fixtures.own import table

RECIPE = """
[recipe]
initialisation = "scratch"
image_size = 32
epochs = 1
batch_size = 8
[search.grid]
learning_rate = [1e-3, 1e-2]
"""
LAB = """
import numpy as np

from afield import Metric, Task


def worst_site_accuracy(predictions):
    right = predictions.logits.argmax(axis=1) == predictions.label
    return float(min(right[predictions.cluster == site].mean() for site in np.unique(predictions.cluster)))


worst_site = Metric(compute=worst_site_accuracy, range=(0, 1))
moths = Task.from_table("moths.csv", label="species", group="site", metric="my_lab:worst_site", rare_below=3)
"""
MOTHS = """
extensions = ["my_lab.py"]
[study]
name = "moths"
tasks = ["my_lab:moths"]
backbones = ["squeezenet1_1.caffe_in1k", "tf_efficientnet_lite0.in1k"]
"""
CELLS = """
[study]
name = "cells"
tasks = ["cells"]
backbones = ["squeezenet1_1.caffe_in1k"]
[tasks.cells]
table = "cells.csv"
labels = ["nucleus", "golgi"]
group = "plate"
"""


def write_lab(folder: Path) -> None:
    (folder / "my_lab.py").write_text(LAB)
    rows = range(60)
    table(
        folder / "moths.csv",
        {"species": [("owlet", "hawk")[row % 2] for row in rows], "site": [f"s{row % 12}" for row in rows]},
    )


def test_an_extensions_task_and_metric_are_found(tmp_path: Path) -> None:
    write_lab(tmp_path)
    needs = gather(parse_study(MOTHS + RECIPE, "moths.toml", tmp_path), tmp_path / "cache")
    assert list(needs.tasks) == ["moths"]
    assert needs.metrics["my_lab:worst_site"].range == (0, 1)


def test_what_an_extension_lacks_is_said_at_once(tmp_path: Path) -> None:
    write_lab(tmp_path)
    (tmp_path / "my_lab.py").write_text(LAB.replace("worst_site = ", "lower = "))
    text = MOTHS.replace('"my_lab:moths"', '"my_lab:moths", "my_lab:mths"') + RECIPE
    with pytest.raises(InputError, match=r"my_lab:worst_site: .* has no worst_site") as caught:
        gather(parse_study(text, "m.toml", tmp_path), tmp_path / "cache")
    assert "my_lab:mths" in str(caught.value)


def test_two_tasks_that_are_called_alike_are_named_as_the_study_says_them(tmp_path: Path) -> None:
    write_lab(tmp_path)
    text = MOTHS.replace('"my_lab:moths"', '"my_lab:moths", "moths"') + RECIPE
    text += '[tasks.moths]\ntable = "moths.csv"\nlabel = "species"\n'
    with pytest.raises(InputError, match=r"study\.tasks: my_lab:moths and moths have one name, moths; rename one"):
        gather(parse_study(text, "m.toml", tmp_path), tmp_path / "cache")


@pytest.mark.slow
def test_a_metric_of_ones_own_leads_a_study(tmp_path: Path) -> None:
    write_lab(tmp_path)
    out = tmp_path / "out"
    outcome = run_study(parse_study(MOTHS + RECIPE, "moths.toml", tmp_path), out)
    assert outcome.complete, load_record(out).failures
    (tmp_path / "my_lab.py").unlink()  # whoever reads the folder does not need it
    record = load_record(out)
    leading = record.results[record.results["metric"] == "my_lab:worst_site"].iloc[0]
    test = record.predictions[record.predictions["split"] == "test"]
    right = np.array([np.argmax(logits) for logits in test["logits"]]) == test["label"]
    assert leading["value"] == right.groupby(test["cluster"]).mean().min()
    assert np.isnan(leading["low"]) or leading["low"] <= leading["high"]
    assert "worst site" in answer(record).text()
    assert report(out).exists()


@pytest.mark.slow
def test_several_labels_go_from_a_table_to_a_report(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    rows = 90
    table(
        tmp_path / "cells.csv",
        {
            "nucleus": generator.integers(0, 2, rows).tolist(),
            "golgi": [generator.choice(["0", "1", ""]) for _ in range(rows)],
            "plate": [f"p{row // 3}" for row in range(rows)],
        },
    )
    out = tmp_path / "out"
    assert run_study(parse_study(CELLS + RECIPE, "cells.toml", tmp_path), out).complete
    record = load_record(out)
    assert record.task("cells").target == "labels"
    assert set(record.results["metric"]) >= {"macro_f1_global", "macro_f1_per_class", "map_11", "log_loss"}
    assert report(out).exists()
    key = str(record.results["key"].iloc[0])
    said = open_network(out, key).predict(sorted((tmp_path / "images").glob("*.png"))[:3])
    assert set("; ".join(said["predicted"]).split("; ")) <= {"nucleus", "golgi", ""}
