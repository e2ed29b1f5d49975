"""The command as a user meets it: help, exit codes, words instead of traces."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from afield.analysis.ranking.interventions import COLUMNS
from afield.base.errors import InputError
from afield.scoring.panel import fitting
from afield.study.collecting.collect import load_record
from tests.fixtures.tiny import study_text

Run = Callable[..., str]


def test_the_version_is_told_with_torch_s(afield: Run) -> None:
    assert afield("--version") == f"afield {version('afield')} (torch {version('torch')})\n"


@pytest.mark.slow
def test_help_names_every_command_on_one_line_without_torch() -> None:
    code = (
        "import sys; sys.argv = ['afield', '--help']\n"
        "import afield.cli\n"
        "try: afield.cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'pandas', 'numpy', 'pydantic', 'altair', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    listed = ended.stdout.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in listed if line.strip()] == [
        "plan",
        "run",
        "merge",
        "tune",
        "status",
        "report",
        "table",
        "predict",
        "submit",
        "diff",
        "clean",
        "rank",
        "compare",
        "check",
        "analyse",
        "labels",
        "features",
        "distance",
        "studies",
        "tasks",
        "backbones",
        "extension",
    ]
    assert not [line for line in listed if line.rstrip().endswith("...")]


@pytest.mark.slow
def test_analysis_and_report_need_no_torch() -> None:
    modules = "afield.report.page, afield.analysis.answer, afield.study.collecting.collect"
    code = f"import sys, {modules}; afield.load_network; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


COMMANDS = ["plan", "run", "merge", "status", "report", "table", "tasks list", "tasks show", "backbones list"]
COMMANDS += ["backbones show"]
COMMANDS += [
    "extension check",
    "predict",
    "tasks splits",
    "backbones fetch",
    "backbones measure",
    "features",
    "distance",
]
COMMANDS += ["tasks fetch", "tasks prepare", "submit", "tune", "check", "studies list", "studies show", "analyse"]
COMMANDS += ["diff", "clean"]


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_has_an_example(afield: Run, command: str) -> None:
    assert f"Example: afield {command}" in afield(*command.split(), "--help")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "quickstat"), "quickstat: no such file, and no shipped study of that name; did you mean quickstart?"),
        (("run", "no_images"), "no_images: needs a folder of images for each of at least two classes; it holds 0"),
        (("run", "quickstart", "--retry", "all"), "Invalid value for '--retry'"),
        (("run", "quickstart", "--shard", "9/8"), "--shard 9/8: write NUMBER/OF, from 1/OF to OF/OF, such as 3/8"),
        (("run", "quickstart", "--engine", "slurm"), "Invalid value for '--engine'"),
        (("merge", "nowhere", "--to", "new"), "nowhere: no result folder of afield"),
        (("predict", ".", "photos"), "no result folder of afield"),
        (("status", "."), "no result folder of afield"),
        (("clean", "."), "no result folder of afield"),
        (("diff", ".", "nowhere"), "nowhere: is no folder; give two result folders, or a folder and two keys"),
        (("report", "nowhere"), "nowhere: no result folder of afield"),
        (("compare", ".", "one"), "compare: name two backbones, or one by --candidate"),
        (("compare", ".", "one", "two", "--candidate", "three"), "compare: name two backbones, or one by --candidate"),
        (("compare", ".", "--against", "others.csv"), "compare: --against draws the line for --candidate; name one"),
        (("status", ".", "--watch", "--json"), "--watch shows words on a terminal; leave out --json"),
        (("table", ".", "--json", "--format", "csv"), "--json prints the rows; leave out --format and --to"),
        (("predict", ".", "photos", "--json", "--to", "a.csv"), "--json prints the rows; leave out --to"),
        (("tasks", "show", "elvp"), "did you mean elpv?"),
        (("backbones", "show", "squeezenet"), "unknown backbone"),
        (("table", "."), "no result folder of afield"),
        (("table", ".", "--interventions", "--by", "sex"), "--by and --interventions are two tables; give one of them"),
    ],
)
def test_wrong_input_is_exit_code_2_in_words(
    afield: Run, arguments: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no_images").mkdir()
    monkeypatch.chdir(tmp_path)
    assert words in afield(*arguments, code=2)


def test_everything_that_is_missing_is_named_at_once(afield: Run, tmp_path: Path) -> None:
    text = study_text(Path("nowhere")).replace("squeezenet1_1.caffe_in1k", "squeezenet1_1")
    (tmp_path / "wrong.toml").write_text(text)
    said = afield("run", str(tmp_path / "wrong.toml"), "--out", str(tmp_path / "out"), code=2)
    assert "nowhere: unknown task" in said
    assert "squeezenet1_1: is an architecture with " in said
    assert "squeezenet1_1.caffe_in1k: 58.38 %" in said


@pytest.mark.slow
def test_a_plan_trains_nothing_and_writes_nothing(afield: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(study_text(photos) + "[interventions.big]\nimage_size = 64\n")
    asked = ("plan", str(tmp_path / "tiny.toml"), "--out", str(tmp_path / "out"), "--no-probe")
    said = afield(*asked)
    assert "4@1 2@2 1@3" in said
    assert "out: holds nothing yet" in said
    assert "Not run, since study.interventions does not name it: big" in said
    assert json.loads(afield(*asked, "--json"))["epochs"] == 10
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.toml"]
    assert "is no duration above 0" in afield(*asked, "--budget", "soon", code=2)
    (tmp_path / "letter.txt").write_text("dear all")
    words = "not empty and no result folder of afield; name a new folder with --out"
    assert words in afield("plan", str(tmp_path / "tiny.toml"), "--out", str(tmp_path), "--no-probe", code=2)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_plan_shows_what_is_left_in_a_folder_and_writes_nothing(
    afield: Run, finished: Path, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "tiny.toml").write_text(study_text(photos))
    out = Path(shutil.copytree(finished, tmp_path / "out"))
    asked = ("plan", str(tmp_path / "tiny.toml"), "--out", str(out), "--no-probe")
    assert f"{out}: 5 trainings done; nothing left to do" in afield(*asked)
    chosen, repeat = load_record(out).searches[0].repeats
    shutil.rmtree(out / "scores" / chosen.key)
    assert "5 trainings done; 1 test score left to make" in afield(*asked)
    predictions = out / "trials" / repeat.key / "predictions.parquet"
    predictions.write_bytes(predictions.read_bytes()[:-10])
    (out / "numerics.toml").unlink()
    before = files(out)
    said = afield(*asked)
    assert "4 trainings done; 3 epochs left to train" in said
    assert "predictions.parquet: was altered or cut" in said
    assert files(out) == before


@pytest.mark.slow
def test_run_status_table_report(afield: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(study_text(photos).replace("3e-3, 1e-2", "3e-3, 1e18"))
    out = str(tmp_path / "out")
    assert "1 failed" in afield("run", str(tmp_path / "tiny.toml"), "--out", out, code=1)
    said = afield("status", out)
    assert "failed: " in said
    assert f"afield run STUDY --out {out} --retry failed" in said
    lines = afield("table", out).splitlines()
    assert lines[0].startswith("backbone,family,params_m")
    assert len(lines) == 1 + 2 * len(fitting(2))
    assert afield("table", out, "--format", "markdown").startswith("| backbone | family |")
    afield("table", out, "--format", "parquet", "--to", str(tmp_path / "table.parquet"))
    assert (tmp_path / "table.parquet").stat().st_size > 0
    assert "name a file with --to" in afield("table", out, "--format", "parquet", code=2)
    assert afield("table", out, "--interventions").splitlines() == [",".join(COLUMNS)], "plain alone"
    assert afield("report", out).strip() == str(tmp_path / "out" / "report.html")


@pytest.mark.slow
def test_predict_prints_a_line_an_image_and_writes_a_table(
    afield: Run, finished: Path, photos: Path, tmp_path: Path
) -> None:
    files = [str(photos / "cold" / "000.png"), str(photos / "warm" / "000.png")]
    said = afield("predict", str(finished), *files)
    assert [line.split()[0] for line in said.splitlines()] == ["path", *files]
    assert afield("predict", str(finished), str(photos), "--to", str(tmp_path / "all.csv")) == ""
    table = pd.read_csv(tmp_path / "all.csv")
    assert len(table) == 40
    labels = table["path"].str.split("/").str[-2]
    assert roc_auc_score(labels == "warm", table["p_warm"]) > 0.6, "it has learnt something"
    assert "nowhere.png: no such file or folder" in afield("predict", str(finished), "nowhere.png", code=2)
    repeat = load_record(finished).searches[0].repeats[1].key
    assert afield("predict", str(finished), files[0], "--key", repeat)
    assert "no training, soup, ensemble or folds have the key 123" in afield(
        "predict", str(finished), files[0], "--key", "123", code=2
    )


def test_extension_check_ends_with_2_for_an_unusable_file_and_1_for_a_failed_test(afield: Run, tmp_path: Path) -> None:
    path = tmp_path / "my_lab.py"
    path.write_text("1 / 0\n")
    assert f"{path}, line 1: ZeroDivisionError" in afield("extension", "check", str(path), code=2)
    path.write_text("from afield import Backbone\na = Backbone(build=lambda: None)\n")
    assert "1 failed" in afield("extension", "check", str(path), code=1)


RESULTS = """model,top1,moths,birds
a,60.5,0.71,0.81
b,67.7,0.75,0.80
c,71.6,0.76,0.82
d,76.1,0.80,0.81
e,79.9,0.81,0.82
f,,0.82,0.82
"""
NAMED = ("--columns", "backbone=model,imagenet_top1=top1", "--values", "moths,birds", "--metric", "accuracy")


@pytest.mark.slow
def test_a_published_table_is_analysed(afield: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.csv"
    path.write_text(RESULTS, encoding="utf-8")
    found = json.loads(afield("analyse", str(path), *NAMED, "--json"))
    assert [(fit["task"], fit["metric"], fit["n"], fit["verdict"]) for fit in found["fits"]] == [
        ("moths", "accuracy", 5, "transfers"),
        ("birds", "accuracy", 5, "cannot tell"),
    ]
    text = afield("analyse", str(path), *NAMED)
    assert " ".join(text.splitlines()[0].split()) == "task metric n r points per ImageNet point verdict"
    assert "moths, accuracy: transfers. Five backbones: |r| must exceed 0.88" in text
    assert "Theil-Sen" in afield("analyse", str(path), *NAMED, "--all")
    assert "weakly" in afield("analyse", str(path), *NAMED, "--smallest-slope", "3").splitlines()[1]
    assert [len(json.loads(afield("analyse", str(path), *NAMED, *option, "--json"))["fits"]) for option in (
        ("--tasks", "birds"), ("--mean",), ("--without", "a", "--above", "65")
    )] == [1, 3, 2]  # fmt: skip


@pytest.mark.slow
def test_a_table_that_cannot_be_read_is_refused_in_words(afield: Run, tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text(RESULTS, encoding="utf-8")
    assert "did you mean model?" in afield("analyse", str(path), "--columns", "backbone=modle", code=2)
    assert "write NAME=COLUMN" in afield("analyse", str(path), "--columns", "backbone", code=2)
    assert "no such file" in afield("analyse", str(tmp_path / "nothing.csv"), code=2)


@pytest.mark.slow
def test_a_table_is_analysed_without_torch_and_without_what_reads_folders(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text(RESULTS, encoding="utf-8")
    code = (
        f"import sys; sys.argv = ['afield', 'analyse', {str(path)!r}, *{NAMED!r}]\n"
        "import afield.cli\n"
        "try: afield.cli.main()\n"
        "except SystemExit as ended: assert not ended.code\n"
        "heavy = {'torch', 'timm', 'statsmodels', 'altair', 'afield.study.store'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_report_stays_a_function_once_its_room_is_imported(tmp_path: Path) -> None:
    import afield
    import afield.report.page

    for _ in range(2):
        with pytest.raises(InputError, match="no result folder of afield"):
            afield.report(tmp_path / "nowhere")
