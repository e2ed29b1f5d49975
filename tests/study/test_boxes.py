"""Parts of pictures and camera traps from their files to a report."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from afield.base.errors import InputError
from afield.images.decode import decode
from afield.images.prepared import open_prepared
from afield.images.rule import full_rule
from afield.report.page import report
from afield.study.collecting.collect import load_record
from afield.study.engines.job import SplitPaths
from afield.study.preparing.inputs import prepare_split
from afield.study.preparing.study_file import parse_study
from afield.study.running.run import run_study
from afield.tasks.data import load_task
from afield.tasks.own.task import own_task
from afield.tasks.source import TaskSource
from afield.winner import load_network
from tests.fixtures.own import table
from tests.tasks.own.test_traps import detections, traps

TEXT = """
[study]
name = "mine"
tasks = ["mine"]
backbones = ["squeezenet1_1.caffe_in1k"]
[tasks.mine]
traps = "annotations.json"
detections = "megadetector.json"
margin = 0.1
unit = "seq_id"
[recipe]
initialisation = "scratch"
image_size = 32
epochs = 1
batch_size = 8
[search.grid]
learning_rate = [1e-3]
"""


def test_each_sample_gets_its_own_part_of_a_shared_image(tmp_path: Path) -> None:
    path = table(tmp_path / "moths.csv", {"label": ["owl", "fox"] * 15, "name": list(range(30))})
    lines = path.read_text().splitlines()
    rows = [
        ",".join([image, label, f"{name}{side}", box])
        for image, label, name in (line.split(",") for line in lines[1:])
        for side, box in (("l", "0 0 0.5 1"), ("r", "0.5 0 0.5 1"))
    ]
    path.write_text("\n".join(["path,label,name,box", *rows]))
    task = own_task(TaskSource(table=(str(path),), id="name", box="box"))
    data = load_task(task, "clean", tmp_path / "cache")
    folder = prepare_split(data, "train", full_rule(), tmp_path / "cache", lambda *_: None)
    data.table.to_parquet(tmp_path / "samples.parquet")
    inputs = SplitPaths(tmp_path / "samples.parquet", "train", folder).open()
    assert len(open_prepared(folder)) == len(inputs.table) == 2 * inputs.table["image"].nunique()
    for sample, row in zip(inputs.table.itertuples(), inputs.row, strict=True):
        whole = decode(tmp_path / sample.image)
        half = whole.shape[1] // 2
        left = str(sample.id).endswith("l")
        assert np.array_equal(inputs.images.image(row), whole[:, :half] if left else whole[:, half:])


@pytest.mark.slow
def test_traps_go_from_annotations_to_a_report(tmp_path: Path) -> None:
    path = traps(tmp_path)
    names = [file.name for file in (tmp_path / "photos").iterdir()][::2]
    detections(tmp_path, path, {name: [0.2, 0.3, 0.4, 0.3] for name in names})
    out = tmp_path / "out"
    assert run_study(parse_study(TEXT, "mine.toml", tmp_path), out).complete
    record = load_record(out)
    assert set(record.results["metric"]) >= {"auroc", "accuracy", "accuracy_by_unit"}
    assert "shown whole" in record.task("mine").card.source
    assert report(out).exists()

    # of validation the network says what it said in training, by the detector's file and by a table of the same boxes
    samples = pd.read_parquet(next((out / "tasks").rglob("samples.parquet"))).set_index("id")
    said = record.predictions.query("split == 'validation'")
    shown = samples.loc[said["sample"]]
    images, network = [tmp_path / image for image in shown["image"]], load_network(out)
    assert 0 < (shown["box"] != "").sum() < len(shown), "some have a box, some are shown whole"
    rows = [f"{image},{box and '0.2 0.3 0.4 0.3'}" for image, box in zip(shown["image"], shown["box"], strict=True)]
    (tmp_path / "boxes.csv").write_text("\n".join(["path,box", *rows, f"{shown['image'].iloc[0]},0 0 1 0.5"]))
    before = np.stack(said["logits"].to_list())
    np.testing.assert_allclose(network.logits(images, tmp_path / "megadetector.json"), before, rtol=0, atol=1e-5)
    np.testing.assert_allclose(network.logits(images[1:], tmp_path / "boxes.csv"), before[1:], rtol=0, atol=1e-5)
    found = network.predict(images[0], tmp_path / "boxes.csv")
    assert found["path"].tolist() == [str(images[0])] * 2, "a row a box"
    assert found["box"].tolist() == [shown["box"].iloc[0], "0 0 1 0.55"], "grown by the margin of training"

    with pytest.raises(InputError, match=rf"{len(images)} images \(.*\) without a box: .*--boxes"):
        network.predict(images)
    (tmp_path / "boxes.csv").write_text("\n".join(["path,box", *rows[1:]]))
    with pytest.raises(InputError, match=rf"boxes.csv: has no box of image {re.escape(str(images[0]))}; name each"):
        network.predict(images, tmp_path / "boxes.csv")
    (tmp_path / "boxes.csv").write_text("path,where\na.jpg,0 0 1 1")
    with pytest.raises(InputError, match=r"boxes.csv: has no column box"):
        network.predict(images, tmp_path / "boxes.csv")
    (tmp_path / "other.json").write_text('{"images": [], "detection_categories": {"1": "animal"}}')
    with pytest.raises(InputError, match=r"other.json: images: lacks .* of the pictures"):
        network.predict(images, tmp_path / "other.json")
