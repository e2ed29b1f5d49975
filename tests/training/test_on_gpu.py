"""An update and an evaluation on a GPU: all of it is done there. Where there is no GPU a fake one refuses what mixes
devices; it knows these, types and shapes alone, and no way back through a network.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest
import torch
from torch import nn

from afield.images.batch import Batch
from afield.images.symmetries import Symmetry
from afield.images.turned import Turned
from afield.tasks.kinds import Target
from afield.training.balance import count
from afield.training.device import autocast
from afield.training.grades import with_grades
from afield.training.learner import Learner
from afield.training.losses import LOSSES, Loss, loss_for
from afield.training.numerics import Numerics, NumericsChoice, numerics_for, settle
from afield.training.preprocessing import Preprocessing
from afield.training.recipe import Recipe
from tests.fixtures.gpu import CUDA, Gpu, Put, fake_gpu, real_gpu

pytestmark = pytest.mark.slow

N, SIDE, CLASSES = 6, 32, 3
LABELS = torch.arange(N) % CLASSES
MARKS = torch.tensor([[1, 0, -1], [0, 1, 1], [0, 0, 0]] * (N // 3))
"""several labels a sample, some of them unknown"""


@pytest.fixture(params=[fake_gpu, pytest.param(real_gpu, marks=pytest.mark.gpu)])
def gpu(request: pytest.FixtureRequest) -> Gpu:
    """What opens a GPU, and puts a network on it."""
    opened: Gpu = request.param()
    return opened


def numerics(**changes: object) -> Numerics:
    return numerics_for(settle(NumericsChoice.model_validate(changes), "cuda"), convolutional=True)


def learner(
    put: Put,
    settled: Numerics,
    loss: Loss = LOSSES["cross-entropy"],
    outputs: int = CLASSES,
    recipe: Mapping[str, object] = MappingProxyType({}),
) -> Learner:
    """Of a network with all that networks are made of, in the mode of training; to be made with the GPU open."""
    pooled = nn.Sequential(nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = nn.Sequential(pooled, nn.Dropout(), nn.Linear(8, outputs))
    if outputs == 1:
        with_grades(network, CLASSES)
    made = Recipe.model_validate({"image_size": SIDE, "batch_size": N, "learning_rate": 0.1, **recipe})
    preprocessing = Preprocessing((0.5,) * 4, (0.25,) * 4, "BGR")
    return Learner(put(network).train(), made, settled, preprocessing, seed=1, loss=loss)


def batch(labels: torch.Tensor = LABELS) -> Batch:
    """Its images lie on the GPU, its labels where a loader that gathers features leaves them."""
    return Batch(0, 0, torch.empty(N, 4, SIDE, SIDE, dtype=torch.uint8, device=CUDA), labels)


def updated(one: Learner, shown: Batch) -> None:
    """The first two updates, of which the second finds an optimiser's memory."""
    for step in range(2):
        total = one.update(shown, 0.1, step)
        assert (total.is_cuda, total.shape) == (True, ())
    assert all(parameter.grad is not None and parameter.grad.is_cuda for parameter in one.network.parameters())
    assert all(tensor.is_cuda for tensor in (*one.network.parameters(), *one.network.buffers()))


@pytest.mark.parametrize("recipe", [{}, {"clip_norm": 1.0}], ids=["plain", "clipped"])
@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_updates(gpu: Gpu, precision: str, recipe: dict[str, object]) -> None:
    with gpu as put:
        updated(learner(put, numerics(precision=precision, micro_batch=4), recipe=recipe), batch())


@pytest.mark.parametrize("recipe", [{}, {"clip_norm": 1.0}], ids=["plain", "clipped"])
def test_updates_with_a_scaled_loss(gpu: Gpu, recipe: dict[str, object]) -> None:
    with gpu as put:
        one = learner(put, numerics(precision="float16"), recipe=recipe)
        assert one.scaler.is_enabled()
        updated(one, batch())


def test_weighed_and_mixed_samples(gpu: Gpu) -> None:
    with gpu as put:
        weights, share = torch.rand(N), torch.rand(N)
        mixed = replace(batch(), weights=weights, partner=torch.randperm(N), share=share)
        updated(learner(put, numerics()), mixed)


@pytest.mark.parametrize(
    ("target", "recipe"),
    [
        ("class", {"label_smoothing": 0.1}),
        ("class", {"balance": "loss"}),
        ("class", {"balance": "focal"}),
        ("class", {"balance": "logit-adjust"}),
        ("class", {"loss": "bce", "balance": "loss"}),
        ("labels", {"balance": "loss"}),
        ("labels", {"loss": "focal", "balance": "focal"}),
        ("grade", {"loss": "smooth-l1", "balance": "loss"}),
        ("grade", {"loss": "mse"}),
    ],
    ids=str,
)
def test_losses(gpu: Gpu, target: Target, recipe: dict[str, object]) -> None:
    labels = MARKS if target == "labels" else LABELS
    counts = count(labels.numpy(), CLASSES)
    made = Recipe.model_validate({"learning_rate": 0.1, **recipe})
    with gpu as put:
        loss = loss_for(made, target, counts, device=CUDA)
        updated(learner(put, numerics(), loss, 1 if made.regresses else CLASSES, recipe), batch(labels))


@pytest.mark.parametrize("outputs", [CLASSES, 1])
def test_evaluation(gpu: Gpu, outputs: int) -> None:
    with gpu as put:
        one = learner(put, numerics(), outputs=outputs)
        shown = Turned(one.network.eval(), Symmetry(1, horizontal=True))
        with torch.inference_mode(), autocast(one.numerics):
            logits = shown(one.preprocessing(batch().images, one.numerics))
        assert (logits.is_cuda, logits.shape) == (True, (N, CLASSES))


def test_what_forgets_the_device_is_refused(gpu: Gpu) -> None:
    """Else all the above would prove nothing."""
    forgets = replace(LOSSES["mse"], compute=lambda logits, labels: logits[:, 0] * torch.arange(len(labels)))
    with gpu as put, pytest.raises(RuntimeError, match=r"cuda:0.*cpu"):
        updated(learner(put, numerics(), forgets), batch())
