"""From what a command names to a study, and values put in place of its own."""

from pathlib import Path

import pytest

from afield.base.errors import InputError
from afield.study.preparing.changes import with_settings
from afield.study.preparing.choose import choose_study
from afield.study.preparing.study_file import load_study, parse_study
from afield.study.searching.search import rung_sizes
from afield.tasks.builtin import find_task
from tests.fixtures.images import class_folder
from tests.fixtures.own import table


def test_a_folder_or_table_is_a_study_of_its_own(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "my photos!", {"a": 5, "b": 5})
    study = choose_study(str(root))
    assert (study.study.name, study.study.tasks) == ("my_photos", (str(root),))
    assert study.search.grid["learning_rate"] == (1e-5, 1e-4, 1e-3, 1e-2)
    assert len(study.study.backbones) > 3
    named = choose_study(str(root), backbones=["squeezenet1_1.caffe_in1k"])
    assert (named.study.name, named.study.backbones) == ("my_photos", ("squeezenet1_1.caffe_in1k",))
    with pytest.raises(InputError, match="named twice"):
        choose_study(str(root), backbones=["squeezenet1_1.caffe_in1k"] * 2)
    path = table(tmp_path / "moths.csv", {"label": ["a", "b"] * 5})
    assert choose_study(str(path)).study.tasks == (str(path),)
    assert choose_study("quickstart") == load_study("quickstart")


def test_values_are_put_in_place_of_the_studys_own() -> None:
    settings = [
        "recipe.epochs=5",
        "search.grid.learning_rate=[1e-3, 1e-2]",
        "study.protocol=paper",
        "numerics.threads=2",
    ]
    study = with_settings(load_study("quickstart"), settings)
    assert (study.recipe.epochs, study.recipe.batch_size) == (5, 32)
    assert study.search.grid == {"learning_rate": (1e-3, 1e-2), "weight_decay": (1e-4,)}
    assert (study.study.protocol, study.numerics.threads) == ("paper", 2)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("recipe.epochs", "recipe.epochs: must be KEY=VALUE"),
        ("recipe.epoch=5", r"recipe\.epoch: unknown key; did you mean epochs\?"),
        ("recipe.epochs=many", r"recipe\.epochs: .*not 'many'"),
        ("study.name.x=1", "study.name.x=1: name is no table"),
        ("tasks=3", "tasks: "),
        ("tasks.elpv=3", r"tasks\.elpv: "),
    ],
)
def test_what_the_file_could_not_hold_is_refused(setting: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        with_settings(load_study("quickstart"), [setting])


def test_own_data_count_from_the_study_file(tmp_path: Path) -> None:
    table(tmp_path / "moths.csv", {"label": ["a", "b"] * 5})
    text = """
[study]
name = "x"
tasks = ["moths.csv", "few", "elpv"]
backbones = ["squeezenet1_1.caffe_in1k"]
[tasks.few]
table = "moths.csv"
shots = 2
"""
    study = parse_study(text, "x.toml", tmp_path)
    assert study.study.tasks == (str(tmp_path / "moths.csv"), "few", "elpv")
    assert study.tasks["few"].table == (str(tmp_path / "moths.csv"),)
    again = type(study).model_validate_json(study.model_dump_json())
    assert again == study
    with pytest.raises(InputError, match=r"tasks\.few: shot: unknown key|tasks\.few\.shot: unknown key"):
        parse_study(text.replace("shots", "shot"), "x.toml", tmp_path)


def test_a_value_that_is_set_is_not_searched(tmp_path: Path) -> None:
    """Nobody wrote the grid of a study of one's own data; where somebody did, one of the two is a mistake."""
    root = class_folder(tmp_path / "photos", {"a": 5, "b": 5})
    study = choose_study(str(root), ["recipe.learning_rate=1e-3", "recipe.epochs=2"])
    assert (study.recipe.learning_rate, study.recipe.epochs) == (1e-3, 2)
    assert study.search.grid == {"weight_decay": (1e-4,)}
    assert [cell.learning_rate for cell in study.cells("plain")] == [1e-3]
    with pytest.raises(InputError, match=r"^recipe\.learning_rate: is searched by search\.grid; take it out of one"):
        with_settings(load_study("quickstart"), ["recipe.learning_rate=1e-3"])
    text = f'study = {{ name = "x", tasks = ["{root}"], backbones = ["squeezenet1_1.caffe_in1k"] }}\n'
    text += "recipe.weight_decay = 1e-4\nsearch.grid.weight_decay = [1e-4]\n"
    with pytest.raises(InputError, match=r"^my\.toml: recipe\.weight_decay: is searched by search\.grid"):
        parse_study(text, "my.toml")


def test_of_four_learning_rates_two_are_compared_once_more(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "photos", {"a": 5, "b": 5})
    search = choose_study(str(root)).search
    assert rung_sizes(search, 4, 30) == [(3, 4), (10, 2), (30, 1)]


def test_keys_of_own_data_are_set_by_the_name_of_their_study(tmp_path: Path) -> None:
    path = table(tmp_path / "moths.v2.csv", {"kind": ["a", "b"] * 5, "trap": [f"t{row}" for row in range(10)]})
    study = choose_study(str(path), ["tasks.moths.v2.label=kind", "tasks.moths.v2.group=trap", "recipe.epochs=2"])
    assert study.study.tasks == (study.study.name,) == ("moths.v2",)
    source = study.tasks["moths.v2"]
    assert (source.table, source.label, source.group) == ((str(path),), "kind", "trap")
    assert find_task("moths.v2", study.tasks).classes == ("a", "b")
    root = class_folder(tmp_path / "eurosat", {"a": 5, "b": 5})
    assert choose_study(str(root), ["tasks.own_eurosat.folds=3"]).tasks["own_eurosat"].folds == 3
    with pytest.raises(InputError, match="does not use the task eurosat; it uses own_eurosat"):
        choose_study(str(root), ["tasks.eurosat.folds=3"])


PARTS = """
[study]
name = "x"
tasks = ["few", "elpv"]
backbones = ["squeezenet1_1.caffe_in1k"]
[tasks.few]
task = "moths"
shots = 2
[tasks.moths]
table = "moths.csv"
[tasks.idle]
table = "other.csv"
"""


@pytest.mark.parametrize("name", ["idle", "nothing"])
def test_keys_of_a_task_that_the_study_does_not_use_are_refused(name: str) -> None:
    with pytest.raises(
        InputError, match=rf"tasks.{name}.label=x: the study does not use the task {name}; it uses few, elpv, moths"
    ):
        with_settings(parse_study(PARTS, "x.toml"), [f"tasks.{name}.label=x"])


def test_keys_of_a_task_that_is_used_can_be_set() -> None:
    study = parse_study(PARTS, "x.toml")
    assert with_settings(study, ["tasks.moths.label=x"]).tasks["moths"].label == "x", "few is a part of it"
    assert with_settings(study, ["tasks.idle.label=x", 'study.tasks=["idle"]']).tasks["idle"].label == "x"
    with pytest.raises(InputError, match=r"elpv is a built-in task, whose keys cannot be changed"):
        with_settings(study, ["tasks.elpv.label=x"])
