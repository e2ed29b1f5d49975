"""What `afield tasks list` and `show` tell."""

import dataclasses
from pathlib import Path

import pytest

from afield.base.errors import InputError
from afield.tasks.builtin import TASKS, find_task
from afield.tasks.sets import elpv
from afield.tasks.show import list_tasks, show_task
from tests.fixtures.images import class_folder


def test_the_list_has_a_line_a_task() -> None:
    lines = list_tasks().splitlines()
    assert lines[0].split() == ["task", "classes", "metric", "title"]
    assert len(lines) == 1 + len(TASKS)
    assert [line for line in lines if line.split()[:3] == ["elpv", "2", "accuracy"] and "ELPV: solar cells" in line]


def test_a_task_is_shown_with_its_counts(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "photos", {"wolf": 10, "lynx": 20})
    said = show_task(find_task(str(root)))
    assert "classes         lynx, wolf\n" in said
    assert "metric          auroc; recorded too: accuracy, balanced_accuracy, macro_f1, " in said
    assert said.endswith(
        "train           18 images: 12 lynx, 6 wolf\n"
        "validation      6 images: 4 lynx, 2 wolf\n"
        "test            6 images: 4 lynx, 2 wolf"
    )


def test_a_task_whose_images_are_not_here_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(data: Path) -> Path:
        raise InputError("moths: no images; get them from the museum")

    monkeypatch.setitem(TASKS, "moths", dataclasses.replace(elpv.TASK, name="moths", find=find))
    said = show_task(find_task("moths"))
    assert elpv.TASK.card.licence in said
    assert said.endswith("\nimages          not here: moths: no images; get them from the museum")
    assert max(map(len, said.splitlines())) <= 110
