"""The contract of a trial: the same bits, however it is interrupted and whoever loads its images."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from afield.backbones.catalogue import catalogue
from afield.base.errors import AfieldError, Stopped
from afield.scoring.metrics import METRICS
from afield.tasks.data import TaskData
from afield.tasks.places import cache_folder
from afield.training.checkpoint import State, load_checkpoint, save_checkpoint
from afield.training.loop import Hooks
from afield.training.numerics import Device, NumericsChoice, numerics_for, settle
from afield.trial.inputs import SplitInputs
from afield.trial.run import run_trial
from afield.trial.trial import Trial
from tests.fixtures.gpu import DEVICES
from tests.fixtures.tiny import tiny_inputs, tiny_trial, tiny_weights

HERE = {"torch": "here"}

WAYS: dict[str, dict[str, Any]] = {
    "the study's": {},
    "sgd in steps": {"optimiser": "sgd", "schedule": "step", "milestones": (2, 5)},
    "warm-up, clipped": {"warmup_epochs": 2, "clip_norm": 0.5},
    "averaged": {"ema": 0.9},
    "layer by layer": {"layer_decay": 0.7},
    "all from a probe": {"initialisation": "probe"},
    "head alone": {"initialisation": "pretrained", "trained": "head", "augmentation": "none", "ema": 0.9},
    "head alone from a probe": {"initialisation": "probe", "trained": "head", "augmentation": "none"},
    "last block": {"initialisation": "pretrained", "trained": "last block", "layer_decay": 0.5, "clip_norm": 1.0},
    "classes alike": {"balance": "sampler"},
    "grades as one number": {"target": "grade", "loss": "smooth-l1", "balance": "loss"},
    "in parts": {"numerics": {"micro_batch": 2}},
    "in float16": {"numerics": {"precision": "float16"}},
    "in float16 by sgd, clipped, averaged": {
        "optimiser": "sgd", "clip_norm": 0.5, "ema": 0.9, "numerics": {"precision": "float16", "micro_batch": 2},
    },
    "in bfloat16": {"numerics": {"precision": "bfloat16"}},
    "in float32 by TF32": {"numerics": {"precision": "float32", "tf32": True}},
}  # fmt: skip
"""ways of training whose bits must not depend on stops and workers: keys of the recipe, numerics and target"""
QUICK = {"the study's", "head alone", "head alone from a probe"}
"""of those, the ones that are tried while one works"""


def tiny(data: TaskData, way: str = "the study's", device: Device = "cpu") -> Trial:
    """A trial of that way."""
    keys = dict(WAYS[way])
    choice, target = NumericsChoice.model_validate(keys.pop("numerics", {})), keys.pop("target", data.task.target)
    numerics = numerics_for(settle(choice, device), convolutional=True)
    return tiny_trial(data, **keys).model_copy(update={"numerics": numerics, "target": target})


NONE = Hooks()


@pytest.fixture(scope="module")
def inputs(photos: Path, cache: Path) -> tuple[TaskData, dict[str, SplitInputs]]:
    return tiny_inputs(photos, cache)


def go(
    trial: Trial, splits: dict[str, SplitInputs], state: State, until: int, workers: int = 0, hooks: Hooks = NONE
) -> State:
    return run_trial(
        trial,
        splits["train"],
        splits["validation"],
        catalogue()[trial.backbone],
        None if trial.weights is None else tiny_weights(),
        METRICS[trial.metric],
        state=state,
        until=until,
        workers=workers,
        hooks=hooks,
        views=splits["views"],
        cache=cache_folder(),
    )


def kept(trial: Trial, splits: dict[str, SplitInputs], folder: Path, until: int, hooks: Hooks = NONE) -> State:
    """Go on from the file, as another process would, and save."""
    path = folder / "checkpoint.pt"
    state = load_checkpoint(path, HERE) or State()
    saving = Hooks(save=lambda state: save_checkpoint(path, state, HERE), stop=hooks.stop)
    return go(trial, splits, state, until, hooks=saving)


def same(one: State, other: State) -> bool:
    assert one.best is not None
    assert other.best is not None
    tensors = [(one.network, other.network), (one.best.network, other.best.network), (one.average, other.average)]
    tensors += [(a, b) for a, b in zip(one.optimiser["state"].values(), other.optimiser["state"].values(), strict=True)]
    costs = ("seconds", "images_per_second")
    rows = [[{k: v for k, v in row.items() if k not in costs} for row in state.history] for state in (one, other)]
    return (
        all(a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a) for a, b in tensors)
        and torch.equal(one.best.logits, other.best.logits)
        and one.best.epoch == other.best.epoch
        and rows[0] == rows[1]
    )


@pytest.fixture(scope="module")
def whole(inputs: tuple[TaskData, dict[str, SplitInputs]]) -> State:
    data, splits = inputs
    return go(tiny_trial(data), splits, State(), 6)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("way", [pytest.param(way, marks=[] if way in QUICK else [pytest.mark.slow]) for way in WAYS])
def test_six_epochs_equal_three_stop_three_and_any_stop(
    way: str, device: Device, inputs: tuple[TaskData, dict[str, SplitInputs]], tmp_path: Path
) -> None:
    data, splits = inputs
    trial = tiny(data, way, device)
    unstopped = go(trial, splits, State(), 6)
    asked = iter(range(1000))
    with pytest.raises(Stopped):
        kept(trial, splits, tmp_path, until=6, hooks=Hooks(stop=lambda: next(asked) == 7))
    assert kept(trial, splits, tmp_path, until=3).epoch == 3
    assert same(kept(trial, splits, tmp_path, until=6), unstopped)


def test_where_no_save_is_due_the_end_and_a_stop_are_saved(
    whole: State, inputs: tuple[TaskData, dict[str, SplitInputs]], tmp_path: Path
) -> None:
    """As of networks whose saves take long; the next process goes on from what was saved last."""
    data, splits = inputs
    saved: list[tuple[int, int]] = []
    asked = iter(range(1000))
    path = tmp_path / "checkpoint.pt"

    def save(state: State) -> None:
        saved.append((state.epoch, state.step))
        save_checkpoint(path, state, HERE)

    with pytest.raises(Stopped):
        go(tiny_trial(data), splits, State(), 6, hooks=Hooks(save, stop=lambda: next(asked) == 7, due=lambda: False))
    assert len(saved) == 1
    begun = load_checkpoint(path, HERE)
    assert begun is not None
    assert same(go(tiny_trial(data), splits, begun, 6, hooks=Hooks(save, due=lambda: False)), whole)
    assert saved[1:] == [(6, 0)]


@pytest.mark.parametrize(
    "stop_after", [pytest.param(1, marks=pytest.mark.slow), 4, pytest.param(13, marks=pytest.mark.slow)]
)
def test_a_stop_between_any_two_steps_changes_nothing(
    whole: State, inputs: tuple[TaskData, dict[str, SplitInputs]], tmp_path: Path, stop_after: int
) -> None:
    data, splits = inputs
    asked = iter(range(1000))
    with pytest.raises(Stopped):
        kept(tiny_trial(data), splits, tmp_path, until=6, hooks=Hooks(stop=lambda: next(asked) == stop_after))
    assert same(kept(tiny_trial(data), splits, tmp_path, until=6), whole)


@pytest.mark.slow
@pytest.mark.parametrize("stop_after", [0, 1, 5, 40])
@pytest.mark.parametrize("way", ["all from a probe", "head alone from a probe"])
def test_a_stop_before_or_in_the_probe_changes_nothing(
    way: str,
    stop_after: int,
    inputs: tuple[TaskData, dict[str, SplitInputs]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, splits = inputs
    trial = tiny(data, way)
    unstopped = go(trial, splits, State(), 1)
    weights = tiny_weights()
    monkeypatch.setenv("AFIELD_CACHE", str(tmp_path / "another"))
    (tmp_path / "another").mkdir()
    shutil.copy(weights.path, tmp_path / "another")
    asked = iter(range(1000))
    with pytest.raises(Stopped):
        kept(trial, splits, tmp_path, until=1, hooks=Hooks(stop=lambda: next(asked) == stop_after))
    assert not (tmp_path / "checkpoint.pt").exists()
    assert same(kept(trial, splits, tmp_path, until=1), unstopped)


# the ways that differ in what loaders do; the others' batches are those of the first
@pytest.mark.slow
@pytest.mark.parametrize("way", ["the study's", "classes alike", "head alone"])
@pytest.mark.parametrize("device", DEVICES)
def test_loader_workers_change_nothing(
    way: str,
    device: Device,
    inputs: tuple[TaskData, dict[str, SplitInputs]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor does it matter whether a GPU's memory holds the images."""
    data, splits = inputs
    trial = tiny(data, way, device)
    alone = go(trial, splits, State(), 2)
    if device == "cuda":
        for module in ("loader", "samples"):
            monkeypatch.setattr(f"afield.images.{module}.resident", lambda folder, device: None)
        assert same(go(trial, splits, State(), 2), alone)
    for workers in (1, 2):
        assert same(go(trial, splits, State(), 2, workers=workers), alone)


