"""The example of a head of one's own: ArcFace by its definition, accepted by the check, and run by a study."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

import afield
from afield.backbones.own_heads import Head
from afield.backbones.weights import Sources
from afield.base.extensions import Extension, find_object, load_extension
from afield.study.check import check_extension
from afield.study.networks.open_network import open_network
from afield.study.preparing.changes import with_settings
from afield.study.preparing.study_file import load_study
from afield.training.losses import Loss

EXAMPLE = Path(__file__).parents[2] / "examples" / "extensions" / "arcface"


@pytest.fixture(scope="module")
def example() -> dict[str, Extension]:
    return {"arcface": load_extension(EXAMPLE / "arcface.py")}


def test_the_heads_logits_are_scaled_cosines_in_training_and_evaluation(example: dict[str, Extension]) -> None:
    module = find_object("arcface:cosines", example, Head).build(7, 3)
    features = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    centres = module.centres.detach().double().numpy()
    expected = [
        [30 * (one @ centre) / np.linalg.norm(one) / np.linalg.norm(centre) for centre in centres]
        for one in features.double().numpy()
    ]
    for mode in (True, False):
        found = module.train(mode)(features).detach()
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(module(9 * features), module(features))


def test_the_margin_is_added_to_the_angle_of_the_true_class(example: dict[str, Extension]) -> None:
    compute = find_object("arcface:margin", example, Loss).compute
    angles = np.array([[0.4, 1.5, 2.0], [2.8, 1.0, 0.2], [3.1, 1.0, 0.2]])  # the last two: far from their class
    labels = torch.tensor([1, 0, 0])
    found = compute(torch.from_numpy(30 * np.cos(angles)), labels).numpy()
    moved = 30 * np.cos(angles)
    moved[0, 1] = 30 * np.cos(1.8)
    moved[1, 0] = 30 * np.cos(3.1)
    moved[2, 0] = 30 * (-2 - np.cos(3.4))
    expected = [np.log(np.exp(row).sum()) - row[label] for row, label in zip(moved, labels.tolist(), strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_larger_angle_always_costs_more(example: dict[str, Extension]) -> None:
    compute = find_object("arcface:margin", example, Loss).compute
    angles = torch.linspace(0.01, 3.13, 500, dtype=torch.float64)
    logits = torch.stack([30 * angles.cos(), torch.zeros_like(angles)], dim=1).requires_grad_()
    losses = compute(logits, torch.zeros(500, dtype=torch.int64))
    assert bool((losses.diff() > 0).all())
    (slope,) = torch.autograd.grad(losses.sum(), logits)
    assert bool(torch.isfinite(slope).all())
    edge = torch.tensor([[30.0, -30.0], [-30.0, 30.0]], requires_grad=True)  # exactly on its centre, and opposite
    (slope,) = torch.autograd.grad(compute(edge, torch.zeros(2, dtype=torch.int64)).sum(), edge)
    assert bool(torch.isfinite(slope).all())


def test_without_a_margin_it_is_cross_entropy(example: dict[str, Extension], monkeypatch: pytest.MonkeyPatch) -> None:
    compute = find_object("arcface:margin", example, Loss).compute
    logits, labels = 20 * torch.rand(6, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 0, 1])
    plain = functional.cross_entropy(logits, labels, reduction="none")
    assert bool((compute(logits, labels) > plain).all())
    monkeypatch.setitem(compute.__globals__, "MARGIN", 0.0)
    torch.testing.assert_close(compute(logits, labels), plain)


def test_both_pass_the_check() -> None:
    found = {check.name: check for check in check_extension(EXAMPLE / "arcface.py", Sources())}
    assert set(found) == {"arcface:cosines", "arcface:margin"}
    assert {check.outcome for check in found.values()} == {"ok"}, [check.words for check in found.values()]


@pytest.mark.slow
def test_the_study_of_the_example_runs_and_its_network_is_opened_again(photos: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(EXAMPLE, tmp_path / "example"))
    small = ["recipe.epochs=1", 'recipe.initialisation="scratch"', "recipe.image_size=32", "study.seeds=[0]"]
    small += [f'study.tasks=["{photos.as_posix()}"]', "search.grid.learning_rate=[1e-3]"]
    study = with_settings(load_study(place / "study.toml"), small)
    out = tmp_path / "out"
    assert afield.run_study(study, out).complete
    results = afield.results(out)
    assert set(results["intervention"]) == {"plain", "cosines", "arcface"}
    keys = results.groupby("intervention")["key"].first()
    shaped = {name: json.loads((out / "trials" / key / "trial.json").read_text()) for name, key in keys.items()}
    sha256 = load_extension(EXAMPLE / "arcface.py").sha256
    assert {name: trial["extensions"] for name, trial in shaped.items()} == {
        "plain": [],
        "cosines": [["arcface", sha256]],
        "arcface": [["arcface", sha256]],
    }
    scored = pd.read_parquet(out / "scores" / keys["arcface"] / "predictions.parquet")
    stored = np.stack(scored["logits"].to_list())
    assert np.abs(stored).max() <= 30, "cosines, without a margin"
    files = [photos / name for name in scored["sample"]]
    np.testing.assert_allclose(open_network(out, keys["arcface"]).logits(files), stored, rtol=0, atol=1e-3)
