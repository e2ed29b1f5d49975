"""`afield extension check` on augmentations, tasks, metrics and losses."""

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


AUGMENTATION = """
import numpy as np
import torch
from afield import Augmentation
given = []
mine = Augmentation(draw=lambda u, size: {draw}, apply=lambda images, drawn: {apply}, numbers=2)
"""


def tried(folder: Path, draw: str = "{'x': u[:, :1]}", apply: str = "images.flip(3)") -> dict[str, tuple[str, str]]:
    file = folder / "my_lab.py"
    file.write_text(AUGMENTATION.format(draw=draw, apply=apply))
    return {check.what: (check.outcome, check.words) for check in check_extension(file, Sources())}


@pytest.mark.slow
def test_a_sound_augmentation_passes(tmp_path: Path) -> None:
    found = tried(tmp_path)
    assert found["draws alike"] == ("ok", "x from 2 random numbers")
    assert found["applies alike"] == ("ok", "images of 1, 3, 5 channels, 32 and 65 px")
    assert found["loads from its copy"][0] == "ok"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"draw": "{'x': 0.5}"}, "x: must be a NumPy array with a row for each of 12 samples, not float"),
        ({"draw": "{'x': u.mean(axis=0)}"}, r"with a row for each of 12 samples, not \[2\]"),
        ({"draw": "{'x': np.random.rand(len(u))}"}, "differ from call to call"),
        ({"draw": "{'x': u[:, 0] - u[:, 0].mean()}"}, "with the samples beside it"),
        ({"apply": "images.float()"}, r"must give images .* of torch\.uint8 .* as it was given, not .* torch\.float32"),
        ({"apply": "images[:, :, 1:]"}, r"not \[12, 1, 31, 32\]"),
        ({"apply": "None"}, "must give a tensor, not NoneType"),
        ({"apply": "images.mul_(2)"}, r"changes the images that it was given"),
        ({"apply": "images.roll(1, 0)"}, "with the images beside it"),
        ({"apply": "(given.append(1), images + len(given))[1]"}, "differs from call to call"),
        ({"apply": "images + 1 / 0"}, "my_lab.py, line 6: ZeroDivisionError"),
    ],
)
def test_an_augmentation_that_breaks_the_contract_is_named(
    tmp_path: Path, broken: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afield.study.check.travels", lambda name, extension: "")  # needs no fresh process here
    found = tried(tmp_path, **broken)
    outcome, said = found["draws alike" if "draw" in broken else "applies alike"]
    assert outcome == "failed"
    assert re.search(words, said), said


def test_a_metric_that_is_better_when_lower_cannot_lead(tmp_path: Path) -> None:
    found = checked(tmp_path, "mine = Metric(compute=lambda p: 0.5, range=(0, 1), direction='lower')")
    assert "give its negative" in found["my_lab:mine"][1]


def test_a_task_without_its_table_is_named(tmp_path: Path) -> None:
    outcome, said = checked(tmp_path, "moths = Task.from_table('moths.csv')")["my_lab:moths"]
    assert outcome == "failed"
    assert "moths.csv: no such file" in said


LOSS = """
import torch
from torch.nn import functional
from afield import Loss


def right(logits, labels):
    return functional.cross_entropy(logits, labels, reduction="none")


mine = Loss(compute={compute}{targets})
"""


def checked_loss(folder: Path, compute: str, targets: str = "") -> tuple[str, str]:
    (folder / "my_lab.py").write_text(LOSS.format(compute=compute, targets=targets))
    (check,) = check_extension(folder / "my_lab.py", Sources())
    return check.outcome, check.words


def test_a_sound_loss_passes(tmp_path: Path) -> None:
    outcome, said = checked_loss(tmp_path, "right")
    assert outcome == "ok", said
    assert re.fullmatch(r"a mean loss of random logits of 1\.\d{3} for class, 1\.\d{3} for grade", said)


def test_a_loss_that_looks_at_the_batch_is_told_what_it_is_given_of_it(tmp_path: Path) -> None:
    outcome, said = checked_loss(tmp_path, "lambda z, y: right(z, y) / right(z, y).detach().max()")
    assert outcome == "ok", said
    assert said.endswith(
        "for grade; looks at the whole batch, and with numerics.micro_batch or devices is given a part"
    )


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (
            "lambda z, y: right(z, y).mean()",
            r"class: gives \(\); must give a tensor of the loss of each sample, \(60,\)",
        ),
        ("lambda z, y: right(z, y).double()", "gives torch.float64, or what is not finite; must give finite"),
        ("lambda z, y: right(z, y) / 0", "or what is not finite"),
        ("lambda z, y: right(z.detach(), y)", "do not depend on the logits"),
        ("lambda z, y: right(z, y) * 0", "0 everywhere, so nothing could be learned"),
        ("lambda z, y: right(z, y) * torch.rand(len(y))", "gives other losses for the same batch; draw nothing"),
        ("lambda z, y: right(z, y) * torch.arange(len(y))", "do not stand in the order of the samples"),
        ("lambda z, y: right(z, y)[0] / [0]", "my_lab.py, line 11: TypeError"),
    ],
)
def test_a_loss_that_breaks_the_contract_is_named(tmp_path: Path, compute: str, words: str) -> None:
    outcome, said = checked_loss(tmp_path, compute)
    assert outcome == "failed"
    assert re.search(words, said), said


def test_a_loss_says_whom_it_serves(tmp_path: Path) -> None:
    assert "targets: is empty" in checked_loss(tmp_path, "right", ", targets=()")[1]
    assert (
        "targets: klass: is no kind of task; did you mean class"
        in checked_loss(tmp_path, "right", ', targets=("klass",)')[1]
    )
    assert checked_loss(tmp_path, "right", ', targets=("labels",)')[0] == "failed"
