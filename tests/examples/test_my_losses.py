"""The example of losses of one's own: right by their definitions, accepted by the check, and run by a study."""

import math
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

import afield
from afield.backbones.weights import Sources
from afield.base.extensions import find_object, load_extension
from afield.study.check import check_extension
from afield.study.preparing.changes import with_settings
from afield.study.preparing.study_file import load_study
from afield.training.losses import Loss
from tests.fixtures.own import table

EXAMPLE = Path(__file__).parents[2] / "examples" / "extensions"


def loss(name: str) -> Loss:
    return find_object(f"my_losses:{name}", {"my_losses": load_extension(EXAMPLE / "my_losses.py")}, Loss)


def jaccard_loss(has: np.ndarray, wrong: np.ndarray) -> float:
    """One minus intersection over union of what is there and what is said, where `wrong` labels are said wrongly."""
    said = np.where(wrong, ~has, has)
    union = (has | said).sum()
    return 0.0 if union == 0 else 1 - (has & said).sum() / union


@pytest.mark.parametrize("labels", list(product([0, 1], repeat=3)))
def test_lovasz_is_the_extension_of_the_jaccard_loss(labels: tuple[int, ...]) -> None:
    """By its definition: errors from the largest on, each times what its label adds to the set function. Of errors 0
    and 2 alone it is twice the Jaccard loss itself.
    """
    generator, has = np.random.default_rng(sum(labels)), np.array(labels, bool)
    for _ in range(5):
        logits = generator.normal(size=3)
        errors = np.maximum(1 - logits * np.where(has, 1, -1), 0)
        expected, wrong = 0.0, np.zeros(3, bool)
        for place in np.argsort(-errors, kind="stable"):
            before = jaccard_loss(has, wrong)
            wrong[place] = True
            expected += errors[place] * (jaccard_loss(has, wrong) - before)
        found = loss("lovasz").compute(torch.from_numpy(logits)[None], torch.tensor([labels]))
        assert float(found) == pytest.approx(expected, abs=1e-12)
    said = torch.tensor([[1.0, -1.0, 1.0]])
    found = loss("lovasz").compute(said, torch.tensor([labels]))
    assert float(found) == pytest.approx(2 * jaccard_loss(has, has != np.array([True, False, True])), abs=1e-6)


def test_lovasz_leaves_out_what_is_unknown() -> None:
    logits = torch.tensor([[0.3, -0.2, 5.0]], requires_grad=True)
    found = loss("lovasz").compute(logits, torch.tensor([[1, 0, -1]]))
    alone = loss("lovasz").compute(logits[:, :2], torch.tensor([[1, 0]]))
    assert float(found.detach()) == pytest.approx(float(alone.detach()))
    (slope,) = torch.autograd.grad(found.sum(), logits)
    assert float(slope[0, 2]) == 0
    assert bool(torch.isfinite(slope).all())


def test_only_the_hardest_are_learned_from() -> None:
    logits = torch.tensor([[3.0, 0.0], [0.0, 0.0], [-3.0, 0.0], [1.0, 0.0]], requires_grad=True)
    labels = torch.zeros(4, dtype=torch.int64)
    found = loss("hard_examples").compute(logits, labels)
    plain = functional.cross_entropy(logits, labels, reduction="none").detach()
    assert found.tolist() == pytest.approx([0, 2 * float(plain[1]), 2 * float(plain[2]), 0])
    several = loss("hard_examples").compute(logits, torch.tensor([[1, 0], [1, -1], [1, 1], [1, 0]]))
    by_hand = [0, math.log(2) / 2 * 2, (math.log1p(math.exp(3)) + math.log(2)) / 2 * 2, 0]
    assert several.tolist()[2] == pytest.approx(by_hand[2])
    assert int((several > 0).sum()) == 2


def test_both_pass_the_check() -> None:
    found = {check.name: check for check in check_extension(EXAMPLE / "my_losses.py", Sources())}
    assert set(found) == {"my_losses:lovasz", "my_losses:hard_examples"}
    assert {check.outcome for check in found.values()} == {"ok"}, [check.words for check in found.values()]


@pytest.mark.slow
def test_the_study_of_the_example_runs(tmp_path: Path) -> None:
    place = Path(shutil.copytree(EXAMPLE, tmp_path / "example"))
    generator = np.random.default_rng(0)
    cells = generator.integers(0, 2, size=(60, 3))
    cells[:, 0] |= ~cells.any(axis=1)
    table(place / "cells.csv", dict(zip(("nucleus", "membrane", "granules"), cells.T.tolist(), strict=True)))
    small = ["recipe.epochs=1", 'recipe.initialisation="scratch"', "recipe.image_size=32"]
    study = with_settings(load_study(place / "study.toml"), [*small, "search.grid.learning_rate=[1e-3]"])
    afield.run_study(study, tmp_path / "out")
    results = afield.results(tmp_path / "out")
    assert set(results["intervention"]) == {"plain", "lovasz", "hard"}
    assert results["value"].notna().all()