def test_every_way_is_another_trial(inputs: tuple[TaskData, dict[str, SplitInputs]]) -> None:
    data, _ = inputs
    assert len({tiny(data, way).key for way in WAYS}) == len(WAYS)


@pytest.mark.slow
def test_another_platform_restarts(inputs: tuple[TaskData, dict[str, SplitInputs]], tmp_path: Path) -> None:
    data, splits = inputs
    kept(tiny_trial(data), splits, tmp_path, until=1)
    assert load_checkpoint(tmp_path / "checkpoint.pt", {"torch": "elsewhere"}) is None


@pytest.mark.slow
def test_a_seed_changes_everything_and_the_key(whole: State, inputs: tuple[TaskData, dict[str, SplitInputs]]) -> None:
    data, splits = inputs
    trial = tiny_trial(data)
    before = trial.key
    other = trial.model_copy(update={"seed": 4})
    assert other.key != before == trial.key
    assert not same(go(other, splits, State(), 6), whole)


@pytest.mark.slow
def test_a_loss_that_is_not_finite_is_an_error_and_no_score(inputs: tuple[TaskData, dict[str, SplitInputs]]) -> None:
    data, splits = inputs
    with pytest.raises(
        AfieldError,
        match=r"epoch \d, step \d of 5: the training loss is (nan|inf) at learning rate .*, "
        r"on the batch of (cold|warm)/.*; a smaller learning rate",
    ):
        go(tiny_trial(data, learning_rate=1e18), splits, State(), 6)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(AfieldError, match=r"checkpoint\.pt: a damaged checkpoint"):
        load_checkpoint(tmp_path / "checkpoint.pt", HERE)
