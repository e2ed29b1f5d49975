"""One trial on several devices: as many processes on a CPU, or so many GPUs where they are there, against one."""

import os
import signal
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch
from torch import nn

from afield.backbones.catalogue import find
from afield.base.errors import AfieldError, Stopped
from afield.images.augmentation.mixing import Mixing
from afield.images.batch import Share
from afield.images.loader import TrainingBatches
from afield.probing.features import FeatureSamples
from afield.scoring.metrics import METRICS
from afield.tasks.data import TaskData
from afield.tasks.places import cache_folder
from afield.training import devices
from afield.training.checkpoint import State, load_checkpoint, save_checkpoint
from afield.training.device import device_count
from afield.training.loop import EVALUATION_BATCH, Hooks, predict
from afield.training.numerics import Device, Numerics, NumericsChoice, numerics_for, settle
from afield.training.spread import Stop, Tell, spread
from afield.training.start import as_it_is
from afield.trial.inputs import SplitInputs
from afield.trial.run import run_trial
from afield.trial.trial import Trial
from tests.fixtures.gpu import DEVICES
from tests.fixtures.tiny import BACKBONE, tiny_inputs, tiny_trial, tiny_weights

Inputs = tuple[TaskData, dict[str, SplitInputs]]


def two(device: Device = "cpu") -> Numerics:
    return numerics_for(settle(NumericsChoice(devices=2), device), convolutional=True)


WAYS: dict[str, dict[str, object]] = {
    "odd batches": {},
    "clipped and averaged": {"clip_norm": 0.5, "ema": 0.9, "optimiser": "sgd"},
    "mixed and erased": {"mixup": 0.4, "cutmix": 1.0, "erasing": 0.5, "balance": "sampler"},
    "in parts": {"micro_batch": 2, "balance": "loss"},
    "from a probe": {"initialisation": "probe"},
    "head alone": {"initialisation": "pretrained", "trained": "head", "augmentation": "none"},
}
"""keys of the recipe, and the micro-batch"""


@pytest.fixture(scope="module", params=DEVICES)
def device(request: pytest.FixtureRequest) -> Device:
    """Of which there are two."""
    kind: Device = request.param
    if device_count(kind) < 2:
        pytest.skip("no second CUDA device here")
    return kind


@pytest.fixture(scope="module")
def inputs(photos: Path, cache: Path) -> Inputs:
    return tiny_inputs(photos, cache)


def trial_of(data: TaskData, way: str, processes: int, device: Device = "cpu") -> Trial:
    """One that dropout does not shape, in float64. Of 24 samples in batches of 7 three are left, which two processes
    cannot share.
    """
    keys = dict(WAYS[way])
    changes = {"precision": "float64", "devices": processes, "micro_batch": keys.pop("micro_batch", 0)}
    trial = tiny_trial(data, head="linear", batch_size=7, **keys)
    return trial.model_copy(update={"numerics": two(device).model_copy(update=changes)})


def go(trial: Trial, splits: dict[str, SplitInputs], until: int, hooks: Hooks, state: State) -> State:
    return run_trial(
        trial,
        splits["train"],
        splits["validation"],
        find(BACKBONE),
        None if trial.weights is None else tiny_weights(),
        METRICS[trial.metric],
        state=state,
        until=until,
        workers=0,
        hooks=hooks,
        views=splits["views"],
        cache=cache_folder(),
    )


def trained(trial: Trial, splits: dict[str, SplitInputs], path: Path, tell: Tell, stop: Stop) -> int:
    """Two epochs into a file; the first process tells of each update."""
    state = go(trial, splits, 2, Hooks(progress=tell, stop=stop), State())
    if devices.writes():
        save_checkpoint(path, state, {})
    return state.epoch


def resumed(trial: Trial, splits: dict[str, SplitInputs], path: Path, tell: Tell, stop: Stop) -> None:
    """The same as three tasks of their own: stopped in the first epoch, to its end, and on."""
    asked = iter(range(100))
    hooks = Hooks(save=lambda state: save_checkpoint(path, state, {}) if devices.writes() else None)
    stopping = Hooks(save=hooks.save, stop=lambda: next(asked) == 2)
    for until, each in ((2, stopping), (1, hooks), (2, hooks)):
        try:
            go(trial, splits, until, each, load_checkpoint(path, {}) or State())
        except Stopped:
            assert each is stopping
        torch.distributed.barrier()  # where processes are at work, they read what the first has written


