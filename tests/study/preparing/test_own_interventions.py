"""Interventions as objects: named by a study as FILE:NAME, they are data from then on."""

import json
import re
from pathlib import Path

import pytest

from afield.backbones.weights import Sources
from afield.base.errors import InputError
from afield.study.check import check_extension
from afield.study.preparing.changes import with_backbones, with_settings
from afield.study.preparing.study_file import parse_study
from afield.study.study import Study
from tests.fixtures.tiny import study_text
from tests.study.helpers import check_ready

LAB = """
from torch import nn
from torch.nn import functional

from afield import Augmentation, Head, Intervention, Loss

fog = Augmentation(apply=lambda images, drawn: images // 2)
head = Head(build=nn.Linear)
mine = Loss(compute=lambda logits, labels: functional.cross_entropy(logits, labels, reduction="none"))
rough = Intervention(keys={"augmentation": "my_lab:fog", "epochs": 2, "schedule": "step", "milestones": (1,)})
other = 3
empty = Intervention(keys={})
misnamed = Intervention(keys={"epoch": 2})
untrue = Intervention(keys={"epochs": -2})
lost = Intervention(keys={"loss": "my_lab:mime"})
more = Intervention(keys={"further": {"photos": ["more"]}, "epochs": 3, "backbones": ["squeezenet1_1.caffe_in1k"]})
wrong = Intervention(keys={"further": {"photos": [{"taks": "more"}]}})
"""


def text_naming(photos: Path, folder: Path, *names: str) -> str:
    (folder / "my_lab.py").write_text(LAB)
    text = 'extensions = ["my_lab.py"]\n' + study_text(photos, epochs=3)
    return text.replace("seeds = [0, 1]", f"seeds = [0]\ninterventions = {json.dumps(names)}")


def study_naming(photos: Path, folder: Path, *names: str) -> Study:
    return parse_study(text_naming(photos, folder, *names), "tiny.toml", folder)


def test_an_object_is_the_table_that_it_stands_for(photos: Path, tmp_path: Path) -> None:
    assert study_naming(photos, tmp_path, "plain", "my_lab:more").training_of("my_lab:more").tasks() == {"photos"}
    study = study_naming(photos, tmp_path, "plain", "my_lab:rough", "my_lab:fog", "my_lab:head", "my_lab:mine")
    assert study.interventions == {
        "my_lab:rough": {"augmentation": "my_lab:fog", "epochs": 2, "schedule": "step", "milestones": [1]},
        "my_lab:fog": {"augmentation": "my_lab:fog"},
        "my_lab:head": {"head": "my_lab:head"},
        "my_lab:mine": {"loss": "my_lab:mine"},
    }
    assert study.recipe_of("my_lab:rough").milestones == (1,)
    (tmp_path / "my_lab.py").unlink()  # what a result folder keeps of the study needs no file
    assert Study.model_validate_json(study.model_dump_json()) == study
    assert with_backbones(study, study.study.backbones) == study


def test_the_file_is_in_the_keys_where_its_code_shapes_the_training(photos: Path, tmp_path: Path) -> None:
    plan = check_ready(study_naming(photos, tmp_path, "plain", "my_lab:rough", "my_lab:head"))
    used = {search.intervention: [name for name, _ in search.cells[0].extensions] for search in plan.searches}
    assert used == {"plain": [], "my_lab:rough": ["my_lab"], "my_lab:head": ["my_lab"]}
    table = text_naming(photos, tmp_path, "plain", "rough") + (
        '\n[interventions.rough]\naugmentation = "my_lab:fog"\nepochs = 2\nschedule = "step"\nmilestones = [1]\n'
    )
    same = check_ready(parse_study(table, "tiny.toml", tmp_path))
    assert same.searches[1].keys == plan.searches[1].keys, "a table and an object are one and the same trial"


def test_a_setting_of_the_command_may_name_one(photos: Path, tmp_path: Path) -> None:
    study = with_settings(study_naming(photos, tmp_path, "plain"), ['study.interventions=["plain", "my_lab:rough"]'])
    assert study.interventions["my_lab:rough"]["epochs"] == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("my_lab:ruogh", r"^tiny\.toml: my_lab:ruogh: .* has no ruogh; did you mean my_lab:rough"),
        ("my_lab:foog", r"has no foog; did you mean my_lab:fog"),
        ("my_lab:other", r"my_lab:other: is of type int, not Intervention"),
        ("my_lab:empty", r"my_lab:empty: keys: must hold recipe keys"),
        ("my_lab:misnamed", r"tiny.toml: interventions.my_lab:misnamed.epoch: unknown key; did you mean epochs"),
        ("my_lab:untrue", r"tiny.toml: interventions.my_lab:untrue.epochs: should be greater"),
        ("their_lab:rough", r"^tiny\.toml: their_lab:rough: no extension their_lab is named by the study"),
    ],
)
def test_what_is_none_is_named(photos: Path, tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        study_naming(photos, tmp_path, "plain", name)
    assert re.search(words, str(caught.value)), str(caught.value)


def test_the_check_tries_them(tmp_path: Path) -> None:
    (tmp_path / "my_lab.py").write_text("\n".join(line for line in LAB.splitlines() if not line.startswith("fog")))
    found = {check.name: check for check in check_extension(tmp_path / "my_lab.py", Sources())}
    outcomes = {name: check.outcome for name, check in found.items()}
    assert outcomes == {
        "my_lab:head": "ok",
        "my_lab:mine": "ok",
        "my_lab:more": "ok",
        **{f"my_lab:{name}": "failed" for name in ("rough", "empty", "misnamed", "untrue", "lost", "wrong")},
    }
    assert "has no fog" in found["my_lab:rough"].words
    assert "epoch: is no key of a recipe; did you mean epochs" in found["my_lab:misnamed"].words
    assert "epochs: Input should be greater than or equal to 1, not -2" in found["my_lab:untrue"].words
    assert "my_lab:wrong: further.photos.0.taks: unknown key" in found["my_lab:wrong"].words
    assert "has no mime; did you mean my_lab:mine" in found["my_lab:lost"].words
