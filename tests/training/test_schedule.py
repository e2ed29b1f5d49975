"""Learning rates against torch's own schedulers."""

import pytest
import torch

from afield.training.recipe import Recipe
from afield.training.schedule import learning_rate


def torchs(scheduler: type[torch.optim.lr_scheduler.LRScheduler], epochs: int, **options: object) -> list[float]:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.01)
    schedule, rates = scheduler(optimiser, **options), []  # type: ignore[arg-type]
    for _ in range(epochs):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return rates


def ours(**recipe: object) -> list[float]:
    made = Recipe.model_validate({"learning_rate": 0.01, **recipe})
    return [learning_rate(made, epoch, 0, 7) for epoch in range(made.epochs)]


def test_cosine_equals_torch() -> None:
    expected = torchs(torch.optim.lr_scheduler.CosineAnnealingLR, 30, T_max=30)
    assert ours() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("start", "milestones"), [("pretrained", [15, 20, 25]), ("scratch", [20, 30, 40])])
def test_steps_equal_torch_at_the_milestones_of_the_study(start: str, milestones: list[int]) -> None:
    rates = ours(initialisation=start, schedule="step")
    expected = torchs(torch.optim.lr_scheduler.MultiStepLR, len(rates), milestones=milestones, gamma=0.1)
    assert rates == pytest.approx(expected, rel=1e-9)
    assert len(rates) == {"pretrained": 30, "scratch": 50}[start]


def test_constant_stays() -> None:
    assert ours(schedule="constant", epochs=4) == [0.01] * 4


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_warm_up_rises_update_by_update_to_the_peak_and_the_schedule_spans_the_rest(schedule: str) -> None:
    recipe = Recipe.model_validate({"learning_rate": 0.6, "epochs": 8, "warmup_epochs": 2, "schedule": schedule})
    rising = [learning_rate(recipe, epoch, step, 3) for epoch in (0, 1) for step in range(3)]
    assert rising == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    rest = Recipe.model_validate({"learning_rate": 0.6, "epochs": 6, "schedule": schedule})
    assert [learning_rate(recipe, 2 + epoch, 1, 3) for epoch in range(6)] == [
        learning_rate(rest, epoch, 1, 3) for epoch in range(6)
    ]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"schedule": "step", "epochs": 7}, r"milestones: a step schedule of 7 epochs needs them, .*\[3, 5\]"),
        ({"schedule": "step", "epochs": 2}, r"a step schedule of 2 epochs needs them, .*= \[1\] "),
        ({"schedule": "step", "epochs": 1}, "a single epoch has no room for a step"),
        ({"schedule": "step", "epochs": 1, "milestones": (1,)}, 'schedule: "step": a single epoch .* use "cosine" or'),
        ({"milestones": (3,)}, 'milestones: belong to schedule = "step"'),
        ({"schedule": "step", "epochs": 7, "milestones": (5, 3)}, "must rise and be below the 7 epochs"),
        ({"schedule": "step", "epochs": 7, "milestones": (3, 7)}, "must rise and be below the 7 epochs"),
        ({"warmup_epochs": 30}, "leaves none of the 30 epochs at the peak"),
        ({"warmup_epochs": 15, "schedule": "step"}, "milestones: 15 leaves no epoch at the peak, .* warm-up takes 15"),
    ],
)
def test_impossible_schedules_are_refused_with_the_mend(keys: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Recipe.model_validate(keys)


def test_a_decay_that_leaves_nothing_is_refused_with_the_mend() -> None:
    """Under `study` a step at the peak multiplies weights by 1 - weight_decay, under `torch` by 1 - 1e-4 times it."""
    with pytest.raises(ValueError, match=r'weight_decay: 1 would take whole weights .* decay = "torch"'):
        Recipe.model_validate({"weight_decay": 1.0})
    assert Recipe.model_validate({"weight_decay": 5.0, "decay": "torch"}).weight_decay == 5


def test_a_momentum_that_nothing_reads_is_refused() -> None:
    """It would train the same thing again, under another key."""
    with pytest.raises(ValueError, match=r'momentum: is of optimiser = "sgd", and adamw does not read it; .* 0\.9'):
        Recipe.model_validate({"momentum": 0.5})
    assert Recipe.model_validate({"momentum": 0.5, "optimiser": "sgd"}).momentum == 0.5


def test_a_recipe_comes_back_from_a_file_as_it_was() -> None:
    recipe = Recipe.model_validate({"schedule": "step"})
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe
