"""Tasks as commands name them: also those that a study file or an extension defines."""

from pathlib import Path

import pytest

from afield.base.errors import InputError
from afield.study.preparing.named_task import named_task
from afield.tasks.builtin import TASKS
from tests.fixtures.images import class_folder
from tests.fixtures.own import table

STUDY = """
extensions = ["my_lab.py"]
[study]
name = "moths"
tasks = ["moths", "elpv", "my_lab:birds"]
backbones = ["squeezenet1_1.caffe_in1k"]
[tasks.moths]
table = "moths.csv"
label = "species"
group = "trap"
[tasks.few]
task = "moths"
shots = 2
"""
LAB = """
from afield import Task

birds = Task.from_folder("photos")
number = 7
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study file and an extension, in the folder in which the command runs."""
    table(tmp_path / "moths.csv", {"species": ["a", "b"] * 20, "trap": [f"t{row // 4}" for row in range(40)]})
    class_folder(tmp_path / "photos", {"crow": 10, "owl": 10})
    (tmp_path / "moths.toml").write_text(STUDY)
    (tmp_path / "my_lab.py").write_text(LAB)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_task_of_a_study_and_of_an_extension_is_named_by_its_file(here: Path) -> None:
    assert named_task("moths.toml:moths").classes == ("a", "b")
    assert named_task(f"{here}/moths.toml:few").name == "few", "a table that study.tasks need not name"
    assert named_task("moths.toml:elpv") is TASKS["elpv"]
    assert named_task("quickstart:elpv") is TASKS["elpv"], "a shipped study"
    for name in ("moths.toml:my_lab:birds", "my_lab.py:birds"):
        assert (named_task(name).name, named_task(name).classes) == ("birds", ("crow", "owl"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("moths.toml:owls", "moths.toml:owls: no such task; moths.toml has the tasks moths, elpv, my_lab:birds, few"),
        ("moths.toml", "moths.toml: has the tasks moths, .*, few; name one, moths.toml:moths"),
        ("quickstart:owls", "quickstart:owls: no such task; quickstart has the task elpv"),
        ("my_lab.py:number", "my_lab.py:number: no such task; my_lab.py has the task birds"),
        ("my_lab.py", "my_lab.py: has the task birds; name one, my_lab.py:birds"),
        ("none.toml:moths", "none.toml: no such file"),
        ("none.py:moths", "none.py: no such file"),
        ("elvp", "elvp: unknown task.* did you mean elpv"),
    ],
)
def test_what_is_none_is_refused_with_the_tasks_that_there_are(here: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        named_task(name)


def test_paths_that_look_alike_are_still_paths(here: Path) -> None:
    class_folder(here / "old.toml", {"crow": 10, "owl": 10})
    assert named_task("old.toml").name == "old.toml"
    assert named_task(str(table(here / "a:b.csv", {"label": ["x", "y"] * 10}))).name == "a:b"


def test_commands_that_look_at_a_task_take_them(afield, here):
    assert "a, b" in afield("tasks", "show", "moths.toml:moths")
    assert afield("tasks", "splits", "my_lab.py:birds").count("\n") == 21
    assert "moths.toml has the tasks" in afield("check", "moths.toml:owls", code=2)
    assert "moths.toml has the tasks" in afield("tasks", "prepare", "moths.toml:owls", code=2)
