"""A user's own backbone through a whole study: what travels to the workers, what is kept, and what is refused."""

import json
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import afield
from afield.analysis.answer import answer
from afield.analysis.fitting.transfer import fit_transfer
from afield.backbones.weights import Sources
from afield.base.errors import InputError
from afield.report.page import render
from afield.study.check import check_extension
from afield.study.collecting.collect import load_record
from afield.study.preparing.changes import with_settings
from afield.study.preparing.study_file import load_study
from afield.study.running.standing import Silent
from afield.study.study import Study
from tests.fixtures.records import STRENGTH, make_record
from tests.study.helpers import check_ready

LAB = """
from torch import nn
from afield import Backbone

def make_net():
    body = [nn.Conv2d(3, 8, 4, stride=4), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*body, nn.Linear(8, 10))

hydra = Backbone(build=make_net, weights="hydra.safetensors", input_size=32)
naked = Backbone(build=make_net, input_size=32, imagenet_top1=12.0)
"""
STUDY = """
extensions = ["my_lab.py"]
[study]
name = "lab"
tasks = ["{photos}"]
backbones = ["squeezenet1_1.caffe_in1k", "my_lab:hydra", "my_lab:naked"]
interventions = ["plain", "own"]

[recipe]
initialisation = "scratch"
image_size = 32
epochs = 1
batch_size = 8

[search]
method = "grid"
[search.grid]
learning_rate = [1e-3, 1e-2]

[interventions.own]
initialisation = "pretrained"
backbones = ["my_lab:hydra"]
"""


def net() -> nn.Module:
    """What `make_net` makes."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 4, stride=4),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )


@pytest.fixture
def lab(tmp_path: Path, photos: Path) -> Path:
    """A folder with a study, its extension and random weights; gives the study's path."""
    (tmp_path / "my_lab.py").write_text(LAB)
    torch.manual_seed(0)
    save_file(net().state_dict(), tmp_path / "hydra.safetensors")
    path = tmp_path / "lab.toml"
    path.write_text(STUDY.format(photos=photos.as_posix()))
    return path


def change(path: Path, before: str, after: str) -> Study:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    return load_study(path)


