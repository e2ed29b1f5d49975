"""The study file: what is wrong in it is said in words, with the key and the mend."""

import re
import string
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afield.backbones.catalogue import named_set
from afield.base.errors import InputError
from afield.study.preparing.changes import with_backbones
from afield.study.preparing.numerics import settle_numerics
from afield.study.preparing.study_file import load_study, parse_study, shipped_studies
from afield.study.study import Study
from afield.training.numerics import NumericsChoice

TEXT = shipped_studies()["quickstart"]


def complaint(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parse_study(text, "study.toml")
    return str(caught.value)


@pytest.mark.parametrize("name", shipped_studies())
def test_shipped_studies_are_sound(name: str) -> None:
    assert load_study(name).study.name == name.rsplit("/", maxsplit=1)[-1]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("epochs = 3", "lerning_rate = 1", "study.toml: recipe.lerning_rate: unknown key; did you mean learning_rate?"),
        ("epochs = 3", 'epochs = "three"', "study.toml: recipe.epochs: should be a valid integer, not 'three'"),
        ("epochs = 3", "epochs = -3", "study.toml: recipe.epochs: should be greater than or equal to 1, not -3"),
        ("1e-4, 3e-4,", "-1e-4, 3e-4,", "study.toml: search.grid.learning_rate: should be greater than 0, not -0.0001"),
        ("1e-4, 3e-4,", "nan, 3e-4,", "study.toml: search.grid.learning_rate: should be a finite number, not nan"),
        ('"plain", ', '"plane", ', "plane: there is no table [interventions.plane]; did you mean plain?"),
        ("[study]", "[stduy]", "study.toml: stduy: unknown key; did you mean study?"),
        ("seeds = [0, 1]", "seeds = [1, 1]", "study.toml: study.seeds: named twice: 1; name each once"),
        ("rungs = [1, 3]", "rungs = [3, 1]", "study.toml: search.rungs: must rise, e.g. [3, 10, 30]"),
        ('"halving"', '"hyperband"', "search.method: should be 'grid', 'halving', 'random', 'optuna' or 'race', not"),
        ('initialisation = "scratch"', "learning_rate = 1", "interventions.scratch.learning_rate: is searched by"),
        ("[recipe]", "[recipe", "study.toml: not valid TOML"),
        ('backbones = ["squeezenet1_1.caffe_in1k"]', "backbones = []", "interventions.scratch.backbones: names none"),
        ("seeds = [0, 1]", "seeds = []", "study.toml: study.seeds: must not be empty"),
        ('name = "quickstart"', 'name = "../x"', "study.toml: study.name: may hold letters, digits and . _ - alone"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_words(old: str, new: str, words: str) -> None:
    assert old in TEXT
    assert words in complaint(TEXT.replace(old, new, 1))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            '[ensembles.all]\nover = ["seeds"]\nmaen = "ranks"\n',
            "ensembles.all.maen: unknown key; did you mean mean",
        ),
        (
            '[soups.all]\nover = ["seeds"]\njoin = "ranks"\n',
            "soups.all.join: unknown key; known: backbones, interventions, method, over",
        ),
        (
            '[tasks.moths]\nfolder = "moths"\nlable = "x"\n',
            "tasks.moths.lable: unknown key; did you mean table or label or labels?",
        ),
    ],
)
def test_unknown_keys_of_tables_with_names_of_their_own_are_told_the_known_ones(table: str, words: str) -> None:
    assert words in complaint(f"{TEXT}\n{table}")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("image_size = 16", "image_size: should be greater than or equal to 32 or 'auto', not 16"),
        ("image_size = 0.5", "image_size: should be a valid integer or 'auto', not 0.5"),
        ("image_size = nan", "image_size: should be a valid integer or 'auto', not nan"),
        ('head = "liner"', "head: liner: is no head; did you mean linear?"),
    ],
)
def test_a_mistake_in_a_key_of_several_kinds_is_one_line(key: str, words: str) -> None:
    said = complaint(TEXT.replace("image_size = 64", key, 1))
    assert said.startswith(f"study.toml: recipe.{words}")
    assert "\n" not in said


