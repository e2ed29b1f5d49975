"""`afield extension check` on tasks and metrics."""

import re
from pathlib import Path

import pytest

from afield.backbones.weights import Sources
from afield.study.check import check_extension, describe_checks
from tests.fixtures.own import table

METRIC = """
import numpy as np
from afield import Metric, Task
{body}
"""


def checked(folder: Path, body: str) -> dict[str, tuple[str, str]]:
    file = folder / "my_lab.py"
    file.write_text(METRIC.format(body=body))
    return {check.name: (check.outcome, check.words) for check in check_extension(file, Sources())}


def test_a_sound_task_and_metric_pass(tmp_path: Path) -> None:
    table(tmp_path / "moths.csv", {"label": ["a", "b"] * 10})
    found = checked(
        tmp_path,
        "share = Metric(compute=lambda p: float((p.logits.argmax(1) == p.label).mean()), range=(0, 1))\n"
        "moths = Task.from_table('moths.csv')",
    )
    assert found["my_lab:moths"] == ("ok", "2 classes; train 12, validation 4, test 4")
    assert found["my_lab:share"][0] == "ok"
    assert all(passed for _, passed in describe_checks(tmp_path / "my_lab.py", Sources()))


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        ("lambda p: 7.0", "gives 7.0; must give a number between 0 and 1"),
        ("lambda p: 'good'", "gives 'good'; must give a number"),
        ("lambda p: float(np.random.rand())", "and .* with the samples in another order"),
        ("lambda p: float(p.label[0] == 0)", "with the samples in another order"),
        ("lambda p: 1 / 0", "my_lab.py, line 4: ZeroDivisionError"),
    ],
)
def test_a_metric_that_breaks_the_contract_is_named(tmp_path: Path, compute: str, words: str) -> None:
    outcome, said = checked(tmp_path, f"mine = Metric(compute={compute}, range=(0, 1))")["my_lab:mine"]
    assert outcome == "failed"
    assert re.search(words, said), said


def test_a_metric_that_is_better_when_lower_cannot_lead(tmp_path: Path) -> None:
    found = checked(tmp_path, "mine = Metric(compute=lambda p: 0.5, range=(0, 1), direction='lower')")
    assert "give its negative" in found["my_lab:mine"][1]


def test_a_task_without_its_table_is_named(tmp_path: Path) -> None:
    outcome, said = checked(tmp_path, "moths = Task.from_table('moths.csv')")["my_lab:moths"]
    assert outcome == "failed"
    assert "moths.csv: no such file" in said
