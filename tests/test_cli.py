"""The command as a user meets it: help, exit codes, words instead of traces."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from afield.cli import main
from tests.fixtures.tiny import study_text

Run = Callable[..., str]


@pytest.fixture
def afield(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process; its output, or its complaint where it should fail."""

    def run(*arguments: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["afield", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert (ended.value.code or 0) == code, said.err
        assert "Traceback" not in said.err
        return said.out if code == 0 else said.err

    return run


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
        "run",
        "status",
        "report",
        "table",
        "tasks",
        "backbones",
    ]
    assert not [line for line in listed if line.rstrip().endswith("...")]


def test_analysis_and_report_need_no_torch() -> None:
    modules = "afield.report.page, afield.analysis.answer, afield.study.collect"
    code = f"import sys, {modules}; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


COMMANDS = ["run", "status", "report", "table", "tasks list", "tasks show", "backbones list", "backbones show"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_has_an_example(afield: Run, command: str) -> None:
    assert f"Example: afield {command}" in afield(*command.split(), "--help")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "quickstat"), "quickstat: no such file, and no shipped study of that name; did you mean quickstart?"),
        (("run", "."), "is a folder; give a study file"),
        (("run", "quickstart", "--retry", "all"), "--retry all: unknown; the only choice is"),
        (("status", "."), "no result folder of afield"),
        (("report", "nowhere"), "nowhere: no result folder of afield"),
        (("tasks", "show", "elvp"), "did you mean elpv?"),
        (("backbones", "show", "squeezenet"), "unknown backbone"),
        (("table", "."), "no result folder of afield"),
    ],
)
def test_wrong_input_is_exit_code_2_in_words(afield: Run, arguments: tuple[str, ...], words: str) -> None:
    assert words in afield(*arguments, code=2)


def test_everything_that_is_missing_is_named_at_once(afield: Run, tmp_path: Path) -> None:
    text = study_text(Path("nowhere")).replace("squeezenet1_1.caffe_in1k", "squeezenet1_1")
    (tmp_path / "wrong.toml").write_text(text)
    said = afield("run", str(tmp_path / "wrong.toml"), "--out", str(tmp_path / "out"), code=2)
    assert "nowhere: unknown task" in said
    assert "squeezenet1_1: unknown backbone; did you mean squeezenet1_1.caffe_in1k?" in said


def test_dry_run_trains_nothing_and_writes_nothing(afield: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(study_text(photos))
    said = afield("run", str(tmp_path / "tiny.toml"), "--out", str(tmp_path / "out"), "--dry-run")
    assert "4@1 2@2 1@3" in said
    assert "10 epochs in all" in said
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.toml"]


@pytest.mark.slow
def test_run_status_table_report(afield: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(study_text(photos).replace("3e-3, 1e-2", "3e-3, 1e18"))
    out = str(tmp_path / "out")
    assert "1 failed" in afield("run", str(tmp_path / "tiny.toml"), "--out", out, code=1)
    assert "failed: " in afield("status", out)
    lines = afield("table", out).splitlines()
    assert lines[0].startswith("backbone,family,params_m")
    assert len(lines) == 1 + 2 * 5
    assert afield("table", out, "--format", "markdown").startswith("| backbone | family |")
    afield("table", out, "--format", "parquet", "--to", str(tmp_path / "table.parquet"))
    assert (tmp_path / "table.parquet").stat().st_size > 0
    assert "name a file with --to" in afield("table", out, "--format", "parquet", code=2)
    assert afield("report", out).strip() == str(tmp_path / "out" / "report.html")
