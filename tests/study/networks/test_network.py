"""A kept network says of pictures what it said of the test split, and what cannot be loaded is told in words."""

import dataclasses
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from afield.backbones.build import build
from afield.backbones.catalogue import find
from afield.base.errors import AfieldError, DamagedError, InputError
from afield.base.files import write_json
from afield.cli import main
from afield.images.rule import PREPARATION_VERSION
from afield.study.networks.network import Network
from afield.study.networks.open_network import open_network
from afield.study.store import Store
from afield.tasks.data import TaskData
from afield.trial.inputs import SplitInputs
from afield.trial.score import score
from afield.trial.trial import Trial
from tests.fixtures.tiny import BACKBONE, tiny_inputs, tiny_trial

Captured = pytest.CaptureFixture[str]
Inputs = tuple[TaskData, dict[str, SplitInputs]]


@pytest.fixture(scope="module")
def inputs(photos: Path, cache: Path) -> Inputs:
    return tiny_inputs(photos, cache)


@pytest.fixture
def trial(inputs: Inputs) -> Trial:
    return tiny_trial(inputs[0])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "out")


def network_of(trial: Trial) -> dict[str, torch.Tensor]:
    body = build(find(BACKBONE), len(trial.classes), initialisation="scratch", seed=5, weights=None)
    return body.state_dict()


def keep(
    store: Store,
    trial: Trial,
    inputs: Inputs,
    tensors: dict[str, torch.Tensor] | None = None,
    told: dict[str, Any] | None = None,
) -> str:
    """The folder of a trial that has been finished and chosen, with an untrained network in it; what it tells of itself
    may have been changed meanwhile.
    """
    key, validation = trial.key, inputs[1]["validation"]
    store.begin(trial)
    if told is not None:
        write_json(store.trial_folder(key) / "trial.json", {**trial.model_dump(mode="json"), **told})
    store.write_network(key, save(tensors or network_of(trial)), {"classes": list(trial.classes)})
    logits = np.zeros((len(validation.table), len(trial.classes)), np.float32)
    platform = {"torch": "2.9.0", "timm": "1.0.12"}
    store.write_history(key, [{"epoch": 1, "validation": 0.5, "validation_loss": 0.7, "seconds": 1.0}])
    store.finish(key, validation.predictions(trial.classes, logits), {"platform": platform})
    store.selections.write("tiny", "search", [key], trial.metric, "validation")
    return key


@pytest.fixture
def network(store: Store, trial: Trial, inputs: Inputs) -> Network:
    return open_network(store.root, keep(store, trial, inputs))


def files_of(inputs: Inputs, split: str) -> list[Path]:
    data, splits = inputs
    return [data.root / name for name in splits[split].table["image"]]


@pytest.mark.slow
@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_it_says_what_it_said_when_the_test_split_was_scored(
    store: Store, trial: Trial, inputs: Inputs, channels: str
) -> None:
    trial = trial.model_copy(update={"channels": channels})
    network = open_network(store.root, keep(store, trial, inputs))
    scored = score(trial, find(BACKBONE), network_of(trial), inputs[1]["test"]).logits
    assert np.ptp(scored, axis=0).min() > 1e-3, "the images can be told apart"
    np.testing.assert_allclose(network.logits(files_of(inputs, "test")), scored, rtol=0, atol=1e-5)


def test_predictions_are_a_row_an_image_and_probabilities(network: Network, inputs: Inputs, photos: Path) -> None:
    files = files_of(inputs, "test")
    table = network.predict(files)
    assert list(table.columns) == ["path", "predicted", "probability", "p_cold", "p_warm"]
    assert table["path"].tolist() == [str(file) for file in files]
    odds = np.exp(network.logits(files).astype(np.float64))
    np.testing.assert_allclose(table[["p_cold", "p_warm"]], odds / odds.sum(axis=1, keepdims=True))
    assert table["predicted"].tolist() == [network.classes[place] for place in odds.argmax(axis=1)]
    assert (table["probability"] == table[["p_cold", "p_warm"]].max(axis=1)).all()
    assert len(network.predict(photos)) == 40, "a folder stands for the images below it"


def test_the_module_takes_what_images_gives(network: Network, inputs: Inputs) -> None:
    files = files_of(inputs, "test")
    images = network.images(files)
    assert images.shape == (len(files), 3, 32, 32)
    assert not network.module.training
    with torch.no_grad():
        assert np.array_equal(network.module(images).numpy(), network.logits(files))