@pytest.mark.slow
def test_own_backbones_are_trained_compared_and_shown_without_their_code(lab: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert afield.run_study(lab, out, slots=2).complete
    (copied,) = (out / "extensions").rglob("*.py")
    assert copied.read_text() == LAB
    assert copied.name == "my_lab.py"
    assert json.loads((out / "plans" / "lab.json").read_text())["extensions"] == {"my_lab": load_sha(copied)}, (
        "the plan notes what was run"
    )
    for path in (out / "trials").rglob("trial.json"):
        trial = json.loads(path.read_text())
        own = trial["backbone"].startswith("my_lab:")
        assert trial["extensions"] == ([["my_lab", load_sha(copied)]] if own else []), (
            "in the key where it shapes training"
        )

    sha256 = load_sha(copied)
    moved = Path(shutil.copytree(out, tmp_path / "elsewhere"))
    shutil.rmtree(moved / "extensions")
    (tmp_path / "my_lab.py").unlink()
    record = load_record(moved)
    table = record.results[record.results["metric"] == "accuracy"].set_index(["backbone", "intervention"])
    assert set(table.index) == {
        ("squeezenet1_1.caffe_in1k", "plain"),
        ("my_lab:hydra", "plain"),
        ("my_lab:naked", "plain"),
        ("my_lab:hydra", "own"),
    }
    assert str(table["imagenet_top1"].dtype) == "float64"
    assert table["imagenet_top1"].isna().tolist() == [False, True, False, True]
    assert table.loc[("my_lab:hydra", "own"), "params_m"] == pytest.approx(498e-6)
    assert "my_lab:hydra" in answer(record).text()
    page = afield.report(moved).read_text(encoding="utf-8")
    assert "unknown: it is ranked, but stands outside the fit" in page
    assert f"extension my_lab, SHA-256 {sha256}" in page
    printed = subprocess.run(
        [sys.executable, "-m", "afield", "table", str(moved), "--format", "markdown"],
        capture_output=True, text=True, check=True, cwd=moved,
    ).stdout  # fmt: skip
    assert "my_lab:hydra" in printed
    assert "nan" not in printed.lower()


def load_sha(path: Path) -> str:
    from afield.base.hashing import sha256_file

    return sha256_file(path)


class _Saboteur(Silent):
    """Breaks the user's file as soon as the run has begun."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self, what: str, done: int, total: int) -> None:
        self.path.write_text("raise RuntimeError('changed')\n")


@pytest.mark.slow
def test_a_file_changed_between_plan_and_training_changes_nothing(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFIELD_CACHE", str(tmp_path / "cache"))  # images are prepared anew, so the saboteur is called
    study = change(lab, 'interventions = ["plain", "own"]', 'interventions = ["own"]')
    assert afield.run_study(study, tmp_path / "out", slots=2, watch=_Saboteur(tmp_path / "my_lab.py")).complete
    assert "RuntimeError" in (tmp_path / "my_lab.py").read_text()


@pytest.mark.slow
def test_a_changed_file_is_another_experiment_and_an_unchanged_one_is_not(lab: Path, tmp_path: Path) -> None:
    study = change(lab, 'interventions = ["plain", "own"]', 'interventions = ["own"]')
    assert afield.run_study(study, tmp_path / "out", slots=2).trained == 2
    assert afield.run_study(study, tmp_path / "out", slots=2).trained == 0
    (tmp_path / "my_lab.py").write_text(LAB + "# another comment\n")
    assert afield.run_study(study, tmp_path / "out", slots=2).trained == 2
    assert len(list((tmp_path / "out" / "extensions").iterdir())) == 2


def test_without_weights_it_can_only_be_trained_from_scratch(lab: Path) -> None:
    study = change(lab, 'backbones = ["my_lab:hydra"]', 'backbones = ["my_lab:naked"]')
    with pytest.raises(InputError, match=r"my_lab:naked: has no weights; .* initialisation = \"scratch\""):
        check_ready(study)


def test_weights_that_are_not_there_are_named_and_found_in_the_folder_of_weights(lab: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "weights"
    elsewhere.mkdir()
    (tmp_path / "hydra.safetensors").rename(elsewhere / "hydra.safetensors")
    with pytest.raises(InputError, match=r"hydra\.safetensors are not there; .* --weights"):
        check_ready(load_study(lab))
    found = check_ready(load_study(lab), weights=elsewhere).weights["my_lab:hydra"]
    assert found.path == elsewhere / "hydra.safetensors"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('"my_lab:hydra", "my_lab:naked"', '"my_lab:hydro", "my_lab:naked"', "did you mean my_lab:hydra"),
        ('"my_lab:hydra", "my_lab:naked"', '"my_lib:hydra", "my_lab:naked"', "did you mean my_lab"),
        ('extensions = ["my_lab.py"]', "", r'name its file first: extensions = \["my_lab.py"\]'),
        ('"my_lab.py"', '"my_lab.py", "sub/my_lab.py"', r"sub/my_lab\.py: no such file"),
        ('"my_lab.py"', '"my_lab"', "no installed package has the entry point my_lab"),
    ],
)
def test_what_cannot_be_found_is_named_with_the_nearest(lab: Path, before: str, after: str, words: str) -> None:
    text = lab.read_text().replace(
        '[interventions.own]\ninitialisation = "pretrained"\nbackbones = ["my_lab:hydra"]', ""
    )
    lab.write_text(text.replace('interventions = ["plain", "own"]\n', ""))
    study = change(lab, before, after)
    with pytest.raises(InputError, match=words):
        check_ready(study)


def test_two_files_of_one_name_are_refused(lab: Path) -> None:
    (lab.parent / "sub").mkdir()
    shutil.copy(lab.parent / "my_lab.py", lab.parent / "sub" / "my_lab.py")
    with pytest.raises(InputError, match=r"have one name \(my_lab\)"):
        check_ready(change(lab, '"my_lab.py"', '"my_lab.py", "sub/my_lab.py"'))


def test_extensions_inside_a_table_are_told_where_they_belong(lab: Path) -> None:
    with pytest.raises(InputError, match=r"study.extensions: stands inside a table; put extensions at the top"):
        change(lab, '[study]\nname = "lab"', '[study]\nname = "lab"\nextensions = ["my_lab.py"]')


def test_paths_are_relative_to_the_study_file(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert load_study(lab).extensions == (str(lab.parent / "my_lab.py"),)


@pytest.mark.slow
@pytest.mark.parametrize("unknown", [("tf_efficientnet_lite1.in1k",), tuple(STRENGTH)])
def test_without_an_imagenet_accuracy_it_is_ranked_but_outside_the_fit(unknown: tuple[str, ...]) -> None:
    record = make_record(metrics=["accuracy"])
    table = record.results.copy()
    table.loc[table["backbone"].isin(unknown), "imagenet_top1"] = float("nan")
    backbones = [
        replace(used, backbone=replace(used.backbone, imagenet_top1=None)) if used.backbone.id in unknown else used
        for used in record.backbones
    ]
    record = replace(record, results=table, backbones=tuple(backbones), searches=record.searches[:1])
    fit = next(fit for fit in fit_transfer(table) if fit.metric == "accuracy")
    assert set(fit.points["backbone"]) == set(STRENGTH) - set(unknown)
    assert all(name in fit.reason for name in unknown), "and that is said"
    assert "Take tf_efficientnet_lite1.in1k" in answer(record).text(), "the winner has no ImageNet accuracy"
    page = render(record)
    assert "unknown: it is ranked, but stands outside the fit" in page
    assert ">nan<" not in page


@pytest.mark.slow
def test_the_example_of_ones_own_backbone_runs(photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("elpv_dataset", reason="its other backbone's weights come with the quickstart's packages")
    place = Path(shutil.copytree(Path(__file__).parents[2] / "examples" / "own_backbone", tmp_path / "example"))
    runpy.run_path(str(place / "my_lab.py"), run_name="__main__")  # as a user does first, to have weights
    checks = list(check_extension(place / "my_lab.py", Sources()))
    assert {check.outcome for check in checks} == {"ok"}, [check.words for check in checks]
    study = with_settings(load_study(place / "study.toml"), [f'study.tasks=["{photos.as_posix()}"]'])
    assert afield.run_study(study, tmp_path / "out").complete
    assert "my_lab:hydra" in answer(load_record(tmp_path / "out")).text()


SHARED = Path("/work/shared/weights")


@pytest.mark.slow
def test_the_study_of_ten_is_planned_from_a_folder_of_weights() -> None:
    if not SHARED.is_dir():
        pytest.skip("the weights of the study of ten are not on this machine")
    pytest.importorskip("elpv_dataset", reason="the study's task needs the quickstart's packages")
    plan = check_ready(load_study("ten-backbones"), weights=SHARED, offline=True)
    assert len(plan.weights) == 10
    top1 = sorted(search.backbone.imagenet_top1 or 0 for search in plan.searches)
    assert (top1[0], top1[-1]) == (39.5, pytest.approx(77.5, abs=0.1))
