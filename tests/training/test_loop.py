"""The loop against a plain one, written from the study's facts; and what stands between bytes and a network."""

from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from afield.backbones.build import build
from afield.backbones.catalogue import find
from afield.base.errors import AfieldError, Stopped
from afield.base.streams import stream_seed
from afield.images.loader import TrainingBatches
from afield.scoring.metrics import METRICS
from afield.training.checkpoint import State
from afield.training.loop import Hooks
from afield.training.numerics import Device, Numerics, NumericsChoice, numerics_for, settle
from afield.training.preprocessing import Preprocessing
from afield.trial.inputs import SplitInputs
from afield.trial.run import run_trial
from afield.trial.trial import Trial
from tests.fixtures.gpu import DEVICES
from tests.fixtures.tiny import BACKBONE, tiny_inputs, tiny_trial


def tiny_numerics(**changes: object) -> Numerics:
    return numerics_for(settle(NumericsChoice(), "cpu"), convolutional=True).model_copy(update=changes)


def losses_of(trial: Trial, splits: dict[str, SplitInputs], steps: int, seen: int) -> list[float]:
    """The mean loss of every update, from a training that is stopped and resumed after each."""
    state, losses = State(), list[float]()
    while len(losses) < steps * trial.recipe.epochs:
        asked = iter(range(2))
        with suppress(Stopped):
            run_trial(
                trial,
                splits["train"],
                splits["validation"],
                find(BACKBONE),
                None,
                METRICS[trial.metric],
                state=state,
                until=trial.recipe.epochs,
                workers=0,
                hooks=Hooks(stop=lambda asked=asked: next(asked) == 1),  # type: ignore[misc]
            )
        if state.step:
            assert state.losses is not None
            losses.append(float(state.losses[state.step - 1]))
        else:  # the epoch ended with this update, and only its sum is kept
            done = losses[len(losses) - steps + 1 :] if steps > 1 else []
            losses.append(state.history[-1]["train_loss"] * seen - sum(done))
    return losses


@pytest.mark.parametrize("batch_size", [pytest.param(5, marks=pytest.mark.slow), 23])
@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
@pytest.mark.parametrize("device", DEVICES)
def test_each_loss_equals_a_plain_loop_on_the_same_batches(
    photos: Path, cache: Path, batch_size: int, optimiser: str, device: Device
) -> None:
    """The golden run: the logic of the study's script (PAPER.md 3) as a plain loop in float64, fed with the batches
    that afield makes under `paper`, gives the same losses step by step. Of 24 samples in batches of 23 one is left over
    and skipped.
    """
    data, splits = tiny_inputs(photos, cache)
    keys = {"schedule": "step", "milestones": (1, 2)} if optimiser == "sgd" else {}
    trial = tiny_trial(data, epochs=3, weight_decay=1e-4, batch_size=batch_size, optimiser=optimiser, **keys)
    numerics = tiny_numerics(precision="float64", device=device)
    trial = trial.model_copy(update={"numerics": numerics, "protocol": "paper"})
    batches = TrainingBatches(splits["train"].samples(), 32, "bicubic", batch_size, trial.seed, "paper", trial.flips)
    ours = losses_of(trial, splits, batches.steps(), batches.seen())

    network = build(find(BACKBONE), 2, initialisation="scratch", seed=trial.seed, weights=None).double().to(device)
    peak, decay = 1e-3, 1e-4 / 1e-3
    optimisers: dict[str, torch.optim.Optimizer] = {
        "adamw": torch.optim.AdamW(network.parameters(), lr=peak, weight_decay=decay),
        "sgd": torch.optim.SGD(network.parameters(), lr=peak, momentum=0.9, nesterov=True, weight_decay=decay),
    }
    theirs = optimisers[optimiser]
    schedules = {
        "adamw": partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=3),
        "sgd": partial(torch.optim.lr_scheduler.MultiStepLR, milestones=[1, 2], gamma=0.1),
    }
    schedule = schedules[optimiser](theirs)
    mean, std = (torch.tensor(values).double().view(1, 3, 1, 1).to(device) for values in (trial.mean, trial.std))
    losses = []
    network.train()
    for epoch in range(3):
        for step in range(batches.steps()):
            (batch,) = batches.load([(epoch, step)], 0, torch.device(device))
            torch.manual_seed(stream_seed(trial.seed, "dropout", epoch, step))
            loss = functional.cross_entropy(network((batch.images.double() / 255 - mean) / std), batch.labels)
            theirs.zero_grad()
            loss.backward()
            theirs.step()
            losses.append(loss.item() * len(batch.labels))
        schedule.step()
    np.testing.assert_allclose(ours, losses, rtol=1e-9)


def one_epoch(trial: Trial, train: SplitInputs, validation: SplitInputs) -> State:
    metric, hooks = METRICS[trial.metric], Hooks()
    return run_trial(
        trial, train, validation, find(BACKBONE), None, metric, state=State(), until=1, workers=0, hooks=hooks
    )


def test_a_single_sample_is_no_training(photos: Path, cache: Path) -> None:
    data, splits = tiny_inputs(photos, cache)
    train = splits["train"]
    alone = SplitInputs(train.table[:1], train.images, train.row[:1])
    with pytest.raises(AfieldError, match=r"single sample, which makes no batch; add"):
        one_epoch(tiny_trial(data), alone, splits["validation"])


@pytest.mark.parametrize(
    ("micro_batch", "message"),
    [
        (0, r"no room to train on 5 of 5 images of 32 px at once .*set numerics\.micro_batch to 2"),
        (3, r"no room to train on 3 of 5 .*set numerics\.micro_batch to 1"),
        (1, r"no room to train on 1 of 5 .*set a smaller recipe\.image_size"),
    ],
)
def test_a_step_that_does_not_fit_after_all_says_what_to_set(
    photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, micro_batch: int, message: str
) -> None:
    def full(*given: object) -> None:
        raise torch.OutOfMemoryError("no room")

    data, splits = tiny_inputs(photos, cache)
    trial = tiny_trial(data).model_copy(update={"numerics": tiny_numerics(micro_batch=micro_batch)})
    monkeypatch.setattr("afield.training.learner.Learner.update", full)
    with pytest.raises(AfieldError, match=message):
        one_epoch(trial, splits["train"], splits["validation"])


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