def everything(
    trials: dict[str, Trial], splits: dict[str, SplitInputs], folder: Path, numerics: Numerics, tell: Tell, stop: Stop
) -> int:
    """All that two processes are asked in these tests, since it takes them seconds to come up."""
    for way, trial in trials.items():
        trained(trial, splits, folder / f"{way}.pt", tell, stop)
    resumed(trials["clipped and averaged"], splits, folder / "resumed.pt", tell, stop)
    logits = predict(Shown(), many_samples(), as_it_is, numerics)
    if devices.writes():
        torch.save(logits, folder / "logits.pt")
    return len(trials)


class Shown(nn.Module):
    """Its logits are what it is shown, and what its buffer says: another number in each process."""

    rank: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rank", torch.tensor(float(devices.share().rank)))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features + self.rank


def many_samples() -> FeatureSamples:
    """Of an odd number of batches, the last of which is not whole."""
    count = 4 * EVALUATION_BATCH + 5
    return FeatureSamples(torch.arange(2.0 * count).view(count, 2), np.arange(count)[::-1].copy())


def of(path: Path) -> State:
    state = load_checkpoint(path, {})
    assert state is not None
    return state


@pytest.fixture(scope="module")
def folder(inputs: Inputs, device: Device, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """What two processes made."""
    data, splits = inputs
    made = tmp_path_factory.mktemp("two")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFIELD_CACHE", str(cache))
        trials = {way: trial_of(data, way, 2, device) for way in WAYS}
        told: list[tuple[int, ...]] = []
        work = partial(everything, trials, splits, made, two(device))
        assert spread(two(device), work, lambda *update: told.append(update), lambda: False) == len(WAYS)
    assert [update[:3] for update in told[:8]] == [(epoch, step, 4) for epoch in (0, 1) for step in (1, 2, 3, 4)]
    return made


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_two_processes_train_as_one_does(
    way: str, inputs: Inputs, device: Device, folder: Path, tmp_path: Path
) -> None:
    """The same updates: losses, weights, averages and predictions, but for the order of sums."""
    data, splits = inputs
    trained(trial_of(data, way, 1, device), splits, tmp_path / "one.pt", lambda *told: None, lambda: False)
    alone, shared = of(tmp_path / "one.pt"), of(folder / f"{way}.pt")
    assert alone.best is not None
    assert shared.best is not None
    close = partial(torch.testing.assert_close, rtol=1e-9, atol=1e-9)
    close(shared.network, alone.network)
    close(shared.average, alone.average)
    close(shared.best.network, alone.best.network)
    torch.testing.assert_close(shared.best.logits, alone.best.logits)
    assert len(shared.best.logits) == len(splits["validation"].table)
    for mine, other in zip(shared.history, alone.history, strict=True):
        for name in ("learning_rate", "train_loss", "validation"):
            assert mine[name] == pytest.approx(other[name], rel=1e-9)


@pytest.mark.slow
def test_a_stop_and_a_resume_change_no_bit(folder: Path) -> None:
    whole, parted = of(folder / "clipped and averaged.pt"), of(folder / "resumed.pt")
    for one, other in ((whole.network, parted.network), (whole.average, parted.average)):
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert [row["train_loss"] for row in whole.history] == [row["train_loss"] for row in parted.history]


@pytest.mark.slow
def test_predictions_are_neither_padded_nor_doubled_nor_out_of_order(folder: Path) -> None:
    """And those of the network that the first process has: BatchNorm's statistics are its own in each."""
    samples = many_samples()
    assert torch.equal(torch.load(folder / "logits.pt"), samples.features[samples.row.tolist()])


def fails(tell: Tell, stop: Stop) -> None:
    if devices.share().rank == 1:
        raise ValueError("no such thing")
    devices.agreed(stop)
    raise AssertionError("the other one does not answer")


def dies(tell: Tell, stop: Stop) -> None:
    if devices.share().rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    devices.agreed(stop)
    raise AssertionError("the other one does not answer")


def stops(tell: Tell, stop: Stop) -> NoReturn:
    while not devices.agreed(stop):
        tell("going")
    raise Stopped("stopped between two steps")


def begins_elsewhere(tell: Tell, stop: Stop) -> NoReturn:
    devices.begin_alike(2 - devices.share().rank, 0)
    raise AssertionError("one of them begins an epoch earlier")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "error", "words"),
    [
        (begins_elsewhere, AfieldError, r"would begin at different epochs and steps \(\(2, 0\), \(1, 0\)\)"),
        (fails, AfieldError, "ValueError: no such thing"),
        pytest.param(
            dies,
            AfieldError,
            "process 2 of 2 of this trial ended by signal SIGKILL; out of memory",
            marks=pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send"),
        ),
        (stops, Stopped, "stopped between two steps"),
    ],
)
def test_a_process_that_fails_or_dies_and_a_stop_end_all_and_say_why(
    work: object, error: type[Exception], words: str, device: Device
) -> None:
    told: list[str] = []
    with pytest.raises(error, match=words):
        spread(two(device), work, told.append, lambda: bool(told))  # type: ignore[arg-type]


