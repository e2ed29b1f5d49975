"""What commands print for scripts: JSON and nothing else, the text's numbers, the shapes of docs/scripts.md."""

import json
import math
import re
import shutil
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from PIL import Image

from afield.backbones.catalogue import catalogue
from afield.base.plain import plain
from afield.cli import app
from afield.cli.output import put_json
from afield.study.preparing.study_file import parse_study, shipped_studies
from afield.tasks.builtin import TASKS
from tests.fixtures.made import made_folder, planned
from tests.fixtures.tiny import study_text

Run = Callable[..., str]
PAGE = (Path(__file__).parents[1] / "docs" / "scripts.md").read_text(encoding="utf-8")
BACKBONES = '["squeezenet1_1.caffe_in1k", "mobilenetv3_small_100.lamb_in1k"]'
FIRST, SECOND = json.loads(BACKBONES)


@pytest.fixture(scope="module")
def out(photos: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two backbones, two seeds."""
    text = study_text(photos, "grid", 1).replace("1e-4, 1e-3, 3e-3, 1e-2", "1e-3, 1e-2")
    study = parse_study(text.replace('["squeezenet1_1.caffe_in1k"]', BACKBONES), "tiny.toml")
    return made_folder(planned(study, cache), tmp_path_factory.mktemp("made") / "out")


def parsed(text: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def keys_told(command: str) -> set[str]:
    """The keys that the page names in a command's row or section."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `afield {command}")]
    return set(re.findall(r"`(\w+)`", row.partition("|")[2].partition("|")[2]))


def test_what_is_not_finite_is_null_and_what_is_no_ascii_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    put_json({"nan": math.nan, "far": (math.inf, -np.inf), "n": np.int64(3), "yes": np.True_, "name": "Tür\x7f"})
    text = capsys.readouterr().out
    assert text.isascii()
    assert "\x7f" not in text
    assert parsed(text) == {"nan": None, "far": [None, None], "n": 3, "yes": True, "name": "Tür\x7f"}


def test_what_json_has_no_word_for_is_refused() -> None:
    with pytest.raises(TypeError, match="object: is nothing that JSON can hold"):
        plain({"it": object()})


@pytest.mark.slow
def test_the_table_has_its_rows_and_columns(afield: Run, out: Path) -> None:
    rows = parsed(afield("table", str(out), "--json"))
    printed = pd.read_csv(StringIO(afield("table", str(out))))
    assert [list(row) for row in rows] == [list(printed.columns)] * len(printed)
    np.testing.assert_allclose([row["value"] for row in rows], printed["value"], rtol=1e-12)
    assert rows[0]["low"] is None or rows[0]["low"] <= rows[0]["value"]
    assert parsed(afield("table", str(out), "--interventions", "--json")) == []
    for option in (("--format", "markdown"), ("--to", "table.csv")):
        assert "--json prints the rows" in afield("table", str(out), "--json", *option, code=2)


@pytest.mark.slow
def test_ranks_are_those_of_the_text(afield: Run, out: Path) -> None:
    text, found = afield("rank", str(out)), parsed(afield("rank", str(out), "--json"))
    assert (found["intervention"], found["over_tasks"]) == ("plain", None)
    (task,) = found["tasks"]
    lines = [line for line in text.splitlines() if line.split()[:1] in (["1"], ["2"])]
    assert [line.split()[:2] for line in lines] == [[str(row["rank"]), row["backbone"]] for row in task["backbones"]]
    for line, row in zip(lines, task["backbones"], strict=True):
        assert f"{row['value']:.3f}" in line
        assert f"{row['best_rank']} to {row['worst_rank']}" in line
        assert ("chosen on validation" in line) == (row["backbone"] == task["winner"])
    assert {*found, *task, *task["backbones"][0]} <= set(re.findall(r"`(\w+)`", PAGE))


@pytest.mark.slow
def test_a_comparison_is_that_of_the_text(afield: Run, out: Path) -> None:
    text = afield("compare", str(out), FIRST, SECOND)
    found = parsed(afield("compare", str(out), FIRST, SECOND, "--json"))
    assert (found["first"], found["second"], found["intervention"]) == (FIRST, SECOND, "plain")
    (task,) = found["tasks"]
    assert f"{100 * task['difference']['value']:+.1f} points".replace("-", "-") in text
    for seed in task["seeds"]:
        assert f"seed {seed['seed']}: {seed['only_first']} images only {FIRST} has right" in text
    turned = parsed(afield("compare", str(out), SECOND, FIRST, "--json"))["tasks"][0]
    assert turned["difference"]["value"] == -task["difference"]["value"]
    assert {*found, *task, *task["seeds"][0]} <= set(re.findall(r"`(\w+)`", PAGE))


@pytest.mark.slow
def test_a_candidate_without_a_line_says_why(afield: Run, out: Path) -> None:
    found = parsed(afield("compare", str(out), "--candidate", FIRST, "--json"))
    (task,) = found["tasks"]
    assert task["why_not"]
    assert task["why_not"] in afield("compare", str(out), "--candidate", FIRST)
    assert task["expected"] == {"value": None, "low": None, "high": None}
    assert found["over_tasks"] is None
    assert {*found, *task} <= set(re.findall(r"`(\w+)`", PAGE))


@pytest.mark.slow
def test_differences_are_those_of_the_text(afield: Run, out: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(out, tmp_path / "other"))
    found = parsed(afield("diff", str(out), str(other), "--json"))
    assert found["values"] == []
    assert f"{found['rows_in_both']} rows of the results tables in both" in afield("diff", str(out), str(other))
    keys = sorted(path.name for path in (out / "scores").iterdir())[:2]
    two = parsed(afield("diff", str(out), *keys, "--json"))
    assert [two["first"], two["second"]] == keys
    text = afield("diff", str(out), *keys)
    assert all(field["name"] in text for field in two["fields"])
    assert {*found, *two, *found["groups"][0]} <= set(re.findall(r"`(\w+)`", PAGE))


@pytest.mark.slow
def test_status_and_waste_are_those_of_the_text(afield: Run, out: Path) -> None:
    state = parsed(afield("status", str(out), "--json"))
    assert [search["finished"] for search in state["searches"]] == [3, 3]
    assert set(state) <= keys_told("status")
    waste = parsed(afield("clean", str(out), "--json"))
    assert waste == {"out": str(out), "removed": False, "bytes": 0, "waste": []}
    assert "nothing to free" in afield("clean", str(out))


@pytest.mark.slow
def test_waste_is_listed_before_and_after(afield: Run, out: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(out, tmp_path / "copy"))
    trial = next((copy / "trials").iterdir())
    (trial / "checkpoint.pt").write_bytes(b"left behind")
    before, text = parsed(afield("clean", str(copy), "--json")), afield("clean", str(copy))
    (thing,) = before["waste"]
    assert thing == {"kind": "checkpoint", "path": str(trial / "checkpoint.pt"), "bytes": 11, "key": trial.name}
    assert "would free 1 thing" in text
    after = parsed(afield("clean", str(copy), "--yes", "--json"))
    assert after == {**before, "removed": True}
    assert not (trial / "checkpoint.pt").exists()
    assert {*before, *thing} <= keys_told("clean")


def test_a_merge_tells_what_it_made(afield: Run, out: Path, tmp_path: Path) -> None:
    new = str(tmp_path / "new")
    found = parsed(afield("merge", str(out), "--to", new, "--json"))
    made = {"studies": ["tiny"], "finished": 6, "soups": 0, "kept": [], "anew": True}
    assert found == {"out": new, "sources": 1, **made}
    assert set(found) <= keys_told("merge")
    assert not parsed(afield("merge", str(out), "--to", new, "--json"))["anew"]


@pytest.mark.slow
def test_tasks_are_listed_and_shown(afield: Run, photos: Path) -> None:
    listed = parsed(afield("tasks", "list", "--json"))
    assert [task["task"] for task in listed] == list(TASKS)
    lines = afield("tasks", "list").splitlines()[1:]
    assert [line.split()[1] for line in lines] == [str(len(task["classes"])) for task in listed]
    shown = parsed(afield("tasks", "show", str(photos), "--json"))
    assert (shown["classes"], shown["not_here"]) == (["cold", "warm"], "")
    assert f"{sum(shown['splits']['train'].values())} images" in afield("tasks", "show", str(photos))
    assert set(shown) > set(listed[0]), "with what is here"
    assert {"task", "metric", "splits", "not_here"} < set(shown)
    assert "leave out --json" in afield("tasks", "show", str(photos), "--augmentation", "paper", "--json", code=2)


def test_a_task_that_is_not_here_says_so(afield: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AFIELD_DATA", str(tmp_path))
    found = parsed(afield("tasks", "show", "ham10000", "--json"))
    assert found["splits"] is None
    assert "ham10000" in found["not_here"].lower()


@pytest.mark.slow
def test_backbones_are_listed_and_shown(afield: Run, tmp_path: Path) -> None:
    listed = parsed(afield("backbones", "list", "--study", "small", "--json"))
    text = afield("backbones", "list", "--study", "small")
    assert [row["id"] for row in listed] == [line.split()[0] for line in text.split("\n\n")[0].splitlines()[1:]]
    assert all(row["imagenet_top1"] == catalogue()[row["id"]].imagenet_top1 for row in listed)
    assert all("small" in row["sets"] for row in listed)
    (tmp_path / "resnet50.am_in1k.safetensors").write_bytes(b"x")
    found = parsed(afield("backbones", "show", "resnet50.am_in1k", "--weights", str(tmp_path), "--json"))
    assert found["weights"]["path"] == str(tmp_path / "resnet50.am_in1k.safetensors")
    assert {*found} == {*listed[0], "weights"}
    assert {"sets", "weights", *found["weights"]} <= keys_told("backbones list")


@pytest.mark.slow
def test_studies_are_listed(afield: Run) -> None:
    found = parsed(afield("studies", "list", "--json"))
    assert [study["study"] for study in found] == list(shipped_studies())
    for line, study in zip(afield("studies", "list").splitlines()[1:], found, strict=True):
        assert line.split()[:3] == [study["study"], str(study["trainings"]), str(study["epochs"])]
    assert set(found[0]) <= keys_told("studies list")


@pytest.mark.slow
def test_a_check_tells_all_that_its_text_tells(afield: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("afield.checking.check.cores", lambda: 1)
    generator = np.random.default_rng(0)
    for name in ("crow", "owl"):
        (tmp_path / "birds" / name).mkdir(parents=True)
        for number in range(10):
            pixels = generator.integers(0, 255, (40, 40, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "birds" / name / f"{number}.png")
    text = afield("check", str(tmp_path / "birds"))
    found = parsed(afield("check", str(tmp_path / "birds"), "--json"))
    assert (found["images"], found["biased"]) == (20, False)
    assert all(finding["told"].split(".")[0][:60] in " ".join(text.split()) for finding in found["findings"])
    assert [row["name"] for row in found["classes"]] == ["crow", "owl"]
    assert found["page"] == "check_birds.html"
    assert set(found) <= keys_told("check")


@pytest.mark.slow
def test_a_complaint_leaves_standard_output_empty(
    afield: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (("rank",), ("table",), ("clean",), ("status",)):
        assert "no result folder of afield" in afield(*command, str(tmp_path), "--json", code=2)
        assert capsys.readouterr().out == ""


def commands(group: typer.core.TyperGroup, before: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every command with its options."""
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, f"{name} ")
        else:
            yield before + name, {option for each in command.params for option in each.opts}


def test_every_command_that_has_the_option_is_on_the_page() -> None:
    whole = typer.main.get_group(app)
    having = {name for name, options in commands(whole) if "--json" in options}
    rows = [line.partition("| `afield ")[2] for line in PAGE.splitlines() if line.startswith("| `afield ")]
    told = {
        " ".join(word for word in command.split() if word.isalpha() and word.islower())
        for row in rows
        for command in row.partition(" | ")[0].replace("`", "").split(", afield ")
    }
    assert having == told
