"""Each of the web-scraped twelve, from its published layout to the report, under both protocols. CI runs some of them
whose layouts have nothing in common; what each gives is tested in test_web.py.
"""

import json
from pathlib import Path

import pytest

import afield
from afield.report.page import report
from afield.study.preparing.study_file import parse_study
from tests.fixtures.web import MAKERS

STUDY = """
[study]
name = "web"
tasks = {tasks}
backbones = ["squeezenet1_1.caffe_in1k"]
protocol = "{protocol}"
[recipe]
initialisation = "scratch"
image_size = 32
epochs = 1
batch_size = 64
[search]
method = "grid"
[search.grid]
learning_rate = [1e-3]
"""


FEW = ("cifar10", "voc2007", "caltech101")
"""batches in one file, several labels an image, folders of classes"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "protocol", "chooses"),
    [
        pytest.param(FEW, "clean", "validation", id="few"),
        pytest.param(tuple(MAKERS), "clean", "validation", id="clean", marks=pytest.mark.long),
        pytest.param(tuple(MAKERS), "paper", "test", id="paper", marks=pytest.mark.long),
    ],
)
def test_a_study_runs_from_the_layouts_to_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], protocol: str, chooses: str
) -> None:
    # So many processes would be started for these few tiny images that the start would take minutes.
    monkeypatch.setattr("afield.study.preparing.inputs.cores", lambda: 1)
    for name in names:
        MAKERS[name](tmp_path / "data")
    study = parse_study(STUDY.format(tasks=json.dumps(names), protocol=protocol), "web.toml")
    assert afield.run_study(study, tmp_path / "out", data=tmp_path / "data").complete
    table = afield.results(tmp_path / "out")
    assert set(table["task"]) == set(names)
    assert set(table["selected_on"]) == {chooses}
    assert set(table["domain"]) == {"web-scraped"}
    page = report(tmp_path / "out").read_text(encoding="utf-8")
    assert all(name in page for name in names)