def test_one_device_needs_no_process() -> None:
    one = two().model_copy(update={"devices": 1})
    assert spread(one, lambda tell, stop: (os.getpid(), stop()), lambda: None, lambda: True) == (os.getpid(), True)


def test_the_number_of_devices_is_in_the_key(inputs: Inputs) -> None:
    data, _ = inputs
    alone, shared = (trial_of(data, "odd batches", processes) for processes in (1, 2))
    assert shared.model_dump(mode="json")["numerics"]["devices"] == 2
    assert alone.key != shared.key


def test_a_trial_on_two_devices_does_not_run_on_one(inputs: Inputs) -> None:
    data, splits = inputs
    with pytest.raises(ValueError, match="a trial on 2 devices runs in as many processes"):
        go(trial_of(data, "odd batches", 2), splits, 1, Hooks(), State())


@pytest.mark.parametrize("processes", [1, 2, 3, 8])
def test_shares_are_all_of_a_batch_once_and_two_samples_at_least(processes: int) -> None:
    for count in range(2, 40):
        shares = [Share(rank, processes) for rank in range(processes)]
        counted = [np.arange(count)[share.of(count)] for share in shares if share.counts(count)]
        assert np.concatenate(counted).tolist() == list(range(count))
        assert max(map(len, counted)) - min(map(len, counted)) <= 1
        assert all(len(np.arange(count)[share.of(count)]) >= 2 for share in shares)
        most = two().model_copy(update={"devices": processes}).at_once(count)
        assert most == max(map(len, counted))


@pytest.mark.parametrize("batch_size", [7, 23])
@pytest.mark.parametrize(
    "keys",
    [
        {"augmentation": "randaugment", "erasing": 0.7},
        {"augmentation": "paper", "mixing": Mixing(mixup=0.4, cutmix=1.0)},
        {"augmentation": "none", "mixing": Mixing(mixup=1.0)},
    ],
)
def test_shares_show_what_the_whole_batch_shows(inputs: Inputs, batch_size: int, keys: dict[str, object]) -> None:
    data, splits = inputs
    samples = splits["train"].samples()
    cpu = torch.device("cpu")

    def shown(share: Share, position: tuple[int, int]) -> tuple[torch.Tensor, ...]:
        batches = TrainingBatches(samples, 32, "bicubic", batch_size, 3, flips=data.task.flips, share=share, **keys)  # type: ignore[arg-type]
        batch = batches[position]
        assert batch.whole == len(batches.chosen(position))
        truths = batch.truths(cpu)
        counted = torch.stack([weights for _, weights in truths])
        return batch.images, torch.stack([labels for labels, _ in truths]).T, counted.T

    for position in ((0, 0), (1, 1), (2, 3)) if batch_size == 7 else ((0, 0), (1, 0)):
        whole = shown(Share(), position)
        parts = [shown(Share(rank, 2), position) for rank in range(2)]
        counted = [part for part in parts if part[2].any()]
        for one, several in zip(whole, zip(*counted, strict=True), strict=True):
            assert torch.equal(one, torch.cat(several))
