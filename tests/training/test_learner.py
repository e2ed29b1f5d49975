"""One update against rules worked by hand."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from afield.images.batch import Batch
from afield.training.learner import Learner, make_optimiser
from afield.training.losses import Loss
from afield.training.numerics import Numerics, NumericsChoice, numerics_for, settle
from afield.training.preprocessing import Preprocessing
from afield.training.recipe import Recipe
from afield.training.schedule import learning_rate

PLAIN = Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def numerics(**changes: object) -> Numerics:
    settled = numerics_for(settle(NumericsChoice(), "cpu"), convolutional=True)
    return settled.model_copy(update={"precision": "float64", **changes})


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    return layers.double()


def batch(step: int = 0, samples: int = 7) -> Batch:
    torch.manual_seed(step)
    return Batch(0, step, torch.randint(256, (samples, 3, 8, 8), dtype=torch.uint8), torch.arange(samples) % 3)


def learner(net: nn.Module, settings: Numerics | None = None, **recipe: object) -> Learner:
    made = Recipe.model_validate({"learning_rate": 0.1, "weight_decay": 0.0, **recipe})
    return Learner(net, made, settings or numerics(), PLAIN, seed=1)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
@pytest.mark.parametrize("peak", [1e-2, 1e-5])
@pytest.mark.parametrize("epoch", [0, 7])
def test_a_step_without_gradient_decays_by_wd_times_lr_over_peak(optimiser: str, peak: float, epoch: int) -> None:
    """PAPER.md 7: one step with zero gradient multiplies weights by 1 - wd * lr_t / lr_0. In SGD the decay is part of
    the gradient, and Nesterov's first step takes it 1 + momentum times.
    """
    recipe = Recipe(optimiser=optimiser, learning_rate=peak, weight_decay=1e-3, epochs=30)  # type: ignore[arg-type]
    layer = nn.Linear(4, 3).double()
    before = layer.weight.detach().clone()
    made = make_optimiser(layer, recipe)
    rate = learning_rate(recipe, epoch, 0, 1)
    made.param_groups[0]["lr"] = rate
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    made.step()
    times = 1 if optimiser == "adamw" else 1.9
    torch.testing.assert_close(layer.weight.detach(), before * (1 - times * 1e-3 * rate / peak), rtol=1e-12, atol=0)


def test_torchs_decay_is_given_as_it_stands() -> None:
    recipe = Recipe(learning_rate=1e-2, weight_decay=0.05, decay="torch")
    assert make_optimiser(network(), recipe).param_groups[0]["weight_decay"] == 0.05


def test_layer_decay_scales_the_rate_of_each_layer() -> None:
    recipe = Recipe(layer_decay=0.5, weight_decay=0)
    made = make_optimiser(network(), recipe, {"0.weight": 0, "0.bias": 0, "4.weight": 2, "4.bias": 2})
    assert [(group["scale"], len(group["params"])) for group in made.param_groups] == [(1.0, 2), (0.25, 2)]
    trained = network()
    one = Learner(trained, recipe, numerics(), PLAIN, 1, {"0.weight": 0, "0.bias": 0, "4.weight": 2, "4.bias": 2})
    one.update(batch(), 0.1, 0)
    before, after = network().state_dict(), trained.state_dict()
    moved = {name: float((after[name] - before[name]).abs().max()) for name in before}
    assert moved["4.weight"] == pytest.approx(0.1, rel=1e-3), "AdamW's first step is the learning rate itself"
    assert moved["0.weight"] == pytest.approx(0.025, rel=1e-3)


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 100])
def test_a_micro_batch_gives_the_gradient_of_the_whole(at_once: int) -> None:
    whole, parted = network(), network()
    total = learner(whole).update(batch(), 0.1, 0)
    split = learner(parted, numerics(micro_batch=at_once)).update(batch(), 0.1, 0)
    assert float(split) == pytest.approx(float(total), rel=1e-12)
    for one, other in zip(whole.parameters(), parted.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        torch.testing.assert_close(other.grad, one.grad, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("most", [0.01, 1e6])
def test_clipping_bounds_the_norm_and_keeps_the_direction(most: float) -> None:
    free, bound = network(), network()
    learner(free).update(batch(), 0.1, 0)
    learner(bound, clip_norm=most).update(batch(), 0.1, 0)
    whole, clipped = (
        torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]) for net in (free, bound)
    )
    assert float(clipped.norm()) == pytest.approx(min(most, float(whole.norm())), rel=1e-3)
    assert float(functional.cosine_similarity(whole, clipped, dim=0)) == pytest.approx(1)


def test_the_average_follows_its_rule() -> None:
    net = network()
    one = learner(net, ema=0.6)
    expected = copy.deepcopy(net.state_dict())
    for done in range(5):
        one.update(batch(done), 0.1, done)
        kept = 0.0 if done == 0 else min(0.6, 1 - (1 + done) ** (-2 / 3))
        expected = {name: kept * expected[name] + (1 - kept) * now for name, now in net.state_dict().items()}
    assert one.kept is not net
    for name, tensor in one.kept.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-12, atol=1e-15)


def test_without_an_average_the_network_itself_is_kept() -> None:
    net = network()
    assert learner(net).kept is net


def test_float16_scales_the_loss_and_the_step_stays_the_same() -> None:
    """A loss so small that its gradients vanish in float16, unless they are scaled."""
    plain, scaled = network().float(), network().float()
    first = learner(plain, numerics(precision="float32")).update(batch(), 0.1, 0)
    half = learner(scaled, numerics(precision="float16"))
    assert half.scaler.is_enabled()
    assert float(half.update(batch(), 0.1, 0)) == pytest.approx(float(first), rel=1e-2)
    for one, other in zip(plain.parameters(), scaled.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        torch.testing.assert_close(other.grad, one.grad, rtol=0.05, atol=2e-3)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_a_step_that_overflows_in_float16_leaves_no_trace(optimiser: str) -> None:
    """The scaler's first scale is often too large; the update that it leaves out must not be in the momentum either."""
    settings = numerics(precision="float16")
    net, undisturbed = network().float(), network().float()
    one, other = learner(net, settings, optimiser=optimiser), learner(undisturbed, settings, optimiser=optimiser)
    loss = one.loss
    one.loss = Loss(name="overflows", compute=lambda logits, labels: loss.compute(logits, labels) * 3e38)
    one.update(batch(), 0.1, 0)
    for now, before in zip(net.state_dict().values(), undisturbed.state_dict().values(), strict=True):
        assert torch.equal(now, before)
    one.loss = loss
    for made in (one, other):
        made.scaler.scale(torch.zeros(()))  # which makes its scale, where there is none yet
        made.scaler.update(1024.0)
        made.update(batch(1), 0.1, 1)
    for now, expected in zip(net.state_dict().values(), undisturbed.state_dict().values(), strict=True):
        assert torch.equal(now, expected)
