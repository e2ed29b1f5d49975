"""Salman et al. 2020's robust ResNets: the catalogue's rows, their published files, and the form those have."""

import hashlib
from typing import Any

import pytest
import torch
import torchvision

from afield.backbones.catalogue import find, select
from afield.backbones.convert import load_state
from afield.backbones.published import OnHub, published
from afield.backbones.weights import Weights

EPSILONS = ("0", "0.01", "0.03", "0.05", "0.1", "0.25", "0.5", "1", "3", "5")


def test_every_strength_is_a_row_with_its_own_file():
    for architecture in ("resnet18", "resnet50"):
        for epsilon in EPSILONS:
            row = find(f"{architecture}.salman_l2_eps{epsilon}")
            assert row.objective == ("supervised" if epsilon == "0" else "adversarial")
            source = published(row)
            assert isinstance(source, OnHub)
            assert source.repository == "madrylab/robust-imagenet-models"
            assert source.files == (f"{architecture}_l2_eps{epsilon}.ckpt",)
    accuracies: list[Any] = [row.imagenet_top1 for row in select("resnet50.salman_*")]
    assert (max(accuracies), min(accuracies)) == (75.8, 56.13)


@pytest.mark.slow
def test_the_network_is_taken_out_from_beside_its_attacker(tmp_path):
    network = torchvision.models.resnet18(weights=None)
    inner = network.state_dict()
    mean, std = torch.zeros(3, 1, 1), torch.ones(3, 1, 1)
    saved = {
        "model": {
            "module.normalizer.new_mean": mean,
            "module.normalizer.new_std": std,
            **{f"module.model.{name}": tensor for name, tensor in inner.items()},
            "module.attacker.normalize.new_mean": mean,
            "module.attacker.normalize.new_std": std,
            **{f"module.attacker.model.{name}": tensor for name, tensor in inner.items()},
        },
        "epoch": 90,
    }
    path = tmp_path / "resnet18_l2_eps3.ckpt"
    torch.save(saved, path)
    weights = Weights(path, hashlib.sha256(path.read_bytes()).hexdigest(), "made here")
    state = load_state(find("resnet18.salman_l2_eps3"), weights)
    assert state.keys() == inner.keys()
    assert all(torch.equal(state[name], inner[name]) for name in inner)


@pytest.mark.parametrize("name", ["resnet18.salman_l2_eps3", "resnet50.salman_l2_eps0"])
def test_preprocessing_is_that_of_torchvision_s_first_weights(name):
    row, like = find(name), find(f"{name.partition('.')[0]}.IMAGENET1K_V1")
    for column in ("mean", "std", "interpolation", "crop", "input_size", "params_m", "gmacs"):
        assert getattr(row, column) == getattr(like, column)
