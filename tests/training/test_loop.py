"""The loop against independent sources: torch's own scheduler, AdamW's rule by hand, and a plain loop written from
the study's facts."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from afield.backbones.build import build
from afield.backbones.catalogue import find
from afield.base.errors import AfieldError
from afield.images.loader import TrainingBatches
from afield.scoring.metrics import METRICS
from afield.training.checkpoint import State
from afield.training.loop import Hooks, Preprocessing, learning_rate, make_optimiser
from afield.training.numerics import Numerics, NumericsChoice, numerics_for, settle
from afield.training.recipe import Recipe
from afield.trial import SplitInputs, run_trial
from tests.fixtures.tiny import BACKBONE, tiny_inputs, tiny_trial


def tiny_numerics(**changes: object) -> Numerics:
    return numerics_for(settle(NumericsChoice(), "cpu"), convolutional=True).model_copy(update=changes)


def test_cosine_equals_torch() -> None:
    recipe = Recipe(learning_rate=0.01, epochs=30)
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=30)
    for epoch in range(30):
        assert learning_rate(recipe, epoch) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
        optimiser.step()
        schedule.step()


@pytest.mark.parametrize("peak", [1e-2, 1e-5])
@pytest.mark.parametrize("epoch", [0, 7])
def test_a_step_without_gradient_decays_by_wd_times_lr_over_peak(peak: float, epoch: int) -> None:
    """PAPER.md 7: one step with zero gradient multiplies weights by 1 - wd * lr_t / lr_0."""
    recipe = Recipe(learning_rate=peak, weight_decay=1e-3, epochs=30)
    layer = nn.Linear(4, 3).double()
    before = layer.weight.detach().clone()
    optimiser = make_optimiser(layer, recipe)
    optimiser.param_groups[0]["lr"] = learning_rate(recipe, epoch)
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    expected = before * (1 - 1e-3 * learning_rate(recipe, epoch) / peak)
    torch.testing.assert_close(layer.weight.detach(), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("batch_size", [5, 23])
def test_losses_equal_a_plain_loop_on_the_same_batches(photos: Path, cache: Path, batch_size: int) -> None:
    """The study's script logic (PAPER.md 3) as a plain loop, fed with the batches that afield makes. Of 24 samples in
    batches of 23 one is left over and skipped: the mean loss is that of the others.
    """
    data, splits = tiny_inputs(photos, cache)
    trial = tiny_trial(data, epochs=3, weight_decay=1e-2, batch_size=batch_size)
    row = find(BACKBONE)
    state = run_trial(
        trial,
        splits["train"],
        splits["validation"],
        row,
        None,
        METRICS[trial.metric],
        state=State(),
        until=3,
        workers=0,
        hooks=Hooks(),
    )

    batches = TrainingBatches(splits["train"].samples(), 32, "bicubic", batch_size, trial.seed, "paper", trial.flips)
    network = build(row, 2, initialisation="scratch", seed=trial.seed, weights=None).to(
        memory_format=torch.channels_last
    )
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.5
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-2 / 1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=3)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (trial.mean, trial.std))
    from afield.base.streams import stream_seed

    network.train()
    for epoch in range(3):
        losses = []
        for step in range(batches.steps()):
            batch = batches[epoch, step]
            torch.manual_seed(stream_seed(trial.seed, "dropout", epoch, step))
            loss = functional.cross_entropy(network((batch.images / 255 - mean) / std), batch.labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses += [loss.item()] * len(batch.labels)
        schedule.step()
        assert np.mean(losses) == pytest.approx(state.history[epoch]["train_loss"], rel=2e-4)


def test_a_single_sample_is_no_training(photos: Path, cache: Path) -> None:
    data, splits = tiny_inputs(photos, cache)
    train = splits["train"]
    alone = SplitInputs(train.table[:1], train.images, train.row[:1])
    with pytest.raises(AfieldError, match=r"single sample, which makes no batch; add"):
        run_trial(
            tiny_trial(data),
            alone,
            splits["validation"],
            find(BACKBONE),
            None,
            METRICS[data.task.metric],
            state=State(),
            until=1,
            workers=0,
            hooks=Hooks(),
        )


@pytest.mark.parametrize("memory_format", ["channels_last", "contiguous"])
@pytest.mark.parametrize("lain", [torch.channels_last, torch.contiguous_format])
def test_pixels_are_normalised_channel_by_channel_to_the_last_bit(
    memory_format: str, lain: torch.memory_format
) -> None:
    """However the bytes lie, and also where evaluation normalised first."""
    numerics = tiny_numerics(memory_format=memory_format)
    preprocessing = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 3, 6, 9), np.uint8))
    with torch.inference_mode():
        evaluated = preprocessing(images, numerics)
    trained = preprocessing(images.to(memory_format=lain), numerics)
    expected = torch.stack(
        [
            (images[:, channel] / 255 - mean) / std
            for channel, (mean, std) in enumerate(zip(preprocessing.mean, preprocessing.std, strict=True))
        ],
        dim=1,
    )
    for ours in (evaluated, trained):
        assert torch.equal(ours, expected)
        assert ours.is_contiguous(
            memory_format=getattr(torch, memory_format.replace("contiguous", "contiguous_format"))
        )
    weights = torch.ones(3, requires_grad=True)
    (trained * weights.view(1, 3, 1, 1)).sum().backward()