def test_every_mistake_is_named_at_once() -> None:
    text = TEXT.replace("epochs = 3", "epochs = 0").replace("batch_size = 32", "batch_size = 1")
    assert complaint(text).count("\n") == 1


def test_interventions_change_the_recipe_and_may_name_backbones() -> None:
    study = parse_study(TEXT, "study.toml")
    assert study.recipe_of("scratch") == study.recipe.model_copy(update={"initialisation": "scratch"})
    assert study.backbones_of("scratch") == ("squeezenet1_1.caffe_in1k",)
    assert study.backbones_of("plain") == study.study.backbones


def test_the_grid_varies_its_last_key_fastest() -> None:
    cells = parse_study(TEXT.replace("weight_decay = [1e-4]", "weight_decay = [1e-4, 0]"), "study.toml").cells("plain")
    assert [(cell.learning_rate, cell.weight_decay) for cell in cells[:3]] == [(1e-4, 1e-4), (1e-4, 0), (3e-4, 1e-4)]


VALUES = [
    "-1",
    "0",
    "1",
    "1e9",
    "1e400",
    "nan",
    "inf",
    "''",
    "'x'",
    "[]",
    "[[]]",
    "{}",
    "true",
    "1979-05-27",
    "'\\u0000'",
    "'<script>'",
    "[1, 'a']",
]
LINES = TEXT.splitlines()
SETTERS = [number for number, line in enumerate(LINES) if re.match(r"\w+ = .*[^\[]$", line)]


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_mutated_study_is_accepted_or_explained(data: st.DataObject) -> None:
    """A hundred damaged studies: words that begin with the file's name, never another kind of error."""
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        kind = data.draw(st.sampled_from(["value", "key", "drop", "swap", "letter", "insert"]))
        number = (
            data.draw(st.sampled_from(SETTERS))
            if kind in ("value", "key")
            else data.draw(st.integers(0, len(lines) - 1))
        )
        number = min(number, len(lines) - 1)
        if kind == "value":
            lines[number] = lines[number].split("=")[0] + "= " + data.draw(st.sampled_from(VALUES))
        elif kind == "key":
            lines[number] = (
                data.draw(st.text(string.ascii_lowercase + "_", min_size=1, max_size=12))
                + " ="
                + lines[number].partition("=")[2]
            )
        elif kind == "drop":
            del lines[number]
        elif kind == "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[number], lines[other] = lines[other], lines[number]
        elif kind == "letter" and lines[number]:
            place = data.draw(st.integers(0, len(lines[number]) - 1))
            lines[number] = lines[number][:place] + data.draw(st.characters(codec="utf-8")) + lines[number][place + 1 :]
        else:
            lines.insert(number, data.draw(st.text(max_size=20)).replace("\r", ""))
    try:
        study = parse_study("\n".join(lines), "study.toml")
    except InputError as error:
        said = str(error).splitlines()
    else:
        said = []
        assert isinstance(study, Study)
        tomllib.loads("\n".join(lines))
        for intervention in study.study.interventions:
            assert study.cells(intervention)
    assert all(line.startswith("study.toml: ") and "Traceback" not in line for line in said), said


def test_a_device_that_is_not_here_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afield.training.device.available_devices", lambda: ("cpu",))
    with pytest.raises(InputError, match=r"numerics\.device: this machine has no cuda; it has cpu"):
        settle_numerics(NumericsChoice(device="cuda"), None)


def test_mps_has_no_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afield.training.device.available_devices", lambda: ("mps", "cpu"))
    with pytest.raises(InputError, match=r"numerics\.precision: mps has no float64; say device = \"cpu\""):
        settle_numerics(NumericsChoice(precision="float64"), None)
    assert settle_numerics(NumericsChoice(precision="float64", device="cpu"), None).precision == "float64"


def test_what_was_settled_once_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = settle_numerics(NumericsChoice(), tmp_path)
    assert (first.device, first.precision, first.threads) == ("cpu", "float32", 1)
    monkeypatch.setattr("afield.training.device.available_devices", lambda: ("cuda", "cpu"))
    assert settle_numerics(NumericsChoice(), tmp_path) == first, "a later run reads the folder's numerics"
    assert settle_numerics(NumericsChoice(), None).precision == "bfloat16"