def test_all_broken_images_are_named_at_once(network: Network, inputs: Inputs, tmp_path: Path) -> None:
    good = files_of(inputs, "test")
    cut, narrow = tmp_path / "cut.png", tmp_path / "narrow.png"
    cut.write_bytes(good[0].read_bytes()[:200])
    Image.new("L", (1, 200_000)).save(narrow)
    files = [cut, *good * 9, narrow]  # the second lies in another batch
    with pytest.raises(InputError, match=rf"^2 of {len(files)} images cannot be used:\n") as caught:
        network.predict(files)
    assert f"{cut}: is damaged" in str(caught.value)
    assert f"{narrow}: 1 pixels wide and 200000 high is too narrow" in str(caught.value)
    table, broken = network.predict_readable(files)
    assert table["path"].tolist() == [str(file) for file in good * 9]
    np.testing.assert_allclose(table["p_warm"][: len(good)], network.predict(good)["p_warm"], atol=1e-6)
    assert [(path, reason[:10]) for path, reason in broken.items()] == [
        (str(cut), "is damaged"),
        (str(narrow), "1 pixels w"),
    ]
    with pytest.raises(InputError, match=r"^1 of 1 image cannot be used:\n"):
        network.predict_readable(cut)


def test_the_command_predicts_what_can_be_read_and_names_the_rest(
    network: Network, store: Store, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    new, table = shutil.copytree(photos / "cold", tmp_path / "new"), tmp_path / "all.csv"
    broken = new / "003.png"
    broken.write_bytes(b"")

    def predict(*options: str) -> tuple[str, str]:
        monkeypatch.setattr(
            sys, "argv", ["afield", "predict", str(store.root), str(new), "--key", network.key, *options]
        )
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        said = capsys.readouterr()
        return said.out, said.err

    out, said = predict("--to", str(table))
    assert (out, len(pd.read_csv(table))) == ("", 19)
    assert said.splitlines()[1:] == [
        f"19 rows written to {table}",
        f"{broken}: is empty; restore the image or drop it",
        "1 of 20 images cannot be read and has no prediction",
    ]
    rows = json.loads(predict("--json")[0])
    assert [row["unreadable"] for row in rows[:-1]] == [None] * 19
    assert (rows[-1]["path"], rows[-1]["predicted"], rows[-1]["p_cold"]) == (str(broken), None, None)
    assert rows[-1]["unreadable"].startswith("is empty")


def test_what_was_trained_on_whole_pictures_takes_no_boxes(network: Network, inputs: Inputs, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"boxes.csv: .*, training .*: was trained on whole pictures"):
        network.predict(files_of(inputs, "test"), tmp_path / "boxes.csv")


def test_outputs_that_are_no_numbers_are_no_prediction(network: Network, inputs: Inputs) -> None:
    with torch.no_grad():
        next(network.module.parameters()).fill_(float("nan"))
    with pytest.raises(AfieldError, match="not finite"):
        network.predict(files_of(inputs, "test")[0])


@pytest.mark.slow
def test_what_was_trained_on_a_gpu_is_opened_on_the_cpu(store: Store, trial: Trial, inputs: Inputs) -> None:
    numerics = trial.numerics.model_copy(update={"device": "cuda", "precision": "bfloat16"})
    there = trial.model_copy(update={"numerics": numerics})
    files = files_of(inputs, "test")
    here = open_network(store.root, keep(store, trial, inputs)).logits(files)
    assert np.array_equal(open_network(store.root, keep(store, there, inputs)).logits(files), here)


def test_an_unknown_key_is_told_with_those_that_are_there(store: Store, trial: Trial, inputs: Inputs) -> None:
    with pytest.raises(InputError, match="no search has chosen a network yet"):
        open_network(store.root, trial.key)
    key = keep(store, trial, inputs)
    for wrong in (key[:-1], "", f"../trials/{key}"):
        with pytest.raises(InputError, match=rf"no training or soup has the key {re.escape(wrong)}; .*{key}"):
            open_network(store.root, wrong)


def test_a_trial_without_a_network_says_why(store: Store, trial: Trial, inputs: Inputs) -> None:
    store.begin(trial)
    store.selections.write("tiny", "search", [trial.key], trial.metric, "validation")
    with pytest.raises(InputError, match=rf"{trial.key}: this training has not ended, so it has no network"):
        open_network(store.root, trial.key)
    store.fail(trial.key, "the loss is not finite", "trace")
    with pytest.raises(InputError, match=r"this training failed \(the loss is not finite\)"):
        open_network(store.root, trial.key)
    store.forget_failure(trial.key)
    keep(store, trial, inputs)
    store.prune(trial.key, keep_weights=False)
    with pytest.raises(InputError, match="keeps no network: only those that a search chose are kept"):
        open_network(store.root, trial.key)


def test_damaged_files_are_not_used(store: Store, trial: Trial, inputs: Inputs) -> None:
    key = keep(store, trial, inputs)
    whole = store.weights(key).read_bytes()
    store.weights(key).write_bytes(whole[:-1] + b"x")
    with pytest.raises(DamagedError, match=r"weights\.safetensors: was altered or cut"):
        open_network(store.root, key)
    store.weights(key).write_bytes(whole)
    described = store.trial_folder(key) / "trial.json"
    described.write_text(described.read_text().replace('"bicubic"', '"bilinear"'))
    with pytest.raises(DamagedError, match=r"trial\.json"):
        open_network(store.root, key)


def test_tensors_of_another_network_are_told_with_the_versions_that_made_them(
    store: Store, trial: Trial, inputs: Inputs
) -> None:
    key = keep(store, trial, inputs, {"weight": torch.zeros(2)})
    words = rf"do not fit the network {BACKBONE} as the libraries here make it; .*: torch 2\.9\.0, timm 1\.0\.12"
    with pytest.raises(InputError, match=words):
        open_network(store.root, key)


def test_other_versions_of_afield_are_told(store: Store, trial: Trial, inputs: Inputs) -> None:
    later = trial.model_copy(update={"preparation": PREPARATION_VERSION + 1})
    with pytest.raises(InputError, match="trained on images as another version of afield prepares them"):
        open_network(store.root, keep(store, later, inputs))
    with pytest.raises(InputError, match=r"trial\.json: was written by another version of afield \(teacher: "):
        open_network(store.root, keep(store, trial, inputs, told={"teacher": "vit"}))


def test_a_trial_that_is_another_one_is_refused(store: Store, trial: Trial, inputs: Inputs) -> None:
    with pytest.raises(DamagedError, match=r"trial\.json: tells of another training; remove the folder"):
        open_network(store.root, keep(store, trial, inputs, told={"interpolation": "None"}))


LAB = """
from torch import nn
from afield import Backbone

def make_net():
    body = [nn.Conv2d(3, 8, 4, stride=4), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*body, nn.Linear(8, 10))

hydra = Backbone(build=make_net, input_size=32)
"""


def test_ones_own_backbone_is_built_from_the_copy_in_the_folder(
    store: Store, trial: Trial, inputs: Inputs, tmp_path: Path
) -> None:
    from afield.backbones.own import resolve
    from afield.base.extensions import load_extension

    source = tmp_path / "my_lab.py"
    source.write_text(LAB)
    extension = load_extension(source)
    own = trial.model_copy(
        update={"backbone": "my_lab:hydra", "extensions": (("my_lab", extension.sha256),), "mean": (0.4, 0.5, 0.6)}
    )
    backbone = resolve("my_lab:hydra", {"my_lab": extension})
    tensors = build(backbone, 2, initialisation="scratch", seed=0, weights=None).state_dict()
    copy = Path(store.keep_extension(extension))
    key = keep(store, own, inputs, tensors)
    source.unlink()
    scored = score(own, backbone, tensors, inputs[1]["test"]).logits
    np.testing.assert_allclose(open_network(store.root, key).logits(files_of(inputs, "test")), scored, atol=1e-5)
    copy.write_text(LAB + "# changed\n")
    with pytest.raises(InputError, match="is not the extension that this trial was planned with"):
        open_network(store.root, key)
    copy.unlink()
    with pytest.raises(InputError, match=rf"{re.escape(str(copy))}: is missing, and no package takes its place"):
        open_network(store.root, key)


@pytest.mark.parametrize(("name", "sha256"), [("../../../my_lab", "a" * 64), ("my_lab", "../../../..")])
def test_code_that_lies_elsewhere_is_not_run(
    name: str, sha256: str, store: Store, trial: Trial, inputs: Inputs, tmp_path: Path
) -> None:
    """Nor where the name of an extension leads out of the folder."""
    ran = tmp_path / "ran"
    for place in (tmp_path / "my_lab.py", store.root / "my_lab.py"):
        place.write_text(f"x = open({str(ran)!r}, 'w')\n")
    own = trial.model_copy(update={"backbone": "my_lab:hydra", "extensions": ((name, sha256),)})
    key = keep(store, own, inputs)
    with pytest.raises(DamagedError, match="a training names an extension that is none"):
        open_network(store.root, key)
    assert not ran.exists()


def test_what_is_known_of_it_stands_beside_it(network: Network, store: Store, trial: Trial) -> None:
    assert (network.key, network.backbone, network.classes) == (trial.key, BACKBONE, ("cold", "warm"))
    assert network.trial == trial
    about = json.loads((store.trial_folder(trial.key) / "weights.json").read_text())
    assert {**network.about, "seal": about["seal"]} == about
    assert {field.name for field in dataclasses.fields(network) if field.repr} == {
        *("key", "backbone", "classes", "view"),
    }
