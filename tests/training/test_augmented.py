"""The contract of a trial under augmentation, mixing and erasing: the same bits, however it goes."""

from pathlib import Path

import pytest

from afield.base.errors import Stopped
from afield.tasks.data import TaskData
from afield.training.checkpoint import State
from afield.training.loop import Hooks
from afield.trial.inputs import SplitInputs
from afield.trial.trial import Trial
from tests.fixtures.tiny import tiny_inputs, tiny_trial
from tests.training.test_exactness import go, kept, same


@pytest.fixture(scope="module")
def inputs(photos: Path, cache: Path) -> tuple[TaskData, dict[str, SplitInputs]]:
    return tiny_inputs(photos, cache)


def everything(data: TaskData) -> Trial:
    return tiny_trial(data, epochs=2, augmentation="augmix", mixup=0.2, cutmix=1.0, erasing=0.25)


@pytest.fixture(scope="module")
def whole(inputs: tuple[TaskData, dict[str, SplitInputs]]) -> State:
    data, splits = inputs
    return go(everything(data), splits, State(), 2)


@pytest.mark.slow
def test_a_stop_in_an_epoch_changes_nothing(
    whole: State, inputs: tuple[TaskData, dict[str, SplitInputs]], tmp_path: Path
) -> None:
    data, splits = inputs
    asked = iter(range(1000))
    with pytest.raises(Stopped):
        kept(everything(data), splits, tmp_path, until=2, hooks=Hooks(stop=lambda: next(asked) == 3))
    assert same(kept(everything(data), splits, tmp_path, until=2), whole)


@pytest.mark.slow
def test_loader_workers_change_nothing(whole: State, inputs: tuple[TaskData, dict[str, SplitInputs]]) -> None:
    data, splits = inputs
    assert same(go(everything(data), splits, State(), 2, workers=2), whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [{"augmentation": "dihedral"}, {"mixup": 0.2}, {"cutmix": 1.0}, {"erasing": 0.5}], ids=str
)
def test_each_key_changes_the_training_and_the_key(
    inputs: tuple[TaskData, dict[str, SplitInputs]], change: dict[str, object]
) -> None:
    data, splits = inputs
    plain, other = tiny_trial(data, epochs=1), tiny_trial(data, epochs=1, **change)
    assert plain.key != other.key
    one, two = (go(trial, splits, State(), 1).history[0]["train_loss"] for trial in (plain, other))
    assert one != two