def test_a_set_of_backbones_stands_for_its_members() -> None:
    text = TEXT.replace("backbones = [", 'backbones = [\n    "small",', 1)
    backbones = parse_study(text, "study.toml").study.backbones
    assert set(backbones) == {*named_set("small"), *load_study("quickstart").study.backbones}
    assert len(set(backbones)) == len(backbones)


def test_other_backbones_take_the_place_of_the_study_s() -> None:
    study = load_study("quickstart")
    changed = with_backbones(study, ["clip", "resnet50.am_in1k"])
    assert changed.study.backbones == (*named_set("clip"), "resnet50.am_in1k")
    assert changed.study.interventions == ("plain",)  # scratch is tried on a SqueezeNet that is not there any more
    assert (changed.recipe, changed.search, changed.study.seeds) == (study.recipe, study.search, study.study.seeds)
    kept = with_backbones(study, ["squeezenet1_1.caffe_in1k", "small"])
    assert kept.study.interventions == study.study.interventions
    assert kept.backbones_of("scratch") == ("squeezenet1_1.caffe_in1k",)
    assert with_backbones(study, study.study.backbones) == study
    with pytest.raises(InputError, match="named twice: a; name each once"):
        with_backbones(study, ["a", "a"])
    with pytest.raises(InputError, match="none of a: is tried under an intervention"):
        with_backbones(parse_study(TEXT.replace('"plain", ', ""), "study.toml"), ["a"])


def test_other_backbones_narrow_ensembles_and_soups() -> None:
    """What would be left with one member, or none, is left out."""
    squeezenet, other = "squeezenet1_1.caffe_in1k", "tf_efficientnet_lite0.in1k"
    text = f"""
[ensembles.both]
over = ["backbones"]
backbones = ["{squeezenet}", "{other}"]
[ensembles.all]
over = ["backbones"]
[soups.cells]
over = ["cells"]
backbones = ["{squeezenet}", "{other}"]
interventions = ["plain", "scratch"]
[soups.other]
over = ["cells"]
backbones = ["{squeezenet}"]
[soups.scratch]
over = ["cells"]
interventions = ["scratch"]
"""
    study = parse_study(TEXT + text, "study.toml")
    assert with_backbones(study, study.study.backbones) == study
    one = with_backbones(study, [other])
    assert one.ensembles == {}
    assert list(one.soups) == ["cells"]
    assert (one.soups["cells"].backbones, one.soups["cells"].interventions) == ((other,), ("plain",))
    two = with_backbones(study, ["clip", squeezenet])
    assert list(two.ensembles) == ["all"]
    assert (list(two.soups), two.soups["cells"].interventions) == (list(study.soups), ("plain", "scratch"))


def test_a_study_with_other_backbones_has_a_name_of_its_own() -> None:
    """Both may share a result folder: neither plan may take the other's place."""
    study = load_study("quickstart")
    assert with_backbones(study, study.study.backbones).study.name == "quickstart"
    few = with_backbones(study, ["squeezenet1_1.caffe_in1k"])
    assert few.study.name == "quickstart--squeezenet1_1.caffe_in1k"
    many = with_backbones(study, ["squeezenet1_1.caffe_in1k", "resnet50.tv_in1k", "convnext_tiny.fb_in1k"])
    assert many.study.name.startswith("quickstart--")
    assert len({study.study.name, few.study.name, many.study.name}) == 3


@pytest.mark.parametrize("change", ['initialisation = "scratch"', 'schedule = "step"'])
def test_what_is_written_down_is_read_as_the_same_study(change: str) -> None:
    head = 'name = "a"\ntasks = ["elpv"]\nbackbones = ["squeezenet1_1.caffe_in1k"]\ninterventions = ["plain", "other"]'
    study = parse_study(f"[study]\n{head}\n[interventions.other]\n{change}", "study.toml")
    again = Study.model_validate_json(study.written())
    assert again.recipe_of("other") == study.recipe_of("other")
    assert again.cells("other") == study.cells("other")
    assert again.written() == study.written()


def test_a_folder_is_no_study_file_and_the_mend_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder and no study; write a study file that names it"):
        load_study(tmp_path)
