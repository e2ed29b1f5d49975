"""Losses in a study: refused before anything is trained, taken from one's own file, and kept with the network."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import afield
from afield.base.errors import InputError
from afield.study.networks.open_network import open_network
from afield.study.preparing.study_file import parse_study
from afield.study.split_view import TEST
from afield.study.store import Store
from tests.fixtures.own import table
from tests.fixtures.tiny import study_text
from tests.study.helpers import check_ready

OWN = """
from torch.nn import functional

from afield import Loss


def plain(logits, labels):
    return functional.cross_entropy(logits, labels, reduction="none")


mine = Loss(compute=plain)
several = Loss(compute=plain, targets=("labels",))
other = 3
"""


def refused(text: str, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        check_ready(parse_study(text, "tiny.toml", folder))
    return str(caught.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ('loss = "smooth-l1"', "photos: loss = smooth-l1: is for grades in an order, and this task has classes"),
        ('loss = "my_lab:several"', "photos: loss = my_lab:several: is for several labels a sample"),
        ('loss = "my_lab:mime"', "my_lab:mime: .* has no mime; did you mean my_lab:mine"),
        ('loss = "my_lab:other"', "my_lab:other: is of type int, not Loss .* Loss objects in it: my_lab:mine"),
        ('loss = "bce"\nbalance = "logit-adjust"', "recipe.balance: logit-adjust changes cross-entropy, not loss ="),
    ],
)
def test_what_cannot_be_trained_is_refused_by_name(photos: Path, tmp_path: Path, keys: str, words: str) -> None:
    (tmp_path / "my_lab.py").write_text(OWN)
    text = 'extensions = ["my_lab.py"]\n' + study_text(photos).replace("image_size = 32", f"image_size = 32\n{keys}")
    said = refused(text, tmp_path)
    assert re.search(words, said), said


def test_the_file_of_ones_own_loss_is_in_the_keys_of_its_trials_alone(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "my_lab.py").write_text(OWN)
    text = 'extensions = ["my_lab.py"]\n' + study_text(photos) + '\n[interventions.own]\nloss = "my_lab:mine"\n'
    text = text.replace("seeds = [0, 1]", 'seeds = [0]\ninterventions = ["plain", "own"]')
    plan = check_ready(parse_study(text, "tiny.toml", tmp_path))
    used = {search.intervention: [name for name, _ in search.cells[0].extensions] for search in plan.searches}
    assert used == {"plain": [], "own": ["my_lab"]}


ORDINAL = """
[study]
name = "eyes"
tasks = ["eyes"]
backbones = ["squeezenet1_1.caffe_in1k"]
interventions = ["plain", "ordinal", "own"]

[tasks.eyes]
table = "eyes.csv"
ordinal = true
weight = "trust"

[recipe]
initialisation = "scratch"
image_size = 32
epochs = 2
batch_size = 8
learning_rate = 1e-3

[interventions.ordinal]
loss = "smooth-l1"
balance = "sampler"
ema = 0.5

[interventions.own]
loss = "my_lab:mine"
"""


@pytest.mark.slow
def test_grades_are_said_alike_by_record_score_and_kept_network(tmp_path: Path) -> None:
    (tmp_path / "my_lab.py").write_text(OWN)
    grades = [str(row % 3) for row in range(60)]
    table(tmp_path / "eyes.csv", {"label": grades, "trust": [1 + row % 2 for row in range(60)]})
    study = parse_study('extensions = ["my_lab.py"]\n' + ORDINAL, "eyes.toml", tmp_path)
    out = tmp_path / "out"
    assert afield.run_study(study, out).complete
    results = afield.results(out)
    assert set(results["intervention"]) == {"plain", "ordinal", "own"}
    first = results[results["metric"] == results["metric"].iloc[0]].set_index("intervention")
    assert first.loc["own", "value"] == first.loc["plain", "value"], "one's own is the same cross-entropy"

    key = first.loc["ordinal", "key"]
    network, store = open_network(out, key), Store.open(out)
    points = json.loads(store.weights(key).with_suffix(".json").read_text())["cut_points"]
    assert len(points) == 2
    assert points[0] < points[1]
    scored = store.scores.predictions(key, TEST, network.classes)
    stored = np.stack(scored["logits"].to_list())
    assert stored.shape == (12, 3)
    files = [tmp_path / "images" / f"{Path(name).stem}.png" for name in scored["sample"]]
    np.testing.assert_allclose(network.logits(files), stored, rtol=0, atol=1e-5)
    raw = stored[:, 1] - stored[:, 0] + points[0]
    said = [network.classes[grade] for grade in np.searchsorted(points, raw)]
    assert network.predict(files)["predicted"].tolist() == said
