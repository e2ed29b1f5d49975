"""Where a training starts and what it changes, seen in its losses and tensors."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from afield.backbones.catalogue import find
from afield.backbones.heads import pooled_features
from afield.base.errors import InputError
from afield.scoring.metrics import METRICS
from afield.study.preparing.study_file import parse_study
from afield.tasks.data import TaskData
from afield.tasks.places import cache_folder
from afield.training.checkpoint import State
from afield.training.loop import Hooks
from afield.training.preprocessing import Preprocessing
from afield.trial.inputs import SplitInputs
from afield.trial.network import network_of
from afield.trial.run import run_trial
from afield.trial.score import score
from afield.trial.trial import Trial
from tests.fixtures.tiny import BACKBONE, study_text, tiny_inputs, tiny_trial, tiny_weights

Inputs = tuple[TaskData, dict[str, SplitInputs]]
HEAD: dict[str, object] = {"trained": "head", "augmentation": "none"}
STILL = 1e-9
"""a learning rate that leaves a network where it starts"""


@pytest.fixture(scope="module")
def inputs(photos: Path, cache: Path) -> Inputs:
    return tiny_inputs(photos, cache)


def go(trial: Trial, splits: dict[str, SplitInputs], until: int = 1) -> State:
    return run_trial(
        trial,
        splits["train"],
        splits["validation"],
        find(BACKBONE),
        tiny_weights(),
        METRICS[trial.metric],
        state=State(),
        until=until,
        workers=0,
        hooks=Hooks(),
        views=splits["views"],
        cache=cache_folder(),
    )


def best(state: State) -> dict[str, torch.Tensor]:
    assert state.best is not None
    return state.best.network


def features_of(trial: Trial, split: SplitInputs) -> torch.Tensor:
    """The features by another way: all images at once, through the network as it was pretrained."""
    network = network_of(trial, find(BACKBONE), tiny_weights()).eval()
    views = torch.from_numpy(np.stack([split.images.image(row) for row in split.row])).permute(0, 3, 1, 2)
    with torch.no_grad():
        normalised = Preprocessing(trial.mean, trial.std)(views, trial.numerics)
        return pooled_features(network, find(BACKBONE), normalised)


@pytest.mark.slow
def test_a_training_from_a_probe_starts_as_good_as_the_probe(inputs: Inputs) -> None:
    """Its first epoch's loss, at a learning rate that changes nothing, is the probe's on the same features; a random
    head's is about log 2.
    """
    data, splits = inputs
    probed = tiny_trial(data, initialisation="probe", learning_rate=STILL, weight_decay=0.0, **HEAD)
    random = probed.model_copy(update={"recipe": probed.recipe.model_copy(update={"initialisation": "pretrained"})})
    started, plain = go(probed, splits), go(random, splits)
    tensors = best(started)
    weight, bias = tensors["classifier.1.weight"].flatten(1), tensors["classifier.1.bias"]
    logits = functional.linear(features_of(probed, splits["views"]), weight, bias)
    labels = torch.from_numpy(splits["views"].samples().label)
    expected = float(functional.cross_entropy(logits, labels))
    assert started.history[0]["train_loss"] == pytest.approx(expected, rel=1e-4)
    assert started.history[0]["train_loss"] < 0.5 < plain.history[0]["train_loss"]


@pytest.mark.slow
def test_all_of_a_network_starts_from_the_same_probe_as_its_head(inputs: Inputs) -> None:
    data, splits = inputs
    trials = [
        tiny_trial(data, initialisation="probe", learning_rate=STILL, weight_decay=0.0, augmentation="none", **keys)
        for keys in ({}, {"trained": "head"}, {"trained": "last block"})
    ]
    whole, head, block = (best(go(trial, splits)) for trial in trials)
    for name in ("classifier.1.weight", "classifier.1.bias"):
        torch.testing.assert_close(whole[name], head[name], rtol=0, atol=1e-6)
        torch.testing.assert_close(block[name], head[name], rtol=0, atol=1e-6)


@pytest.mark.slow
def test_the_probe_is_the_same_for_every_seed(inputs: Inputs) -> None:
    data, splits = inputs
    trial = tiny_trial(data, initialisation="probe", learning_rate=STILL, weight_decay=0.0, **HEAD)
    one, other = (best(go(trial.model_copy(update={"seed": seed}), splits)) for seed in (0, 1))
    torch.testing.assert_close(one["classifier.1.weight"], other["classifier.1.weight"], rtol=0, atol=1e-6)


@pytest.mark.slow
def test_a_head_alone_is_validated_and_scored_as_the_whole_network(inputs: Inputs) -> None:
    """The logits that selected it, from features, are those of body and head on the same images."""
    data, splits = inputs
    trial = tiny_trial(data, initialisation="pretrained", learning_rate=1e-2, **HEAD)
    state = go(trial, splits, until=3)
    assert state.best is not None
    again = score(trial, find(BACKBONE), state.best.network, splits["validation"])
    np.testing.assert_allclose(again.logits, state.best.logits.numpy(), rtol=1e-5, atol=1e-5)


def pretrained(trial: Trial) -> dict[str, torch.Tensor]:
    return network_of(trial, find(BACKBONE), tiny_weights()).state_dict()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keys", "moving"),
    [
        (HEAD, ("classifier.1.",)),
        ({"trained": "last block"}, ("classifier.1.", "features.12.")),
        ({"trained": "last block", "initialisation": "probe", "optimiser": "sgd"}, ("classifier.1.", "features.12.")),
    ],
)
def test_all_that_is_not_trained_stays_as_it_was_pretrained_bit_for_bit(
    inputs: Inputs, keys: dict[str, object], moving: tuple[str, ...]
) -> None:
    data, splits = inputs
    trial = tiny_trial(data, **{"initialisation": "pretrained", "weight_decay": 0.1, **keys})
    after, before = best(go(trial, splits, until=2)), pretrained(trial)
    assert after.keys() == before.keys()
    assert {name for name in before if not torch.equal(after[name], before[name])} == {
        name for name in before if name.startswith(moving)
    }


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            'initialisation = "scratch"\ntrained = "head"\naugmentation = "none"',
            r"recipe\.trained: \"head\": would leave",
        ),
        ('initialisation = "scratch"\ntrained = "last block"', r'use initialisation = "pretrained" or "probe"'),
        ('initialisation = "pretrained"\ntrained = "head"', r'with trained = "head" set augmentation = "none"'),
        ('trained = "head"\naugmentation = "none"\nlayer_decay = 0.8', r'trained = "head" trains one; leave it at 1'),
        ('initialisation = "probe"\nloss = "mse"', r"trains one number, the grade, and a linear probe tells classes"),
    ],
)
def test_what_cannot_be_is_refused_with_the_mend(photos: Path, keys: str, words: str) -> None:
    text = study_text(photos).replace('initialisation = "scratch"', keys)
    with pytest.raises(InputError, match=words):
        parse_study(text, "tiny.toml")


def test_an_intervention_that_cannot_be_is_named(photos: Path) -> None:
    text = study_text(photos).replace("seeds", 'interventions = ["plain", "frozen"]\nseeds')
    with pytest.raises(InputError, match=r"interventions\.frozen\.trained: \"last block\""):
        parse_study(text + '\n[interventions.frozen]\ntrained = "last block"\n', "tiny.toml")


def test_a_trial_that_is_probed_has_its_version_in_the_key(inputs: Inputs) -> None:
    data, _ = inputs
    trial = tiny_trial(data, initialisation="probe")
    assert trial.model_copy(update={"probing": 0}).key != trial.key
